"""What a job's files of results say of the rows that were sent.

Most rows are written and come back as they were sent: such a file is compared with what was sent
column by column, in whatever order it is, and no row becomes a Python object. Any other file is
read line by line, which tells broken ones from whole ones (`ingestcsv.results_of`). What is taken
by columns needs no such test: it is equal to what was sent, cell by cell.
"""

from __future__ import annotations

import csv
import mmap
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from isthmus.connectors.salesforce.writing.ingestcsv import (
    CREATED,
    ERROR,
    ID,
    Line,
    Matching,
    results_of,
)
from isthmus.connectors.salesforce.writing.outcomes import Outcome, Written

__all__ = ["Results"]

#: Bytes of a file that are read at a time: small pieces leave the memory as it was.
_BLOCK: Final = 1 << 19
_ID_LENGTH: Final = 18

Body = bytes | mmap.mmap


class Results:
    """Takes files of results, and finds the rows that they are of.

    Args:
        cells: the rows that were sent.
        key: the place of a column that tells them apart; None: there is none.

    Attributes:
        written: rows that were taken by columns.
        outcomes: of other rows, by their numbers; None for rows the job never came to.
    """

    def __init__(self, cells: pa.RecordBatch, key: int | None) -> None:
        self.written: Written | None = None
        self.outcomes: dict[int, Outcome | None] = {}
        self._cells = pa.Table.from_batches([cells])
        self._key = key
        self._begun = False

    @property
    def rows(self) -> int:
        """How many were sent."""
        return int(self._cells.num_rows)

    @property
    def complete(self) -> bool:
        """Whether each row has a result."""
        return len(self.outcomes) == len(self.others)

    @cached_property
    def others(self) -> Sequence[int]:
        """The rows that were not taken by columns; asked for when a file has been taken."""
        if self.written is None:
            return range(self.rows)
        others = np.ones(self.rows, bool)
        others[self.written.rows.to_numpy()] = False
        return list(map(int, others.nonzero()[0]))

    def take(self, body: Body) -> int:
        """Take a file; how many results it has.

        Raises:
            ValueError: it is broken.
        """
        first, self._begun = not self._begun, True
        if first:
            self.written = self._in_columns(body)
            if self.written is not None:
                return len(self.written.rows)
        count = 0
        for result in results_of(body, tuple(self._cells.schema.names)):
            count += 1
            place = self._matching.row(result.line)
            if place is not None:
                self.outcomes[self.others[place]] = result.outcome
        return count

    @cached_property
    def _matching(self) -> Matching:
        """Finds the others by their lines."""
        cells = self._cells
        if self.written is not None:
            cells = cells.take(pa.array(self.others, pa.int64()))
        lines: list[Line] = list(zip(*(c.to_pylist() for c in cells.columns), strict=True))
        return Matching(lines, self._key)

    def _in_columns(self, body: Body) -> Written | None:
        """The rows of a file of successes; None where it has to be read line by line."""
        try:
            told = _table(body)
            names = {name.lower(): name for name in told.schema.names}
            sent = [told[names[name.lower()]] for name in self._cells.schema.names]
            ids, created = told[names[ID.lower()]], told[names[CREATED.lower()]]
            if ERROR.lower() in names or not _sound(ids, created):
                return None
            rows = self._rows(sent)
        except (KeyError, ValueError, csv.Error, pa.ArrowException):
            return None
        if rows is None:
            return None
        created = pc.equal(created, "true")
        return Written(rows, ids.combine_chunks(), created.combine_chunks())

    def _rows(self, sent: list[pa.ChunkedArray]) -> pa.Array | None:
        """The rows that came back; None where whole columns don't tell them apart."""
        if _same(self._cells.columns, sent):
            return pa.array(np.arange(self.rows))
        places = pc.index_in(self._names(sent), self._names(self._cells.columns))
        if places.null_count or len(places.unique()) < len(places):
            return None
        same = _same((column.take(places) for column in self._cells.columns), sent)
        return places.combine_chunks().cast(pa.int64()) if same else None

    def _names(self, columns: Sequence[pa.Array]) -> pa.Array:
        """What tells rows apart."""
        if self._key is not None:
            return columns[self._key]
        return pc.binary_join_element_wise(*columns, "\x1f")


def _same(columns: Iterable[pa.ChunkedArray], sent: Sequence[pa.ChunkedArray]) -> bool:
    return all(mine.equals(theirs) for mine, theirs in zip(columns, sent, strict=True))


def _table(body: Body) -> pa.Table:
    """A file of results in columns of texts.

    Raises:
        ValueError: its first line says that it has none, or it does not end as lines do.
    """
    first = body[: body.find(b"\n") + 1].decode("utf-8-sig")
    names = next(csv.reader([first]), [])
    if len({name.lower() for name in names}) < len(names) or body[-1:] != b"\n":
        raise ValueError("not the results of a job, or not whole")
    return pcsv.read_csv(
        pa.BufferReader(pa.py_buffer(body)),
        read_options=pcsv.ReadOptions(use_threads=False, block_size=_BLOCK),
        parse_options=pcsv.ParseOptions(newlines_in_values=True),
        convert_options=pcsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


def _sound(ids: pa.ChunkedArray, created: pa.ChunkedArray) -> bool:
    """Whether these are Ids, and ``true`` or ``false``."""
    full = pc.equal(pc.binary_length(ids), _ID_LENGTH)
    said = pc.is_in(created, pa.array(["true", "false"]))
    return all(
        bool(pc.all(test, min_count=0).as_py()) for test in (full, pc.ascii_is_alnum(ids), said)
    )
