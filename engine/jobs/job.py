"""A job as its owner holds it: to ask how it is, wait, stop it, and read what it has made."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa

from isthmus.engine.jobs.model import JobState, JobStatus, LogLine
from isthmus.engine.jobs.pages import PageReader
from isthmus.engine.jobs.store import JobStore
from isthmus.engine.tabular import Tabular
from isthmus.errors import Cancelled, ConfigError, DataError, DeadlineExceeded, JobFailed

__all__ = ["Job", "JobResult"]

_FIRST_LOOK: Final = 0.02
_LONGEST_LOOK: Final = 0.5


class Job:
    """One job. Others of the same id see the same: nothing of it is in this object."""

    def __init__(self, store: JobStore, id: str) -> None:
        self.id = id
        self._store = store

    @property
    def status(self) -> JobStatus:
        """All that is known of it now.

        Raises:
            ConfigError: there is no such job (any more).
        """
        status = self._store.status(self.id)
        if status is None:
            raise ConfigError(
                f"there is no job {self.id}", remedy="List them: isthmus jobs list, con.jobs()."
            )
        return status

    @property
    def state(self) -> str:
        """``queued``, ``running``, ``done``, ``failed`` or ``cancelled``."""
        return self.status.state.value

    @property
    def log(self) -> list[LogLine]:
        """What has happened to it, oldest line first."""
        return self._store.log(self.id)

    def cancel(self) -> bool:
        """Have it stopped; False where it has ended already."""
        return self._store.cancel(self.id)

    def wait(
        self, timeout: float | None = None, on_look: Callable[[JobStatus], object] | None = None
    ) -> JobStatus:
        """Wait until it has ended, well or not.

        Args:
            timeout: seconds to wait.
            on_look: called with what is known, each time it is looked at.

        Raises:
            DeadlineExceeded: it has not ended in time; it goes on.
        """
        end = None if timeout is None else time.monotonic() + timeout
        pause = _FIRST_LOOK
        while True:
            status = self.status
            if on_look is not None:
                on_look(status)
            if status.ended:
                return status
            if end is not None and time.monotonic() >= end:
                raise DeadlineExceeded(
                    f"{self.id} is still {status.state.value} after {timeout:g} s",
                    remedy="It goes on: wait again, or stop it with cancel(). Jobs run where a "
                    "worker is: isthmus worker.",
                )
            left = pause if end is None else min(pause, max(end - time.monotonic(), 0))
            time.sleep(left)
            pause = min(pause * 1.5, _LONGEST_LOOK)

    def result(self, timeout: float | None = None) -> JobResult:
        """Wait until it is done, and give what it has made.

        Raises:
            JobFailed: it has failed; the message says why.
            Cancelled: it was stopped.
            DeadlineExceeded: it has not ended in time.
            DataError: its result was kept for its time, and is gone.
        """
        status = self.wait(timeout)
        if status.state is JobState.FAILED:
            raise JobFailed(
                f"{self.id} has failed: {status.error}",
                remedy=f"See its log: isthmus jobs show {self.id}.",
            )
        if status.state is JobState.CANCELLED:
            raise Cancelled(f"{self.id} was cancelled")
        if status.pages is None:
            raise DataError(
                f"the result of {self.id} was kept for {status.asked.keep:g} s and is gone",
                remedy="Submit it again; keep=SECONDS keeps a result for longer.",
            )
        return JobResult(status, PageReader(self._store.results, self.id, status.attempt,
                                            status.pages))  # fmt: skip

    def __repr__(self) -> str:
        return f"<isthmus.Job {self.id}: {self.state}>"


class JobResult(Tabular):
    """What a job has made: pages of rows, read as often as one likes until they expire."""

    def __init__(self, status: JobStatus, pages: PageReader) -> None:
        self._status = status
        self._pages = pages

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self._status.rows or 0

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return self._pages.pages

    @property
    def bill(self) -> dict[str, Any]:
        """What it cost: ``calls``, ``rows``, ``bytes`` and ``seconds``."""
        return dict(self._status.bill)

    def page(self, number: int) -> pa.Table:
        """One page; the first is 1.

        Raises:
            DataError: there is none of that number, or it is gone.
        """
        return self._pages.page(number)

    def reader(self) -> pa.RecordBatchReader:
        """All rows as a stream, a page at a time in memory."""
        return self._pages.reader()

    def arrow(self) -> pa.Table:
        """All rows as a ``pyarrow.Table``."""
        return self.reader().read_all()

    def __repr__(self) -> str:
        return f"<isthmus.JobResult {self.rows} rows, {self.pages} pages>"
