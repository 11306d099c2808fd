"""The calls that each source has had today, counted across threads and processes.

Unlike statistics it is never thrown away by itself: a budget that forgets is none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from isthmus.engine.state import StateFile
from isthmus.errors import ConfigError

__all__ = ["DayBook", "Entry"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS days (
  source TEXT NOT NULL, day TEXT NOT NULL, calls INTEGER NOT NULL, PRIMARY KEY (source, day));
CREATE TABLE IF NOT EXISTS limits (
  source TEXT PRIMARY KEY, sent INTEGER NOT NULL, ended INTEGER NOT NULL,
  others INTEGER, allowed INTEGER);
"""
_PATIENCE: Final = 30.0
_FILE: Final = "budgets.sqlite"


@dataclass(frozen=True)
class Entry:
    """What is known of a source at a moment.

    Attributes:
        today: calls of this UTC day.
        sent: calls ever, of which `ended` were answered.
        others: an upper bound of what the source's own count holds beside our calls; None until
            it has told. It may be below zero, since the source forgets calls after a day.
        allowed: the source's own limit.
    """

    today: int
    sent: int = 0
    ended: int = 0
    others: int | None = None
    allowed: int | None = None

    @property
    def used(self) -> int | None:
        """An upper bound of what the source's own count is, with all our calls in it."""
        return None if self.others is None else self.others + self.sent


class DayBook:
    """Counts calls. Each method is one step that no other process can get between.

    Args:
        folder: the state folder; None counts in this process alone.
        now: the clock.
    """

    def __init__(
        self, folder: Path | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._file = StateFile(folder and folder / _FILE, _SCHEMA, patience=_PATIENCE)
        self._now = now

    def read(self, source: str) -> Entry:
        """What is known of a source now.

        Raises:
            ConfigError: the file can't be used; the remedy says what to do.
        """
        with self._opened() as book:
            return self._entry(book, source)

    def spend(self, source: str, allows: Callable[[Entry], bool]) -> Entry | None:
        """Count a call if it is allowed; the entry before it, or None where it is not.

        Raises:
            ConfigError: the file can't be used; the call must not be made.
        """
        with self._opened() as book:
            before = self._entry(book, source)
            if not allows(before):
                return None
            self._change(book, source, 1)
            return before

    def give_back(self, source: str, calls: int) -> None:
        """Calls that never reached the source."""
        with self._opened() as book:
            self._change(book, source, -calls)

    def end(self, source: str, ended_before: int, usage: tuple[int, int]) -> None:
        """A call was answered.

        One that was not is never counted as ended: the source may count it at any later time.

        Args:
            source: whose.
            ended_before: how many calls had been answered when it was sent, or fewer. Whatever
                those and this one were to the source, its count has them; all others may be
                still to come.
            usage: what the answer says: used, and allowed.
        """
        used, allowed = usage
        with self._opened() as book:
            book.execute(
                "UPDATE limits SET ended = ended + 1, others = ?, allowed = ? WHERE source = ?",
                [used - ended_before - 1, allowed, source],
            )

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def _entry(self, book: sqlite3.Connection, source: str) -> Entry:
        today = book.execute(
            "SELECT calls FROM days WHERE source = ? AND day = ?", [source, self._day()]
        ).fetchone()
        limits = book.execute(
            "SELECT sent, ended, others, allowed FROM limits WHERE source = ?", [source]
        ).fetchone()
        return Entry(today[0] if today else 0, *(limits or ()))

    def _change(self, book: sqlite3.Connection, source: str, calls: int) -> None:
        book.execute(
            """INSERT INTO days VALUES (?, ?, max(?, 0))
               ON CONFLICT DO UPDATE SET calls = max(calls + ?, 0)""",
            [source, self._day(), calls, calls],
        )
        book.execute(
            """INSERT INTO limits VALUES (?, ?, 0, NULL, NULL)
               ON CONFLICT DO UPDATE SET sent = sent + ?""",
            [source, calls, calls],
        )

    def _day(self) -> str:
        return self._now().astimezone(UTC).date().isoformat()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._file.transaction() as book:
                yield book
        except sqlite3.Error as error:
            raise ConfigError(
                f"the calls of the day can't be counted in {self._file.path}: {error}",
                remedy="Remove the file if it is damaged (the day then counts from 0), or take "
                "calls_per_day and reserve out of the source's budget.",
            ) from error
