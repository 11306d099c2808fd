"""What is written: parts of one kind each, and the query that gives their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from isthmus.catalog.model import Table
from isthmus.connectors.writing import WriteKind, WriteRequest

__all__ = ["Part", "Reading"]


@dataclass(frozen=True)
class Part:
    """Rows of one kind of write with the same columns.

    Attributes:
        table: what is written.
        kind: what is done with each row.
        columns: as in `WriteRequest`; the key is one of them.
        key: as in `WriteRequest`.
        outputs: for each column, which column of the input it is.
        stamp: which column of the input is a row's stamp, for `if_unmodified`.
        action: with which value of the input's first column a row belongs to this part; None:
            every row does.
        options: as in `WriteRequest`.
    """

    table: Table
    kind: WriteKind
    columns: tuple[str, ...]
    key: str | None
    outputs: tuple[int, ...]
    stamp: int | None = None
    action: int | None = None
    options: frozenset[str] = frozenset()

    def request(self, rows: int, *, all_or_none: bool = False) -> WriteRequest:
        """What is asked of the writer."""
        return WriteRequest(
            self.table,
            self.kind,
            self.columns,
            self.key,
            rows,
            all_or_none,
            self.stamp is not None,
            self.options,
        )


@dataclass(frozen=True)
class Reading:
    """A statement's rows.

    Attributes:
        query: the SELECT that gives them.
        width: how many columns it must have.
        parts: where they go.
        rows: how many there are, where the text tells.
        left_alone: cells (row, column of the input) that are to be left alone.
        matched: the column of the input that holds the key of a row that nothing is done with.
    """

    query: str
    width: int
    parts: tuple[Part, ...]
    rows: int | None = None
    left_alone: Mapping[int, frozenset[int]] = field(default_factory=dict)
    matched: int | None = None
