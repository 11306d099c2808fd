"""Rows by number: how a statement reads just these, and how its answer is put in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.localorg.soql.scope import Scope

if TYPE_CHECKING:
    from isthmus.localorg.store import Store

#: Rows that are read for each that is wanted, before the numbers themselves go into the statement.
_SPARE = 1.25


@dataclass(frozen=True)
class Rows:
    """Rows by number, as the parts of a SELECT over them.

    The SELECT may give more rows, in any order: `places` finds those that are meant. Sorting and
    joining texts in DuckDB costs a third of writing them. `page` is the table of numbers to
    register, or None where the rows lie so close that reading all between them is cheaper.
    """

    source: str
    within: str
    ids: str
    page: pa.Table | None

    @classmethod
    def of(cls, keys: pa.Array, scope: Scope) -> Rows:
        """Name these rows of a scope's object."""
        table, alias = scope.context.table(scope.object.name), scope.alias
        bounds = pc.min_max(keys)
        low, high = bounds["min"].as_py(), bounds["max"].as_py()
        source = f"FROM {table} {alias}"
        within = f"{alias}.rowid BETWEEN {low} AND {high}"
        page = None
        if high - low >= len(keys) * _SPARE:
            within += f" AND {alias}.rowid IN (SELECT r FROM page)"
            page = pa.table({"r": keys})
        return cls(source, within, f'SELECT {alias}."Id" {source} WHERE {within}', page)


def places(found: pa.Array, keys: pa.Array) -> pa.Array:
    """Say where each of the row numbers `keys` stands in `found`; null where it does not."""
    return pc.index_in(keys, value_set=found)


def fetch(store: Store, sql: str, page: pa.Table | None = None) -> list[pa.Array]:
    """Run a statement and give its columns; `page` is what it calls by that name."""
    with store.cursor() as cursor:
        if page is not None:
            cursor.register("page", page)
        found = cursor.sql(sql).to_arrow_table()
    columns = [column.combine_chunks() for column in found.columns]
    return [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
