"""The history of runs, in the state folder; `isthmus.sync_runs` shows it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from isthmus.engine.state import StateFile
from isthmus.errors import ConfigError

__all__ = ["RUNS", "RunRecord", "SyncBook"]

_FILE: Final = "syncs.sqlite"
_PATIENCE: Final = 30.0
_KEPT: Final = 10_000

#: The columns of `isthmus.sync_runs`.
RUNS: Final = pa.schema(
    [
        pa.field("run", pa.string(), nullable=False),
        pa.field("sync", pa.string(), nullable=False),
        pa.field("subject", pa.string()),
        pa.field("target", pa.string()),
        pa.field("mode", pa.string()),
        pa.field("state", pa.string()),
        pa.field("started", pa.timestamp("us", "UTC")),
        pa.field("ended", pa.timestamp("us", "UTC")),
        pa.field("rows_in", pa.int64()),
        pa.field("rows_out", pa.int64()),
        pa.field("deleted", pa.int64()),
        pa.field("calls", pa.int64()),
        pa.field("bytes", pa.int64()),
        pa.field("until", pa.timestamp("us", "UTC")),
        pa.field("lag_seconds", pa.float64()),
        pa.field("resumed", pa.bool_()),
        pa.field("error", pa.string()),
        pa.field("warnings", pa.string()),
    ]
)
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS runs (
  run TEXT PRIMARY KEY, sync TEXT NOT NULL, subject TEXT, target TEXT, mode TEXT, state TEXT,
  started TEXT, ended TEXT, rows_in INTEGER, rows_out INTEGER, deleted INTEGER, calls INTEGER,
  bytes INTEGER, until TEXT, lag_seconds REAL, resumed INTEGER, error TEXT, warnings TEXT);
CREATE INDEX IF NOT EXISTS runs_by_start ON runs (started);
"""


@dataclass(frozen=True)
class RunRecord:
    """One run.

    Attributes:
        run: its id.
        sync: the sync's name.
        subject: what is copied.
        target: where to, without secrets.
        mode: ``full`` or ``incremental``.
        state: ``running``, ``done``, ``failed``, ``broken off`` where its process died, or
            ``left out`` where its time came and it could not begin.
        started: when, by this machine's clock.
        ended: None while it runs.
        rows_in: rows that were fetched, those that an earlier run had staged among them.
        rows_out: rows that were put into the copy, or changed in it.
        deleted: keys whose rows were deleted or marked.
        calls: that count against the sources' limits.
        bytes: on the wire.
        until: the copy is complete up to here, by the source's clock.
        lag_seconds: from there to the end of the run.
        resumed: whether it took up what a broken run had fetched.
        error: why it failed.
        warnings: what it could not do.
    """

    run: str
    sync: str
    subject: str
    target: str
    mode: str
    state: str
    started: datetime
    ended: datetime | None = None
    rows_in: int = 0
    rows_out: int = 0
    deleted: int = 0
    calls: int = 0
    bytes: int = 0
    until: datetime | None = None
    lag_seconds: float | None = None
    resumed: bool = False
    error: str | None = None
    warnings: str | None = None


_NAMES: Final = tuple(field.name for field in fields(RunRecord))
_TIMES: Final = frozenset({"started", "ended", "until"})


class SyncBook:
    """Keeps the last runs. Several processes may use it at once.

    Args:
        folder: the state folder; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._file = StateFile(folder and folder / _FILE, _SCHEMA, patience=_PATIENCE)

    def write(self, record: RunRecord) -> None:
        """Note a run, or what has become of it.

        Raises:
            ConfigError: the file can't be used.
        """
        values = [_stored(getattr(record, name)) for name in _NAMES]
        marks = ", ".join("?" * len(_NAMES))
        with self._opened() as book:
            book.execute(
                f"INSERT OR REPLACE INTO runs ({', '.join(_NAMES)}) VALUES ({marks})", values
            )
            book.execute(
                "DELETE FROM runs WHERE run NOT IN "
                f"(SELECT run FROM runs ORDER BY started DESC LIMIT {_KEPT})"
            )

    def break_off(self, sync: str) -> None:
        """Runs of a sync that are said to run, and of which the lock says that they don't."""
        with self._opened() as book:
            book.execute(
                "UPDATE runs SET state = 'broken off' WHERE sync = ? AND state = 'running'", [sync]
            )

    def last_begun(self, sync: str) -> datetime | None:
        """When the last run of a sync began, or was left out; None: there was none."""
        with self._opened() as book:
            found = book.execute("SELECT max(started) FROM runs WHERE sync = ?", [sync]).fetchone()
        return None if found[0] is None else datetime.fromisoformat(found[0])

    def calls_since(self, sync: str, moment: datetime) -> int:
        """How many calls the runs of a sync have made that began since a moment."""
        with self._opened() as book:
            found = book.execute(
                "SELECT coalesce(sum(calls), 0) FROM runs WHERE sync = ? AND started >= ?",
                [sync, _stored(moment.astimezone(UTC))],
            ).fetchone()
        return int(found[0])

    def table(self) -> pa.Table:
        """Every run, the latest first, as `RUNS`.

        Raises:
            ConfigError: the file can't be used.
        """
        if self._folder is None or not (self._folder / _FILE).exists():
            return RUNS.empty_table()
        with self._opened() as book:
            rows = book.execute(
                f"SELECT {', '.join(_NAMES)} FROM runs ORDER BY started DESC, run"
            ).fetchall()
        columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(RUNS)
        return pa.table(
            [
                pa.array([_read(v, f) for v in values], f.type)
                for values, f in zip(columns, RUNS, strict=True)
            ],
            schema=RUNS,
        )

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
                f"the runs of syncs can't be kept in {self._file.path}: {error}",
                remedy="Remove the file if it is damaged; only the history is lost.",
            ) from error


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _read(value: Any, field: pa.Field) -> Any:
    if value is None:
        return None
    if field.name in _TIMES:
        return datetime.fromisoformat(value)
    return bool(value) if pa.types.is_boolean(field.type) else value
