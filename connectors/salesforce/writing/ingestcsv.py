"""The CSV of an ingest job: the rows that go out, and the results that come back in any order.

Source: *Bulk API 2.0 and Bulk API Developer Guide*, "Prepare CSV Files" and "Get Job Successful
Record Results".
"""

from __future__ import annotations

import csv
import io
import mmap
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from isthmus.connectors.salesforce.writing.outcomes import Outcome, failed

__all__ = [
    "CREATED",
    "ERROR",
    "ID",
    "MAX_BYTES",
    "Line",
    "Matching",
    "Result",
    "cut",
    "document",
    "results_of",
]

#: Bytes of one job's rows: 100 MB are allowed.
MAX_BYTES: Final = 95_000_000
ID: Final = "sf__Id"
CREATED: Final = "sf__Created"
ERROR: Final = "sf__Error"

_AS_CSV: Final = pcsv.WriteOptions(include_header=False, quoting_style="all_valid")

Line = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One line of results: the row as it was sent, and what became of it.

    Attributes:
        outcome: None for a row that the job never came to.
    """

    line: Line
    outcome: Outcome | None


def cut(cells: pa.RecordBatch, *, most: int = MAX_BYTES) -> list[range]:
    """The rows in parts whose documents have at most so many bytes, or are of a single row."""
    quotes_and_commas = 3 * cells.num_columns
    sizes = pa.repeat(pa.scalar(quotes_and_commas, pa.int64()), cells.num_rows)
    for column in cells.columns:
        sizes = pc.add(sizes, pc.binary_length(column))
        sizes = pc.add(sizes, pc.count_substring(column, '"'))
    ends = pc.cumulative_sum(sizes).to_numpy()
    room, start, parts = most - len(_header(cells)), 0, list[range]()
    while start < len(ends):
        before = ends[start - 1] if start else 0
        stop = max(int(ends.searchsorted(before + room, "right")), start + 1)
        parts.append(range(start, stop))
        start = stop
    return parts


def document(cells: pa.RecordBatch) -> bytes:
    """The rows as a CSV file: every field in quotes, lines end in LF."""
    sink = io.BytesIO(_header(cells))
    sink.seek(0, io.SEEK_END)
    pcsv.write_csv(cells, sink, _AS_CSV)
    return sink.getvalue()


def _header(cells: pa.RecordBatch) -> bytes:
    quoted = ('"' + name.replace('"', '""') + '"' for name in cells.schema.names)
    return (",".join(quoted) + "\n").encode()


def results_of(body: bytes | mmap.mmap, header: Line) -> Iterator[Result]:
    """The lines of a file of results, one at a time: there are as many as rows were sent.

    Raises:
        ValueError: it is no such file, or not whole.
    """
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    text = io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline="")
    lines = csv.reader(text, strict=True)
    try:
        columns = {name.lower(): at for at, name in enumerate(next(lines, []))}
        sent = _taking([columns[name.lower()] for name in header])
        told = _telling(columns)
        for line in lines:
            if line:
                yield Result(sent(line), told(line))
    except (csv.Error, IndexError, KeyError) as error:
        raise ValueError(f"the results are broken: {error}") from error


def _taking(places: Sequence[int]) -> Callable[[list[str]], Line]:
    """Gives the cells at some places of a line."""
    if len(places) == 1:  # of one place, itemgetter gives the cell itself
        return lambda line: (line[places[0]],)
    return itemgetter(*places)


def _telling(columns: dict[str, int]) -> Callable[[list[str]], Outcome | None]:
    """Gives the outcome that a line tells."""
    id_at, created_at, error_at = (columns.get(n.lower()) for n in (ID, CREATED, ERROR))

    def outcome(line: list[str]) -> Outcome | None:
        id = line[id_at] or None if id_at is not None else None
        if error_at is not None:
            return _failure(line[error_at], id)
        if id_at is None or created_at is None:
            return None
        return Outcome(True, id, created=line[created_at].lower() == "true")

    return outcome


def _failure(told: str, id: str | None) -> Outcome:
    """``CODE:message:FIELDS --`` in its parts; a message may have colons of its own.

    >>> _failure("STRING_TOO_LONG:Name: too large (max length=80):Name --", None).error_field
    'Name'
    """
    code, _, rest = told.partition(":")
    message, colon, fields = rest.removesuffix("--").rstrip().rpartition(":")
    if not rest.rstrip().endswith("--") or not colon:
        message, fields = rest, ""
    return failed(code.strip(), message.strip(), fields.split(",")[0].strip() or None, id=id)


class Matching:
    """Finds the rows that results are of: by all of their cells or, failing that, by their key.

    Equal rows are a multiset: which of them is which does not matter. Results that come in the
    order of the rows are found without a look at the others.

    Args:
        lines: the rows that were sent.
        key: the place of a column that tells them apart; None: there is none.
    """

    def __init__(self, lines: Sequence[Line], key: int | None) -> None:
        self._lines = lines
        self._key = key
        self._taken = bytearray(len(lines))
        self._next = 0

    def row(self, line: Line) -> int | None:
        """The row that a result is of; None: none that is left."""
        row = self._following(line)
        if row is None:
            row = self._equal(line)
        if row is None and self._key is not None:
            row = self._by_key.get(line[self._key].lower())
        if row is None or self._taken[row]:
            return None
        self._taken[row] = True
        self._next = row + 1
        return row

    def _following(self, line: Line) -> int | None:
        row = self._next
        there = row < len(self._lines) and not self._taken[row] and self._lines[row] == line
        return row if there else None

    def _equal(self, line: Line) -> int | None:
        last, before = self._whole
        while (row := last.pop(line, None)) is not None:
            if row in before:
                last[line] = before.pop(row)
            if not self._taken[row]:
                return row
        return None

    @cached_property
    def _whole(self) -> tuple[dict[Line, int], dict[int, int]]:
        """The last of the rows that are equal to a line; to a row, the one before it."""
        last: dict[Line, int] = {}
        before: dict[int, int] = {}
        for row, line in enumerate(self._lines):
            if line in last:
                before[row] = last[line]
            last[line] = row
        return last, before

    @cached_property
    def _by_key(self) -> dict[str, int]:
        assert self._key is not None
        return {line[self._key].lower(): row for row, line in enumerate(self._lines)}
