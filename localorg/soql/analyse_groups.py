"""The rules of grouped queries (SOQL Reference v65, "GROUP BY" and "Aggregate Functions")."""

from __future__ import annotations

from collections.abc import Callable

from isthmus.localorg.soql.ast import Call, Distance, Expression, Path, Query, Selected
from isthmus.localorg.soql.expressions import AGGREGATES, DATE_PARTS, RENDERERS
from isthmus.localorg.soql.operands import NUMBERS, Operand, operand
from isthmus.localorg.soql.refusals import plain, refuse
from isthmus.localorg.soql.scope import Scope

#: Fields in ROLLUP or CUBE.
MAX_ROLLUP = 3

Identity = tuple[object, ...]


def identity(expression: Expression, scope: Scope) -> Identity:
    """Give a value by which two spellings of one expression are equal."""
    match expression:
        case Path():
            column = scope.column(expression)
            return (*(step.name for step in column.steps), column.field.name)
        case Call(name, args):
            return (name, *(identity(arg, scope) for arg in args))
        case Distance():
            return (expression,)


def check_groups(query: Query, scope: Scope) -> Callable[[Expression], Operand]:
    """Check a grouped query's SELECT, GROUP BY and ORDER BY.

    Gives the check of an expression in HAVING: it must be grouped or aggregated as well.
    """
    items = query.group.items if query.group else ()
    kind = query.group.kind if query.group else ""
    if kind and len(items) > MAX_ROLLUP:
        plain("MALFORMED_QUERY", f"GROUP BY {kind} can have at most {MAX_ROLLUP} fields")
    if not query.group and query.limit is not None:
        plain(
            "MALFORMED_QUERY",
            "Non-grouped query that uses overall aggregate functions cannot also use LIMIT",
        )
    for item in items:
        _check_groupable(item, scope)
    rule = _Rule(scope, {identity(item, scope) for item in items}, bool(kind))
    names: set[str] = set()
    aliases: set[str] = set()
    for selected in query.items:
        if not isinstance(selected, Selected):
            plain("MALFORMED_QUERY", "Only fields and aggregates can be selected with GROUP BY")
        rule.check(selected.expression)
        _check_name(selected, scope, names)
        if selected.alias:
            aliases.add(selected.alias.lower())
    for order in query.order:
        if str(order.expression).lower() not in aliases:
            rule.check(order.expression)
    return rule.check


class _Rule:
    def __init__(self, scope: Scope, grouped: set[Identity], subtotals: bool) -> None:
        self._scope = scope
        self._grouped = grouped
        self._subtotals = subtotals

    def check(self, expression: Expression) -> Operand:
        """Give the operand; OrgError where it is neither grouped nor aggregated."""
        if isinstance(expression, Call) and expression.name in RENDERERS:
            return self.check(expression.args[0])
        if isinstance(expression, Call) and expression.name in AGGREGATES:
            return self._aggregate(expression)
        made = operand(expression, self._scope)
        if identity(expression, self._scope) not in self._grouped:
            name = made.label
            plain("MALFORMED_QUERY", f"Field must be grouped or aggregated: {name}")
        return made

    def _aggregate(self, call: Call) -> Operand:
        if not call.args or (isinstance(call.args[0], Call) and call.args[0].name in AGGREGATES):
            plain("MALFORMED_QUERY", f"unexpected token: '{call.name}'")
        made = operand(call.args[0], self._scope)
        if call.name == "GROUPING":
            if not self._subtotals or identity(call.args[0], self._scope) not in self._grouped:
                plain("MALFORMED_QUERY", "GROUPING needs a field of GROUP BY ROLLUP or CUBE")
            return Operand("", "int", call.name, call.at)
        _check_aggregatable(call, made, self._scope)
        if call.name in ("COUNT", "COUNT_DISTINCT"):
            return Operand("", "int", call.name, call.at)
        kind = "double" if call.name == "AVG" else made.type
        return Operand("", kind, call.name, call.at, fold=made.fold)


def _check_aggregatable(call: Call, made: Operand, scope: Scope) -> None:
    field = made.column.field if made.column else None
    number_only = call.name in ("SUM", "AVG")
    if isinstance(call.args[0], Call):
        plain("MALFORMED_QUERY", f"{call.name} takes a field, not a function")
    if field is None or not field.aggregatable or (number_only and made.type not in NUMBERS):
        refuse(
            scope.context.text,
            made.at,
            "INVALID_FIELD",
            f"field {made.label} does not support aggregate operator {call.name}",
        )


def _check_groupable(expression: Expression, scope: Scope) -> None:
    if isinstance(expression, Call) and expression.name in DATE_PARTS:
        operand(expression, scope)
        return
    if not isinstance(expression, Path):
        plain("MALFORMED_QUERY", "GROUP BY takes fields and date functions")
    column = scope.column(expression)
    if not column.field.groupable:
        refuse(
            scope.context.text,
            expression.at,
            "INVALID_FIELD",
            f"field '{column.field.name}' can not be grouped in a query call",
        )


def _check_name(item: Selected, scope: Scope, names: set[str]) -> None:
    if item.alias is None and not isinstance(item.expression, Path):
        return
    name = item.alias or scope.column(item.expression).field.name  # type: ignore[arg-type]
    if name.lower() in names:
        plain("MALFORMED_QUERY", f"duplicate alias: {name}")
    names.add(name.lower())
