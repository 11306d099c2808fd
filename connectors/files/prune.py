"""Which files and row groups can hold a row that passes, judged by what is known of the values.

SQL has three truths; for a set of rows the question is which of them can occur. A part of a
file whose rows can't be true is not read; one whose rows are all true needs no filter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Flag, auto
from functools import reduce

from isthmus.connectors.predicates import (
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    PartIn,
    Predicate,
    Value,
)

__all__ = ["ANY", "Bounds", "Truth", "outcomes"]


class Truth(Flag):
    """The truths that can occur."""

    NEVER = 0
    TRUE = auto()
    FALSE = auto()
    UNKNOWN = auto()


ANY = Truth.TRUE | Truth.FALSE | Truth.UNKNOWN


@dataclass(frozen=True)
class Bounds:
    """What is known of a column's values in a set of rows.

    Attributes:
        low: no value is below; None when unknown, or when every value is null.
        high: no value is above; like `low`.
        nulls: whether there may be nulls.
        values: whether there may be values other than null.
        distinct: about how many values there are; only to guess by.
    """

    low: Value | None = None
    high: Value | None = None
    nulls: bool = True
    values: bool = True
    distinct: int | None = field(default=None, compare=False)

    @classmethod
    def constant(cls, value: Value | None) -> Bounds:
        """Every row has this value."""
        if value is None:
            return cls(values=False)
        return cls(value, value, nulls=False)


def outcomes(predicate: Predicate, bounds: Callable[[str], Bounds]) -> Truth:
    """The truths that a predicate can have over the rows; more than really occur is allowed.

    Args:
        predicate: what to judge.
        bounds: what is known of a column.

    >>> outcomes(Compare("a", "=", 5), lambda _: Bounds(1, 3, nulls=False))
    <Truth.FALSE: 2>
    """
    match predicate:
        case Compare(column, op, value):
            return _compare(op, value, bounds(column))
        case In(column, values):
            return _in(values, bounds(column))
        case IsNull(column):
            known = bounds(column)
            nulls = Truth.TRUE if known.nulls else Truth.NEVER
            return nulls | (Truth.FALSE if known.values else Truth.NEVER)
        case Like() | HasItem() | PartIn():
            return ANY
        case And(parts):
            return reduce(_and, (outcomes(p, bounds) for p in parts), Truth.TRUE)
        case Or(parts):
            return _not(reduce(_and, (_not(outcomes(p, bounds)) for p in parts), Truth.TRUE))
        case Not(part):
            return _not(outcomes(part, bounds))


def _compare(op: str, value: Value, known: Bounds) -> Truth:
    unknown = Truth.UNKNOWN if known.nulls else Truth.NEVER
    if not known.values:
        return unknown
    if known.low is None or known.high is None:
        return unknown | Truth.TRUE | Truth.FALSE
    try:
        return unknown | _ordered(op, value, known.low, known.high)
    except TypeError:  # bounds of another kind tell nothing
        return ANY


def _ordered(op: str, value: Value, low: Value, high: Value) -> Truth:
    match op:
        case "=" | "!=":
            inside = low <= value <= high  # type: ignore[operator]
            only = low == value == high
            equal = (Truth.TRUE if inside else Truth.NEVER) | (Truth.NEVER if only else Truth.FALSE)
            return equal if op == "=" else _not(equal)
        case "<" | ">=":
            below = (Truth.TRUE if low < value else Truth.NEVER) | (  # type: ignore[operator]
                Truth.NEVER if high < value else Truth.FALSE  # type: ignore[operator]
            )
            return below if op == "<" else _not(below)
        case _:
            above = (Truth.TRUE if high > value else Truth.NEVER) | (  # type: ignore[operator]
                Truth.NEVER if low > value else Truth.FALSE  # type: ignore[operator]
            )
            return above if op == ">" else _not(above)


def _in(values: tuple[Value, ...], known: Bounds) -> Truth:
    if not values:
        return Truth.FALSE
    if len(values) > _MANY:
        return _in_many(values, known)
    return _not(reduce(_and, (_not(_compare("=", v, known)) for v in values), Truth.TRUE))


#: A list of keys longer than this is looked up, not gone through for each part.
_MANY = 16


def _in_many(values: tuple[Value, ...], known: Bounds) -> Truth:
    unknown = Truth.UNKNOWN if known.nulls else Truth.NEVER
    if not known.values:
        return unknown
    if known.low is None or known.high is None:
        return ANY
    try:
        ordered = _ordered_values(values)
        position = bisect_left(ordered, known.low)
        inside = position < len(ordered) and ordered[position] <= known.high  # type: ignore[operator]
    except TypeError:  # bounds of another kind tell nothing
        return ANY
    if not inside:
        return unknown | Truth.FALSE
    only = Truth.NEVER if known.low == known.high else Truth.FALSE
    return unknown | Truth.TRUE | only


_ORDERED: dict[int, tuple[tuple[Value, ...], list[Value]]] = {}


def _ordered_values(values: tuple[Value, ...]) -> list[Value]:
    """The values in order; kept for the last few lists, since each part asks for the same."""
    found = _ORDERED.get(id(values))
    if found is None or found[0] is not values:
        if len(_ORDERED) > 8:
            _ORDERED.clear()
        found = _ORDERED[id(values)] = (values, sorted(values))
    return found[1]


def _not(truth: Truth) -> Truth:
    flipped = truth & Truth.UNKNOWN
    if Truth.TRUE in truth:
        flipped |= Truth.FALSE
    if Truth.FALSE in truth:
        flipped |= Truth.TRUE
    return flipped


def _and(a: Truth, b: Truth) -> Truth:
    """Every truth that an AND of one of `a` and one of `b` can have."""
    both = Truth.NEVER
    if Truth.FALSE in a or Truth.FALSE in b:
        both |= Truth.FALSE
    if Truth.TRUE in a and Truth.TRUE in b:
        both |= Truth.TRUE
    if (Truth.UNKNOWN in a and b & ~Truth.FALSE) or (Truth.UNKNOWN in b and a & ~Truth.FALSE):
        both |= Truth.UNKNOWN
    return both
