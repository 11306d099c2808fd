"""About which part of some rows passes a filter, by what earlier answers taught, else by bounds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from math import prod

from isthmus.catalog.statistics import ColumnFacts, TableFacts
from isthmus.connectors.files.prune import Bounds
from isthmus.connectors.intervals import RANGE, interval_share
from isthmus.connectors.predicates import (
    PARTS,
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
from isthmus.connectors.shares import answer_key

__all__ = ["passing_share"]

_EQUAL = 0.05
_NULL = 0.1
_MATCH = 0.1
_LEAST = 0.001


def _nothing(_: str) -> Bounds:
    return Bounds()


def passing_share(
    predicate: Predicate,
    bounds: Callable[[str], Bounds] = _nothing,
    facts: TableFacts = TableFacts(),  # noqa: B008 - frozen
) -> float:
    """A guess between 0 and 1; where only the least and the greatest value are known, an even one.

    >>> passing_share(Compare("amount", ">", 4300))
    0.33
    >>> known = lambda _: Bounds(1, 1001, nulls=False)
    >>> passing_share(Compare("amount", ">", 901), known)
    0.1
    """
    match predicate:
        case Compare(column, "=", value):
            return _equal_share(column, value, bounds(column), facts)
        case Compare(column, "!=", value):
            return 1 - _equal_share(column, value, bounds(column), facts)
        case Compare(column):
            return _between([predicate], bounds(column), facts.columns.get(column))
        case In(column, values):
            return min(1.0, sum(_equal_share(column, v, bounds(column), facts) for v in values))
        case IsNull(column):
            return _null_share(bounds(column), facts.columns.get(column))
        case Like() | HasItem():
            return _MATCH
        case PartIn(_, part, numbers):
            return len(numbers) / PARTS[part]
        case And(parts):
            return _all(parts, bounds, facts)
        case Or(parts):
            return min(1.0, sum(passing_share(p, bounds, facts) for p in parts))
        case Not(part):
            return 1 - passing_share(part, bounds, facts)


def _all(parts: tuple[Predicate, ...], bounds: Callable[[str], Bounds], facts: TableFacts) -> float:
    """Columns are taken as independent; the bounds of one column are one interval."""
    ends: dict[str, list[Compare]] = {}
    for part in parts:
        if isinstance(part, Compare) and part.op[0] in "<>":
            ends.setdefault(part.column, []).append(part)
    rest = [p for p in parts if not (isinstance(p, Compare) and p in ends.get(p.column, ()))]
    intervals = prod(
        _between(found, bounds(name), facts.columns.get(name)) for name, found in ends.items()
    )
    return intervals * prod(passing_share(p, bounds, facts) for p in rest)


def _null_share(known: Bounds, learnt: ColumnFacts | None) -> float:
    if not known.nulls:
        return 0.0
    return _NULL if learnt is None else learnt.null_share


def _equal_share(column: str, value: Value, known: Bounds, facts: TableFacts) -> float:
    """One of as many values as there are, or can be between the least and the greatest."""
    just_this = facts.shares.get(answer_key([Compare(column, "=", value)]) or "")
    if just_this is not None:
        return just_this.share
    learnt = facts.columns.get(column)
    if learnt is not None and learnt.distinct:
        return (1 - learnt.null_share) / learnt.distinct
    if known.distinct is not None:
        return 1 / known.distinct
    low, high = known.low, known.high
    if low is not None and low == high:
        return 1.0
    if isinstance(low, int) and isinstance(high, int):
        return 1 / (high - low + 1)
    if type(low) is date and type(high) is date:
        return 1 / ((high - low).days + 1)
    return _EQUAL


def _between(ends: list[Compare], known: Bounds, learnt: ColumnFacts | None) -> float:
    """The part that lies within all ends.

    It is never nothing: a part was chosen because something in it may pass.
    """
    if learnt is not None and learnt.quantiles:
        return max(interval_share(learnt, ends, now=0.0), _LEAST)
    low, high = _number(known.low), _number(known.high)
    values = [_number(end.value) for end in ends]
    if low is None or high is None or None in values or low >= high:
        return RANGE ** len({end.op[0] for end in ends})
    top, bottom = high, low
    for end, value in zip(ends, values, strict=True):
        assert value is not None
        top = min(top, value) if end.op[0] == "<" else top
        bottom = max(bottom, value) if end.op[0] == ">" else bottom
    return max((top - bottom) / (high - low), _LEAST)


def _number(value: object) -> float | None:
    match value:
        case bool():
            return None
        case int() | float() | Decimal():
            return float(value)
        case datetime():
            return value.timestamp()
        case date():
            return float(value.toordinal())
        case _:
            return None
