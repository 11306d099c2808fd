"""A checked statement as the DuckDB statements that answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.localorg.soql import jsontext
from isthmus.localorg.soql.analyse import analyse, is_count, is_grouped
from isthmus.localorg.soql.ast import Query
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.cursors import Page
from isthmus.localorg.soql.fieldsets import expand
from isthmus.localorg.soql.grouping import group_sql
from isthmus.localorg.soql.records import render
from isthmus.localorg.soql.refusals import plain
from isthmus.localorg.soql.scope import Scope, object_of
from isthmus.localorg.soql.selection import row_ids

if TYPE_CHECKING:
    from isthmus.localorg.store import Store

__all__ = ["Plan", "is_count", "is_grouped", "plan", "records"]

#: Groups that one answer can hold; aggregate queries have no next page.
MAX_GROUPS = 2000


@dataclass(frozen=True)
class Plan:
    """A statement that is right for this org, with what it is run against."""

    query: Query
    context: Context

    def _scope(self) -> Scope:
        target = object_of(self.context, self.query.sources[0])
        return Scope(self.context, target, sources=self.query.sources)

    def count(self, store: Store) -> int:
        """Count the rows, for `SELECT COUNT()`."""
        rows = row_ids(self.query, self._scope())
        return int(_run(store, f"SELECT count(*)::BIGINT AS n FROM ({rows})")[0].as_py())

    def keys(self, store: Store) -> pa.Array:
        """Give the row numbers that the query selects, in order."""
        return _run(store, row_ids(self.query, self._scope()))

    def groups(self, store: Store) -> Page:
        """Answer a grouped query whole; OrgError EXCEEDED_ID_LIMIT above 2,000 groups."""
        found = _run(store, group_sql(self.query, self._scope(), MAX_GROUPS + 1))
        if len(found) > MAX_GROUPS:
            plain(
                "EXCEEDED_ID_LIMIT",
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results "
                "to a single batch",
            )
        return records(found)

    def render(self, store: Store, keys: pa.Array) -> pa.Array:
        """Give the JSON text of these rows, each ended by a comma."""
        scope = self._scope()
        table = self.context.table(scope.object.name)
        bounds = pc.min_max(keys)
        low, high = bounds["min"].as_py(), bounds["max"].as_py()
        within = f"{scope.alias}.rowid BETWEEN {low} AND {high}"
        run = (
            high - low + 1 == len(keys)
            and pc.all(pc.equal(keys, pa.array(range(low, high + 1), pa.int64()))).as_py()
        )
        pages = "" if run else "page JOIN "
        joined = "" if run else f" ON {scope.alias}.rowid = page.r"
        order = f"{scope.alias}.rowid" if run else "page.n"
        ids = f'SELECT {scope.alias}."Id" FROM {pages}{table} {scope.alias}{joined} WHERE {within}'
        made = render(self.query, scope, ids)
        sql = (
            f"SELECT {jsontext.concat([made.json, chr(39) + ',' + chr(39)])} AS j "
            f"FROM {pages}{table} {scope.alias}{joined}{scope.joins_sql()}{''.join(made.extra)} "
            f"WHERE {within} ORDER BY {order}"
        )
        page = None if run else pa.table({"r": keys, "n": pa.array(range(len(keys)), pa.int64())})
        return _run(store, sql, page)


def plan(query: Query, context: Context) -> Plan:
    """Check a statement; OrgError says what is wrong with it."""
    expanded = expand(query, context)
    analyse(expanded, context)
    return Plan(expanded, context)


def records(texts: pa.Array) -> Page:
    """Join JSON texts that end in commas: the Arrow buffer already holds them end to end."""
    if len(texts) == 0:
        return Page(b"", 0)
    _, offsets, data = texts.buffers()
    width = 8 if pa.types.is_large_string(texts.type) else 4
    ends = memoryview(offsets).cast("q" if width == 8 else "i")
    start, stop = ends[texts.offset], ends[texts.offset + len(texts)]
    return Page(bytes(memoryview(data)[start : stop - 1]), len(texts))


def _run(store: Store, sql: str, page: pa.Table | None = None) -> pa.Array:
    """Run a statement and give its one column."""
    with store.cursor() as cursor:
        if page is not None:
            cursor.register("page", page)
        found = cursor.sql(sql).to_arrow_table().column(0).combine_chunks()
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
