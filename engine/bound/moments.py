"""Dates and times: casts, parts and truncations as ranges, and arithmetic turned round.

A column of instants is compared by the clock of the query's time zone. Around the hours that
such a clock skips or shows twice, ranges are wider than the expression, never narrower.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from isthmus.connectors.predicates import PARTS, And, Compare, Comparison, Part, PartIn, Predicate
from isthmus.connectors.truth import truth
from isthmus.engine.bound import clock
from isthmus.engine.bound.calendar import floor, following
from isthmus.engine.bound.constants import Interval
from isthmus.engine.bound.implied import NOTHING, Implied, all_of, any_of
from isthmus.engine.bound.peel import FLIPPED, IT, Peel, Peeled, compared, known, some
from isthmus.engine.bound.tree import Call, Kind

__all__ = [
    "CLOCK_CHANGE",
    "INSTANT",
    "MOMENT_PEELS",
    "WALLS",
    "is_moment",
    "moment_cast",
    "moved",
    "ranged",
]

INSTANT: Final = "TIMESTAMP WITH TIME ZONE"
WALLS: Final = frozenset({"TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_S"})
_TICK: Final = timedelta(microseconds=1)
#: How much the same wall clock, some days later, may be off from so many times 24 hours.
CLOCK_CHANGE: Final = timedelta(hours=26)


def is_moment(kind: Kind) -> bool:
    """Whether a type is a date, a timestamp or an instant."""
    return kind.name == "DATE" or kind.name == INSTANT or kind.name in WALLS


def moment_cast(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``t::DATE = d`` is ``t >= d AND t < d + 1``, by the zone's clock."""
    term = call.arguments[0]
    if not isinstance(question, Compare) or not is_moment(term.kind):
        return None
    op, value = question.op, question.value
    match term.kind.name, call.kind.name, value:
        case "DATE", "VARCHAR", str(text):
            return Peeled(term, spelt) if (spelt := _spelt(op, text)) is not None else None
        case "DATE" | "TIMESTAMP_MS" | "TIMESTAMP_S", "TIMESTAMP", datetime():
            return Peeled(term, _at(term.kind, op, value, value, zone))
        case source, "TIMESTAMP WITH TIME ZONE", datetime() if source != INSTANT:
            least, greatest = clock.offsets(zone, value.replace(tzinfo=None))
            wall = value.astimezone(UTC).replace(tzinfo=None)
            return Peeled(term, _at(term.kind, op, wall + least, wall + greatest, zone))
        case "TIMESTAMP WITH TIME ZONE", "TIMESTAMP", datetime():
            return Peeled(term, _at(term.kind, op, value, value, zone))
        case source, "DATE", date() if source != "DATE":
            start = datetime.combine(value, time())
            return Peeled(term, ranged(term.kind, op, start, start + timedelta(days=1), zone))
    return None


def _spelt(op: Comparison, text: str) -> Implied | None:
    if op not in ("=", "!="):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return compared(op, day) if day.isoformat() == text else None


def _at(kind: Kind, op: Comparison, low: datetime, high: datetime, zone: str) -> Implied:
    """How a wall clock's time compares with one that is somewhere from `low` to `high`."""
    if low == high:
        if op == "=" and kind.name == "DATE" and low.time() != time():
            return NOTHING
        if kind.name in WALLS:
            return compared(op, low)
        return ranged(kind, op, low, low + _TICK, zone)
    match op:
        case "!=":
            return some(equivalent=False)
        case "=":
            found = ranged(kind, "=", low, high + _TICK, zone)
        case "<" | "<=":
            found = _before(kind, high + _TICK, zone)
        case _:
            found = _since(kind, low, zone)
    return Implied(found.predicate, False)


def ranged(kind: Kind, op: Comparison, start: datetime, end: datetime, zone: str) -> Implied:
    """How a wall clock's time compares with a span of time, `end` not within."""
    match op:
        case "=":
            found = all_of((_since(kind, start, zone), _before(kind, end, zone)))
        case "!=":
            found = any_of((_before(kind, start, zone), _since(kind, end, zone)))
        case "<":
            found = _before(kind, start, zone)
        case "<=":
            found = _before(kind, end, zone)
        case ">":
            found = _since(kind, end, zone)
        case ">=":
            found = _since(kind, start, zone)
    assert found is not None  # all parts are known
    return found


def _since(kind: Kind, wall: datetime, zone: str) -> Implied:
    """The wall clock shows this time or a later one."""
    if kind.name == INSTANT:
        first, last = clock.instants(zone, wall)
        return compared(">=", first, equivalent=first == last)
    if kind.name == "DATE":
        return compared(">=" if wall.time() == time() else ">", wall.date())
    return compared(">=", wall)


def _before(kind: Kind, wall: datetime, zone: str) -> Implied:
    """The wall clock shows an earlier time."""
    if kind.name == INSTANT:
        first, last = clock.instants(zone, wall)
        return compared("<", last, equivalent=first == last)
    if kind.name == "DATE":
        return compared("<" if wall.time() == time() else "<=", wall.date())
    return compared("<", wall)


def _in_zone(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``t AT TIME ZONE z`` of an instant is what the clocks of that zone show."""
    if len(call.arguments) != 2:
        return None
    named, term = known(call.arguments[0]), call.arguments[1]
    if not isinstance(named, str) or term.kind.name != INSTANT:
        return None
    if not isinstance(question, Compare) or not isinstance(question.value, datetime):
        return None
    return Peeled(term, _at(term.kind, question.op, question.value, question.value, named))


def _year(call: Call, question: Predicate, zone: str) -> Peeled | None:
    term = call.arguments[0]
    if not isinstance(question, Compare) or not is_moment(term.kind):
        return None
    year = question.value
    if isinstance(year, bool) or not isinstance(year, int) or not 1 <= year <= 9998:
        return None
    found = ranged(term.kind, question.op, datetime(year, 1, 1), datetime(year + 1, 1, 1), zone)
    # Infinity has no year, and lies in every range that is open.
    return Peeled(term, Implied(found.predicate, found.equivalent and question.op == "="))


def _part(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``month(d) < 4`` is one of the months 1 to 3; an instant's month depends on the zone."""
    term = call.arguments[0]
    if not isinstance(question, Compare) or term.kind.name != "DATE":
        return None
    part: Part = _PARTS[call.name]
    every = range(1, PARTS[part] + 1)
    numbers = tuple(n for n in every if truth(question, {IT: n}))
    if len(numbers) == len(every):
        return Peeled(term, some(equivalent=False))  # infinity is not null and has no part
    if not numbers:
        return Peeled(term, NOTHING)
    return Peeled(term, Implied(PartIn(IT, part, numbers), True))


_PARTS: Final[Mapping[str, Part]] = {
    "quarter": "quarter",
    "month": "month",
    "day": "day",
    "dayofmonth": "day",
}


def _truncated(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``date_trunc('month', t) = m`` is the range of the month, if `m` is its first day."""
    unit, term = known(call.arguments[0]), call.arguments[1]
    if not isinstance(question, Compare) or not is_moment(term.kind):
        return None
    value, op = question.value, question.op
    if not isinstance(unit, str) or not isinstance(value, date):
        return None
    low = high = value if isinstance(value, datetime) else datetime.combine(value, time())
    if low.tzinfo is not None:
        wall = low.astimezone(UTC).replace(tzinfo=None)
        least, greatest = clock.offsets(zone, wall)
        low, high = wall + least, wall + greatest
    start = floor(unit.lower(), low)
    end = None if start is None else following(unit.lower(), high)
    if start is None or end is None:
        return None
    if low != high:
        return Peeled(term, _about(term.kind, op, start, end, zone))
    if start == low:
        return Peeled(term, ranged(term.kind, op, start, end, zone))
    match op:
        case "=":
            return Peeled(term, NOTHING)
        case "!=":
            return Peeled(term, some())
        case "<" | "<=":
            return Peeled(term, _before(term.kind, end, zone))
        case _:
            return Peeled(term, _since(term.kind, end, zone))


def _about(kind: Kind, op: Comparison, start: datetime, end: datetime, zone: str) -> Implied:
    """How a span compares with one that lies somewhere within `start` and `end`."""
    match op:
        case "!=":
            return some(equivalent=False)
        case "=":
            found = ranged(kind, "=", start, end, zone)
        case "<" | "<=":
            found = _before(kind, end, zone)
        case _:
            found = _since(kind, start, zone)
    return Implied(found.predicate, False)


_FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    "%Y": (r"(\d{4})", "year"),
    "%Y-%m": (r"(\d{4})-(\d\d)", "month"),
    "%Y%m": (r"(\d{4})(\d\d)", "month"),
    "%Y-%m-%d": (r"(\d{4})-(\d\d)-(\d\d)", "day"),
    "%Y%m%d": (r"(\d{4})(\d\d)(\d\d)", "day"),
}


def _formatted(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``strftime(t, '%Y-%m') = '2024-03'`` is the range of the month."""
    term, pattern = call.arguments[0], known(call.arguments[1])
    if not isinstance(question, Compare) or question.op != "=" or pattern not in _FORMATS:
        return None
    spelling, unit = _FORMATS[str(pattern)]
    found = re.fullmatch(spelling, str(question.value), re.ASCII)
    if not is_moment(term.kind) or found is None or found[1] < "1000":
        return None
    parts = [int(part) for part in found.groups()] + [1, 1]
    try:
        start = datetime(parts[0], parts[1], parts[2])
    except ValueError:
        return None
    end = following(unit, start)
    if end is None:
        return None
    return Peeled(term, Implied(ranged(term.kind, "=", start, end, zone).predicate, False))


def _days(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """A date plus or minus days, or two dates' difference, turned round."""
    if not isinstance(question, Compare) or len(call.arguments) != 2:
        return None
    left, right = call.arguments
    op, value = question.op, question.value
    match left.kind.name, right.kind.name, known(left), known(right), value:
        case "DATE", _, _, int(days), date() if call.name in "+-" and _is_day(value):
            step = timedelta(days=days if call.name == "+" else -days)
            return Peeled(left, compared(op, value - step))
        case _, "DATE", int(days), _, date() if call.name == "+" and _is_day(value):
            return Peeled(right, compared(op, value - timedelta(days=days)))
        case "DATE", "DATE", date() as day, None, int(days) if call.name == "-":
            return Peeled(right, _beside(FLIPPED[op], day - timedelta(days=days)))
        case "DATE", "DATE", None, date() as day, int(days) if call.name == "-":
            return Peeled(left, _beside(op, day + timedelta(days=days)))
    return None


def _beside(op: Comparison, day: date) -> Implied:
    return compared(op, day, equivalent=op == "=")


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _shifted(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``t + INTERVAL 3 DAYS > v`` is ``t > v - 3 days``; months have 28 to 31 days."""
    if not isinstance(question, Compare) or len(call.arguments) != 2:
        return None
    term, by = call.arguments[0], known(call.arguments[1])
    if call.name == "+" and not isinstance(by, Interval):
        term, by = call.arguments[1], known(call.arguments[0])
    value = question.value
    if not isinstance(by, Interval) or not isinstance(value, datetime):
        return None
    if (value.tzinfo is not None) != (term.kind.name == INSTANT) or not is_moment(term.kind):
        return None
    low, high = _span(by, call.name == "-", term.kind)
    return Peeled(term, moved(term.kind, question.op, value, low, high, zone))


def _span(by: Interval, backwards: bool, kind: Kind) -> tuple[timedelta, timedelta]:
    """The least and the greatest by which adding an interval moves a moment."""
    sign = -1 if backwards else 1
    months, days, micros = sign * by.months, sign * by.days, sign * by.micros
    fixed = timedelta(days=days, microseconds=micros)
    either = sorted((timedelta(days=28 * months), timedelta(days=31 * months)))
    slack = CLOCK_CHANGE if kind.name == INSTANT and (months or days) else timedelta(0)
    return fixed + either[0] - slack, fixed + either[1] + slack


def moved(
    kind: Kind, op: Comparison, value: datetime, low: timedelta, high: timedelta, zone: str
) -> Implied:
    """How a moment compares that, moved by something from `low` to `high`, compares with a value.

    Raises:
        OverflowError: a bound is out of Python's range.
    """
    if kind.name != INSTANT:
        return _at(kind, op, value - high, value - low, zone)
    if low == high:
        return compared(op, value - low)
    since, until = compared(">=", value - high), compared("<=", value - low)
    match op:
        case "!=":
            return some(equivalent=False)
        case "=":
            return Implied(And((since.predicate, until.predicate)), False)
        case "<" | "<=":
            found = until
        case _:
            found = since
    return Implied(found.predicate, False)


def _sum(call: Call, question: Predicate, zone: str) -> Peeled | None:
    return _days(call, question, zone) or _shifted(call, question, zone)


#: By function name.
MOMENT_PEELS: Final[Mapping[str, Peel]] = {
    "timezone": _in_zone,
    "year": _year,
    **dict.fromkeys(_PARTS, _part),
    "date_trunc": _truncated,
    "datetrunc": _truncated,
    "strftime": _formatted,
    "+": _sum,
    "-": _sum,
}
