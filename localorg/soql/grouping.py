"""Grouped queries and aggregates: one AggregateResult for each group.

Aggregates skip nulls; MIN and MAX of a picklist go by its definition, of a text by the sort order
of texts; amounts come in the corporate currency (SOQL Reference v65, "Aggregate Functions" and
"Querying Currency Fields in Multicurrency Orgs").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from isthmus.localorg.soql import jsontext
from isthmus.localorg.soql.ast import Call, Expression, InQuery, Path, Query, Selected
from isthmus.localorg.soql.comparisons import Conditions
from isthmus.localorg.soql.expressions import AGGREGATES
from isthmus.localorg.soql.formats import formatted, labelled
from isthmus.localorg.soql.operands import INTEGERS, Operand, corporate, operand, text_literal
from isthmus.localorg.soql.ordering import order_key, sort_value
from isthmus.localorg.soql.refusals import plain
from isthmus.localorg.soql.scope import Scope
from isthmus.localorg.soql.selection import where

_HEAD = '{"attributes":{"type":"AggregateResult"}'


def group_sql(query: Query, scope: Scope, limit: int) -> str:
    """Give the SQL of the groups' JSON texts, each ended by a comma, `limit` at the most."""
    groups = Groups(query, scope)
    keys = [groups.key(item) for item in query.group.items] if query.group else []
    parts = [text_literal(_HEAD)]
    exprs = iter(range(1_000_000))
    for item in query.items:
        assert isinstance(item, Selected)
        parts += [text_literal(f',"{groups.name(item, exprs)}":'), groups.json(item.expression)]
    condition = where(query, scope)
    having = f" HAVING {groups.conditions().sql(query.having)}" if query.having else ""
    order = ", ".join(groups.order() or _natural(keys))
    kind = query.group.kind if query.group else ""
    grouped = f" GROUP BY {kind}({', '.join(keys)})" if kind else ""
    if keys and not kind:
        grouped = f" GROUP BY {', '.join(keys)}"
    rows = limit if query.limit is None else min(query.limit, limit)
    offset = f" OFFSET {query.offset}" if query.offset else ""
    return (
        f"SELECT {jsontext.concat([*parts, chr(39) + '},' + chr(39)])} AS j "
        f"FROM {scope.context.table(scope.object.name)} {scope.alias}{scope.joins_sql()} "
        f"WHERE {condition}{grouped}{having}{f' ORDER BY {order}' if order else ''} "
        f"LIMIT {rows}{offset}"
    )


def _natural(keys: list[str]) -> list[str]:
    """Order by the groups' keys, subtotals after their details."""
    return [part for key in keys for part in (f"GROUPING({key})", f"{key} NULLS FIRST")]


class Groups:
    """The expressions of one grouped query."""

    def __init__(self, query: Query, scope: Scope) -> None:
        self._query = query
        self._scope = scope
        self._folds = scope.context.switches.group_case == "fold"
        selected = [item for item in query.items if isinstance(item, Selected)]
        self._aliases = {item.alias.lower(): item.expression for item in selected if item.alias}

    def key(self, expression: Expression) -> str:
        """Give the SQL that the rows are grouped by."""
        return self._folded(operand(expression, self._scope))

    def _folded(self, made: Operand) -> str:
        return f"lower({made.sql})" if made.fold and self._folds else made.sql

    def operand(self, expression: Expression) -> Operand:
        """Translate an aggregate, or an expression that the query groups by."""
        if isinstance(expression, Path) and str(expression).lower() in self._aliases:
            return self.operand(self._aliases[str(expression).lower()])
        if not isinstance(expression, Call):
            return self._grouped(expression)
        if expression.name in AGGREGATES:
            return self._aggregate(expression)
        if expression.name in ("FORMAT", "TOLABEL", "CONVERTCURRENCY"):
            return self.operand(expression.args[0])
        return self._grouped(expression)

    def _grouped(self, expression: Expression) -> Operand:
        made = operand(expression, self._scope)
        key = self._folded(made)
        if key == made.sql:
            return made
        # of several spellings that are one group, the one of the first record
        first = f'arg_min({made.sql}, {self._scope.alias}."Id")'
        return replace(made, sql=f"CASE WHEN GROUPING({key}) = 0 THEN {first} END")

    def _aggregate(self, call: Call) -> Operand:
        if call.name == "GROUPING":
            return Operand(f"GROUPING({self.key(call.args[0])})", "int", "GROUPING", call.at)
        made = operand(call.args[0], self._scope)
        if call.name == "COUNT":
            return Operand(f"count({made.sql})", "int", call.name, call.at)
        if call.name == "COUNT_DISTINCT":
            return Operand(f"count(DISTINCT {self._folded(made)})", "int", call.name, call.at)
        amount = replace(corporate(made, self._scope.context), label=call.name, at=call.at)
        if call.name == "AVG":
            return replace(amount, sql=f"avg({amount.sql})", type="double", scale=None)
        if call.name == "SUM":
            cast = "::BIGINT" if made.type in INTEGERS else ""
            return replace(amount, sql=f"sum({amount.sql}){cast}")
        return replace(amount, sql=self._extreme(call.name.lower(), amount))

    def _extreme(self, name: str, made: Operand) -> str:
        key = sort_value(made, self._scope.context)
        return f"{name}({made.sql})" if key == made.sql else f"arg_{name}({made.sql}, {key})"

    def name(self, item: Selected, exprs: Iterator[int]) -> str:
        """Give the key of a selected item: alias, field, or expr0, expr1, ..."""
        if item.alias:
            return item.alias
        if isinstance(item.expression, Path):
            return self._scope.column(item.expression).field.name
        return f"expr{next(exprs)}"

    def json(self, expression: Expression) -> str:
        """Give the JSON text of a selected item."""
        made = self.operand(expression)
        if isinstance(expression, Call) and expression.name == "FORMAT":
            return formatted(made, self._scope.context)
        if isinstance(expression, Call) and expression.name == "TOLABEL":
            return labelled(made)
        if made.type == "boolean":
            return f"coalesce({made.sql}::VARCHAR, 'null')"  # the subtotal rows have none
        return jsontext.value(made, self._scope.context.base_path)

    def order(self) -> list[str]:
        """Give the sort keys, the groups' keys last to settle ties."""
        items = self._query.order
        keys = [
            order_key(item, self.operand(item.expression), self._scope.context) for item in items
        ]
        grouped = self._query.group.items if self._query.group else ()
        return [*keys, *(f"{self.key(item)} NULLS FIRST" for item in grouped)] if keys else []

    def conditions(self) -> Conditions:
        """Give the translation of HAVING."""

        def refuse(node: InQuery, made: Operand) -> str:
            plain("MALFORMED_QUERY", "Semi join sub-selects are not allowed in HAVING")

        return Conditions(self._scope.context, self.operand, refuse)
