"""The jobs of an org by their ids, each kept seven days after its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from isthmus.localorg import ids
from isthmus.localorg.errors import OrgError

#: How long a job that has ended is kept (Bulk API 2.0 guide, "Limits").
KEPT = timedelta(days=7)


class Kept(Protocol):
    """A job that ends some time, and lets go of what it holds."""

    id: str

    def ended(self, now: datetime) -> datetime | None:
        """When it ended; None while it has not."""

    def drop(self) -> None:
        """Stop its work and let go of what it holds."""


J = TypeVar("J", bound=Kept)


class Register(Generic[J]):
    """Jobs of one kind; `numbers` count those of all kinds. Safe to use from several threads."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self._numbers = numbers
        self._lock = threading.Lock()
        self._jobs: dict[str, J] = {}
        self._threads: list[threading.Thread] = []

    def next_id(self) -> str:
        """Give the id of a new job."""
        return ids.make("750", next(self._numbers))

    def add(self, job: J) -> None:
        """Keep a job."""
        with self._lock:
            self._jobs[job.id] = job

    def start(self, thread: threading.Thread) -> None:
        """Start a thread that works on a job; `close` waits for it."""
        with self._lock:
            self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()

    def find(self, job_id: str, now: datetime) -> J:
        """Give a job; OrgError NOT_FOUND when there is none, or it ended seven days ago."""
        full = ids.normalise(job_id)
        with self._lock:
            job = self._jobs.get(full) if full else None
        ended = job.ended(now) if job else None
        if job is not None and ended is not None and now >= ended + KEPT:
            self.remove(job)
            job = None
        if job is None:
            raise OrgError(404, "NOT_FOUND", "The requested resource does not exist")
        return job

    def listed(self, now: datetime) -> list[J]:
        """Give all jobs that are kept, oldest first."""
        with self._lock:
            known = list(self._jobs)
        found = []
        for job_id in known:
            with suppress(OrgError):
                found.append(self.find(job_id, now))
        return found

    def remove(self, job: J) -> None:
        """Forget a job."""
        with self._lock:
            self._jobs.pop(job.id, None)
        job.drop()

    def close(self, patience: float) -> None:
        """Stop all work, and wait so many seconds for each thread."""
        with self._lock:
            jobs, threads = list(self._jobs.values()), list(self._threads)
            self._jobs.clear()
        for job in jobs:
            job.drop()
        for thread in threads:
            thread.join(patience)
