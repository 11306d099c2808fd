"""How long it is from one moment to another: compared with an interval, or counted in units.

A span is turned round: ``now() - t < INTERVAL 7 DAYS`` is a bound of ``t``. Two instants are as
many days apart as the clocks of the query's time zone show, and months have 28 to 31 days: bounds
are wider where that matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Final

from isthmus.connectors.predicates import Compare, Comparison, Predicate
from isthmus.engine.bound import clock
from isthmus.engine.bound.calendar import following, month_number, month_start
from isthmus.engine.bound.constants import Interval
from isthmus.engine.bound.implied import Implied
from isthmus.engine.bound.moments import CLOCK_CHANGE, INSTANT, WALLS, is_moment, moved, ranged
from isthmus.engine.bound.peel import FLIPPED, Peel, Peeled, known
from isthmus.engine.bound.tree import Call, Node

__all__ = ["SPAN_PEELS", "lasting"]

#: How far ``age`` is off, that counts whole months first: two at the end of February, and more.
_MONTHS_END: Final = timedelta(days=5)
_DAY: Final = timedelta(days=1)

#: The shortest and the longest that a unit may be.
_UNITS: Final[Mapping[str, tuple[timedelta, timedelta]]] = {
    "millisecond": (timedelta(milliseconds=1), timedelta(milliseconds=1)),
    "second": (timedelta(seconds=1), timedelta(seconds=1)),
    "minute": (timedelta(minutes=1), timedelta(minutes=1)),
    "hour": (timedelta(hours=1), timedelta(hours=1)),
    "day": (_DAY, _DAY),
    "week": (7 * _DAY, 7 * _DAY),
    "month": (28 * _DAY, 31 * _DAY),
    "quarter": (89 * _DAY, 92 * _DAY),
    "year": (365 * _DAY, 366 * _DAY),
}
_OF_MONTHS: Final = frozenset({"month", "quarter", "year"})


def lasting(call: Call, op: Comparison, length: Interval, zone: str) -> Peeled | None:
    """``now() - t < INTERVAL 7 DAYS``, and ``age(now(), t)``.

    Args:
        call: its value is an interval.
        op: how it compares.
        length: with what; DuckDB compares months as 30 days, and days as 24 hours.
        zone: the query's time zone.
    """
    if call.name == "normalized_interval" and isinstance(call.arguments[0], Call):
        call = call.arguments[0]
    if call.name not in ("-", "age") or len(call.arguments) != 2:
        return None
    days = timedelta(days=30 * length.months + length.days, microseconds=length.micros)
    low = high = days
    if call.name == "age":
        longest = days * 31 / 30
        low, high = min(days, longest) - _MONTHS_END, max(days, longest) + _MONTHS_END
    return _turned(*call.arguments, op, low, high, zone)


def _turned(
    left: Node, right: Node, op: Comparison, low: timedelta, high: timedelta, zone: str
) -> Peeled | None:
    """``left - right`` compares so with a length from `low` to `high`; one of the two is known."""
    fixed, term = known(left), right
    turned = fixed is not None
    if not turned:
        fixed, term = known(right), left
    if not is_moment(term.kind) or not isinstance(fixed, date):
        return None
    at = fixed if isinstance(fixed, datetime) else datetime.combine(fixed, time())
    if (at.tzinfo is not None) != (term.kind.name == INSTANT):
        return None
    if term.kind.name == INSTANT and not clock.never_changes(zone):
        low, high = low - CLOCK_CHANGE, high + CLOCK_CHANGE
    if turned:
        found = moved(term.kind, FLIPPED[op], at, low, high, zone)
    else:
        found = moved(term.kind, op, at, -high, -low, zone)
    # Infinity is no time away, and lies in every range that is open.
    return Peeled(term, Implied(found.predicate, found.equivalent and op == "="))


def _apart(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``datediff('day', t, d) < 7``: how many borders of the unit lie between."""
    asked = _asked(call, question)
    if asked is None:
        return None
    unit, left, right, op, count = asked
    return _bordered(unit, left, right, op, count, zone) or _whole(call, question, zone)


def _bordered(
    unit: str, left: Node, right: Node, op: Comparison, count: int, zone: str
) -> Peeled | None:
    """From one border to another, where the borders are known: those of dates and wall clocks."""
    fixed, term, sign = known(right), left, -1
    if fixed is None:
        fixed, term, sign = known(left), right, 1
    if not isinstance(fixed, date) or (isinstance(fixed, datetime) and fixed.tzinfo is not None):
        return None
    if term.kind.name != "DATE" and term.kind.name not in WALLS:
        return None
    span = _counted(unit, fixed, sign * count)
    if span is None:
        return None
    op = op if sign > 0 else FLIPPED[op]
    found = ranged(term.kind, op, *span, zone)
    return Peeled(term, Implied(found.predicate, op == "="))


def _counted(unit: str, fixed: date, count: int) -> tuple[datetime, datetime] | None:
    """The span of the unit that is so many units after that of a date."""
    match unit:
        case "day":
            start = datetime(fixed.year, fixed.month, fixed.day) + timedelta(days=count)
        case "month":
            start = month_start(month_number(fixed) + count)
        case "year":
            start = month_start((fixed.year + count) * 12)
        case _:
            return None
    end = following(unit, start)
    return None if end is None else (start, end)


def _whole(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``datesub('hour', t, v) < 7``, and borders that are not known: a unit more or less."""
    asked = _asked(call, question)
    if asked is None or asked[0] not in _UNITS:
        return None
    unit, left, right, op, count = asked
    match op:
        case "<":
            op, count = "<=", count - 1
        case ">":
            op, count = ">=", count + 1
    slack = _MONTHS_END if unit in _OF_MONTHS else timedelta(0)
    low = min(length * (count - 1) for length in _UNITS[unit]) - slack
    high = max(length * (count + 1) for length in _UNITS[unit]) + slack
    return _turned(right, left, op, low, high, zone)


def _asked(call: Call, question: Predicate) -> tuple[str, Node, Node, Comparison, int] | None:
    """The unit, from what, to what, and how the number compares with which."""
    if not isinstance(question, Compare) or len(call.arguments) != 3:
        return None
    unit, left, right = known(call.arguments[0]), *call.arguments[1:]
    count = question.value
    if isinstance(count, bool) or not isinstance(count, int) or not isinstance(unit, str):
        return None
    return unit.lower().removesuffix("s"), left, right, question.op, count


#: By function name.
SPAN_PEELS: Final[Mapping[str, Peel]] = {
    "datediff": _apart,
    "date_diff": _apart,
    "datesub": _whole,
    "date_sub": _whole,
}
