"""What a target is: a store that keeps one copy, and how far the copy has come.

The state of a copy is a text that only the engine reads. A target saves it in the same step as
the rows that it tells of, so that a crash leaves both as they were or both as they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import pyarrow as pa

from isthmus.catalog.targets import TargetConfig
from isthmus.errors import ConfigError, DataError

__all__ = [
    "STATE_TABLE",
    "Change",
    "ColumnChange",
    "Layout",
    "Part",
    "PartKind",
    "Target",
    "demand_held",
    "foreign",
]

#: The table beside the copies in which databases keep their states.
STATE_TABLE: Final = "isthmus_syncs"


@dataclass(frozen=True)
class Layout:
    """What a copy holds.

    Attributes:
        schema: the columns, under the types of the answer that is copied.
        key: the columns that tell rows apart; empty for a copy that is only replaced.
    """

    schema: pa.Schema
    key: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.schema.names)


class PartKind(Enum):
    """What is done with the rows of a part."""

    UPSERT = "rows with all columns: they replace those of the same key"
    PATCH = "keys and some columns: rows that are there get these values, others are left out"
    DELETE = "keys: their rows go"


@dataclass(frozen=True)
class Part:
    """Rows that are applied together. Each key occurs once in it, and none is null."""

    kind: PartKind
    rows: pa.Table


class Change(Enum):
    """What happens to a column."""

    ADD = "added, null in every row"
    DROP = "dropped"
    WIDEN = "given a type that holds every value of the old one"
    RENAME = "renamed"


@dataclass(frozen=True)
class ColumnChange:
    """One change of a copy's columns.

    Attributes:
        change: what happens.
        column: the column, under its old name (a new one: under its own).
        name: the name after a RENAME.
    """

    change: Change
    column: str
    name: str = ""


class Target(ABC):
    """One copy. Making one opens nothing. Used by one thread at a time.

    Every step is done whole or not at all, and readers see the copy before it or after it.

    Args:
        config: where the copy is.
    """

    def __init__(self, config: TargetConfig) -> None:
        self.config = config

    @property
    def name(self) -> str:
        """What errors call it; without secrets."""
        return self.config.identity

    @abstractmethod
    def stored(self, type: pa.DataType) -> pa.DataType | None:
        """The type under which values are read back from it; None: it can't hold them."""

    @abstractmethod
    def read_state(self) -> str | None:
        """The state that was saved with the last step; None: there is no copy yet.

        Raises:
            ConfigError: there is something that no sync has made.
            TargetError, TargetUnavailable: it can't be read.
        """

    @abstractmethod
    def replace(self, layout: Layout, batches: Iterable[pa.RecordBatch], state: str) -> None:
        """Make the copy anew from these rows, whatever it held before.

        Raises:
            DataError: a key is null or occurs twice.
            TargetError, TargetUnavailable: it can't be written; it is as it was.
        """

    @abstractmethod
    def evolve(
        self, changes: Sequence[ColumnChange], before: Layout, after: Layout, state: str
    ) -> None:
        """Change the columns; the rows stay.

        Raises:
            TargetError, TargetUnavailable: it can't be done; it is as it was.
        """

    @abstractmethod
    def apply(self, part: Part, layout: Layout, state: str) -> None:
        """Apply a part. Doing it twice is as doing it once.

        Raises:
            TargetError, TargetUnavailable: it can't be written; it is as it was.
        """

    @abstractmethod
    def save_state(self, state: str) -> None:
        """Save a state whose rows are all there already."""

    @abstractmethod
    def rows(self, layout: Layout, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Every row, with these columns under their `stored` types, in any order."""

    def close(self) -> None:
        """Give back what is open. Closing twice is allowed."""
        return None


def demand_held(target: Target, schema: pa.Schema) -> None:
    """Refuse columns that a target can't hold.

    Raises:
        DataError: names the first.
    """
    for field in schema:
        if target.stored(field.type) is None:
            raise DataError(
                f"{target.name} can't hold the column {field.name} of type {field.type}",
                remedy="Leave it out, or cast it in a query.",
            )


def foreign(name: str) -> ConfigError:
    """The error for something that a sync would have to overwrite and has not made."""
    return ConfigError(
        f"{name} exists, and no sync has made it",
        remedy="Choose another place, or remove what is there.",
    )
