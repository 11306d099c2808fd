"""A worker: takes jobs of its project as their turn comes, and can be killed at any moment."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from isthmus.engine.jobs import webhook
from isthmus.engine.jobs.model import JobStatus
from isthmus.engine.jobs.pages import drop_pages
from isthmus.engine.jobs.store import Held, Hold, JobStore
from isthmus.engine.jobs.work import Attempt, do_work
from isthmus.errors import IsthmusError, Retryable

if TYPE_CHECKING:
    from isthmus.engine.connection import Connection

__all__ = ["LEASE_SECONDS", "Worker"]

#: How long a job stays with a worker that is not heard of.
LEASE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.25
_BEAT_SECONDS: Final = 1.0
_SWEEP_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_JOIN_SECONDS: Final = 0.05


class Worker:
    """Does the jobs of one project, each in a session of its own.

    Args:
        connection: to the project; it stays the caller's.
        store: where the jobs are.
        project: whose jobs.
        threads: how many run at once.
        lease: seconds after which a job of this worker, should it die, is begun again.
    """

    def __init__(
        self,
        connection: Connection,
        store: JobStore,
        project: str,
        *,
        threads: int = 1,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._connection = connection
        self._store = store
        self._project = project
        self._lease = lease
        self._stopping = threading.Event()
        self._running: dict[str, Attempt] = {}
        self._lock = threading.Lock()
        loops = [self._take_jobs] * threads + [self._keep_alive, self._send_messages]
        self._threads = [
            threading.Thread(target=self._guarded, args=(loop,), name="isthmus-worker", daemon=True)
            for loop in loops
        ]
        self._broken: Exception | None = None

    def start(self) -> Worker:
        """Begin to take jobs."""
        self._announce()
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Take no more; what runs is given back, to be begun again by another worker."""
        self._stopping.set()
        end = time.monotonic() + _STOP_SECONDS
        while any(t.is_alive() for t in self._threads) and time.monotonic() < end:
            with self._lock:
                running = list(self._running.values())
            for attempt in running:  # again and again: a run may begin after it was told to stop
                attempt.stop(Held.ON)
            for thread in self._threads:
                thread.join(_JOIN_SECONDS)
        self._store.leave(self.id)

    def wait(self, seconds: float) -> bool:
        """Wait while it works; True once it was stopped.

        Raises:
            IsthmusError: the jobs can't be kept any more, say: the worker has stopped itself.
        """
        stopped = self._stopping.wait(seconds)
        if self._broken is not None:
            raise self._broken
        return stopped

    @property
    def idle(self) -> bool:
        """Whether it does nothing now."""
        return not self._running

    # --- taking jobs

    def _take_jobs(self) -> None:
        while not self._stopping.is_set():
            claimed = self._store.claim(self.id, self._project, self._lease)
            if claimed is None:
                self._stopping.wait(_LOOK_SECONDS)
            else:
                self._do(*claimed)

    def _do(self, hold: Hold, status: JobStatus) -> None:
        attempt = Attempt(hold, self._connection.cursor())
        with self._lock:
            self._running[hold.job] = attempt
        try:
            if self._stopping.is_set():
                attempt.stop(Held.ON)
            made = do_work(status, self._store.results, attempt)
            if self._store.done(hold, rows=made.rows, pages=made.pages, bill=made.bill):
                drop_pages(self._store.results, hold.job, but=hold.attempt)
        except Exception as error:
            self._account_for(error, attempt, status)
        finally:
            attempt.session.close()
            with self._lock:
                del self._running[hold.job]

    def _account_for(self, error: Exception, attempt: Attempt, status: JobStatus) -> None:
        hold, retry = attempt.hold, status.asked.retry
        if attempt.stopped is Held.LOST:
            return
        if attempt.stopped is Held.CANCEL:
            self._store.stopped(hold, "it was asked to stop")
        elif attempt.stopped is Held.ON:
            self._store.release(hold)
        elif isinstance(error, Retryable) and status.attempt < retry.attempts:
            self._store.again(hold, _told(error), retry.pause(status.attempt))
        else:
            self._store.failed(hold, _told(error))

    # --- staying alive

    def _keep_alive(self) -> None:
        beat = min(_BEAT_SECONDS, self._lease / 3)
        announced = swept = time.monotonic()
        # Jobs that still wind up after `stop` keep their lease until they are given back.
        while not self._stopping.wait(beat) or not self.idle:
            with self._lock:
                running = list(self._running.values())
            for attempt in running:
                held = self._store.renew(attempt.hold, self._lease, attempt.progress)
                if held is not Held.ON:
                    attempt.stop(held)
            if time.monotonic() - announced >= self._lease / 3:
                announced = time.monotonic()
                self._announce()
            if time.monotonic() - swept >= _SWEEP_SECONDS:
                swept = time.monotonic()
                self.sweep()
            if self._stopping.is_set():
                time.sleep(min(beat, 0.05))

    def sweep(self) -> None:
        """Throw away the results whose time is up."""
        for job in self._store.expired():
            drop_pages(self._store.results, job)

    def _announce(self) -> None:
        self._store.announce(self.id, self._project, socket.gethostname(), os.getpid())

    def _send_messages(self) -> None:
        while not self._stopping.is_set():
            delivery = self._store.due(self._project, self._lease)
            if delivery is None:
                self._stopping.wait(_LOOK_SECONDS)
                continue
            error = webhook.deliver(delivery, time.time)
            if error is None:
                self._store.delivered(delivery)
            else:
                self._store.undelivered(delivery, error, webhook.next_pause(delivery.attempt))

    def _guarded(self, loop: Callable[[], None]) -> None:
        """A worker one of whose loops has failed must not look alive: its leases run out."""
        try:
            loop()
        except Exception as error:
            self._broken = error
            self._stopping.set()


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, IsthmusError) else f"{type(error).__name__}: {error}"
