"""The predicates that the engine offers to a connector: a small closed language.

Values are plain Python: bool, int, float, Decimal, str, bytes, date, time, and datetime
(aware and in UTC for an instant, naive for a wall-clock timestamp). SQL's semantics hold: a
comparison with null is unknown, `Not` of unknown is unknown, and a row passes only on true.
`And` of nothing is true and `Or` of nothing is false (`NEVER`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final, Literal

from isthmus.connectors import patterns

__all__ = [
    "NEVER",
    "OPPOSITE",
    "PARTS",
    "And",
    "Compare",
    "Comparison",
    "HasItem",
    "In",
    "IsNull",
    "Like",
    "Not",
    "Or",
    "Part",
    "PartIn",
    "Predicate",
    "Value",
    "columns_of",
]

Value = bool | int | float | Decimal | str | bytes | date | datetime | time
Comparison = Literal["=", "!=", "<", "<=", ">", ">="]

#: What is true where a comparison is false.
OPPOSITE: Final[dict[Comparison, Comparison]] = {
    "=": "!=",
    "!=": "=",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
}


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
class Like:
    """The text column matches a pattern, from its first character to its last.

    Attributes:
        pattern: ``%`` stands for any run of characters, ``_`` for one (a code point); a
            backslash takes the sign after it literally (see `patterns`).
        case_sensitive: if not, both are compared in lower case, as DuckDB's ILIKE does: each
            character on its own, so ``İ`` is ``i`` and the Kelvin sign is ``k``.

    Raises:
        ValueError: the pattern ends within an escape, or escapes another sign than ``%``, ``_``
            and backslash.
    """

    column: str
    pattern: str
    case_sensitive: bool = True

    def __post_init__(self) -> None:
        patterns.tokens(self.pattern)


@dataclass(frozen=True)
class HasItem:
    """The text column, split at the separator, has this item: ``a;b`` has ``a``.

    Attributes:
        item: compared with case; one that holds the separator is never found.
        separator: not empty.
    """

    column: str
    item: str
    separator: str = ";"


#: A part of a date: its quarter, its month in the year, its day in the month.
Part = Literal["quarter", "month", "day"]
#: The greatest that a part may be; each is counted from 1.
PARTS: Final[dict[Part, int]] = {"quarter": 4, "month": 12, "day": 31}


@dataclass(frozen=True)
class PartIn:
    """A part of the column's date is one of some numbers: ``month(column) IN (3, 4)``.

    Attributes:
        column: of dates, never of instants, whose parts depend on a time zone.
        part: which part.
        numbers: in order, each once.
    """

    column: str
    part: Part
    numbers: tuple[int, ...]


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


Predicate = Compare | In | IsNull | Like | HasItem | PartIn | And | Or | Not

#: No row passes.
NEVER: Final = Or(())


def columns_of(predicate: Predicate) -> Iterator[str]:
    """Every column that the predicate reads, with repeats.

    >>> sorted(set(columns_of(And((IsNull("a"), Not(Compare("b", "=", 1)))))))
    ['a', 'b']
    """
    match predicate:
        case (
            Compare(column=column)
            | In(column=column)
            | IsNull(column=column)
            | Like(column=column)
            | HasItem(column=column)
            | PartIn(column=column)
        ):
            yield column
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from columns_of(part)
        case Not(part=part):
            yield from columns_of(part)
