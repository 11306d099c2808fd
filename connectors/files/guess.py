"""About which part of some rows passes a filter, where nothing but the filter is known."""

from __future__ import annotations

from math import prod

from isthmus.connectors.predicates import (
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Predicate,
)

__all__ = ["passing_share"]

_EQUAL = 0.05
_RANGE = 0.33
_NULL = 0.1
_MATCH = 0.1


def passing_share(predicate: Predicate) -> float:
    """A guess between 0 and 1, of the kind that query planners commonly make.

    >>> passing_share(Compare("amount", ">", 4300))
    0.33
    """
    match predicate:
        case Compare(_, "="):
            return _EQUAL
        case Compare(_, "!="):
            return 1 - _EQUAL
        case Compare():
            return _RANGE
        case In(_, values):
            return min(1.0, _EQUAL * len(values))
        case IsNull():
            return _NULL
        case Like() | HasItem():
            return _MATCH
        case And(parts):
            return prod(passing_share(p) for p in parts)
        case Or(parts):
            return min(1.0, sum(passing_share(p) for p in parts))
        case Not(part):
            return 1 - passing_share(part)
