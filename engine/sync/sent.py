"""What a sync into a source has sent: for each key a fingerprint of its row, and the record's Id.

One SQLite file of the state folder. What a write under way will have changed is noted before it
begins, and becomes part of what was sent in one step, when its outcomes are known.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isthmus.engine.state import StateFile
from isthmus.errors import ConfigError, DataError

__all__ = ["Changed", "Outcome", "Pending", "SentBook"]

_PATIENCE: Final = 30.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sent (key TEXT PRIMARY KEY, print TEXT NOT NULL, id TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changed (
  position INTEGER PRIMARY KEY, key TEXT, print TEXT NOT NULL, cursor BLOB);
CREATE TABLE IF NOT EXISTS pending (write TEXT PRIMARY KEY, deletes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), cursor BLOB);
"""
_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Changed:
    """A row that differs from what was sent.

    Attributes:
        position: in the write.
        key: as text; None where the row has none.
        print: the row's fingerprint.
        cursor: its cursor, packed; None where there is none.
    """

    position: int
    key: str | None
    print: str
    cursor: bytes | None


@dataclass(frozen=True)
class Pending:
    """A write that was begun, or was about to be."""

    write: str
    deletes: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a row of a write."""

    position: int
    success: bool
    id: str | None


class SentBook:
    """What one sync has sent.

    Args:
        folder: the sync's own folder in the state folder; it is made if need be.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "sent.sqlite"
        self._file = StateFile(path, _SCHEMA, patience=_PATIENCE, durable=True)

    def pending(self) -> Pending | None:
        """The write whose outcomes are not taken down yet."""
        with self._opened() as book:
            row = book.execute("SELECT write, deletes FROM pending").fetchone()
        return None if row is None else Pending(row[0], bool(row[1]))

    def begin(self, write: str, *, deletes: bool = False) -> None:
        """A write is about to be made; `note` says of which rows."""
        with self._opened() as book:
            book.execute("DELETE FROM changed")
            if not deletes:
                book.execute("DELETE FROM seen")
            book.execute("INSERT INTO pending VALUES (?, ?)", [write, deletes])

    def differing(
        self, rows: Sequence[tuple[str | None, str]], *, everything: bool = False
    ) -> list[int]:
        """The indices of rows, given as key and fingerprint, that were not sent like that.

        All of them are taken for seen.

        Args:
            rows: some of the rows of a run.
            everything: whether all of them are taken to differ.

        Raises:
            DataError: a key was seen before in this run.
        """
        known: dict[str, str] = {}
        keys = [key for key, _ in rows if key is not None]
        with self._opened() as book:
            for at in range(0, len(keys), _AT_ONCE):
                some = keys[at : at + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                _demand_new(book, some, marks)
                known.update(
                    book.execute(f"SELECT key, print FROM sent WHERE key IN ({marks})", some)
                )
                book.executemany("INSERT INTO seen VALUES (?)", ((key,) for key in some))
        return [
            i
            for i, (key, print) in enumerate(rows)
            if everything or key is None or known.get(key) != print
        ]

    def note(self, rows: Iterable[Changed]) -> None:
        """Rows of the write that is about to be made."""
        with self._opened() as book:
            book.executemany(
                "INSERT INTO changed VALUES (?, ?, ?, ?)",
                ((r.position, r.key, r.print, r.cursor) for r in rows),
            )

    def noted(self) -> Iterator[Changed]:
        """The rows of the pending write, by position."""
        with self._opened() as book:
            rows = book.execute("SELECT * FROM changed ORDER BY position").fetchall()
        return (Changed(*row) for row in rows)

    def ids(self) -> dict[int, str]:
        """The Ids of the pending write's rows, by position, as far as they are known."""
        with self._opened() as book:
            return dict(
                book.execute(
                    "SELECT position, id FROM changed JOIN sent USING (key) WHERE id IS NOT NULL"
                )
            )

    def gone(self) -> list[tuple[str, str | None]]:
        """Keys that were sent and were not seen this time, with their Ids."""
        with self._opened() as book:
            return book.execute(
                "SELECT key, id FROM sent WHERE key NOT IN (SELECT key FROM seen) ORDER BY key"
            ).fetchall()

    @property
    def count(self) -> int:
        """How many rows are taken to be in the table."""
        with self._opened() as book:
            return int(book.execute("SELECT count(*) FROM sent").fetchone()[0])

    @property
    def cursor(self) -> bytes | None:
        """From where the next run reads, packed; None: from the beginning."""
        with self._opened() as book:
            row = book.execute("SELECT cursor FROM place").fetchone()
        return None if row is None else row[0]

    def forget(self) -> None:
        """The pending write never began."""
        with self._opened() as book:
            book.execute("DELETE FROM pending")
            book.execute("DELETE FROM changed")

    def settle(self, outcomes: Iterable[Outcome], cursor: bytes | None) -> None:
        """Take down what became of the pending write, and from where to go on, in one step."""
        with self._opened() as book:
            deletes = bool(book.execute("SELECT deletes FROM pending").fetchone()[0])
            good = [o for o in outcomes if o.success]
            if deletes:
                book.executemany(
                    "DELETE FROM sent WHERE key = (SELECT key FROM changed WHERE position = ?)",
                    ((o.position,) for o in good),
                )
            else:
                book.executemany(
                    "INSERT OR REPLACE INTO sent "
                    "SELECT key, print, coalesce(?, (SELECT id FROM sent s WHERE s.key = c.key)) "
                    "FROM changed c WHERE position = ? AND key IS NOT NULL",
                    ((o.id, o.position) for o in good),
                )
            if cursor is not None:
                book.execute("INSERT OR REPLACE INTO place VALUES (1, ?)", [cursor])
            book.execute("DELETE FROM pending")
            book.execute("DELETE FROM changed")

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._file.transaction() as book:
                yield book
        except sqlite3.Error as error:
            raise ConfigError(
                f"what was sent can't be kept in {self._file.path}: {error}",
                remedy="Check the file and its rights. Without it everything is sent again.",
            ) from error


def _demand_new(book: sqlite3.Connection, keys: Sequence[str], marks: str) -> None:
    twice = {key for key in keys if keys.count(key) > 1} if len(set(keys)) < len(keys) else set()
    twice.update(
        key for (key,) in book.execute(f"SELECT key FROM seen WHERE key IN ({marks})", keys)
    )
    if twice:
        raise DataError(
            f"two rows have the key {min(twice)!r}, and would be one record; nothing was written",
            remedy="Give one row for each key, such as by GROUP BY or DISTINCT ON.",
        )
