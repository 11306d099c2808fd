"""The rows of a looked-up table, out of the rows that came with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from isthmus.connectors.predicates import Predicate
from isthmus.engine import recheck

__all__ = ["looked_up_rows"]


def looked_up_rows(
    batches: Iterable[pa.RecordBatch],
    path: Sequence[str],
    key: str,
    columns: Sequence[str],
    predicates: Sequence[Predicate],
    schema: pa.Schema,
) -> Iterator[pa.RecordBatch]:
    """Each looked-up row once, if it passes.

    Args:
        batches: rows with columns named by their path, such as ``AccountId.Name``.
        path: the foreign keys to the table.
        key: the table's primary key.
        columns: the names to give, without the path.
        predicates: what a row must pass; over columns that the batches have.
        schema: the table's.
    """
    prefix = ".".join(path) + "."
    seen: set[str] = set()
    again = recheck.expression(predicates, schema)
    for batch in batches:
        names = [
            n for n in batch.schema.names if n.startswith(prefix) and "." not in n[len(prefix) :]
        ]
        rows = batch.select(names).rename_columns([n[len(prefix) :] for n in names])
        new = _first_seen(rows, key, seen)
        kept = new if again is None else new.filter(again)
        if kept.num_rows:
            yield kept.select(list(columns))


def _first_seen(rows: pa.RecordBatch, key: str, seen: set[str]) -> pa.RecordBatch:
    """The first row of each key that has not come before."""
    keys = rows.column(key)
    positions = {}
    for position, value in enumerate(keys.to_pylist()):
        if value is not None and value not in seen:
            seen.add(value)
            positions[value] = position
    return rows.take(pa.array(list(positions.values()), pa.int64()))
