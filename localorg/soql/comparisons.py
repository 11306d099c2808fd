"""WHERE and HAVING as DuckDB conditions, with SOQL's own rules for null, case and dates.

SOQL's logic has two values unless the switch `null-not-equal` says otherwise, so an atom below a
NOT is made true or false before it is turned round.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from decimal import Decimal

from isthmus.localorg import ids
from isthmus.localorg.soql.ast import (
    And,
    Boolean,
    Compare,
    Condition,
    DateRange,
    DateTimeValue,
    DateValue,
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
from isthmus.localorg.soql.numbers import at_scale, number_literal, number_test
from isthmus.localorg.soql.operands import IDS, Operand, corporate, text_literal
from isthmus.localorg.soql.ranges import days, instants
from isthmus.localorg.soql.refusals import plain

#: Translates the left side of a comparison.
Left = Callable[[Expression], Operand]
#: Translates a semi-join.
SemiJoin = Callable[[InQuery, Operand], str]


class Conditions:
    """The translation of conditions, given how their left sides and semi-joins translate."""

    def __init__(self, context: Context, left: Left, semi_join: SemiJoin) -> None:
        self._context = context
        self._left = left
        self._semi_join = semi_join
        self._three_valued = context.switches.null_not_equal == "three-valued"

    def sql(self, condition: Condition) -> str:
        """Translate a condition."""
        match condition:
            case And(items):
                return "(" + " AND ".join(self.sql(item) for item in items) + ")"
            case Or(items):
                return "(" + " OR ".join(self.sql(item) for item in items) + ")"
            case Not(item):
                return f"(NOT {self.sql(item)})"
            case Compare(left, operator, value):
                return self._compare(self._left(left), operator, value)
            case InList(left, operator, values):
                return self._in_list(self._left(left), operator, values)
            case InQuery(left, operator, _):
                found = self._semi_join(condition, self._left(left))
                return self._negated(found) if operator == "NOT IN" else self._known(found)

    def _known(self, sql: str) -> str:
        """Make an atom false where it is unknown, so that NOT and OR see two values."""
        return f"({sql})" if self._three_valued else f"coalesce({sql}, FALSE)"

    def _negated(self, sql: str) -> str:
        return f"(NOT ({sql}))" if self._three_valued else f"coalesce(NOT ({sql}), TRUE)"

    def _compare(self, left: Operand, operator: str, value: Value) -> str:
        if operator == "!=":
            null_test = self._null_test(left, value)
            if null_test is not None:
                return f"(NOT {null_test})"
            return self._negated(self._atom(left, "=", value))
        if operator == "=":
            return self._null_test(left, value) or self._known(self._atom(left, "=", value))
        return self._known(self._atom(left, operator, value))

    def _null_test(self, left: Operand, value: Value) -> str | None:
        """Translate a test for null; the empty text means null, and null booleans are false."""
        is_null = isinstance(value, Null) or value == Text("")
        if not is_null:
            return None
        if left.type == "boolean":
            return f"({left.sql} = FALSE)"
        return f"({left.sql} IS NULL)"

    def _in_list(self, left: Operand, operator: str, values: tuple[Value, ...]) -> str:
        if operator in ("INCLUDES", "EXCLUDES"):
            found = " OR ".join(self._includes(left, value) for value in values)
            return self._negated(found) if operator == "EXCLUDES" else self._known(found)
        tests = [test for value in values if (test := self._null_test(left, value))]
        rest = [value for value in values if self._null_test(left, value) is None]
        found = self._any(left, rest)
        known = found if len(_plain_only(rest)) == len(rest) else self._known(found)
        positive = [*tests, *([f"({known})"] if found else [])]
        if operator == "IN":
            return "(" + " OR ".join(positive) + ")"
        negative = [f"NOT {test}" for test in tests] + ([self._negated(found)] if found else [])
        return "(" + " AND ".join(negative) + ")"

    def _any(self, left: Operand, values: list[Value]) -> str:
        """Translate "equals one of", as one IN list where the values allow it."""
        ranges = [value for value in values if isinstance(value, DateRange | Money)]
        plain_values = _plain_only(values)
        found = [self._atom(left, "=", value) for value in ranges]
        if plain_values:
            listed = ", ".join(self.literal(left, value) for value in plain_values)
            test = f"{_folded(left)} IN ({listed})"
            # DuckDB looks a list up only where it stands by itself, not within a coalesce
            found.append(
                test if self._three_valued else f"({_folded(left)} IS NOT NULL AND {test})"
            )
        return " OR ".join(found)

    def _includes(self, left: Operand, value: Value) -> str:
        if not isinstance(value, Text):
            plain("INVALID_FIELD", f"field '{left.label}' is compared with texts in INCLUDES")
        members = [part for part in value.value.split(";") if part]
        held = f"string_split(lower({left.sql}), ';')"
        wanted = ", ".join(f"lower({text_literal(member)})" for member in members)
        return f"list_has_all({held}, [{wanted}])"

    def _atom(self, left: Operand, operator: str, value: Value) -> str:
        if isinstance(value, DateRange):
            return self._range(left, operator, value)
        if isinstance(value, Money):
            amount = corporate(left, self._context)
            return number_test(amount, operator, self._corporate(value, amount))
        if isinstance(value, Number):
            return number_test(left, operator, value.value)
        if operator == "LIKE":
            pattern = self.literal(left, value)
            return f"{_folded(left)} LIKE {pattern} ESCAPE '\\'"
        if left.is_text and operator != "=":
            raw = self._raw(left, value)
            if self._context.switches.string_sort == "binary":
                return f"{left.sql} {operator} {raw}"
            return f"upper({left.sql}) {operator} upper({raw})"
        return f"{_folded(left)} {operator} {self.literal(left, value)}"

    def _range(self, left: Operand, operator: str, value: DateRange) -> str:
        span = days(value, self._context)
        if left.type == "datetime":
            start, end = (f"TIMESTAMP '{at}'" for at in instants(span, self._context))
        else:
            start, end = f"DATE '{span.start}'", f"DATE '{span.end}'"
        tests = {
            "=": f"({left.sql} >= {start} AND {left.sql} < {end})",
            "<": f"{left.sql} < {start}",
            ">": f"{left.sql} >= {end}",
            ">=": f"{left.sql} >= {start}",
            "<=": f"{left.sql} < {end}",
        }
        return tests[operator]

    def _corporate(self, value: Money, amount: Operand) -> Decimal:
        """Convert a literal as the rows are converted, to the same number of decimals."""
        rate = self._context.org.rates.get(value.currency)
        if rate is None and value.currency != self._context.org.corporate_currency:
            plain("INVALID_FIELD", f"Invalid currency: {value.currency}")
        converted = value.value / (rate or Decimal(1))
        if rate in (None, 1) or amount.scale is None:
            return converted
        return at_scale(converted, amount.scale)

    def literal(self, left: Operand, value: Value) -> str:
        """Translate a literal for comparison with an operand."""
        raw = self._raw(left, value)
        return f"lower({raw})" if left.fold else raw

    def _raw(self, left: Operand, value: Value) -> str:
        match value:
            case Text(text):
                return text_literal(self._id(left, text) if left.type in IDS else text)
            case Number(number):
                return number_literal(left, number)
            case Boolean(truth):
                return "TRUE" if truth else "FALSE"
            case DateValue(day):
                return f"DATE '{day}'"
            case DateTimeValue(instant):
                return f"TIMESTAMP '{instant.astimezone(UTC).replace(tzinfo=None)}'"
            case TimeValue(clock):
                return f"TIME '{clock}'"
            case _:
                return "NULL"

    def _id(self, left: Operand, text: str) -> str:
        found = ids.normalise(text)
        if found is None and self._context.switches.malformed_id == "refuse":
            plain("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}")
        return found if found is not None else text


def _plain_only(values: list[Value]) -> list[Value]:
    """The values that are compared as they are, not as a range or an amount of money."""
    return [value for value in values if not isinstance(value, DateRange | Money)]


def _folded(left: Operand) -> str:
    return f"lower({left.sql})" if left.fold else left.sql
