"""The journal of writes: what is to be sent, what was about to be, and what became of it.

A chunk's outcomes are stored in the transaction that marks it done, so a crash leaves each chunk
either done with its outcomes or to be looked at again. Rows wait in files beside the journal until
the write is done; what stays afterwards are outcomes: ids, codes and the source's messages.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from isthmus.connectors.writing import OUTCOMES
from isthmus.engine.state import StateFile
from isthmus.errors import ConfigError, UnknownName

__all__ = ["Journal", "Pending", "StoredPart", "StoredWrite", "WriteNotes"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS writes (
  id TEXT PRIMARY KEY, created REAL NOT NULL, source TEXT NOT NULL, "table" TEXT NOT NULL,
  mode TEXT NOT NULL, on_error TEXT NOT NULL, rows INTEGER NOT NULL, outcomes_file TEXT,
  ended REAL);
CREATE TABLE IF NOT EXISTS parts (
  write TEXT NOT NULL, part INTEGER NOT NULL, kind TEXT NOT NULL, columns TEXT NOT NULL,
  key TEXT, rows INTEGER NOT NULL, stamped INTEGER NOT NULL, options TEXT NOT NULL,
  access_path TEXT NOT NULL, file TEXT NOT NULL, PRIMARY KEY (write, part));
CREATE TABLE IF NOT EXISTS chunks (
  write TEXT NOT NULL, part INTEGER NOT NULL, chunk INTEGER NOT NULL, rows INTEGER NOT NULL,
  started REAL, done INTEGER NOT NULL DEFAULT 0, succeeded INTEGER NOT NULL DEFAULT 0,
  outcomes BLOB, PRIMARY KEY (write, part, chunk));
CREATE TABLE IF NOT EXISTS notes (
  write TEXT NOT NULL, part INTEGER NOT NULL, chunk INTEGER NOT NULL, name TEXT NOT NULL,
  value TEXT NOT NULL, PRIMARY KEY (write, part, chunk, name));
"""
_FILE: Final = "writes.sqlite"
_FOLDER: Final = "writes"
_PATIENCE: Final = 30.0
#: The part of rows whose outcome was known before anything was sent.
UNSENT: Final = -1
#: Seconds after which the outcomes of a write that is done are forgotten.
_KEPT: Final = 30 * 86_400.0


@dataclass(frozen=True)
class StoredPart:
    """A part as the journal has it; see `WriteRequest` and `WriteFragment`."""

    number: int
    kind: str
    columns: tuple[str, ...]
    key: str | None
    rows: int
    stamped: bool
    options: frozenset[str]
    access_path: str
    file: str
    chunks: tuple[int, ...] = ()


@dataclass(frozen=True)
class StoredWrite:
    """A write as the journal has it.

    Attributes:
        id: its name for ever.
        mode: in a word: insert, update, upsert, delete, merge.
        rows: of the whole input.
        parts: what is sent.
        created: when the journal was opened for it.
        ended: when the last chunk was done; None while something is left.
    """

    id: str
    source: str
    table: str
    mode: str
    on_error: str
    rows: int
    outcomes_file: str | None
    parts: tuple[StoredPart, ...]
    created: float
    ended: float | None = None


@dataclass(frozen=True)
class Pending:
    """A chunk that is not done."""

    part: int
    chunk: int


class Journal:
    """The writes of a state folder. Safe to use from threads and from several processes.

    Args:
        folder: the state folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / _FOLDER
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = StateFile(folder / _FILE, _SCHEMA, patience=_PATIENCE, durable=True)

    @contextmanager
    def step(self) -> Iterator[sqlite3.Connection]:
        """One durable step: all of it is on disk when this ends, or nothing is.

        Raises:
            ConfigError: the file can't be used.
        """
        try:
            with self._file.transaction() as connection:
                yield connection
        except sqlite3.Error as error:
            raise ConfigError(
                f"the journal of writes {self._file.path} can't be used: {error}",
                remedy="Nothing is sent without it. Check the folder's space and rights.",
            ) from error

    def open(self, write: StoredWrite, unsent: pa.Table) -> None:
        """Begin a write whose rows are on disk.

        Args:
            write: with the rows of each chunk in its parts.
            unsent: outcomes of rows that are not sent at all.
        """
        with self.step() as book:
            _forget_old(book)
            book.execute(
                "INSERT INTO writes VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                [
                    write.id,
                    write.created,
                    write.source,
                    write.table,
                    write.mode,
                    write.on_error,
                    write.rows,
                    write.outcomes_file,
                ],
            )
            for part in write.parts:
                book.execute(
                    "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        write.id,
                        part.number,
                        part.kind,
                        json.dumps(part.columns),
                        part.key,
                        part.rows,
                        part.stamped,
                        json.dumps(sorted(part.options)),
                        part.access_path,
                        part.file,
                    ],
                )
                book.executemany(
                    "INSERT INTO chunks (write, part, chunk, rows) VALUES (?, ?, ?, ?)",
                    [(write.id, part.number, i, rows) for i, rows in enumerate(part.chunks)],
                )
            if unsent.num_rows:
                good = _successes(unsent)
                book.execute(
                    "INSERT INTO chunks VALUES (?, ?, 0, ?, NULL, 1, ?, ?)",
                    [write.id, UNSENT, unsent.num_rows, good, _packed(unsent)],
                )

    def find(self, id: str) -> StoredWrite | None:
        """The write of that id, if there is one."""
        with self.step() as book:
            row = book.execute(
                'SELECT id, source, "table", mode, on_error, rows, outcomes_file, created, ended '
                "FROM writes WHERE id = ?",
                [id],
            ).fetchone()
            if row is None:
                return None
            parts = book.execute("SELECT * FROM parts WHERE write = ? ORDER BY part", [id])
            stored = tuple(
                StoredPart(
                    number,
                    kind,
                    tuple(json.loads(columns)),
                    key,
                    rows,
                    bool(stamped),
                    frozenset(json.loads(options)),
                    path,
                    file,
                )
                for _, number, kind, columns, key, rows, stamped, options, path, file in parts
            )
        id, source, table, mode, on_error, count, file, created, ended = row
        return StoredWrite(id, source, table, mode, on_error, count, file, stored, created, ended)

    def demand(self, id: str) -> StoredWrite:
        """The write of that id.

        Raises:
            UnknownName: there is none.
        """
        found = self.find(id)
        if found is None:
            raise UnknownName(
                f"there is no write {id!r} in {self._file.path}",
                remedy="con.writes() lists them, as does `isthmus writes list`.",
            )
        return found

    def place(self, id: str) -> Path:
        """The folder of a write's rows."""
        return self.folder / id

    def pending(self, id: str) -> list[Pending]:
        """The chunks that are not done, those that were begun first."""
        with self.step() as book:
            rows = book.execute(
                "SELECT part, chunk FROM chunks WHERE write = ? AND NOT done "
                "ORDER BY started IS NULL, part, chunk",
                [id],
            ).fetchall()
        return [Pending(*row) for row in rows]

    def start(self, id: str, chunk: Pending, now: float) -> datetime:
        """The chunk is about to be sent; when it was so for the first time."""
        where = [id, chunk.part, chunk.chunk]
        with self.step() as book:
            book.execute(
                "UPDATE chunks SET started = ? "
                "WHERE write = ? AND part = ? AND chunk = ? AND started IS NULL",
                [now, *where],
            )
            row = book.execute(
                "SELECT started FROM chunks WHERE write = ? AND part = ? AND chunk = ?", where
            ).fetchone()
        return datetime.fromtimestamp(row[0], UTC)

    def finish(self, id: str, chunk: Pending, outcomes: pa.Table) -> None:
        """The chunk is done, and these are its rows' outcomes."""
        with self.step() as book:
            book.execute(
                "UPDATE chunks SET done = 1, succeeded = ?, outcomes = ? "
                "WHERE write = ? AND part = ? AND chunk = ?",
                [_successes(outcomes), _packed(outcomes), id, chunk.part, chunk.chunk],
            )

    def end(self, id: str, now: float) -> None:
        """Every chunk is done."""
        with self.step() as book:
            book.execute("UPDATE writes SET ended = ? WHERE id = ?", [now, id])

    def outcomes(self, id: str) -> Iterator[pa.Table]:
        """The outcomes that are known, chunk by chunk."""
        with self.step() as book:
            places = book.execute(
                "SELECT part, chunk FROM chunks WHERE write = ? AND done ORDER BY part, chunk", [id]
            ).fetchall()
        for part, chunk in places:
            with self.step() as book:
                row = book.execute(
                    "SELECT outcomes FROM chunks WHERE write = ? AND part = ? AND chunk = ?",
                    [id, part, chunk],
                ).fetchone()
            yield _unpacked(row[0])

    def listed(self) -> pa.Table:
        """All writes, newest first."""
        with self.step() as book:
            rows = book.execute(
                """SELECT w.id, w.created, w.source || '.' || w."table", w.mode, w.rows,
                  coalesce((SELECT sum(succeeded) FROM chunks WHERE write = w.id), 0),
                  coalesce((SELECT sum(rows - succeeded) FROM chunks WHERE write = w.id AND done),
                           0),
                  CASE WHEN w.ended IS NULL THEN 'unfinished' ELSE 'done' END
                FROM writes w ORDER BY w.created DESC, w.id"""
            ).fetchall()
        names = ("id", "created", "table", "mode", "rows", "succeeded", "failed", "state")
        columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
        created = [int(moment * 1_000_000) for moment in columns[1]]
        return pa.table(
            {
                "id": pa.array(columns[0], pa.string()),
                "created": pa.array(created, pa.timestamp("us", "UTC")),
                "table": pa.array(columns[2], pa.string()),
                "mode": pa.array(columns[3], pa.string()),
                "rows": pa.array(columns[4], pa.int64()),
                "succeeded": pa.array(columns[5], pa.int64()),
                "failed": pa.array(columns[6], pa.int64()),
                "state": pa.array(columns[7], pa.string()),
            }
        )

    def notes(self, id: str, chunk: Pending) -> WriteNotes:
        """The notes of one chunk."""
        return WriteNotes(self, id, chunk)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


class WriteNotes:
    """See `isthmus.connectors.writing.Notes`."""

    def __init__(self, journal: Journal, id: str, chunk: Pending) -> None:
        self._journal = journal
        self._where = [id, chunk.part, chunk.chunk]

    def get(self, name: str) -> str | None:
        """What was noted under that name; None: nothing."""
        with self._journal.step() as book:
            row = book.execute(
                "SELECT value FROM notes WHERE write = ? AND part = ? AND chunk = ? AND name = ?",
                [*self._where, name],
            ).fetchone()
        return None if row is None else str(row[0])

    def put(self, name: str, value: str) -> None:
        """Note it; when this returns, a crash can't lose it."""
        with self._journal.step() as book:
            book.execute(
                "INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?, ?)", [*self._where, name, value]
            )


def _forget_old(book: sqlite3.Connection) -> None:
    old = "SELECT id FROM writes WHERE ended < ?"
    before = [time.time() - _KEPT]
    for table in ("notes", "chunks", "parts"):
        book.execute(f"DELETE FROM {table} WHERE write IN ({old})", before)
    book.execute("DELETE FROM writes WHERE ended < ?", before)


def _successes(outcomes: pa.Table) -> int:
    return int(sum(chunk.true_count for chunk in outcomes["success"].chunks))


def _packed(outcomes: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, OUTCOMES, options=options) as writer:
        writer.write_table(outcomes)
    return bytes(sink.getvalue())


def _unpacked(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()
