"""Rules for dates, instants and times of day; the sources are named in `judge`."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from isthmus.catalog.model import Column
from isthmus.connectors.predicates import PARTS, Part, PartIn, Value
from isthmus.connectors.salesforce import literals
from isthmus.connectors.salesforce.soql import All, AnyOf, Condition
from isthmus.connectors.salesforce.translation import (
    Operator,
    Translation,
    exact,
    guarded,
    listed,
    local,
    not_null_only,
    ordered,
    shown,
    superset,
)

__all__ = ["day", "instant", "part_of_day", "time_of_day"]


def day(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """A date: exactly, within what SOQL takes."""
    written = []
    for value in values:
        literal = literals.day(value) if type(value) is date else None
        if literal is None:
            return local(f"{shown(value)} is no date from 1700 to 4000")
        written.append(literal)
    return exact(ordered(column, op, written), "dates are compared by day")


#: SOQL's names; both count from 1 as SQL does.
_FUNCTIONS: Final[dict[Part, str]] = {
    "quarter": "CALENDAR_QUARTER",
    "month": "CALENDAR_MONTH",
    "day": "DAY_IN_MONTH",
}


def part_of_day(column: Column, predicate: PartIn, *, negated: bool) -> Translation:
    """A part of a date: by SOQL's date function, which is asked of stored dates only."""
    if column.source_type != "date":
        return local(f"a part of type {column.source_type} depends on a time zone")
    if column.properties.get("calculated"):
        return local("whether date functions take formulas is documented nowhere")
    numbers = set(predicate.numbers)
    wanted = [n for n in range(1, PARTS[predicate.part] + 1) if (n in numbers) != negated]
    if not wanted:
        return local("no date has such a part")
    if len(wanted) == PARTS[predicate.part]:
        return not_null_only(column, "each date has such a part")
    function = f"{_FUNCTIONS[predicate.part]}({column.name})"
    arms = tuple(f"{function} = {number}" for number in wanted)
    return exact(guarded(column, AnyOf(arms)), "a date has its parts in every time zone")


_SECOND: Final = timedelta(seconds=1)


def instant(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """A datetime: exactly, by whole seconds, unless it is a formula."""
    arms: list[Condition] = []
    for value in values:
        if not isinstance(value, datetime) or value.tzinfo is None:
            return local(f"{shown(value)} is no instant: it has no time zone")
        arm = _one_instant(column.name, op, value.astimezone(UTC))
        if arm is None:
            return local(f"{shown(value)} is no instant from 1700 to 4000")
        arms.append(arm)
    if column.properties.get("calculated"):
        return _calculated_instant(column, op, [v for v in values if isinstance(v, datetime)])
    never = "no stored value can be equal: instants have whole seconds"
    if op == "=":
        arms = [arm for arm in arms if arm != _NEVER]
        if not arms:
            return local(never)
        return exact(guarded(column, AnyOf(tuple(arms))), "instants have whole seconds")
    kept = tuple(arm for arm in arms if arm != _ALWAYS)
    if not kept:
        return exact(f"{column.name} != null", "every stored instant differs from it")
    return exact(guarded(column, All(kept)), "instants have whole seconds")


def _calculated_instant(column: Column, op: Operator, values: list[datetime]) -> Translation:
    """A formula may give parts of a second: the whole second is let in."""
    reason = "a formula's instant may have parts of a second"
    if op == "!=":
        return not_null_only(column, reason)
    arms: list[Condition] = []
    for value in values:
        second = value.astimezone(UTC).replace(microsecond=0)
        at_least = f"{column.name} >= {literals.instant(second)}"
        below = f"{column.name} < {literals.instant(second + _SECOND)}"
        if op == "=":
            arms.append(All((at_least, below)))
        else:
            arms.append(below if op in ("<", "<=") else at_least)
    return superset(AnyOf(tuple(arms)), reason)


_NEVER: Final = ""
_ALWAYS: Final = "-"


def _one_instant(name: str, op: Operator, value: datetime) -> Condition | None:
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


def time_of_day(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """A time: sent, and compared again here."""
    if op == "!=":
        return not_null_only(column, "how exactly Salesforce compares times is not settled")
    written = []
    for value in values:
        literal = literals.time_of_day(value) if isinstance(value, time) else None
        if literal is None:
            return local(f"{shown(value)} is no time in milliseconds")
        written.append(literal)
    condition = (
        listed(column, op, written) if op == "=" else f"{column.name} {_WIDE[op]} {written[0]}"
    )
    return superset(condition, "how exactly Salesforce compares times is not settled")


#: The bound itself is let in, and filtered again.
_WIDE: Final = {"<": "<=", "<=": "<=", ">": ">=", ">=": ">="}
