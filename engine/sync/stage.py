"""Rows that were fetched and are not in the target yet: files in the state folder.

A part is a file; when the record of it is saved, its rows need not be fetched again. What is
staged for a run that was broken off is taken up by the next.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.places import Placed
from isthmus.connectors.targets.contract import Layout
from isthmus.connectors.targets.keyed import demand_unique
from isthmus.engine.sync.pieces import Piece, pieces

__all__ = ["Progress", "Stage"]


@dataclass(frozen=True)
class Progress:
    """How far one fetch has come.

    Attributes:
        parts: how many are safe.
        rows: in them.
        after: the last key of them, in the source's order; None where rows came in no order.
        place: from where the source gives the rest; None where it tells none.
        skip: how many rows of the place are in the parts already.
        whole: nothing is left to fetch.
    """

    parts: int = 0
    rows: int = 0
    after: str | None = None
    place: str | None = None
    skip: int = 0
    whole: bool = False


class Stage:
    """The parts of one fetch of one run.

    Args:
        folder: of this fetch alone.
        schema: of its rows.
        key: tells rows apart; with one column of text, the order of rows can be seen.
        rows_per_part: how many rows are fetched between two safe points.
        goes_on: whether a fetch that was broken off can go on behind a key.
    """

    def __init__(
        self,
        folder: Path,
        schema: pa.Schema,
        key: tuple[str, ...],
        rows_per_part: int,
        *,
        goes_on: bool,
    ) -> None:
        self._folder = folder
        self.schema = schema
        self._key = key
        self._rows_per_part = rows_per_part
        self._goes_on = goes_on
        self._record = folder / "progress.json"
        self.progress = self._read()

    def fill(self, come: Iterable[Placed], target: str) -> Iterator[int]:
        """Write rows in parts, beginning behind those that are safe; gives the rows of each.

        Args:
            come: the rows from `progress.place` on, or else those behind `progress.after`, or all.
            target: the target's name, for errors.

        Raises:
            DataError: a key is null or comes a second time.
        """
        before = self.progress
        if before.after is None and before.place is None:
            self._drop()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check = _Order(self._key, self.progress.after, self.progress.rows, self._seen, target)
        for piece in pieces(come, self.schema, self._rows_per_part, self.progress.skip):
            if piece.rows.num_rows:
                check.look(piece.rows)
                self._save(piece, check.last if self._goes_on else None)
                yield piece.rows.num_rows
            else:
                self._note(replace(self.progress, place=piece.place, skip=piece.skip))
        self._note(replace(self.progress, whole=True))

    def lose_place(self) -> None:
        """The source has forgotten the place; the keys may do, where rows came in their order."""
        self._note(replace(self.progress, place=None, skip=0))

    def parts(self) -> Iterator[pa.Table]:
        """The parts that are safe, in order."""
        for number in range(self.progress.parts):
            with pa.OSFile(str(self._file(number)), "rb") as file:
                yield pa.ipc.open_file(file).read_all()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows of all parts."""
        for part in self.parts():
            yield from part.to_batches()

    def _seen(self) -> Iterator[pa.RecordBatch]:
        for batch in self.batches():
            yield batch.select(list(self._key))

    def _save(self, piece: Piece, last: str | None) -> None:
        rows = piece.rows
        path = self._file(self.progress.parts)
        with open(path, "wb") as file:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            with pa.ipc.new_file(file, rows.schema, options=options) as writer:
                writer.write_table(rows)
            file.flush()
            os.fsync(file.fileno())
        before = self.progress
        self._note(
            Progress(
                parts=before.parts + 1,
                rows=before.rows + rows.num_rows,
                after=last,
                place=piece.place,
                skip=piece.skip,
            )
        )

    def _note(self, progress: Progress) -> None:
        new = self._record.with_suffix(".new")
        with open(new, "w", encoding="utf-8") as file:
            json.dump(asdict(progress), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._record)
        self.progress = progress

    def _read(self) -> Progress:
        try:
            values: dict[str, Any] = json.loads(self._record.read_text("utf-8"))
        except FileNotFoundError:
            return Progress()
        return Progress(**values)

    def _drop(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self.progress = Progress()

    def _file(self, number: int) -> Path:
        return self._folder / f"part-{number:06d}.arrow"


class _Order:
    """Sees whether rows come in the order of their keys, and that no key comes twice."""

    def __init__(
        self, key: tuple[str, ...], last: str | None, rows: int, seen: Any, target: str
    ) -> None:
        self._key = key
        self._seen = seen
        self._target = target
        self._check: Any = None
        self._rows = rows
        self.last = last

    def look(self, rows: pa.Table) -> None:
        if not self._key:
            return
        keys = rows.select(list(self._key))
        if self._check is None and self._in_order(keys):
            self.last = keys.column(0)[-1].as_py()
        else:
            self._compare(keys)
        self._rows += rows.num_rows

    def _in_order(self, keys: pa.Table) -> bool:
        """Whether each key is greater than the one before it."""
        if keys.num_columns > 1 or not pa.types.is_string(keys.schema.field(0).type):
            return False
        if self._rows and self.last is None:
            return False
        column = keys.column(0).combine_chunks()
        if column.null_count:
            return False
        rising = pc.all(pc.greater(column[1:], column[:-1])).as_py() is not False
        return rising and (self.last is None or column[0].as_py() > self.last)

    def _compare(self, keys: pa.Table) -> None:
        """Out of order: from here on every key is remembered, those before too."""
        if self._check is None:
            self._check = demand_unique(Layout(keys.schema, self._key), self._target)
            for batch in self._seen():
                self._check(batch)
        for batch in keys.to_batches():
            self._check(batch)
        self.last = None
