"""A checked statement as the DuckDB statements that answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from isthmus.localorg.soql.analyse import analyse, check_limits, is_count, is_grouped
from isthmus.localorg.soql.ast import Children, Path, Query, Selected
from isthmus.localorg.soql.children import Child, Paging
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.cursors import Page
from isthmus.localorg.soql.fieldsets import expand
from isthmus.localorg.soql.grouping import group_sql
from isthmus.localorg.soql.records import render
from isthmus.localorg.soql.refusals import plain
from isthmus.localorg.soql.rendered import Kept
from isthmus.localorg.soql.rows import Rows, fetch, places
from isthmus.localorg.soql.scope import Scope, object_of
from isthmus.localorg.soql.selection import row_ids
from isthmus.localorg.soql.texts import Texts, Writing

if TYPE_CHECKING:
    from isthmus.localorg.schema import SObject
    from isthmus.localorg.store import Store

__all__ = ["Plan", "is_count", "is_grouped", "plan"]

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
        (counted,) = fetch(store, f"SELECT count(*)::BIGINT AS n FROM ({rows})")
        return int(counted[0].as_py())

    def keys(self, store: Store, kept: Kept) -> pa.Array:
        """Give the row numbers that the query selects, in order."""
        version = store.version  # before reading: a later write must not pass for this state
        sql = row_ids(self.query, self._scope(), self.parent)
        return kept.get((sql, version), lambda: fetch(store, sql)[0])

    def groups(self, store: Store) -> Page:
        """Answer a grouped query whole; OrgError EXCEEDED_ID_LIMIT above 2,000 groups."""
        (found,) = fetch(store, group_sql(self.query, self._scope(), MAX_GROUPS + 1))
        if len(found) > MAX_GROUPS:
            plain(
                "EXCEEDED_ID_LIMIT",
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results "
                "to a single batch",
            )
        return Texts(found).page(0, len(found))

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
            f"SELECT {scope.alias}.rowid AS r, coalesce(c.n, 0)::BIGINT AS n {rows.source} "
            f"LEFT JOIN (SELECT p, sum(n) AS n FROM ({' UNION ALL '.join(parts)}) GROUP BY p) c "
            f'ON c.p = {scope.alias}."Id" WHERE {rows.within}'
        )
        found, counts = fetch(store, sql, rows.page)
        return [int(n) for n in counts.take(places(found, keys)).to_pylist()]

    def writing(self, paging: Paging, keys: pa.Array | None = None) -> Writing:
        """Give what writes the records. With child subqueries it is for the rows `keys` only."""
        scope = self._scope()
        parents = "" if keys is None else Rows.of(keys, scope).ids
        made = render(self.query, scope, parents, paging)
        return Writing(scope, made.json, scope.joins_sql() + "".join(made.extra))


def plan(query: Query, context: Context) -> Plan:
    """Check a statement; OrgError says what is wrong with it."""
    check_limits(query)
    expanded = expand(query, context)
    analyse(expanded, context)
    return Plan(expanded, context, object_of(context, query.sources[0]))
