"""Rows as they come, cut into parts of one size, each with the place where the rest begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from isthmus.connectors.places import Placed

__all__ = ["Piece", "pieces"]


@dataclass(frozen=True)
class Piece:
    """Some rows.

    Attributes:
        rows: none, where only a place is told.
        place: the rest begins there; None where the source can't go on.
        skip: after so many rows of the place.
    """

    rows: pa.Table
    place: str | None
    skip: int


def pieces(come: Iterable[Placed], schema: pa.Schema, rows: int, skip: int = 0) -> Iterator[Piece]:
    """Pieces of so many rows; the last one, and one before a place without rows, may have fewer.

    Args:
        come: rows, in the schema's columns.
        schema: the pieces' types.
        rows: how many a piece has.
        skip: how many of the first rows are left out.
    """
    waiting: list[pa.RecordBatch] = []
    count = 0
    place: str | None = None
    end = 0
    for placed in come:
        batch = placed.rows.cast(schema)
        cut = min(skip, batch.num_rows)
        skip -= cut
        batch, end = batch.slice(cut), placed.offset + cut
        place = placed.place
        while count + batch.num_rows >= rows:
            head = batch.slice(0, rows - count)
            end += head.num_rows
            yield _piece([*waiting, head], schema, place, end)
            batch = batch.slice(head.num_rows)
            waiting, count = [], 0
        if batch.num_rows:
            waiting.append(batch)
            count += batch.num_rows
            end += batch.num_rows
        elif not placed.rows.num_rows and place is not None:
            yield _piece(waiting, schema, place, placed.offset)
            waiting, count = [], 0
    if waiting:
        yield _piece(waiting, schema, place, end)


def _piece(waiting: list[pa.RecordBatch], schema: pa.Schema, place: str | None, end: int) -> Piece:
    return Piece(pa.Table.from_batches(waiting, schema), place, 0 if place is None else end)
