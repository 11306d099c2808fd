"""The words for what exists in a source. Plain frozen values, shared by every room."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

__all__ = ["Column", "Reference", "RowCount", "Table", "TableName", "View"]


@dataclass(frozen=True)
class Reference:
    """A column points at rows of one or more tables of the same source.

    Attributes:
        targets: the tables that may be pointed at; several for a polymorphic lookup.
        target_column: the column of the target that holds the key.
        name: the relationship's own name, such as ``Account`` for ``AccountId``.
    """

    targets: tuple[str, ...]
    target_column: str
    name: str | None = None


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: as the source spells it.
        type: the Arrow type, which holds every value of the source exactly.
        nullable: whether null may occur.
        source_type: the source's own name for the type, such as ``currency``.
        reference: where the column points, if it is a foreign key.
        description: the source's label or help text.
        properties: what only the source's connector reads (filterable, partition, ...).
    """

    name: str
    type: pa.DataType
    nullable: bool = True
    source_type: str = ""
    reference: Reference | None = None
    description: str | None = None
    properties: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Table:
    """A remote relation, described.

    Attributes:
        source: the configured source's name.
        name: the table's name inside the source, as the source spells it.
        columns: in the order of ``SELECT *``.
        primary_key: names of the columns that identify a row; empty when there is no key.
        unique_keys: further sets of columns that identify a row, such as external ids.
        omitted: columns the source has but a query can't see, with the reason.
    """

    source: str
    name: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    unique_keys: tuple[tuple[str, ...], ...] = ()
    description: str | None = None
    omitted: tuple[tuple[str, str], ...] = ()
    properties: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def schema(self) -> pa.Schema:
        """The table as an Arrow schema."""
        return pa.schema([pa.field(c.name, c.type, c.nullable) for c in self.columns])

    def column(self, name: str) -> Column:
        """The column of exactly that name.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True)
class TableName:
    """A table that a source has, not yet described."""

    name: str
    description: str | None = None


@dataclass(frozen=True)
class RowCount:
    """How many rows a table has, and how well that is known.

    Attributes:
        rows: the number of rows.
        exact: whether it was counted; otherwise it is an estimate.
        basis: where the number comes from, in words for EXPLAIN.
        at: when it was so, in seconds since 1970; None: now.
    """

    rows: int
    exact: bool
    basis: str
    at: float | None = None


@dataclass(frozen=True)
class View:
    """A named SQL query over tables and views.

    Attributes:
        name: found in any case.
        text: the SQL, without a trailing semicolon.
        description: the leading comment of its file.
        file: where it was read from, for error places.
    """

    name: str
    text: str
    description: str | None = None
    file: str | None = None
