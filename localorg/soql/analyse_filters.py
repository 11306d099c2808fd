"""The rules of WHERE and HAVING: which fields, operators and literals go together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from isthmus.localorg.soql.ast import (
    And,
    Boolean,
    Call,
    Compare,
    Condition,
    DateRange,
    DateTimeValue,
    DateValue,
    Distance,
    Expression,
    InList,
    InQuery,
    Money,
    Not,
    Null,
    Number,
    Or,
    Text,
    TimeValue,
    Value,
)
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.expressions import AGGREGATES, RENDERERS
from isthmus.localorg.soql.operands import COMPOUNDS, NUMBERS, Operand
from isthmus.localorg.soql.ranges import FIRST_YEAR, LAST_YEAR, days
from isthmus.localorg.soql.refusals import plain, refuse

#: The longest string in a WHERE clause, in characters (SOQL Reference v65, "WHERE").
MAX_TEXT = 4000

_LITERALS: dict[str, tuple[type[Value], ...]] = {
    "boolean": (Boolean,),
    "date": (DateValue, DateRange),
    "datetime": (DateTimeValue, DateRange),
    "time": (TimeValue,),
    "currency": (Number, Money),
    **{kind: (Number,) for kind in NUMBERS - {"currency"}},
}
_NAMES = {"datetime": "dateTime", "currency": "double", "percent": "double", "long": "int"}
_UNORDERED = frozenset({"boolean", "multipicklist"})


def check(condition: Condition, context: Context, left: Callable[[Expression], Operand]) -> None:
    """Check the comparisons of a condition; semi-joins are checked elsewhere."""
    match condition:
        case And(items) | Or(items):
            for item in items:
                check(item, context, left)
        case Not(item):
            check(item, context, left)
        case Compare(expression, operator, value):
            _check_one(expression, operator, (value,), context, left)
        case InList(expression, operator, values):
            _check_one(expression, operator, values, context, left)
        case InQuery():
            pass


def _check_one(
    expression: Expression,
    operator: str,
    values: tuple[Value, ...],
    context: Context,
    left: Callable[[Expression], Operand],
) -> None:
    if isinstance(expression, Call) and expression.name in RENDERERS - {"TOLABEL"}:
        plain("MALFORMED_QUERY", f"{expression.name} is not allowed in WHERE or HAVING")
    made = left(expression)
    _check_filterable(made, expression, context)
    _check_operator(made, expression, operator, context)
    for value in values:
        _check_value(made, expression, operator, value, context)


def _check_filterable(made: Operand, expression: Expression, context: Context) -> None:
    is_aggregate = isinstance(expression, Call) and expression.name in AGGREGATES
    unfit = made.type in COMPOUNDS and not isinstance(expression, Distance)
    if unfit or (made.column and not is_aggregate and not made.column.field.filterable):
        name = made.column.field.name if made.column else made.label
        refuse(
            context.text,
            made.at,
            "INVALID_FIELD",
            f"field '{name}' can not be filtered in a query call",
        )


def _check_operator(made: Operand, expression: Expression, operator: str, context: Context) -> None:
    wrong = (
        (operator == "LIKE" and (not made.is_text or made.type == "multipicklist"))
        or (operator in ("INCLUDES", "EXCLUDES") and made.type != "multipicklist")
        or (operator in ("<", "<=", ">", ">=") and made.type in _UNORDERED)
        or (isinstance(expression, Distance) and operator not in ("<", ">"))
    )
    if wrong:
        refuse(context.text, made.at, "INVALID_FIELD", f"invalid operator on {made.type} field")


def _check_value(
    made: Operand, expression: Expression, operator: str, value: Value, context: Context
) -> None:
    if isinstance(value, Null):
        return
    wanted = _LITERALS.get(made.type, (Text,))
    is_function = isinstance(expression, Call)
    if not isinstance(value, wanted) or (is_function and isinstance(value, DateRange)):
        _mismatch(made, value, context)
    if is_function and isinstance(value, Money):
        plain("MALFORMED_QUERY", "A currency literal cannot be compared with an aggregate")
    if isinstance(value, Money) and made.money is None and context.org.rates:
        _mismatch(made, value, context)
    if isinstance(value, Text) and len(value.value) > MAX_TEXT:
        plain(
            "MALFORMED_QUERY",
            f"A string in a WHERE clause cannot be longer than {MAX_TEXT} characters",
        )
    if isinstance(value, DateRange):
        days(value, context)
    if isinstance(value, DateValue | DateTimeValue):
        _check_calendar(value.value)


def _check_calendar(value: date) -> None:
    last = value.year == LAST_YEAR and (value.month, value.day) == (12, 31)
    if not FIRST_YEAR <= value.year <= LAST_YEAR and not last:
        plain("MALFORMED_QUERY", f"Invalid date: {value.isoformat()}")


def _mismatch(made: Operand, value: Value, context: Context) -> None:
    text = made.type not in _LITERALS
    kind = "string" if text else _NAMES.get(made.type, made.type)
    quotes = ""
    if text:
        quotes = " and should be enclosed in quotes"
    elif isinstance(value, Text):
        quotes = " and should not be enclosed in quotes"
    refuse(
        context.text,
        made.at,
        "INVALID_FIELD",
        f"value of filter criterion for field '{made.label}' must be of type {kind}{quotes}",
    )
