"""The room of jobs of one connection: submit, find, list, and a worker in this process."""

from __future__ import annotations

import getpass
import hashlib
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from isthmus.catalog.project import Project
from isthmus.engine.jobs.job import Job
from isthmus.engine.jobs.model import Asked, Callback, JobState, JobStatus, Retry, Work
from isthmus.engine.jobs.parameters import packed
from isthmus.engine.jobs.store import JobStore
from isthmus.engine.jobs.webhook import callback_of
from isthmus.engine.jobs.worker import LEASE_SECONDS, Worker
from isthmus.errors import ConfigError

if TYPE_CHECKING:
    from isthmus.engine.connection import Connection

__all__ = ["Jobs"]

_TABLE = pa.schema(
    [
        ("id", pa.string()),
        ("state", pa.string()),
        ("user", pa.string()),
        ("priority", pa.int64()),
        ("text", pa.string()),
        ("created", pa.timestamp("us", "UTC")),
        ("started", pa.timestamp("us", "UTC")),
        ("finished", pa.timestamp("us", "UTC")),
        ("attempt", pa.int64()),
        ("rows", pa.int64()),
        ("calls", pa.int64()),
        ("worker", pa.string()),
        ("error", pa.string()),
        ("expires", pa.timestamp("us", "UTC")),
    ]
)


class Jobs:
    """The jobs of a project.

    Args:
        connection: on which a worker of this process works.
        project: whose jobs these are.
        folder: the state folder; None: no job can be kept.
        identities: of the sources; they tell projects apart that have no file.
    """

    def __init__(
        self,
        connection: Connection,
        project: Project,
        folder: Path | None,
        identities: Sequence[str],
    ) -> None:
        if folder is None:
            raise ConfigError(
                "jobs need a state folder, and there is none",
                remedy="Give connect(state=...) or ISTHMUS_STATE a folder.",
            )
        self._connection = connection
        self._project = _named(project, identities)
        self._store = JobStore(folder, limits=project.jobs)
        self._worker: Worker | None = None
        self._lock = threading.Lock()

    def submit(
        self,
        text: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        work: Work = Work.SQL,
        callback: str | Callback | None = None,
        priority: int = 0,
        retry: Retry | None = None,
        keep: float | None = None,
        user: str | None = None,
        bounds: Mapping[str, Any] | None = None,
        here: bool | None = None,
        id: str | None = None,
    ) -> Job:
        """Take a job; see `Connection.submit`."""
        limits = {name: value for name, value in (bounds or {}).items() if value is not None}
        asked = Asked(
            project=self._project,
            work=work,
            text=text,
            user=user or getpass.getuser(),
            parameters=packed(parameters),
            bounds=limits,
            priority=priority,
            retry=retry or Retry(),
            keep=Asked.keep if keep is None else keep,
            callback=callback_of(callback),
        )
        job = Job(self._store, self._store.submit(asked, id))
        if here or (here is None and not self.workers_alive()):
            self.start_worker()
        return job

    def new_id(self) -> str:
        """An id for a job that is about to be submitted."""
        return self._store.new_id()

    def find(self, id: str) -> Job:
        """The job of that id.

        Raises:
            ConfigError: there is none.
        """
        job = Job(self._store, id)
        _ = job.status
        return job

    def table(self, state: str | None = None) -> pa.Table:
        """The project's jobs, newest first, as a table."""
        chosen = None if state is None else JobState(state)
        rows = [_row(status) for status in self._store.newest(self._project, chosen)]
        return pa.Table.from_pylist(rows, _TABLE)

    def workers_alive(self) -> bool:
        """Whether somebody would take a job now."""
        return bool(self._store.workers(self._project, LEASE_SECONDS))

    def start_worker(self, threads: int = 1, lease: float = LEASE_SECONDS) -> Worker:
        """A worker in this process; it ends with the connection. There is one at most."""
        with self._lock:
            if self._worker is None:
                self._worker = Worker(
                    self._connection, self._store, self._project, threads=threads, lease=lease
                ).start()
            return self._worker

    def close(self) -> None:
        """Stop the worker; what it did is given back to the queue."""
        with self._lock:
            if self._worker is not None:
                self._worker.stop()
                self._worker = None
        self._store.close()


def _named(project: Project, identities: Sequence[str]) -> str:
    """What the jobs of a project have in common, whoever opens it."""
    if project.file is not None:
        return str(project.file)
    views = [f"{view.name}={view.text}" for view in project.views]
    digest = hashlib.sha256("\n".join([*sorted(identities), *sorted(views)]).encode())
    return f"dict:{digest.hexdigest()[:24]}"


def _row(status: JobStatus) -> dict[str, Any]:
    return {
        "id": status.id,
        "state": status.state.value,
        "user": status.asked.user,
        "priority": status.asked.priority,
        "text": status.asked.text,
        "created": _moment(status.created),
        "started": _moment(status.started),
        "finished": _moment(status.finished),
        "attempt": status.attempt,
        "rows": status.rows,
        "calls": status.bill.get("calls", status.progress.get("calls")),
        "worker": status.worker,
        "error": status.error,
        "expires": _moment(status.expires),
    }


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
