"""The rows of statements that each have some of their columns, put together by their Ids.

The parts are read side by side, whichever is behind first, so that few rows wait for their other
halves. They are different queries of different moments: a row may be in one and not in another,
or have changed between them, which its `SystemModstamp` shows. Such rows are asked for again by
their Ids, until all their parts agree or the row is gone; so no row is made of two states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import pyarrow as pa

from isthmus.connectors.salesforce.wide import STAMP
from isthmus.errors import DataError

__all__ = ["Part", "Parts", "joined"]

#: How often rows that changed are asked for again.
_ROUNDS: Final = 3
#: How many of them in one statement, and in all.
_ASKED: Final = 80
_MOST: Final = 10_000


class Part(Protocol):
    """Reads one part's rows: all, or those of some Ids."""

    def __call__(self, *, ids: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
        """Batches with an Id column."""
        ...


@dataclass(frozen=True)
class Parts:
    """What is put together.

    Attributes:
        reads: each gives Id, perhaps the stamp, and columns of its own.
        table: the place and the object, for errors.
    """

    reads: tuple[Part, ...]
    table: str


def joined(parts: Parts) -> Iterator[pa.RecordBatch]:
    """Every row that all parts have, with all columns; Id and stamp once.

    Raises:
        DataError: rows change faster than they can be read.
    """
    waiting = [_Waiting() for _ in parts.reads]
    reads = [read() for read in parts.reads]
    torn: set[str] = set()
    try:
        for _ in _turns(waiting, reads):
            whole, again = _matched(waiting)
            torn |= again
            if whole is not None:
                yield whole
            _demand_few(parts, torn, waiting)
    finally:
        for read in reads:
            _close(read)
    for side in waiting:
        torn |= side.rows.keys()
    yield from _again(parts, torn)


def _close(read: Iterator[pa.RecordBatch]) -> None:
    close: Callable[[], None] | None = getattr(read, "close", None)
    if close is not None:
        close()


class _Waiting:
    """The rows of one part whose other halves have not come."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[pa.RecordBatch, int]] = {}
        self.come = self.largest = 0
        self.ended = False

    def add(self, batch: pa.RecordBatch) -> None:
        """Rows that have come."""
        self.come += batch.num_rows
        self.largest = max(self.largest, batch.num_rows)
        for place, row in enumerate(batch.column("Id").to_pylist()):
            self.rows[row] = (batch, place)

    def take(self, ids: list[str]) -> pa.Table:
        """Rows by their Ids, in that order; they wait no longer."""
        taken = [self.rows.pop(i) for i in ids]
        batches: dict[int, pa.RecordBatch] = {id(batch): batch for batch, _ in taken}
        starts: dict[int, int] = {}
        start = 0
        for key, batch in batches.items():
            starts[key] = start
            start += batch.num_rows
        places = [starts[id(batch)] + place for batch, place in taken]
        return pa.Table.from_batches(list(batches.values())).take(_indices(places))


def _indices(places: list[int]) -> pa.Array:
    buffer = pa.py_buffer(b"".join(place.to_bytes(8, "little") for place in places))
    return pa.Array.from_buffers(pa.int64(), len(places), [None, buffer])


def _turns(waiting: list[_Waiting], reads: list[Iterator[pa.RecordBatch]]) -> Iterator[None]:
    """Read a batch of the part that is behind, again and again."""
    while True:
        open_ = [n for n, side in enumerate(waiting) if not side.ended]
        if not open_:
            return
        number = min(open_, key=lambda n: waiting[n].come)
        batch = next(reads[number], None)
        if batch is None:
            waiting[number].ended = True
        else:
            waiting[number].add(batch)
            yield


def _matched(waiting: list[_Waiting]) -> tuple[pa.RecordBatch | None, set[str]]:
    """The rows that all parts have now, and the Ids of those whose parts disagree."""
    first, *others = waiting
    ids = [i for i in first.rows if all(i in other.rows for other in others)]
    if not ids:
        return None, set()
    tables = [side.take(ids) for side in waiting]
    torn: set[str] = set()
    if STAMP in tables[0].column_names:
        stamps = [table.column(STAMP).to_pylist() for table in tables]
        torn = {i for i, *seen in zip(ids, *stamps, strict=True) if len(set(seen)) > 1}
    if torn:
        kept = _indices([place for place, i in enumerate(ids) if i not in torn])
        tables = [table.take(kept) for table in tables]
    whole = tables[0]
    for table in tables[1:]:
        for field in table.schema:
            if field.name not in whole.column_names:
                whole = whole.append_column(field, table.column(field.name))
    batches = whole.combine_chunks().to_batches()
    return (batches[0] if batches else None), torn


def _demand_few(parts: Parts, torn: set[str], waiting: list[_Waiting]) -> None:
    # the part that is ahead is so by a page or two; more rows than that lack their other halves
    for side in waiting:
        if len(side.rows) + len(torn) > _MOST + 2 * side.largest:
            raise _restless(parts)


def _restless(parts: Parts) -> DataError:
    return DataError(
        f"{parts.table}: its columns take several statements, and rows change faster than they "
        "can be read",
        remedy="Name the columns you need instead of SELECT *, or run the query again.",
    )


def _again(parts: Parts, ids: set[str]) -> Iterator[pa.RecordBatch]:
    """The rows of these Ids that are there and hold still."""
    for _ in range(_ROUNDS):
        todo, ids = sorted(ids), set()
        for start in range(0, len(todo), _ASKED):
            asked = tuple(todo[start : start + _ASKED])
            waiting = [_Waiting() for _ in parts.reads]
            for side, read in zip(waiting, parts.reads, strict=True):
                for batch in read(ids=asked):
                    side.add(batch)
            whole, torn = _matched(waiting)
            if whole is not None:
                yield whole
            ids |= torn.union(*(side.rows.keys() for side in waiting))
        if not ids:
            return
    raise _restless(parts)
