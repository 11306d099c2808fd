"""Which rows a query level selects: its FROM, WHERE, ORDER BY and LIMIT as DuckDB SQL."""

from __future__ import annotations

from isthmus.localorg.soql.ast import Expression, InQuery, Query
from isthmus.localorg.soql.comparisons import Conditions
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.operands import Operand, operand, text_literal
from isthmus.localorg.soql.ordering import order_key
from isthmus.localorg.soql.scope import Scope, object_of, quoted

#: Scopes that hold only the records of the running user; the others hold all that are visible.
_OWN_SCOPES = frozenset({"mine"})


def conditions(scope: Scope) -> Conditions:
    """Give the translation of a query level's WHERE."""

    def left(expression: Expression) -> Operand:
        return operand(expression, scope)

    def semi_join(node: InQuery, made: Operand) -> str:
        return _semi_join(node, made, scope)

    return Conditions(scope.context, left, semi_join)


def where(query: Query, scope: Scope) -> str:
    """Give the condition of a query level, deleted rows left out."""
    parts = [scope.live()]
    if query.where:
        parts.append(conditions(scope).sql(query.where))
    if query.scope and query.scope.lower() in _OWN_SCOPES and scope.object.field("OwnerId"):
        parts.append(f"{scope.alias}.\"OwnerId\" = '{scope.context.user.id}'")
    return " AND ".join(parts)


def sort_keys(query: Query, scope: Scope) -> list[str]:
    """Give the sort keys of a query level; the Id settles ties."""
    context: Context = scope.context
    keys = [order_key(item, operand(item.expression, scope), context) for item in query.order]
    return [*keys, f'{scope.alias}."Id"'] if keys else []


def row_ids(query: Query, scope: Scope, parent: tuple[str, str] | None = None) -> str:
    """Give the SQL of the selected rows' rowids in order, in one column `r`.

    `parent` is a lookup and the Id it must hold, for the children of one parent.
    """
    condition = where(query, scope)
    if parent:
        condition += f" AND {scope.alias}.{quoted(parent[0])} = {text_literal(parent[1])}"
    keys = sort_keys(query, scope)
    if not keys and scope.joins:
        keys = [f"{scope.alias}.rowid"]  # a join may disturb the order of the table
    order = f" ORDER BY {', '.join(keys)}" if keys else ""
    limit = f" LIMIT {query.limit}" if query.limit is not None else ""
    offset = f" OFFSET {query.offset}" if query.offset else ""
    return (
        f"SELECT {scope.alias}.rowid AS r FROM {scope.context.table(scope.object.name)} "
        f"{scope.alias}{scope.joins_sql()} WHERE {condition}{order}{limit}{offset}"
    )


def _semi_join(node: InQuery, left: Operand, outer: Scope) -> str:
    query, context = node.query, outer.context
    target = object_of(context, query.sources[0])
    scope = Scope(context, target, sources=query.sources, aliases=outer.aliases)
    item = query.items[0]
    column = operand(item.expression, scope)  # type: ignore[union-attr]
    condition = where(query, scope)
    return (
        f"{left.sql} IN (SELECT {column.sql} FROM {context.table(target.name)} {scope.alias}"
        f"{scope.joins_sql()} WHERE {condition} AND {column.sql} IS NOT NULL)"
    )
