"""What earlier answers have taught about a source's tables. Estimates use it; answers never do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Protocol

__all__ = [
    "NOTHING_KNOWN",
    "ColumnFacts",
    "Counted",
    "Share",
    "Statistics",
    "TableFacts",
    "age_in_words",
]

Bound = bool | int | float | Decimal | date | datetime


@dataclass(frozen=True)
class Counted:
    """A table's number of rows, as it was at a moment.

    Attributes:
        rows: how many.
        exact: whether a whole answer was counted; otherwise the source said so.
        at: seconds since 1970.
    """

    rows: int
    exact: bool
    at: float


@dataclass(frozen=True)
class ColumnFacts:
    """What a column's values were like.

    Attributes:
        seen: rows looked at.
        nulls: how many of them were null.
        distinct: different values among the rest.
        least: the smallest; None for text, whose values are not kept, and where all are null.
        most: the largest.
        at: seconds since 1970.
        quantiles: values that part them into equal shares, the smallest and the largest among
            them; empty where they have no order, or as for text are not kept.
    """

    seen: int
    nulls: int
    distinct: int
    least: Bound | None
    most: Bound | None
    at: float
    quantiles: tuple[Bound, ...] = ()

    @property
    def null_share(self) -> float:
        """What part of the rows is null."""
        return self.nulls / self.seen if self.seen else 0.0


@dataclass(frozen=True)
class Share:
    """What part of a table's rows some predicates left, in the answers so far.

    Attributes:
        share: between 0 and 1, the mean.
        rows: how many rows the last answer had.
        times: how many answers it is learnt from.
        at: of the last answer, in seconds since 1970.
    """

    share: float
    rows: int
    times: int
    at: float


@dataclass(frozen=True)
class TableFacts:
    """All that is known of one table.

    Attributes:
        counted: the latest count.
        columns: by column name.
        shares: by the key that the learner and the estimator agree on.
        row_bytes: by a key of the columns read: bytes a row on the wire.
    """

    counted: Counted | None = None
    columns: Mapping[str, ColumnFacts] = field(default_factory=dict)
    shares: Mapping[str, Share] = field(default_factory=dict)
    row_bytes: Mapping[str, float] = field(default_factory=dict)


class Statistics(Protocol):
    """What is remembered of one source. Never fails: what can't be read is not known."""

    def of(self, table: str) -> TableFacts:
        """What is known of a table."""

    def count(self, table: str, counted: Counted) -> None:
        """Remember a count that the source gave."""

    def tell(self, table: str, key: str, share: float, rows: int) -> None:
        """Remember what part of a table's rows, by its own word, some predicates leave."""

    @property
    def call_seconds(self) -> float | None:
        """How long a call has taken so far, on average; None where none was made."""


class _Nothing:
    """Where nothing is remembered."""

    call_seconds = None

    def of(self, table: str) -> TableFacts:
        return _NO_FACTS

    def count(self, table: str, counted: Counted) -> None:
        return None

    def tell(self, table: str, key: str, share: float, rows: int) -> None:
        return None


_NO_FACTS: Final = TableFacts()
NOTHING_KNOWN: Final[Statistics] = _Nothing()

_STEPS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def age_in_words(seconds: float) -> str:
    """How old something is, in one unit.

    >>> age_in_words(7500), age_in_words(59), age_in_words(200_000)
    ('2 h old', 'fresh', '2 d old')
    """
    for step, unit in _STEPS:
        if seconds >= step:
            return f"{int(seconds // step)} {unit} old"
    return "fresh"
