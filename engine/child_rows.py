"""The rows of a table that came along with those they point to, and what is left without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.predicates import Predicate
from isthmus.engine import recheck

__all__ = ["child_rows", "children_of", "parent_rows"]


def child_rows(
    batches: Iterable[pa.RecordBatch],
    name: str,
    columns: Sequence[str],
    predicates: Sequence[Predicate],
    schema: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    """The children of a list column that pass, as rows.

    Args:
        batches: rows with their children (see `isthmus.connectors.contract.Children`).
        name: of the list column.
        columns: the names to give.
        predicates: what a child must pass; over columns that the lists have.
        schema: the children's table's.
    """
    again = recheck.expression(predicates, schema)
    for batch in batches:
        rows = children_of(batch, name)
        kept = rows if again is None else rows.filter(again)
        if kept.num_rows:
            yield kept.select(list(columns))


def children_of(batch: pa.RecordBatch, name: str) -> pa.RecordBatch:
    """All children in a list column, as rows."""
    return pa.RecordBatch.from_struct_array(batch.column(name).flatten())


def parent_rows(
    batches: Iterable[pa.RecordBatch], key: str, children: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """The table's own rows, without those that only bring more children.

    Args:
        batches: rows with their children.
        key: the table's primary key, which is null in those rows.
        children: the names of the list columns; they are left out.
    """
    for batch in batches:
        own = batch.drop_columns(list(children))
        own = own.filter(pc.is_valid(own.column(key)))
        if own.num_rows:
            yield own
