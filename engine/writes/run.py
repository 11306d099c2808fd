"""A write under way: chunks in threads, each one's outcomes in the journal before the next."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow.compute as pc

from isthmus.connectors.contract import Bill, Meter, ReadContext
from isthmus.connectors.writing import Chunk, WriteFragment, Writer
from isthmus.engine.writes.journal import Journal, Pending
from isthmus.engine.writes.outcome_file import OutcomeFile
from isthmus.engine.writes.outcomes import demand_all
from isthmus.engine.writes.spool import ChunkFile
from isthmus.errors import Cancelled, IsthmusError

__all__ = ["PartRun", "WriteProgress", "WriteRun"]

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class WriteProgress:
    """How far a write is.

    Attributes:
        id: the write's.
        rows: of the input.
        done: rows that have an outcome, of which `failed` have failed.
    """

    id: str
    rows: int
    done: int
    failed: int


@dataclass(frozen=True)
class PartRun:
    """A part, ready to be sent."""

    number: int
    fragment: WriteFragment
    writer: Writer
    file: ChunkFile


@dataclass
class _Tally:
    """What the threads of a run share; `lock` guards it."""

    done: int
    failed: int
    error: BaseException | None = None
    stop: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class WriteRun:
    """Sends the chunks of a write that are not done.

    Args:
        id: the write's.
        rows: of the input.
        parts: sent one after another, the chunks of each side by side.
        journal: where every step is noted.
        stop_early: whether a failed row keeps what was not begun from being sent.
        stopped: a row has failed that keeps everything from being sent.
        meter: of the source; asked before each call.
        deadline: as in `ReadContext`.
        outcomes: a file that grows along, if one was asked for.
        progress: called after each chunk.
        before: rows that had an outcome before, and how many of them have failed.
        made: keys of rows that were made before.
    """

    def __init__(
        self,
        id: str,
        rows: int,
        parts: Sequence[PartRun],
        journal: Journal,
        *,
        stop_early: bool,
        stopped: bool,
        meter: Meter,
        deadline: float | None,
        outcomes: OutcomeFile | None,
        progress: Callable[[WriteProgress], None] | None,
        before: tuple[int, int],
        made: frozenset[str],
    ) -> None:
        self._id = id
        self._rows = rows
        self._parts = parts
        self._journal = journal
        self._stop_early = stop_early
        self._cancelled = threading.Event()
        self._context = ReadContext(self._cancelled, deadline, meter)
        self._outcomes = outcomes
        self._progress = progress
        self._made = made
        self._tally = _Tally(*before, stop=stopped)

    @property
    def bill(self) -> Bill:
        """What it has cost so far."""
        return self._context.meter.bill

    @property
    def stopped(self) -> bool:
        """Whether a failed row kept chunks from being sent."""
        return self._tally.stop

    def cancel(self) -> None:
        """Send no more; what is under way ends as soon as it can."""
        self._cancelled.set()

    def close(self) -> None:
        """As `cancel`."""
        self.cancel()

    def run(self) -> None:
        """Send what is not done, until all is, or a row fails that must not.

        Raises:
            Cancelled: it was broken off; what is not done stays in the journal.
            IsthmusError: of the source, a budget or the journal; it stays in the journal too.
        """
        tally = self._tally
        pending = self._journal.pending(self._id)
        for part in self._parts:
            chunks = [p for p in pending if p.part == part.number]
            if chunks and not tally.stop:
                self._send(part, chunks)
            if tally.error is not None:
                raise tally.error

    def _send(self, part: PartRun, chunks: list[Pending]) -> None:
        waiting = iter(chunks)
        threads = [
            threading.Thread(
                target=self._work, args=(part, waiting), name=f"isthmus-write-{i}", daemon=True
            )
            for i in range(min(max(part.fragment.parallel, 1), len(chunks)))
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(_POLL_SECONDS)
        except BaseException:
            self.cancel()
            for thread in threads:
                thread.join()  # an answer that is on its way is still taken down
            raise

    def _work(self, part: PartRun, waiting: object) -> None:
        tally = self._tally
        while True:
            with tally.lock:
                if tally.stop or tally.error is not None:
                    return
                chunk: Pending | None = next(waiting, None)  # type: ignore[call-overload]
            if chunk is None:
                return
            try:
                self._chunk(part, chunk)
            except BaseException as error:
                with tally.lock:
                    # A call that was cancelled because another failed says nothing.
                    if tally.error is None or isinstance(tally.error, Cancelled):
                        tally.error = error
                return

    def _chunk(self, part: PartRun, pending: Pending) -> None:
        self._context.check()
        rows = part.file.rows(pending.chunk)
        started = self._journal.start(self._id, pending, time.time())
        notes = self._journal.notes(self._id, pending)
        chunk = Chunk(f"{self._id}-{pending.part}-{pending.chunk}", rows, started, self._made)
        given = part.writer.write(part.fragment, chunk, notes, self._context)
        source = part.fragment.request.table.source
        outcomes = demand_all(given, rows.positions, source)
        self._journal.finish(self._id, pending, outcomes)
        if self._outcomes is not None:
            self._outcomes.append(outcomes)
        with contextlib.suppress(IsthmusError):
            part.writer.tidy(notes, self._context)
        failed = outcomes.num_rows - int(pc.sum(outcomes["success"]).as_py() or 0)
        with self._tally.lock:
            self._tally.done += outcomes.num_rows
            self._tally.failed += failed
            if failed and self._stop_early:
                self._tally.stop = True
            told = WriteProgress(self._id, self._rows, self._tally.done, self._tally.failed)
            if self._progress is not None:
                self._progress(told)
