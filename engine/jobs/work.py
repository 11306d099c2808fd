"""What an attempt at a job does: it runs the statement and keeps its rows as pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from isthmus.connectors.contract import Bill
from isthmus.engine.jobs.model import JobStatus, Work
from isthmus.engine.jobs.pages import PageWriter
from isthmus.engine.jobs.parameters import unpacked
from isthmus.engine.jobs.store import Held, Hold
from isthmus.engine.result import Result
from isthmus.errors import Cancelled

if TYPE_CHECKING:
    from isthmus.engine.connection import Connection
    from isthmus.engine.sync.result import SyncProgress
    from isthmus.engine.writes.run import WriteProgress

__all__ = ["Attempt", "Made", "do_work"]


@dataclass(frozen=True)
class Made:
    """What a job that is done has made."""

    rows: int
    pages: int
    bill: Mapping[str, Any]


class Attempt:
    """An attempt that runs, and how it is stopped from another thread.

    Args:
        hold: the worker's hold of it.
        session: in which it runs; nothing else does.

    Attributes:
        stopped: why it was told to stop; None while it was not. `Held.ON` means that the worker
            itself stops.
    """

    def __init__(self, hold: Hold, session: Connection) -> None:
        self.hold = hold
        self.session = session
        self.stopped: Held | None = None
        self._result: Result | None = None
        self._written: WriteProgress | None = None
        self._copied: SyncProgress | None = None

    def watch(self, result: Result) -> None:
        """Its progress is the attempt's."""
        self._result = result

    def wrote(self, progress: WriteProgress) -> None:
        """A statement that writes has come so far."""
        self._written = progress

    def copied(self, progress: SyncProgress) -> None:
        """A sync has come so far."""
        self.check()
        self._copied = progress

    def stop(self, why: Held) -> None:
        """Stop it. Asked again, it stops what has begun since."""
        self.stopped = self.stopped or why
        self.session.interrupt()

    def check(self) -> None:
        """Return if it should go on; raises `Cancelled`."""
        if self.stopped is not None:
            raise Cancelled("the job was stopped")

    @property
    def progress(self) -> dict[str, int]:
        """How far its run is."""
        if self._written is not None:
            return {"rows": self._written.done}
        if self._copied is not None:
            return {n: getattr(self._copied, n) for n in ("rows", "pages", "calls")}
        result = self._result
        if result is None:
            return {}
        now = result.progress
        return {"rows": now.rows, "pages": now.pages, "calls": now.calls}


def do_work(status: JobStatus, results: Path, attempt: Attempt) -> Made:
    """Do the job's work; its pages are whole when this returns.

    A write is journalled under the job's id, a sync keeps its place: another attempt goes on.

    Raises:
        IsthmusError: as the work does; `Cancelled` if the attempt was stopped.
    """
    attempt.check()
    match status.asked.work:
        case Work.SQL:
            return _statement(status, results, attempt)
        case Work.WRITE:
            return _write(status, results, attempt)
        case Work.SYNC:
            return _sync(status, results, attempt)


def _statement(status: JobStatus, results: Path, attempt: Attempt) -> Made:
    asked = status.asked
    bounds: dict[str, Any] = dict(asked.bounds)
    parameters = unpacked(asked.parameters)
    with attempt.session.sql(
        asked.text, parameters, **bounds, write_id=status.id, progress=attempt.wrote
    ) as result:
        attempt.watch(result)
        attempt.check()
        reader = result.reader()
        attempt.check()  # it may have been stopped before there was a run to stop
        rows, pages = _kept(status, results, attempt, reader)
        cost = result.bill if result.write is None else result.write.bill
        return Made(rows, pages, _bill(cost.actual))


def _write(status: JobStatus, results: Path, attempt: Attempt) -> Made:
    bounds = {name: status.asked.bounds.get(name) for name in ("timeout", "max_calls")}
    written = attempt.session.resume(status.id, progress=attempt.wrote, **bounds)
    rows, pages = _kept(status, results, attempt, written.outcomes.to_reader())
    return Made(rows, pages, _bill(written.bill.actual))


def _sync(status: JobStatus, results: Path, attempt: Attempt) -> Made:
    asked = status.asked
    names = ("full", "max_calls", "max_rows", "max_bytes")
    bounds: dict[str, Any] = {n: asked.bounds[n] for n in names if n in asked.bounds}
    run = attempt.session.sync(asked.text, on_progress=attempt.copied, **bounds)
    shown = ("sync", "run", "mode", "rows_in", "rows_out", "deleted", "failed", "until", "resumed")
    table = pa.table({name: [getattr(run, name)] for name in shown})
    rows, pages = _kept(status, results, attempt, table.to_reader())
    return Made(rows, pages, _bill(run.bill))


def _kept(
    status: JobStatus, results: Path, attempt: Attempt, reader: pa.RecordBatchReader
) -> tuple[int, int]:
    """Keep rows as pages: how many rows and pages there are."""
    writer = PageWriter(results, status.id, status.attempt, reader.schema)
    for batch in reader:
        attempt.check()
        writer.write(batch)
    writer.close()
    return writer.rows, writer.pages


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "calls": bill.calls,
        "rows": bill.rows,
        "bytes": bill.bytes,
        "seconds": round(bill.seconds, 3),
    }
