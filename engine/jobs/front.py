"""What a connection can do about jobs: the methods that a user calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from isthmus.engine.jobs.job import Job
from isthmus.engine.jobs.model import Callback, Retry, SyncJob, Work, WriteJob
from isthmus.engine.jobs.room import Jobs
from isthmus.engine.jobs.worker import LEASE_SECONDS, Worker
from isthmus.engine.result import Result
from isthmus.engine.session import Parameters
from isthmus.engine.sync.front import Syncing
from isthmus.engine.writes.from_data import DataRows
from isthmus.engine.writes.how import How
from isthmus.errors import ParameterError

if TYPE_CHECKING:
    from isthmus.engine.connection import Connection

__all__ = ["Working"]


class Working(Syncing):
    """Has work done that outlives the process."""

    _jobs: Jobs | None = None

    def submit(
        self,
        work: str | WriteJob | SyncJob,
        params: Parameters = None,
        *,
        callback: str | Callback | None = None,
        priority: int = 0,
        retry: Retry | None = None,
        keep: float | None = None,
        user: str | None = None,
        here: bool | None = None,
        on_error: str | None = None,
        timeout: float | None = None,
        max_calls: int | None = None,
        max_rows: int | None = None,
        max_bytes: int | None = None,
        max_seconds: float | None = None,
    ) -> Job:
        """Have a statement, a write or a sync run as a job, which outlives this process.

        Args:
            work: a text as for `sql`, which is planned now, so that its mistakes show at once;
                a `WriteJob`, whose rows are on disk when this returns; or a `SyncJob`.
            params: as for `sql`; they are kept in the state folder until the job is forgotten.
            callback: a URL that gets a POST when the job has ended; a `Callback` signs it.
            priority: higher goes first.
            retry: how often it is tried where a failure may pass.
            keep: seconds for which the result is kept; a week, if not said.
            user: whose limits count; the system's user, if not said.
            here: whether a worker of this process does it; if not said, only where no other
                worker of the project is alive. It ends with the connection, and the job goes on
                with the next one.
            on_error: of a statement that writes, as for `write`. The write bears the job's id;
                another attempt goes on with it.
            timeout: as for `sql`, of each attempt; so are the budgets.
            max_calls: of each attempt.
            max_rows: of each attempt.
            max_bytes: of each attempt.
            max_seconds: of each attempt.

        Raises:
            QueryError: the text is wrong or not allowed.
            ConfigError: there is no state folder.
        """
        self._check_open()
        room = self._job_room()
        bounds: dict[str, Any] = {
            "on_error": on_error,
            "timeout": timeout,
            "max_calls": max_calls,
            "max_rows": max_rows,
            "max_bytes": max_bytes,
            "max_seconds": max_seconds,
        }
        kind, text, id = Work.SQL, "", room.new_id()
        match work:
            case str():
                text = work
                self.explain(text, params)
            case WriteJob():
                kind, text = Work.WRITE, work.table
                self._prepare(work, id, on_error)
            case SyncJob():
                _demand_none(on_error=on_error, timeout=timeout, max_seconds=max_seconds)
                kind, text = Work.SYNC, work.name
                bounds["full"] = work.full or None
                self._sync_room().spec(work.name, {})
        return room.submit(
            text,
            params,
            work=kind,
            callback=callback,
            priority=priority,
            retry=retry,
            keep=keep,
            user=user,
            bounds=bounds,
            here=here,
            id=id,
        )

    def _prepare(self, work: WriteJob, id: str, on_error: str | None) -> None:
        rows = DataRows.of(self, work.table, work.data, work.mode, work.key, None, work.options)
        how = How(on_error or "stop", write_id=id)
        self._writing().prepare(rows, how, self._free_terms())

    def job(self, id: str) -> Job:
        """The job of that id, whoever has submitted it."""
        self._check_open()
        return self._job_room().find(id)

    def jobs(self, state: str | None = None) -> Result:
        """The project's jobs, newest first; only those ``queued``, ``running``, ... if said."""
        self._check_open()
        return self._given("jobs", self._job_room().table(state))

    def start_worker(self, threads: int = 1, lease: float = LEASE_SECONDS) -> Worker:
        """Do jobs of this project in this process, until the connection is closed.

        Args:
            threads: how many run at once.
            lease: seconds after which its jobs are begun again if this process dies.
        """
        self._check_open()
        return self._job_room().start_worker(threads, lease)

    def _job_room(self) -> Jobs:
        root = self
        while root._owner is not None:
            root = root._owner
        with root._lock:
            if root._jobs is None:
                identities = [c.identity for c in self._connectors.values()]
                root._jobs = Jobs(cast("Connection", root), self.project, self._folder, identities)
                root._closing.append(root._jobs.close)
            return root._jobs


def _demand_none(**given: object) -> None:
    """Refuse what a sync has no use for."""
    for name, value in given.items():
        if value is not None:
            raise ParameterError(
                f"a sync has no {name}", remedy="max_calls, max_rows and max_bytes bound a run."
            )
