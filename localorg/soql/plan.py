"""A checked statement as the DuckDB statements that answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.localorg.soql import jsontext
from isthmus.localorg.soql.analyse import analyse, check_limits, is_count, is_grouped
from isthmus.localorg.soql.ast import Children, Path, Query, Selected
from isthmus.localorg.soql.children import Child, Paging
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.cursors import Page
from isthmus.localorg.soql.fieldsets import expand
from isthmus.localorg.soql.grouping import group_sql
from isthmus.localorg.soql.records import render
from isthmus.localorg.soql.refusals import plain
from isthmus.localorg.soql.rendered import RenderedBlocks
from isthmus.localorg.soql.scope import Scope, object_of
from isthmus.localorg.soql.selection import row_ids

if TYPE_CHECKING:
    from isthmus.localorg.schema import SObject
    from isthmus.localorg.store import Store

__all__ = ["Plan", "is_count", "is_grouped", "plan", "records"]

_ALL = pa.array([], pa.int64())

#: Groups that one answer can hold; aggregate queries have no next page.
MAX_GROUPS = 2000


@dataclass(frozen=True)
class Plan:
    """A statement that is right for this org, with what it is run against."""

    query: Query
    context: Context
    target: SObject
    parent: tuple[str, str] | None = None

    def _scope(self) -> Scope:
        return Scope(self.context, self.target, sources=self.query.sources)

    def children_of(self, query: Query, target: SObject, lookup: str, parent: str) -> Plan:
        """Give the plan of a child subquery for one parent."""
        return Plan(query, self.context, target, (lookup, parent))

    def count(self, store: Store) -> int:
        """Count the rows, for `SELECT COUNT()`."""
        rows = row_ids(self.query, self._scope())
        return int(_run(store, f"SELECT count(*)::BIGINT AS n FROM ({rows})")[0].as_py())

    def keys(self, store: Store, kept: RenderedBlocks) -> pa.Array:
        """Give the row numbers that the query selects, in order."""
        version = store.version
        sql = row_ids(self.query, self._scope(), self.parent)
        return kept.get(sql, _ALL, version, lambda: _run(store, sql))

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

    @property
    def has_children(self) -> bool:
        """Whether the records hold child subqueries."""
        return any(isinstance(item, Children) for item in self.query.items)

    @property
    def long_texts(self) -> int:
        """The number of selected custom fields that hold long texts."""
        if is_grouped(self.query):
            return 0
        scope = self._scope()
        paths = [i.expression for i in self.query.items if isinstance(i, Selected)]
        fields = [scope.column(path).field for path in paths if isinstance(path, Path)]
        return sum(f.custom and f.type == "textarea" and f.length > 255 for f in fields)

    def weights(self, store: Store, keys: pa.Array, most: int) -> list[int]:
        """Count the children that each of these rows shows, `most` for each subquery."""
        scope = self._scope()
        rows = Rows.of(keys, scope)
        parts = [
            Child.of(item, scope).counts(rows.ids, most)
            for item in self.query.items
            if isinstance(item, Children)
        ]
        sql = (
            f"SELECT coalesce(c.n, 0)::BIGINT AS n {rows.source} LEFT JOIN (SELECT p, sum(n) AS n "
            f'FROM ({" UNION ALL ".join(parts)}) GROUP BY p) c ON c.p = {scope.alias}."Id" '
            f"WHERE {rows.within} ORDER BY {rows.order}"
        )
        return [int(n) for n in _run(store, sql, rows.page).to_pylist()]

    def render(
        self, store: Store, keys: pa.Array, paging: Paging, kept: RenderedBlocks
    ) -> pa.Array:
        """Give the JSON text of these rows, each ended by a comma."""
        version = store.version  # before reading: a later write must not pass for this state
        scope = self._scope()
        rows = Rows.of(keys, scope)
        made = render(self.query, scope, rows.ids, paging)
        sql = (
            f"SELECT {jsontext.concat([made.json, chr(39) + ',' + chr(39)])} AS j "
            f"{rows.source}{scope.joins_sql()}{''.join(made.extra)} "
            f"WHERE {rows.within} ORDER BY {rows.order}"
        )
        if self.has_children:
            return _run(store, sql, rows.page)  # their locators are this query's own
        return kept.get(sql, keys, version, lambda: _run(store, sql, rows.page))


@dataclass(frozen=True)
class Rows:
    """Rows by number, as the parts of a SELECT over them.

    `page` is the table of numbers to register, or None where the rows lie side by side.
    """

    source: str
    within: str
    order: str
    ids: str
    page: pa.Table | None

    @classmethod
    def of(cls, keys: pa.Array, scope: Scope) -> Rows:
        """Name these rows of a scope's object."""
        table, alias = scope.context.table(scope.object.name), scope.alias
        bounds = pc.min_max(keys)
        within = f"{alias}.rowid BETWEEN {bounds['min']} AND {bounds['max']}"
        if _side_by_side(keys):
            source, order, page = f"FROM {table} {alias}", f"{alias}.rowid", None
        else:
            source = f"FROM page JOIN {table} {alias} ON {alias}.rowid = page.r"
            order = "page.n"
            page = pa.table({"r": keys, "n": pa.array(range(len(keys)), pa.int64())})
        ids = f'SELECT {alias}."Id" {source} WHERE {within}'
        return cls(source, within, order, ids, page)


def _side_by_side(keys: pa.Array) -> bool:
    steps = pc.subtract(keys.slice(1), keys.slice(0, len(keys) - 1))
    return pc.all(pc.equal(steps, 1)).as_py() is not False


def plan(query: Query, context: Context) -> Plan:
    """Check a statement; OrgError says what is wrong with it."""
    check_limits(query)
    expanded = expand(query, context)
    analyse(expanded, context)
    return Plan(expanded, context, object_of(context, query.sources[0]))


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
