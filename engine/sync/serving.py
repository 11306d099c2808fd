"""The syncs of a project that have a schedule, run at their times until they are stopped."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from isthmus.catalog.syncs import SyncSpec
from isthmus.catalog.syncs_in import SyncInSpec
from isthmus.engine.sync.book import RunRecord, SyncBook
from isthmus.engine.sync.result import SyncRun
from isthmus.engine.sync.scheduler import Scheduler, Timetable
from isthmus.errors import ConfigError

if TYPE_CHECKING:
    from isthmus.engine.sync.front import Syncing

__all__ = ["ServedSyncs"]


class ServedSyncs:
    """Serves the scheduled syncs of a connection.

    Args:
        connection: each run has a session of its own over it.
        book: the history of runs, for what was missed and what was spent.
        told: called with a line for each run that begins, ends, fails or is left out.

    Raises:
        ConfigError: no sync of the project has a schedule.
    """

    def __init__(self, connection: Syncing, book: SyncBook, told: Callable[[str], object]) -> None:
        self._connection = connection
        self._book = book
        self._told = told
        self._zone = ZoneInfo(connection.time_zone)
        self._specs = {s.name: s for s in connection.project.syncs if s.schedule is not None}
        if not self._specs:
            raise ConfigError(
                "no sync of the project has a schedule",
                remedy='Add a line such as schedule = "every 15 minutes" to a [syncs.NAME].',
            )
        self._running: dict[str, Syncing] = {}
        self._lock = threading.Lock()
        schedules = {name: s.schedule for name, s in self._specs.items() if s.schedule is not None}
        self._timetable = Timetable(schedules, self, self._now())
        self._scheduler = Scheduler(self._timetable, self._run, self._now, self._failed)

    @property
    def upcoming(self) -> dict[str, datetime]:
        """When each sync is due next."""
        return {name: self._timetable.next(name) for name in self._specs}

    def serve(self) -> None:
        """Run syncs at their times until `stop`, from another thread or a signal."""
        self._scheduler.serve()

    def stop(self) -> None:
        """Begin no more runs and break off those that go on; they are taken up the next time."""
        self._scheduler.stop()
        with self._lock:
            running = list(self._running.values())
        for session in running:
            session.interrupt()

    # --- what the timetable asks

    def last_begun(self, sync: str) -> datetime | None:
        """As `History`."""
        return self._book.last_begun(sync)

    def calls_since(self, sync: str, moment: datetime) -> int:
        """As `History`."""
        return self._book.calls_since(sync, moment)

    def left_out(self, sync: str, moment: datetime, why: str) -> None:
        """As `History`; it stands in ``isthmus.sync_runs`` and is told."""
        self._book.write(_omission(self._specs[sync], moment, why))
        self._told(f"{sync}: left out: {why}")

    # --- inner

    def _now(self) -> datetime:
        return datetime.now(self._zone)

    def _run(self, name: str, calls: int | None) -> SyncRun:
        self._told(f"{name}: begun")
        with self._connection.cursor() as session:
            with self._lock:
                self._running[name] = session
            try:
                done = session.sync(name, max_calls=calls)
            finally:
                with self._lock:
                    del self._running[name]
        self._told(f"{name}: {done}".split("\n")[0])
        return done

    def _failed(self, name: str, error: Exception) -> None:
        self._told(f"{name}: failed: {error}")


def _omission(spec: SyncSpec | SyncInSpec, moment: datetime, why: str) -> RunRecord:
    return RunRecord(
        run=uuid.uuid4().hex,
        sync=spec.name,
        subject=spec.subject,
        target=spec.target,
        mode=spec.mode,
        state="left out",
        started=moment.astimezone(UTC),
        ended=moment.astimezone(UTC),
        error=why,
    )
