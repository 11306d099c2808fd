"""What answers have taught, kept in a small file of the state folder, for all processes.

It can always be thrown away: estimates get worse, answers stay right. So whatever goes wrong with
the file is at most a warning.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from isthmus.catalog.statistics import Bound, ColumnFacts, Counted, Share, TableFacts
from isthmus.engine.state import StateFile

__all__ = ["Learnt", "SourceStatistics", "StatisticsBook"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS counts (source TEXT, name TEXT, rows INTEGER, exact INTEGER, at REAL,
  PRIMARY KEY (source, name));
CREATE TABLE IF NOT EXISTS columns (source TEXT, name TEXT, column TEXT, seen INTEGER,
  nulls INTEGER, "distinct" INTEGER, least TEXT, most TEXT, at REAL,
  PRIMARY KEY (source, name, column));
CREATE TABLE IF NOT EXISTS quantiles (source TEXT, name TEXT, column TEXT, points TEXT,
  PRIMARY KEY (source, name, column));
CREATE TABLE IF NOT EXISTS shares (source TEXT, name TEXT, key TEXT, share REAL, rows INTEGER,
  times INTEGER, at REAL, PRIMARY KEY (source, name, key));
CREATE TABLE IF NOT EXISTS widths (source TEXT, name TEXT, key TEXT, bytes REAL, at REAL,
  PRIMARY KEY (source, name, key));
CREATE TABLE IF NOT EXISTS pace (source TEXT PRIMARY KEY, seconds REAL, calls REAL);
"""
_FILE: Final = "statistics.sqlite"
#: Seconds to wait for another process: statistics are not worth more.
_PATIENCE: Final = 0.5
#: Seconds for which what was read is not read again.
_KEPT: Final = 1.0
#: The newest of a table's shares and widths are kept.
_MOST: Final = 500
#: How much the latest call weighs in the pace: its memory is about this many calls.
_PACE_CALLS: Final = 200.0


@dataclass(frozen=True)
class Learnt:
    """What one answer has taught of a table.

    Attributes:
        counted: all its rows, where they were read.
        columns: what their values were like.
        shares: by key, what part of the rows some predicates left, and how many rows.
        width: by the key of the columns read, bytes a row.
        pace: seconds and calls that it took.
    """

    counted: Counted | None = None
    columns: Mapping[str, ColumnFacts] | None = None
    shares: Mapping[str, tuple[float, int]] | None = None
    width: tuple[str, float] | None = None
    pace: tuple[float, int] | None = None


class StatisticsBook:
    """The statistics of all sources. Safe to use from threads and processes.

    Args:
        folder: the state folder.
        now: seconds since 1970.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self._path = folder / _FILE
        self._file = StateFile(self._path, _SCHEMA, patience=_PATIENCE)
        self._now = now
        self._usable = True
        self._mending = threading.Lock()

    def of(self, identity: str) -> SourceStatistics:
        """Those of one source."""
        return SourceStatistics(self, identity, self._now)

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def ask(self, question: Callable[[sqlite3.Connection], Any]) -> Any:
        """What a question finds, or None where the file can't be used now."""
        if not self._usable:
            return None
        try:
            with self._file.transaction() as book:
                return question(book)
        except sqlite3.OperationalError:
            return None  # another process is writing, or the disk is full: next time
        except (sqlite3.DatabaseError, ValueError) as error:
            self._renew(error)
            return None

    def _renew(self, error: Exception) -> None:
        with self._mending:
            warnings.warn(
                f"the statistics in {self._path} are damaged ({error}) and begin anew",
                RuntimeWarning,
                stacklevel=4,
            )
            self._file.close()
            try:
                for ending in ("", "-wal", "-shm"):
                    Path(f"{self._path}{ending}").unlink(missing_ok=True)
            except OSError:
                self._usable = False


class SourceStatistics:
    """One source's statistics, as `isthmus.catalog.statistics.Statistics`.

    Args:
        book: where they are.
        identity: the system behind the source.
        now: seconds since 1970.
    """

    def __init__(self, book: StatisticsBook, identity: str, now: Callable[[], float]) -> None:
        self._book = book
        self._identity = identity
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

    def of(self, table: str) -> TableFacts:
        """What is known of a table; nothing where the file can't be read."""
        facts: TableFacts | None = self._fresh(table, lambda b: _facts(b, [self._identity, table]))
        return TableFacts() if facts is None else facts

    @property
    def call_seconds(self) -> float | None:
        """How long a call has taken, on average over the last few hundred."""

        def ask(book: sqlite3.Connection) -> float | None:
            row = book.execute(
                "SELECT seconds / calls FROM pace WHERE source = ? AND calls > 0", [self._identity]
            ).fetchone()
            return float(row[0]) if row else None

        seconds: float | None = self._fresh("", ask)
        return seconds

    def count(self, table: str, counted: Counted) -> None:
        """Remember a count."""
        self.learn(table, Learnt(counted=counted))

    def tell(self, table: str, key: str, share: float, rows: int) -> None:
        """Remember what the source says of some predicates."""
        self.learn(table, Learnt(shares={key: (share, rows)}))

    def learn(self, table: str, learnt: Learnt) -> None:
        """Remember what an answer has taught."""
        place, now = [self._identity, table], self._now()

        def write(book: sqlite3.Connection) -> None:
            _write(book, place, learnt, now)

        self._book.ask(write)
        with self._lock:
            self._kept.clear()

    def _fresh(self, what: str, ask: Callable[[sqlite3.Connection], Any]) -> Any:
        moment = time.monotonic()
        with self._lock:
            kept = self._kept.get(what)
        if kept is not None and moment - kept[0] < _KEPT:
            return kept[1]
        found = self._book.ask(ask)
        with self._lock:
            self._kept[what] = (moment, found)
        return found


def _facts(book: sqlite3.Connection, place: Sequence[str]) -> TableFacts:
    where = "WHERE source = ? AND name = ?"
    counted = book.execute(f"SELECT rows, exact, at FROM counts {where}", place).fetchone()
    columns = book.execute(
        f"""SELECT column, seen, nulls, "distinct", least, most, at, coalesce(points, '[]')
            FROM columns LEFT JOIN quantiles USING (source, name, column) {where}""",
        place,
    ).fetchall()
    shares = book.execute(f"SELECT key, share, rows, times, at FROM shares {where}", place)
    widths = book.execute(f"SELECT key, bytes FROM widths {where}", place)
    return TableFacts(
        None if counted is None else Counted(counted[0], bool(counted[1]), counted[2]),
        {
            name: ColumnFacts(seen, nulls, distinct, _bound(least), _bound(most), at, _points(text))
            for name, seen, nulls, distinct, least, most, at, text in columns
        },
        {key: Share(*rest) for key, *rest in shares},
        dict(widths.fetchall()),
    )


def _write(book: sqlite3.Connection, place: list[str], learnt: Learnt, now: float) -> None:
    if (counted := learnt.counted) is not None:
        book.execute(
            "INSERT OR REPLACE INTO counts VALUES (?, ?, ?, ?, ?)",
            [*place, counted.rows, counted.exact, counted.at],
        )
    for name, c in (learnt.columns or {}).items():
        book.execute(
            "INSERT OR REPLACE INTO columns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [*place, name, c.seen, c.nulls, c.distinct, _text(c.least), _text(c.most), c.at],
        )
        points = json.dumps([_text(point) for point in c.quantiles])
        book.execute("INSERT OR REPLACE INTO quantiles VALUES (?, ?, ?, ?)", [*place, name, points])
    for key, (share, rows) in (learnt.shares or {}).items():
        book.execute(
            """INSERT INTO shares VALUES (?, ?, ?, ?, ?, 1, ?) ON CONFLICT DO UPDATE SET
               share = CASE WHEN substr(key, 1, 1) IN ('=', '?') THEN excluded.share
                 ELSE share + (excluded.share - share) / (min(times, 20) + 1) END,
               rows = excluded.rows, times = times + 1, at = excluded.at""",
            [*place, key, share, rows, now],
        )
    if learnt.width is not None:
        book.execute(
            "INSERT OR REPLACE INTO widths VALUES (?, ?, ?, ?, ?)", [*place, *learnt.width, now]
        )
    if learnt.pace is not None:
        seconds, calls = learnt.pace
        book.execute(
            """INSERT INTO pace VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET
               seconds = seconds * min(1.0, ? / calls) + excluded.seconds,
               calls = min(calls, ?) + excluded.calls""",
            [place[0], seconds, calls, _PACE_CALLS, _PACE_CALLS],
        )
    for name in ("shares", "widths"):
        book.execute(
            f"""DELETE FROM {name} WHERE source = ? AND name = ? AND at < (SELECT at FROM {name}
                WHERE source = ? AND name = ? ORDER BY at DESC LIMIT 1 OFFSET {_MOST})""",
            [*place, *place],
        )


def _text(bound: Bound | None) -> str | None:
    """A bound as text that tells its type."""
    match bound:
        case None:
            return None
        case bool() | int() | float():
            return json.dumps(bound)
        case Decimal():
            return json.dumps({"decimal": str(bound)})
        case datetime():
            return json.dumps({"datetime": bound.isoformat()})
        case date():
            return json.dumps({"date": bound.isoformat()})


_TYPES: Final[dict[str, Callable[[str], Bound]]] = {
    "decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}


def _points(text: str) -> tuple[Bound, ...]:
    found = [_bound(point) for point in json.loads(text)]
    return tuple(point for point in found if point is not None)


def _bound(text: str | None) -> Bound | None:
    if text is None:
        return None
    value = json.loads(text)
    if isinstance(value, dict):
        ((kind, inner),) = value.items()
        return _TYPES[kind](inner)
    bound: Bound = value
    return bound
