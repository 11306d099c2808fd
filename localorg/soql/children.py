"""Child subqueries: the rows below each parent, and the pages of those that have many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isthmus.localorg.soql.ast import Children, Query
from isthmus.localorg.soql.operands import text_literal
from isthmus.localorg.soql.refusals import no_relationship
from isthmus.localorg.soql.scope import Scope, quoted
from isthmus.localorg.soql.selection import sort_keys, where

if TYPE_CHECKING:
    from isthmus.localorg.schema import SObject


@dataclass(frozen=True)
class Paging:
    """How many children a parent shows at first, and the locator of the rest.

    `locator` takes the subquery, its object and the name of the lookup to the parent.
    """

    size: int
    locator: Callable[[Query, SObject, str], str]


def name_of(item: Children, scope: Scope) -> str:
    """Give the child relationship's name as the describe spells it."""
    return Child.of(item, scope).relationship


@dataclass(frozen=True)
class Child:
    """A child subquery below a scope."""

    query: Query
    parent: Scope
    scope: Scope
    lookup: str
    relationship: str

    @classmethod
    def of(cls, item: Children, parent: Scope) -> Child:
        """Resolve a subquery; OrgError INVALID_TYPE where there is no such relationship."""
        query, context = item.query, parent.context
        source = query.sources[0].path
        link = parent.object.child(source.parts[-1])
        target = context.schema.get(link.child) if link else None
        if link is None or target is None or link.relationship_name is None:
            no_relationship(context.text, source.at, source.parts[-1], "FROM part of query call")
        scope = Scope(context, target, sources=query.sources, aliases=parent.aliases)
        return cls(query, parent, scope, link.field, link.relationship_name)

    def ids(self, parents: str) -> str:
        """Give the SQL of the children's Ids, for the level below them."""
        return f'SELECT {self.scope.alias}."Id" {self._from(parents, [])}'

    def counts(self, parents: str, most: int) -> str:
        """Give the SQL of the number of children that each parent shows, `p` and `n`."""
        limit = most if self.query.limit is None else min(most, self.query.limit)
        number = f"least(count(*), {limit})"
        return f"SELECT {self._key} AS p, {number} AS n {self._from(parents, [])} GROUP BY p"

    @property
    def _key(self) -> str:
        return f"{self.scope.alias}.{quoted(self.lookup)}"

    def _from(self, parents: str, extra: list[str]) -> str:
        condition = f"{where(self.query, self.scope)} AND {self._key} IN ({parents})"
        table = self.scope.context.table(self.scope.object.name)
        joins = self.scope.joins_sql() + "".join(extra)
        return f"FROM {table} {self.scope.alias}{joins} WHERE {condition}"

    def join(self, alias: str, parents: str, record: str, extra: list[str], size: int) -> str:
        """Give the join of each parent to its children: their number `n` and JSON texts `j`.

        `record` is the SQL of a child's JSON, ended by a comma.
        """
        keys = ", ".join(sort_keys(self.query, self.scope) or [f"{self.scope.alias}.rowid"])
        rows = (
            f"SELECT {self._key} AS p, {record} AS j, row_number() OVER (PARTITION BY {self._key} "
            f"ORDER BY {keys}) AS n {self._from(parents, extra)}"
        )
        first = (self.query.offset or 0) + 1
        limit = self.query.limit
        last = f" AND n < {first + limit}" if limit is not None else ""
        return (
            f" LEFT JOIN (SELECT p, count(*) AS n, string_agg(j, '' ORDER BY n) "
            f"FILTER (n < {first + size}) AS j FROM ({rows}) WHERE n >= {first}{last} GROUP BY p) "
            f'{alias} ON {alias}.p = {self.parent.alias}."Id"'
        )

    def json(self, alias: str, paging: Paging) -> str:
        """Give the JSON text of the children of a parent."""
        context = self.scope.context
        base = paging.locator(self.query, self.scope.object, self.lookup)
        url = text_literal(f'"done":false,"nextRecordsUrl":"{context.base_path}/query/{base}.')
        more = f'concat({url}, {self.parent.alias}."Id", \'-{paging.size}"\')'
        done = f"CASE WHEN {alias}.n > {paging.size} THEN {more} ELSE '\"done\":true' END"
        text = (
            f"concat('{{\"totalSize\":', {alias}.n, ',', {done}, ',\"records\":[', "
            f"{alias}.j[:-2], ']}}')"
        )
        empty = '\'{"totalSize":0,"done":true,"records":[]}\''
        none = "'null'" if context.switches.childless == "null" else empty
        return f"CASE WHEN {alias}.n IS NULL THEN {none} ELSE {text} END"
