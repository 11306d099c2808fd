"""What part of a column's values lies between bounds: as was learnt, else as dates commonly lie."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from isthmus.catalog.statistics import ColumnFacts
from isthmus.connectors.predicates import Compare

__all__ = ["RANGE", "interval_share"]

#: Of values of which nothing is known: more often the smaller side of a bound is asked for.
RANGE: Final = 0.33
_DAYS: Final = 365.25
_YEAR: Final = _DAYS * 86_400
#: How far back a business's records reach, and how far ahead its plans.
_YEARS_BACK: Final = 4.0
_YEARS_AHEAD: Final = 2.0
#: The least share of a guess: what is asked for is mostly there.
_LEAST: Final = 0.0005
#: The most that has come since the values were seen: more at a time is seldom.
_GROWN: Final = 1 / 16
_DAY: Final = 86_400.0


def interval_share(
    known: ColumnFacts | None, bounds: Sequence[Compare], now: float, *, past: bool = False
) -> float:
    """What part of the rows lies within all bounds; null does not.

    Args:
        known: what earlier answers have taught of the column.
        bounds: ``<``, ``<=``, ``>`` and ``>=``, at least one, all of the column.
        now: seconds since 1970.
        past: whether its values are times that never lie in the future; then some are later than
            any that was seen, as many as the later half of these lets expect.

    >>> facts = ColumnFacts(100, 50, 11, 0, 10, 0.0)
    >>> round(interval_share(facts, [Compare("n", ">", 5), Compare("n", "<=", 6)], now=0.0), 3)
    0.05
    """
    below = [_below(known, bound.value, now, past) for bound in bounds]
    pairs = [(b.op[0], part) for b, part in zip(bounds, below, strict=True) if part is not None]
    if len(pairs) < len(bounds):
        return RANGE ** len({bound.op[0] for bound in bounds})
    end = 1.0 if known is None or not past else 1.0 + (_grown(known, now) or 0.0)
    up_to = min((part for side, part in pairs if side == "<"), default=end)
    from_on = max((part for side, part in pairs if side == ">"), default=0.0)
    if known is None:
        return max(up_to - from_on, _LEAST)
    part = max(min(up_to, 1.0) - from_on, 0.0)
    if up_to > 1.0 and up_to >= from_on:
        part += min(max(up_to - max(from_on, 1.0), _LEAST), _GROWN)
    return min(part, 1.0) * (1.0 - known.null_share)


def _grown(known: ColumnFacts, until: float) -> float | None:
    """About what part of the rows has come after the last value seen, until a moment.

    None where nothing has: the moment is not later, or the values are no times.
    """
    if not isinstance(known.most, datetime):
        return None
    points = _numbers(known.quantiles or (known.least, known.most))
    if points is None or until <= points[-1]:
        return None
    half = len(points) // 2
    middle = points[half] if len(points) > 2 else (points[0] + points[1]) / 2
    return (until - points[-1]) * 0.5 / max(points[-1] - middle, _DAY)


def _below(known: ColumnFacts | None, value: object, now: float, past: bool) -> float | None:
    """What part of the values that are there lies below one; None where nothing tells.

    More than all of them, where some have come since.
    """
    number = _number(value)
    if number is None:
        return None
    if known is not None:
        grown = _grown(known, min(number, now)) if past and isinstance(value, datetime) else None
        if grown is not None:
            return 1.0 + grown
        points = _numbers(known.quantiles or (known.least, known.most))
        return None if points is None else _position(points, number)
    ahead = 0.0 if past else _YEARS_AHEAD
    if isinstance(value, datetime):
        years = (number - now) / _YEAR
    elif isinstance(value, date):
        years = (number - datetime.fromtimestamp(now, UTC).toordinal()) / _DAYS
    else:
        return None
    return min(max((years + _YEARS_BACK) / (_YEARS_BACK + ahead), 0.0), 1.0)


def _position(points: Sequence[float], value: float) -> float:
    """How far along the points, which part the values into equal shares, a value lies."""
    if value <= points[0]:
        return 0.0 if value < points[0] or points[0] != points[-1] else 0.5
    if value > points[-1]:
        return 1.0
    right = bisect_left(points, value)
    low, high = points[right - 1], points[right]
    inside = (value - low) / (high - low)
    return (right - 1 + inside) / (len(points) - 1)


def _numbers(values: Iterable[object]) -> list[float] | None:
    numbers = [_number(value) for value in values]
    known = [number for number in numbers if number is not None]
    return known if len(known) == len(numbers) else None


def _number(value: object) -> float | None:
    match value:
        case bool():
            return float(value)
        case int() | float() | Decimal():
            number = float(value)
            return number if math.isfinite(number) else None
        case datetime():
            return value.timestamp() if value.tzinfo else None
        case date():
            return float(value.toordinal())
        case _:
            return None
