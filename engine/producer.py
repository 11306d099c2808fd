"""Reads one fragment in a thread of its own, a bounded number of batches ahead of DuckDB."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.contract import Connector, Declined, Fragment, Meter, ReadContext
from isthmus.engine import recheck
from isthmus.engine.learning import Witness
from isthmus.errors import Cancelled

__all__ = ["Choose", "Producer"]

_BATCHES_AHEAD = 4
_POLL_SECONDS = 0.1

#: Decides what is sent, once that can be known; None: nothing, there are no rows.
Choose = Callable[[ReadContext], Fragment | None]


class Producer:
    """One fragment being read.

    It starts at once, so that independent scans overlap, but stops after its first batch until
    its rows are asked for: DuckDB never opens a scan whose join partner is empty, and then no
    more than the first page was paid for.

    Args:
        connector: the fragment's source.
        fragment: what was planned.
        cancelled: the query's own flag; the producer adds its own for `stop`.
        deadline: `time.monotonic()` after which reading stops.
        meter: counts what is spent.
        choose: waits for keys, say, and gives what is sent instead of `fragment`.

    Attributes:
        planned: the fragment that was planned.
        fragment: what is sent; None if nothing is.
    """

    def __init__(
        self,
        connector: Connector,
        fragment: Fragment,
        cancelled: threading.Event,
        deadline: float | None,
        meter: Meter,
        choose: Choose | None = None,
        witness: Callable[[Fragment], Witness | None] = lambda fragment: None,
    ) -> None:
        self.planned = fragment
        self.fragment: Fragment | None = fragment
        self.meter = meter
        self.error: BaseException | None = None
        self._connector = connector
        self._choose = choose
        self._witness = witness
        self._query_cancelled = cancelled
        self._stopped = _Either(cancelled)
        self._context = ReadContext(self._stopped, deadline, self.meter)
        self._queue: queue.Queue[pa.RecordBatch | None] = queue.Queue(_BATCHES_AHEAD)
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._read, name="isthmus-read", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The batches, filtered again where the source promised only a superset.

        Raises:
            Cancelled: the query was stopped; any error of the connector's is raised as it is.
        """
        self._opened.set()
        try:
            while True:
                batch = self._next()
                if batch is None:
                    break
                yield batch
        finally:
            self.stop()
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """Nobody wants the rest."""
        self._stopped.set()

    def join(self, timeout: float) -> None:
        """Wait for the thread to end."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _next(self) -> pa.RecordBatch | None:
        while True:
            if self._query_cancelled.is_set():
                raise Cancelled("the query was cancelled")
            try:
                return self._queue.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if not self._thread.is_alive() and self._queue.empty():
                    return None

    def _read(self) -> None:
        try:
            if self._choose is not None:
                self.fragment = self._choose(self._context)
            fragment = self.fragment
            if fragment is None:
                return
            try:
                self._read_fragment(fragment)
            except Declined:
                self._read_fragment(self._of_rows(fragment))
        except BaseException as error:
            if not (isinstance(error, Cancelled) and self._stopped.is_set()):
                self.error = error
        finally:
            self._put(None)

    def _read_fragment(self, fragment: Fragment) -> None:
        again = recheck.expression(fragment.rechecked, fragment.request.table.schema)
        if again is not None and fragment.request.children:
            (key,) = fragment.request.table.primary_key
            again = again | pc.is_null(pc.field(key))  # such a row only brings more children
        first = True
        before, witness = self.meter.bill, self._witness(fragment)
        batches = self._connector.open(fragment, self._context)
        for batch in batches if witness is None else witness.watch(batches):
            kept = batch if again is None else batch.filter(again)
            if not self._put(kept):
                return
            if first and not self._wait_until_opened():
                return
            first = False
        if witness is not None:
            witness.done(self.meter.bill - before, self.meter.pace)

    def _of_rows(self, fragment: Fragment) -> Fragment:
        """The rows that a declined fragment's groups are made of."""
        request = fragment.request
        columns = dict.fromkeys(
            (*request.columns, *(a.column for a in request.aggregates if a.column is not None))
        )
        plain = replace(request, columns=tuple(columns), aggregates=())
        self.fragment = fragment = self._connector.plan(plain)
        return fragment

    def _put(self, item: pa.RecordBatch | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def _wait_until_opened(self) -> bool:
        while not self._stopped.is_set():
            if self._opened.wait(_POLL_SECONDS):
                return True
        return False


class _Either(threading.Event):
    """Set when itself or the query's own flag is."""

    def __init__(self, other: threading.Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return super().is_set() or self._other.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        # Wakes for its own flag at once and for the query's within a poll.
        end = None if timeout is None else timeout
        waited = 0.0
        while not self.is_set() and (end is None or waited < end):
            step = _POLL_SECONDS if end is None else min(_POLL_SECONDS, end - waited)
            super().wait(step)
            waited += step
        return self.is_set()
