"""Rows for the contract tests: all of a fragment's, and as multisets that can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Connector, Fragment, ReadContext, ScanRequest
from isthmus.connectors.predicates import Predicate

__all__ = ["Rows", "all_rows", "bag", "bag_of", "read", "request"]

Rows = list[dict[str, Any]]


def read(connector: Connector, fragment: Fragment, context: ReadContext | None = None) -> pa.Table:
    """All rows of a fragment as one table, typed as the batches are.

    Raises:
        AssertionError: a batch differs from what the fragment and its table declare.
    """
    table = fragment.request.table
    schema = pa.schema([table.schema.field(c) for c in fragment.columns])
    batches = []
    for batch in connector.open(fragment, context or ReadContext()):
        assert batch.schema.names == list(fragment.columns)
        assert batch.schema.types == schema.types
        batches.append(batch)
    if not len(schema):
        rows = sum(b.num_rows for b in batches)
        return pa.table({"_": pa.nulls(rows)}).select([])
    return pa.Table.from_batches(
        batches, schema=pa.schema(list(zip(schema.names, schema.types, strict=True)))
    )


def request(table: Table, predicates: tuple[Predicate, ...]) -> ScanRequest:
    """All columns of a table."""
    return ScanRequest(table, tuple(c.name for c in table.columns), predicates)


def all_rows(connector: Connector, table: Table) -> Rows:
    """All rows of a table."""
    found = read(connector, connector.plan(request(table, ())))
    rows: Rows = found.to_pylist()
    return rows


def bag(found: pa.Table, names: Sequence[str]) -> Counter[str]:
    """The rows as a multiset; their texts are compared, so that NaN equals itself."""
    if not names:
        return Counter({"()": found.num_rows})
    return bag_of(found.select(list(names)).to_pylist(), names)


def bag_of(rows: Rows, names: Sequence[str]) -> Counter[str]:
    """Rows as a multiset; as `bag`."""
    return Counter(_texts(rows, names))


def _texts(rows: Rows, names: Sequence[str]) -> Iterator[str]:
    for row in rows:
        yield repr(tuple(row[n] for n in names))
