"""Where jobs are kept: one SQLite file of the state folder, shared by all processes.

A running job is held by a lease that its worker renews. A worker that dies lets the lease run
out, and the job is begun again; one that was only slow finds that its attempt is no longer the
current one, and what it has to say is not taken.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from isthmus.catalog.project import JobLimits
from isthmus.engine.jobs.model import (
    Asked,
    Callback,
    JobState,
    JobStatus,
    LogLine,
    Retry,
    Work,
)
from isthmus.engine.state import StateFile
from isthmus.errors import ConfigError, Refused

__all__ = ["Delivery", "Held", "Hold", "JobStore", "WorkerSeen"]

_FILE: Final = "jobs.sqlite"
_PATIENCE: Final = 30.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS job (
  id TEXT PRIMARY KEY, project TEXT NOT NULL, work TEXT NOT NULL, text TEXT NOT NULL,
  user TEXT NOT NULL, parameters BLOB, bounds TEXT NOT NULL, priority INTEGER NOT NULL,
  retry TEXT NOT NULL, keep REAL NOT NULL, callback TEXT, state TEXT NOT NULL,
  created REAL NOT NULL, not_before REAL NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
  started REAL, finished REAL, worker TEXT, lease REAL, cancelling INTEGER NOT NULL DEFAULT 0,
  progress TEXT NOT NULL DEFAULT '{}', rows INTEGER, pages INTEGER,
  bill TEXT NOT NULL DEFAULT '{}', error TEXT, expires REAL);
CREATE INDEX IF NOT EXISTS job_by_state ON job (state, project, priority, created);
CREATE TABLE IF NOT EXISTS log (job TEXT NOT NULL, at REAL NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS log_by_job ON log (job);
CREATE TABLE IF NOT EXISTS worker (
  id TEXT PRIMARY KEY, project TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
  seen REAL NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
  id TEXT PRIMARY KEY, job TEXT NOT NULL, project TEXT NOT NULL, url TEXT NOT NULL, secret TEXT,
  body TEXT NOT NULL, attempt INTEGER NOT NULL DEFAULT 0, next_at REAL, error TEXT);
"""
_COLUMNS: Final = (
    "id, project, work, text, user, parameters, bounds, priority, retry, keep, callback, state, "
    "created, not_before, attempt, started, finished, worker, cancelling, progress, rows, pages, "
    "bill, error, expires"
)


@dataclass(frozen=True)
class Hold:
    """A worker's hold of one attempt at a job."""

    job: str
    worker: str
    attempt: int


class Held(Enum):
    """What a worker hears when it renews its lease."""

    ON = "go on"
    CANCEL = "somebody wants it stopped"
    LOST = "it is not yours any more"


@dataclass(frozen=True)
class WorkerSeen:
    """A worker that was alive a moment ago."""

    id: str
    host: str
    pid: int
    seen: float


@dataclass(frozen=True)
class Delivery:
    """A message about a job that has ended, to be sent until it is received."""

    id: str
    job: str
    url: str
    secret: str | None
    body: str
    attempt: int


class JobStore:
    """All jobs of a state folder. Safe to use from threads and processes.

    Args:
        folder: the state folder.
        now: the clock, in seconds since 1970.
        limits: of each user.
    """

    def __init__(
        self,
        folder: Path,
        *,
        now: Callable[[], float] = time.time,
        limits: JobLimits | None = None,
    ) -> None:
        self.results = folder / "jobs"
        self._file = StateFile(folder / _FILE, _SCHEMA, patience=_PATIENCE, durable=True)
        self._now = now
        self._limits = limits or JobLimits()

    # --- for those who ask

    def new_id(self) -> str:
        """An id for a job; later ones sort behind it."""
        return f"job-{int(self._now() * 1000):012x}{secrets.token_hex(4)}"

    def submit(self, asked: Asked, id: str | None = None) -> str:
        """Take a job; when this returns, it will be done. Gives its id.

        Args:
            asked: what it is.
            id: one of `new_id`; made, if not given.

        Raises:
            Refused: the user has too many jobs waiting.
        """
        now = self._now()
        job = id or self.new_id()
        callback = None if asked.callback is None else json.dumps(asdict(asked.callback))
        with self._opened() as db:
            waiting = db.execute(
                "SELECT count(*) FROM job WHERE user = ? AND state = 'queued'", [asked.user]
            ).fetchone()[0]
            if waiting >= self._limits.queued:
                raise Refused(
                    f"{asked.user} has {waiting} jobs waiting already",
                    remedy="Wait for some (isthmus jobs list), or cancel them.",
                )
            db.execute(
                "INSERT INTO job (id, project, work, text, user, parameters, bounds, priority, "
                "retry, keep, callback, state, created, not_before) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?)",
                [
                    job,
                    asked.project,
                    asked.work.value,
                    asked.text,
                    asked.user,
                    asked.parameters,
                    json.dumps(dict(asked.bounds)),
                    asked.priority,
                    json.dumps(asdict(asked.retry)),
                    asked.keep,
                    callback,
                    now,
                    now,
                ],
            )
            _log(db, job, now, "queued")
        return job

    def status(self, job: str) -> JobStatus | None:
        """What is known of a job; None: there is none of that id."""
        with self._opened() as db:
            row = db.execute(f"SELECT {_COLUMNS} FROM job WHERE id = ?", [job]).fetchone()
        return None if row is None else _status(row)

    def newest(
        self, project: str | None = None, state: JobState | None = None, most: int = 1000
    ) -> list[JobStatus]:
        """The newest jobs first, of one project and in one state if that is said."""
        with self._opened() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM job WHERE (?1 IS NULL OR project = ?1) "
                "AND (?2 IS NULL OR state = ?2) ORDER BY created DESC, rowid DESC LIMIT ?3",
                [project, None if state is None else state.value, most],
            ).fetchall()
        return [_status(row) for row in rows]

    def log(self, job: str) -> list[LogLine]:
        """A job's log, oldest line first."""
        with self._opened() as db:
            rows = db.execute(
                "SELECT at, text FROM log WHERE job = ? ORDER BY rowid", [job]
            ).fetchall()
        return [LogLine(*row) for row in rows]

    def cancel(self, job: str) -> bool:
        """Have a job stopped: at once if it waits, else as soon as its worker hears of it.

        False: it has ended already.
        """
        now = self._now()
        with self._opened() as db:
            waiting = db.execute(
                "UPDATE job SET state = 'cancelled', finished = ?, cancelling = 0 "
                "WHERE id = ? AND state = 'queued'",
                [now, job],
            ).rowcount
            if waiting:
                self._ended(db, job, now, "cancelled before it was begun")
                return True
            running = db.execute(
                "UPDATE job SET cancelling = 1 WHERE id = ? AND state = 'running'", [job]
            ).rowcount
            if running:
                _log(db, job, now, "asked to stop")
            return bool(running)

    # --- for workers

    def announce(self, worker: str, project: str, host: str, pid: int) -> None:
        """A worker is alive."""
        with self._opened() as db:
            db.execute(
                "INSERT INTO worker VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET seen = excluded.seen",
                [worker, project, host, pid, self._now()],
            )

    def leave(self, worker: str) -> None:
        """A worker stops."""
        with self._opened() as db:
            db.execute("DELETE FROM worker WHERE id = ?", [worker])

    def workers(self, project: str, within: float) -> list[WorkerSeen]:
        """The workers of a project that were alive within so many seconds."""
        with self._opened() as db:
            rows = db.execute(
                "SELECT id, host, pid, seen FROM worker WHERE project = ? AND seen >= ?",
                [project, self._now() - within],
            ).fetchall()
        return [WorkerSeen(*row) for row in rows]

    def claim(self, worker: str, project: str, lease: float) -> tuple[Hold, JobStatus] | None:
        """Begin the job whose turn it is, if there is one, and hold it for `lease` seconds."""
        now = self._now()
        with self._opened() as db:
            self._take_back(db, now)
            row = db.execute(
                "SELECT id FROM job AS j WHERE state = 'queued' AND project = ? "
                "AND not_before <= ? AND ? > (SELECT count(*) FROM job AS r "
                "  WHERE r.state = 'running' AND r.user = j.user) "
                "ORDER BY priority DESC, created, j.rowid LIMIT 1",
                [project, now, self._limits.running],
            ).fetchone()
            if row is None:
                return None
            db.execute(
                "UPDATE job SET state = 'running', worker = ?, lease = ?, attempt = attempt + 1, "
                "started = coalesce(started, ?), progress = '{}' WHERE id = ?",
                [worker, now + lease, now, row[0]],
            )
            found = db.execute(f"SELECT {_COLUMNS} FROM job WHERE id = ?", row).fetchone()
            status = _status(found)
            _log(db, status.id, now, f"attempt {status.attempt} begun by {worker}")
        return Hold(status.id, worker, status.attempt), status

    def renew(self, hold: Hold, lease: float, progress: Mapping[str, int]) -> Held:
        """Hold a job for longer and say how far it is."""
        with self._opened() as db:
            changed = db.execute(
                f"UPDATE job SET lease = ?, progress = ? {_HELD}",
                [self._now() + lease, json.dumps(dict(progress)), *_held(hold)],
            ).rowcount
            if not changed:
                return Held.LOST
            cancelling = db.execute(
                "SELECT cancelling FROM job WHERE id = ?", [hold.job]
            ).fetchone()[0]
        return Held.CANCEL if cancelling else Held.ON

    def note(self, hold: Hold, text: str) -> None:
        """Add a line to a job's log."""
        with self._opened() as db:
            _log(db, hold.job, self._now(), text)

    def done(self, hold: Hold, *, rows: int, pages: int, bill: Mapping[str, Any]) -> bool:
        """A job has its result. False: the attempt was not the current one any more."""
        now = self._now()
        with self._opened() as db:
            changed = db.execute(
                "UPDATE job SET state = 'done', finished = ?, cancelling = 0, lease = NULL, "
                f"rows = ?, pages = ?, bill = ?, error = NULL, expires = ? + keep {_HELD}",
                [now, rows, pages, json.dumps(dict(bill)), now, *_held(hold)],
            ).rowcount
            if changed:
                self._ended(db, hold.job, now, f"done: {rows} rows")
        return bool(changed)

    def stopped(self, hold: Hold, why: str) -> bool:
        """A job was stopped because somebody asked for it."""
        return self._end(hold, JobState.CANCELLED, why)

    def failed(self, hold: Hold, error: str) -> bool:
        """An attempt failed, and no other will be made."""
        return self._end(hold, JobState.FAILED, error)

    def again(self, hold: Hold, error: str, pause: float) -> bool:
        """An attempt failed; another is made after `pause` seconds."""
        return self._back(hold, error, pause, 0)

    def release(self, hold: Hold) -> bool:
        """A worker that stops gives a job back: the attempt does not count."""
        return self._back(hold, None, 0.0, 1)

    # --- messages

    def due(self, project: str, hold: float) -> Delivery | None:
        """A message whose time it is; nobody else gets it within `hold` seconds."""
        now = self._now()
        with self._opened() as db:
            row = db.execute(
                "SELECT id, job, url, secret, body, attempt FROM delivery "
                "WHERE project = ? AND next_at <= ? ORDER BY next_at LIMIT 1",
                [project, now],
            ).fetchone()
            if row is None:
                return None
            db.execute("UPDATE delivery SET next_at = ? WHERE id = ?", [now + hold, row[0]])
        return Delivery(*row)

    def delivered(self, delivery: Delivery) -> None:
        """A message was received."""
        with self._opened() as db:
            db.execute("DELETE FROM delivery WHERE id = ?", [delivery.id])
            _log(db, delivery.job, self._now(), f"told {delivery.url}")

    def undelivered(self, delivery: Delivery, error: str, pause: float | None) -> None:
        """A message was not received; it is sent again after `pause` seconds, or never."""
        now = self._now()
        with self._opened() as db:
            db.execute(
                "UPDATE delivery SET attempt = attempt + 1, error = ?, next_at = ? WHERE id = ?",
                [error, None if pause is None else now + pause, delivery.id],
            )
            tail = "given up" if pause is None else f"again in {pause:.0f} s"
            _log(db, delivery.job, now, f"could not tell {delivery.url}: {error}; {tail}")

    # --- the end of results

    def expired(self) -> list[str]:
        """Jobs whose results are to be thrown away now; asked twice, they are named once."""
        with self._opened() as db:
            rows = db.execute(
                "UPDATE job SET expires = NULL, pages = NULL WHERE expires <= ? RETURNING id",
                [self._now()],
            ).fetchall()
        return [row[0] for row in rows]

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    # --- inner

    def _take_back(self, db: sqlite3.Connection, now: float) -> None:
        """Queue what dead workers held again, or end it where it was tried often enough."""
        rows = db.execute(
            "SELECT id, attempt, retry, cancelling, worker FROM job "
            "WHERE state = 'running' AND lease < ?",
            [now],
        ).fetchall()
        for job, attempt, retry, cancelling, worker in rows:
            lost = f"the worker {worker} was lost in attempt {attempt}"
            if cancelling:
                state, ended = "cancelled", True
            else:
                ended = attempt >= json.loads(retry)["attempts"]
                state = "failed" if ended else "queued"
            db.execute(
                "UPDATE job SET state = ?, lease = NULL, cancelling = 0, error = ?, finished = ? "
                "WHERE id = ?",
                [state, lost, now if ended else None, job],
            )
            if ended:
                self._ended(db, job, now, f"{state}: {lost}")
            else:
                _log(db, job, now, f"queued again: {lost}")

    def _end(self, hold: Hold, state: JobState, error: str) -> bool:
        now = self._now()
        with self._opened() as db:
            changed = db.execute(
                "UPDATE job SET state = ?, finished = ?, cancelling = 0, lease = NULL, "
                f"error = ? {_HELD}",
                [state.value, now, error, *_held(hold)],
            ).rowcount
            if changed:
                self._ended(db, hold.job, now, f"{state.value}: {error}")
        return bool(changed)

    def _back(self, hold: Hold, error: str | None, pause: float, uncounted: int) -> bool:
        now = self._now()
        with self._opened() as db:
            changed = db.execute(
                "UPDATE job SET state = 'queued', lease = NULL, not_before = ?, "
                f"error = coalesce(?, error), attempt = attempt - ? {_HELD}",
                [now + pause, error, uncounted, *_held(hold)],
            ).rowcount
            if changed:
                why = "the worker stopped" if error is None else error
                _log(db, hold.job, now, f"queued again, in {pause:.0f} s: {why}")
        return bool(changed)

    def _ended(self, db: sqlite3.Connection, job: str, now: float, line: str) -> None:
        """Log the end, and put the message about it into the same transaction."""
        _log(db, job, now, line)
        row = db.execute(f"SELECT {_COLUMNS} FROM job WHERE id = ?", [job]).fetchone()
        status = _status(row)
        if status.asked.callback is None:
            return
        db.execute(
            "INSERT INTO delivery (id, job, project, url, secret, body, next_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                f"msg-{secrets.token_hex(12)}",
                job,
                status.asked.project,
                status.asked.callback.url,
                status.asked.callback.secret,
                json.dumps(_message(status)),
                now,
            ],
        )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._file.transaction() as db:
                yield db
        except sqlite3.Error as error:
            raise ConfigError(
                f"jobs can't be kept in {self._file.path}: {error}",
                remedy="Check the file and its rights; remove it if it is damaged (the jobs in "
                "it are lost then).",
            ) from error


_HELD: Final = "WHERE id = ? AND worker = ? AND attempt = ? AND state = 'running'"


def _held(hold: Hold) -> tuple[str, str, int]:
    return hold.job, hold.worker, hold.attempt


def _log(db: sqlite3.Connection, job: str, now: float, text: str) -> None:
    db.execute("INSERT INTO log VALUES (?, ?, ?)", [job, now, text])


def _message(status: JobStatus) -> dict[str, Any]:
    """What a callback is told. No row and no parameter is in it."""
    return {
        "type": f"job.{status.state.value}",
        "timestamp": status.finished,
        "data": {
            "id": status.id,
            "state": status.state.value,
            "rows": status.rows,
            "pages": status.pages,
            "error": status.error,
            "expires": status.expires,
        },
    }


def _status(row: tuple[Any, ...]) -> JobStatus:
    kept = dict(zip(_COLUMNS.split(", "), row, strict=True))
    asked = Asked(
        project=kept["project"],
        work=Work(kept["work"]),
        text=kept["text"],
        user=kept["user"],
        parameters=kept["parameters"],
        bounds=json.loads(kept["bounds"]),
        priority=kept["priority"],
        retry=Retry(**json.loads(kept["retry"])),
        keep=kept["keep"],
        callback=Callback(**json.loads(kept["callback"])) if kept["callback"] else None,
    )
    return JobStatus(
        id=kept["id"],
        asked=asked,
        state=JobState(kept["state"]),
        created=kept["created"],
        not_before=kept["not_before"],
        attempt=kept["attempt"],
        started=kept["started"],
        finished=kept["finished"],
        worker=kept["worker"],
        cancelling=bool(kept["cancelling"]),
        progress=json.loads(kept["progress"]),
        rows=kept["rows"],
        pages=kept["pages"],
        bill=json.loads(kept["bill"]),
        error=kept["error"],
        expires=kept["expires"],
    )
