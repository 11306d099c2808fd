"""The predicates that the engine offers to a connector: a small closed language.

Values are plain Python: bool, int, float, Decimal, str, bytes, date, time, and datetime
(aware and in UTC for an instant, naive for a wall-clock timestamp). SQL's semantics hold: a
comparison with null is unknown, `Not` of unknown is unknown, and a row passes only on true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal

__all__ = ["And", "Compare", "Comparison", "In", "IsNull", "Not", "Or", "Predicate", "Value"]

Value = bool | int | float | Decimal | str | bytes | date | datetime | time
Comparison = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class Compare:
    """``column op value``; text compares binary and with case, as DuckDB does."""

    column: str
    op: Comparison
    value: Value


@dataclass(frozen=True)
class In:
    """``column IN (values)``; no value is null."""

    column: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class IsNull:
    """``column IS NULL``."""

    column: str


@dataclass(frozen=True)
class And:
    """All of them."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True)
class Or:
    """Any of them."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True)
class Not:
    """Not; of unknown it is unknown."""

    part: Predicate


Predicate = Compare | In | IsNull | And | Or | Not


def columns_of(predicate: Predicate) -> Iterator[str]:
    """Every column that the predicate reads, with repeats.

    >>> sorted(set(columns_of(And((IsNull("a"), Not(Compare("b", "=", 1)))))))
    ['a', 'b']
    """
    match predicate:
        case Compare(column=column) | In(column=column) | IsNull(column=column):
            yield column
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from columns_of(part)
        case Not(part=part):
            yield from columns_of(part)
