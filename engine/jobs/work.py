"""What an attempt at a job does: it runs the statement and keeps its rows as pages."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.connectors.contract import Bill
from isthmus.engine.jobs.model import JobStatus
from isthmus.engine.jobs.pages import PageWriter
from isthmus.engine.jobs.parameters import unpacked
from isthmus.engine.jobs.store import Held, Hold
from isthmus.engine.result import Result
from isthmus.errors import Cancelled

if TYPE_CHECKING:
    from isthmus.engine.connection import Connection

__all__ = ["Attempt", "Made", "do_work"]


@dataclass(frozen=True)
class Made:
    """What a job that is done has made."""

    rows: int
    pages: int
    bill: Mapping[str, Any]


class Attempt:
    """An attempt that runs, and how it is stopped from another thread.

    Attributes:
        stopped: why it was told to stop; None while it was not. `Held.ON` means that the worker
            itself stops.
    """

    def __init__(self, hold: Hold) -> None:
        self.hold = hold
        self.stopped: Held | None = None
        self._result: Result | None = None
        self._lock = threading.Lock()

    def watch(self, result: Result) -> None:
        """From now on this is what is stopped."""
        with self._lock:
            self._result = result

    def stop(self, why: Held) -> None:
        """Stop it, once."""
        with self._lock:
            self.stopped = self.stopped or why
            if self._result is not None:
                self._result.cancel()

    def check(self) -> None:
        """Return if it should go on; raises `Cancelled`."""
        if self.stopped is not None:
            raise Cancelled("the job was stopped")

    @property
    def progress(self) -> dict[str, int]:
        """How far its run is."""
        result = self._result
        if result is None:
            return {}
        now = result.progress
        return {"rows": now.rows, "pages": now.pages, "calls": now.calls}


def do_work(connection: Connection, status: JobStatus, results: Path, attempt: Attempt) -> Made:
    """Do the job's work; its pages are whole when this returns.

    Raises:
        IsthmusError: as the work does; `Cancelled` if the attempt was stopped.
    """
    asked = status.asked
    bounds: dict[str, Any] = dict(asked.bounds)
    with connection.sql(asked.text, unpacked(asked.parameters), **bounds) as result:
        attempt.watch(result)
        attempt.check()
        reader = result.reader()
        attempt.check()  # it may have been stopped before there was a run to stop
        writer = PageWriter(results, status.id, status.attempt, reader.schema)
        for batch in reader:
            attempt.check()
            writer.write(batch)
        writer.close()
        return Made(writer.rows, writer.pages, _bill(result.bill.actual))


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "calls": bill.calls,
        "rows": bill.rows,
        "bytes": bill.bytes,
        "seconds": round(bill.seconds, 3),
    }
