"""What Salesforce promises on a predicate, and the SOQL that says it: judge and writer in one.

`translate` brings a predicate into negation normal form and looks each comparison up in `RULES`,
by the column's type. A rule gives the promise, the reason and the condition's text together, so
nothing is judged sendable that can't be written. What no rule names stays LOCAL.

The promises follow ``salesforce/soql-and-rest.md`` section 2 (S, N, M, T are its rows):

- Text is compared without case (S1), so ``=`` and IN may return more; ``!=`` would return less
  and only its "not null" is sent (S2). Ranges follow the user's locale (S3): not sent.
- Whether ``F != v`` returns the rows where F is null is not settled (N3), nor is how an order
  comparison treats null (N4); both are sent with ``F != null`` beside them and mean the same in
  either case.
- A decimal column holds each stored value exactly and a value that does not fit the column is an
  error when it is read, so comparing on the server and comparing here see the same number: EXACT.
  A plain number is compared raw in an org of several currencies too (M5). Formula fields may be
  computed to more places than they show (M6): one unit of the last place is allowed for.
- A datetime has whole seconds (T1): only ``>=`` and ``<`` on whole seconds are sent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, Literal

import pyarrow as pa

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Promise
from isthmus.connectors.predicates import (
    And,
    Compare,
    Comparison,
    In,
    IsNull,
    Not,
    Or,
    Predicate,
    Value,
)
from isthmus.connectors.salesforce import literals
from isthmus.connectors.salesforce.ids import is_full_id
from isthmus.connectors.salesforce.soql import All, AnyOf, Condition
from isthmus.connectors.salesforce.types import (
    BOOLEANS,
    EXTERNAL,
    IDS,
    LOOSE,
    NUMBERS,
    TEXTS,
    WHOLE,
)

__all__ = ["RULES", "Translation", "translate"]


@dataclass(frozen=True)
class Translation:
    """A promise, the reason for it, and what is sent (None where nothing is)."""

    promise: Promise
    reason: str
    condition: Condition | None = None


Operator = Literal["=", "!=", "<", "<=", ">", ">="]
#: A rule takes the column, one operator, and the values: one for a comparison, any number for
#: ``=`` (any of them) and ``!=`` (none of them).
Rule = Callable[[Column, Operator, tuple[Value, ...]], Translation]

_OPPOSITE: Final[dict[Comparison, Comparison]] = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
}


def translate(table: Table, predicate: Predicate, *, negated: bool = False) -> Translation:
    """Judge a predicate and write it.

    Args:
        table: the table that the predicate is about.
        predicate: what must hold.
        negated: translate ``NOT predicate`` instead.
    """
    match predicate:
        case Not(part=part):
            return translate(table, part, negated=not negated)
        case And(parts=parts) | Or(parts=parts):
            each = [translate(table, part, negated=negated) for part in parts]
            return _all(each) if isinstance(predicate, And) != negated else _any(each)
        case IsNull(column=name):
            return _null(table.column(name), wanted=not negated)
        case Compare(column=name, op=op, value=value):
            return _compared(table.column(name), _OPPOSITE[op] if negated else op, (value,))
        case In(column=name, values=values):
            return _compared(table.column(name), "!=" if negated else "=", values)


def _local(reason: str) -> Translation:
    return Translation(Promise.LOCAL, reason)


def _exact(condition: Condition, reason: str) -> Translation:
    return Translation(Promise.EXACT, reason, condition)


def _superset(condition: Condition, reason: str) -> Translation:
    return Translation(Promise.SUPERSET, reason, condition)


def _reasons(each: Iterable[Translation]) -> str:
    return "; ".join(dict.fromkeys(t.reason for t in each))


def _all(each: list[Translation]) -> Translation:
    """AND: what can be sent is sent, and is a superset if anything is left out."""
    sent = [t for t in each if t.condition is not None]
    if not sent:
        return _local(_reasons(each))
    condition = All(tuple(t.condition for t in sent if t.condition is not None))
    if all(t.promise is Promise.EXACT for t in each):
        return _exact(condition, _reasons(each))
    return _superset(condition, _reasons(t for t in each if t.promise is not Promise.EXACT))


def _any(each: list[Translation]) -> Translation:
    """OR: sent only if every arm can be."""
    if not each or any(t.condition is None for t in each):
        missing = [t for t in each if t.condition is None]
        return _local(f"an arm of OR can't be sent: {_reasons(missing)}")
    condition = AnyOf(tuple(t.condition for t in each if t.condition is not None))
    if all(t.promise is Promise.EXACT for t in each):
        return _exact(condition, _reasons(each))
    return _superset(condition, _reasons(t for t in each if t.promise is not Promise.EXACT))


def _null(column: Column, *, wanted: bool) -> Translation:
    if column.source_type in BOOLEANS:
        return _local("a checkbox is never null, and Salesforce takes null for false")
    if (refusal := _refusal(column)) is not None:
        return refusal
    if column.properties.get(EXTERNAL) and pa.types.is_string(column.type):
        return _local("an external object's empty texts are null to Salesforce")
    return _exact(f"{column.name} {'=' if wanted else '!='} null", "a test for null means the same")


def _refusal(column: Column) -> Translation | None:
    if not column.properties.get("filterable"):
        return _local(f"Salesforce does not filter by {column.name} (not filterable)")
    if column.properties.get(LOOSE):
        return _local(f"values of type {column.source_type} are not compared on the server")
    return None


def _compared(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    if (refusal := _refusal(column)) is not None:
        return refusal
    if not values:
        return _local("the list is empty")
    rule = RULES.get(column.source_type)
    if rule is None:
        return _local(f"no rule for type {column.source_type}")
    if column.source_type in NUMBERS and not pa.types.is_decimal(column.type):
        rule = _double
    return rule(column, op, tuple(dict.fromkeys(values)) if len(values) > 1 else values)


def _guarded(column: Column, condition: Condition) -> Condition:
    """With null ruled out, where null may be."""
    return All((condition, f"{column.name} != null")) if column.nullable else condition


def _listed(column: Column, op: Operator, written: list[str]) -> Condition:
    """``=`` or ``!=`` with one literal, IN or NOT IN with several; nulls are out."""
    if len(written) == 1:
        condition = f"{column.name} {op} {written[0]}"
    else:
        condition = f"{column.name} {'IN' if op == '=' else 'NOT IN'} ({','.join(written)})"
    return condition if op == "=" else _guarded(column, condition)


def _not_null_only(column: Column, reason: str) -> Translation:
    """For a negation that would lose rows: only that the column is not null is sent."""
    if not column.nullable:
        return _local(reason)
    return _superset(f"{column.name} != null", f"{reason}; only that it is not null is sent")


# --- text -----------------------------------------------------------------------------------


def _text(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    cased = bool(column.properties.get("case_sensitive"))
    if op not in ("=", "!="):
        return _local("Salesforce orders text by the user's language (S3)")
    if op == "!=" and values == ("",) and not column.properties.get(EXTERNAL):
        return _exact(f"{column.name} != null", "stored text is never empty (S5)")
    if op == "!=" and not cased:
        return _not_null_only(column, "Salesforce would also drop other spellings (S2)")
    written = []
    for value in values:
        literal = _quoted(value)
        if literal is None:
            return _local(f"{_shown(value)} can't be sent as text (S5)")
        written.append(literal)
    if cased:
        return _exact(_listed(column, op, written), "the field is compared with case")
    return _superset(_listed(column, op, written), "Salesforce compares text without case (S1)")


def _quoted(value: Value) -> str | None:
    """A quoted literal; None for empty texts and outer blanks, which Salesforce never stores."""
    if not isinstance(value, str) or not value or value != value.strip():
        return None
    return literals.text(value)


def _multipicklist(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    if op not in ("=", "!="):
        return _local("a multi-select picklist is not ordered (S10)")
    if op == "!=":
        return _not_null_only(column, "Salesforce compares sets of choices without case (S10)")
    written = []
    for value in values:
        parts = value.split(";") if isinstance(value, str) else [""]
        literal = _quoted(value)
        if literal is None or any(not part or part != part.strip() for part in parts):
            return _local(f"{_shown(value)} is no set of choices")
        written.append(literal)
    return _superset(
        _listed(column, op, written), "the whole set is compared, without case or order (S10)"
    )


def _shown(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


# --- Ids ------------------------------------------------------------------------------------


def _id(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """Only full Ids can be equal to a stored one; a query with anything else is refused (S8)."""
    if op not in ("=", "!="):
        return _local("Ids are not ordered as text is (S8)")
    written = [f"'{v}'" for v in values if isinstance(v, str) and is_full_id(v)]
    if written:
        return _exact(_listed(column, op, written), "full Ids are compared exactly (S8)")
    if op == "=" or not all(isinstance(v, str) for v in values):
        return _local("no stored Id can be equal: not 18 characters with their checksum (S8)")
    return _exact(f"{column.name} != null", "every stored Id differs from it (S8)")


# --- booleans -------------------------------------------------------------------------------


def _boolean(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    if op not in ("=", "!=") or not all(isinstance(value, bool) for value in values):
        return _local("a checkbox is only compared with true or false")
    if len(values) > 1:
        return _local("both values are listed, so nothing is saved by sending it")
    wanted = (op == "=") == values[0]
    return _exact(f"{column.name} = {'TRUE' if wanted else 'FALSE'}", "a checkbox is never null")


# --- numbers --------------------------------------------------------------------------------

_NUMBER_REASON: Final = "numbers are compared by value, null ruled out"
#: An int field holds 32 bits; what a literal beyond them does is not documented.
_INT_LIMIT: Final = 2**31


def _whole(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    written = []
    for value in values:
        number = _as_int(value)
        literal = None if number is None else literals.whole_number(number)
        if number is None or literal is None:
            return _local(f"{_shown(value)} can't be sent as a whole number")
        if column.source_type == "int" and abs(number) >= _INT_LIMIT:
            return _local(f"{_shown(value)} is beyond what the field holds")
        written.append(literal)
    return _exact(_ordered(column, op, written), _NUMBER_REASON)


def _ordered(column: Column, op: Operator, written: list[str]) -> Condition:
    if op in ("=", "!="):
        return _listed(column, op, written)
    return _guarded(column, f"{column.name} {op} {written[0]}")


def _as_int(value: Value) -> int | None:
    """A whole number as int; a double only where doubles are still exact."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return None


def _decimal(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    if any(isinstance(value, float) for value in values):
        return _double(column, op, values)
    numbers: list[Decimal] = []
    written: list[str] = []
    for value in values:
        number = Decimal(value) if isinstance(value, int | Decimal) else Decimal("NaN")
        literal = literals.decimal_number(number)
        if isinstance(value, bool) or literal is None:
            return _local(f"{_shown(value)} can't be written as a number in SOQL")
        numbers.append(number)
        written.append(literal)
    if column.properties.get("calculated"):
        return _calculated(column, op, numbers)
    return _exact(_ordered(column, op, written), _NUMBER_REASON)


def _calculated(column: Column, op: Operator, numbers: list[Decimal]) -> Translation:
    """A formula's hidden places are less than one unit of the last place shown."""
    unit = Decimal(1).scaleb(-column.type.scale)
    bounds = [
        (literals.decimal_number(n - unit), literals.decimal_number(n + unit)) for n in numbers
    ]
    return _between(column, op, bounds, "<", ">", "a formula may hold more places than it shows")


def _double(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """A double here is the stored decimal, rounded: the neighbours bound what it came from (M4)."""
    bounds = []
    for value in values:
        try:
            number = float(value) if isinstance(value, int | float | Decimal) else math.nan
        except OverflowError:
            number = math.inf
        if isinstance(value, bool) or not math.isfinite(number):
            return _local(f"{_shown(value)} is no number that SOQL knows")
        bounds.append(
            (
                literals.outward(math.nextafter(number, -math.inf), -math.inf),
                literals.outward(math.nextafter(number, math.inf), math.inf),
            )
        )
    return _between(
        column, op, bounds, "<=", ">=", "a double is rounded; its neighbours are let in (M4)"
    )


def _between(
    column: Column,
    op: Operator,
    bounds: list[tuple[str | None, str | None]],
    below: str,
    above: str,
    reason: str,
) -> Translation:
    if op == "!=":
        return _not_null_only(column, reason)
    arms: list[Condition] = []
    for low, high in bounds:
        if low is None or high is None:
            return _local("the number can't be written in SOQL")
        at_least, at_most = f"{column.name} {above} {low}", f"{column.name} {below} {high}"
        if op == "=":
            arms.append(All((at_least, at_most)))
        else:
            arms.append(at_most if op in ("<", "<=") else at_least)
    return _superset(AnyOf(tuple(arms)), reason)


# --- dates and times ------------------------------------------------------------------------


def _date(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    written = []
    for value in values:
        literal = literals.day(value) if type(value) is date else None
        if literal is None:
            return _local(f"{_shown(value)} is no date from 1700 to 4000")
        written.append(literal)
    return _exact(_ordered(column, op, written), "dates are compared by day")


_SECOND: Final = timedelta(seconds=1)


def _datetime(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    arms: list[Condition] = []
    for value in values:
        if not isinstance(value, datetime) or value.tzinfo is None:
            return _local(f"{_shown(value)} is no instant: it has no time zone")
        arm = _instant(column.name, op, value.astimezone(UTC))
        if arm is None:
            return _local(f"{_shown(value)} is no instant from 1700 to 4000")
        arms.append(arm)
    never = "no stored value can be equal: instants have whole seconds (T1)"
    if op == "=":
        arms = [arm for arm in arms if arm != _NEVER]
        if not arms:
            return _local(never)
        return _exact(_guarded(column, AnyOf(tuple(arms))), "instants have whole seconds (T1)")
    kept = tuple(arm for arm in arms if arm != _ALWAYS)
    if not kept:
        return _exact(f"{column.name} != null", "every stored instant differs from it (T1)")
    return _exact(_guarded(column, All(kept)), "instants have whole seconds (T1)")


_NEVER: Final = ""
_ALWAYS: Final = "-"


def _instant(name: str, op: Operator, value: datetime) -> Condition | None:
    """One comparison through ``>=`` and ``<`` on whole seconds; None where it can't be written."""
    if not literals.EARLIEST <= value.date() <= literals.LATEST:
        return None
    floor = value.replace(microsecond=0)
    ceiling = floor if floor == value else floor + _SECOND
    fraction = floor != value
    if op in (">=", "<"):
        return f"{name} {op} {literals.instant(ceiling)}"
    after = literals.instant(floor + _SECOND)
    if op == ">":
        return f"{name} >= {after}"
    if op == "<=":
        return f"{name} < {after}"
    at = literals.instant(floor)
    if op == "=":
        return _NEVER if fraction else All((f"{name} >= {at}", f"{name} < {after}"))
    return _ALWAYS if fraction else AnyOf((f"{name} < {at}", f"{name} >= {after}"))


def _time(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    if op == "!=":
        return _not_null_only(column, "how exactly Salesforce compares times is not settled (T6)")
    written = []
    for value in values:
        literal = literals.time_of_day(value) if isinstance(value, time) else None
        if literal is None:
            return _local(f"{_shown(value)} is no time in milliseconds")
        written.append(literal)
    condition = (
        _listed(column, op, written) if op == "=" else f"{column.name} {_WIDE[op]} {written[0]}"
    )
    return _superset(condition, "how exactly Salesforce compares times is not settled (T6)")


#: The bound itself is let in, and filtered again.
_WIDE: Final = {"<": "<=", "<=": "<=", ">": ">=", ">=": ">="}


#: By source type. A type that is not here stays local.
RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(IDS, _id),
    **dict.fromkeys(TEXTS, _text),
    "multipicklist": _multipicklist,
    **dict.fromkeys(BOOLEANS, _boolean),
    **dict.fromkeys(WHOLE, _whole),
    **dict.fromkeys(NUMBERS, _decimal),
    "date": _date,
    "datetime": _datetime,
    "time": _time,
}
