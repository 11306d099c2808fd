"""What a connector that can write answers: what it would send, what is wrong, what became of it.

The engine cuts the input into chunks and keeps a journal; the connector sends a chunk and gives
one outcome for each of its rows. A chunk may be sent again after a crash: `Writer.write` is told
what it noted the time before, and looks at the source before it does anything twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final, Protocol

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Bill, ReadContext

__all__ = [
    "OUTCOMES",
    "Chunk",
    "Notes",
    "Rows",
    "WriteFragment",
    "WriteKind",
    "WriteRequest",
    "Writer",
]

#: One row for each input row: `position` counts the input's rows from 0, `id` is the record's key
#: (null where none was made), `error_field` the first field the source complains of.
OUTCOMES: Final = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("created", pa.bool_()),
        pa.field("success", pa.bool_(), nullable=False),
        pa.field("error_code", pa.string()),
        pa.field("error_field", pa.string()),
        pa.field("error_message", pa.string()),
    ]
)


class WriteKind(Enum):
    """What is done with each row."""

    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"


@dataclass(frozen=True)
class WriteRequest:
    """One write: what is done to which table with which columns.

    Attributes:
        table: the table, as the connector described it.
        kind: what is done with each row.
        columns: the input's columns: names of the table's, or ``RELATIONSHIP.KEY`` for a
            reference that is given by a unique key of the row it points to
            (``Account.External__c``).
        key: the column that says which row is meant: for an upsert a unique key or the primary
            key, for an update or delete the primary key, for an insert a unique key if the
            input has one, else None.
        rows: how many rows come.
        all_or_none: a chunk is written whole or not at all.
        if_unmodified: rows carry the stamp that they had when they were read; a row that has
            a later one by now is not written (its outcome says so).
        options: the source's documented write options, such as ``bulk``.
        calls_left: how many calls budgets leave for it; a way that is predicted to need more gives
            place to one that needs fewer, if `options` leave the choice. None: no bound.
        begun_by: the access path of the same write before it was broken off, which is kept.
    """

    table: Table
    kind: WriteKind
    columns: tuple[str, ...]
    key: str | None
    rows: int
    all_or_none: bool = False
    if_unmodified: bool = False
    options: frozenset[str] = frozenset()
    calls_left: int | None = None
    begun_by: str | None = None


@dataclass(frozen=True)
class Rows:
    """Rows to write.

    Attributes:
        records: `WriteRequest.columns`, in their order; null means null. A column of the table
            has its described type, a ``RELATIONSHIP.KEY`` the type it came with. With
            `if_unmodified` one more column, the stamp, under the name that
            `WriteFragment.stamp` says.
        given: for a column in which some cells are to be left alone: false where they are.
        positions: where in the input each row stands (int64).
    """

    records: pa.RecordBatch
    positions: pa.Array
    given: Mapping[str, pa.Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Chunk:
    """Rows that are sent together.

    Attributes:
        key: unique for ever: the write's id and the chunk's number.
        started: when the chunk was first about to be sent.
        elsewhere: keys of rows that other chunks of the write made before this process went on
            with it: what is looked for because this chunk's answer was lost is none of them.
    """

    key: str
    rows: Rows
    started: datetime
    elsewhere: frozenset[str] = frozenset()


@dataclass(frozen=True)
class WriteFragment:
    """How a request would be carried out. A value.

    Attributes:
        request: what it answers.
        access_path: how rows are sent, such as ``Collections`` or ``Bulk 2.0 ingest``.
        chunk_rows: the most rows that are sent together.
        parallel: how many chunks may be under way at once.
        together_by: rows that agree in this column should be neighbours (they lock the same
            parent); None: any order.
        stamp: the column of a row's stamp, for `if_unmodified`.
        repeatable: in words, how a chunk whose answer was lost is settled.
        estimate: the bill, predicted without a call.
        high: the most that it costs if no call fails.
        why: in words, why budgets made it another path than its size would; None: they did not.
    """

    request: WriteRequest
    access_path: str
    chunk_rows: int
    parallel: int
    together_by: str | None
    stamp: str | None
    repeatable: str
    estimate: Bill
    high: Bill | None = None
    why: str | None = None


class Notes(Protocol):
    """What is known of a chunk from the times before; durable. Safe to use from threads."""

    def get(self, name: str) -> str | None:
        """What was noted under that name; None: nothing."""

    def put(self, name: str, value: str) -> None:
        """Note it; when this returns, a crash can't lose it."""


class Writer(Protocol):
    """Writes to one source. All methods may be called from several threads."""

    #: Words that `WriteRequest.options` may hold.
    options: frozenset[str]

    def plan(self, request: WriteRequest) -> WriteFragment:
        """Choose how a request is carried out, with its predicted bill. No data call.

        Raises:
            Refused: the source can't do it: not createable, no such column, no usable key.
        """

    def key_forms(self, request: WriteRequest, keys: pa.Array) -> pa.Array:
        """Values of `WriteRequest.key` in the form in which the source compares them. Pure.

        Two rows of an input whose forms are equal mean the same row of the table (a key that is
        compared in any case, an id of 15 characters): the engine refuses such an input. Null for
        a key that means no row.
        """

    def problems(self, request: WriteRequest, rows: Rows) -> pa.Table:
        """What is visibly wrong with rows before they are sent: `OUTCOMES`, all without success.

        Types, lengths, required fields, values that a restricted list does not have, malformed
        keys. Pure: no call. A row has at most one outcome, of its first fault.
        """

    def unknown_keys(
        self, request: WriteRequest, rows: Rows, context: ReadContext
    ) -> Iterable[pa.Table]:
        """Which rows point at rows that are not there: `OUTCOMES`. Makes reading calls."""

    def write(
        self, fragment: WriteFragment, chunk: Chunk, notes: Notes, context: ReadContext
    ) -> pa.Table:
        """Send a chunk and give `OUTCOMES`, one for each row, in any order.

        Notes are empty the first time. Where they say that the chunk was (or may have been) sent
        before, it first finds out what was applied, and sends only what was not. Rows that met a
        locked row are tried again, they alone. Each call asks `context.meter` first.

        Raises:
            SourceUnavailable: it is not known what became of the chunk, or nothing did; calling
                again with the same notes goes on.
            IsthmusError: another error of the tree; also then, calling again goes on.
        """

    def tidy(self, notes: Notes, context: ReadContext) -> None:
        """The chunk's outcomes are safe: clear away what it left there, such as a finished job.

        Until then `write` finds it again by its notes. A courtesy: what goes wrong is passed over,
        and a chunk that left nothing costs no call.
        """
