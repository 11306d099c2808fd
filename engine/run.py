"""One run of a query: sources are read in threads, DuckDB joins, batches come out bounded."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from isthmus.connectors.contract import Bill, Connector, Fragment
from isthmus.engine import faults
from isthmus.engine.bill import FragmentBill
from isthmus.engine.column_names import shown_names
from isthmus.engine.feeds import Feed, Feeds
from isthmus.engine.ledger import Terms
from isthmus.engine.plan import PlannedScan
from isthmus.engine.planner import plan_scan
from isthmus.engine.producer import Producer
from isthmus.engine.resolve import Resolved
from isthmus.engine.scan import Offer, Scan
from isthmus.errors import BudgetExceeded, Cancelled, DeadlineExceeded, IsthmusError

__all__ = ["Run"]

_POLL_SECONDS = 0.1
_BATCHES_AHEAD = 4
_ROWS_PER_BATCH = 65_536
#: A recursion opens a scan once for each of its steps. The word may stand for something else.
_RECURSIVE = re.compile(r"\brecursive\b", re.IGNORECASE)


class Run:
    """Runs a planned query once.

    DuckDB works in a thread of its own, so that the caller's thread can always be interrupted.

    Args:
        cursor: the query's own cursor, its scans registered; closed at the end.
        resolved: the bound statement.
        parameters: as DuckDB takes them.
        timeout: seconds from `start` to the last row; the terms may allow fewer.
        spill_folder: where rows wait that memory can't hold.
        terms: what it may spend, and who learns from it.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        resolved: Resolved,
        parameters: Any,
        connectors: Mapping[str, Connector],
        timeout: float | None,
        spill_folder: str,
        terms: Terms,
    ) -> None:
        self._cursor = cursor
        self._spill_folder = spill_folder
        self._resolved = resolved
        self._parameters = parameters
        self._connectors = connectors
        self.planned: tuple[PlannedScan, ...] = ()
        self._terms = terms
        self._timeout = terms.timeout(timeout)
        self._deadline: float | None = None
        self._cancelled = threading.Event()
        self._interrupted = False
        self._lock = threading.Lock()
        self._feeds: Feeds | None = None
        self._waiting: list[Feed] = []
        self._opened: list[Feed] = []
        self._recursive = _RECURSIVE.search(resolved.sql) is not None
        self._unplanned: list[Producer] = []
        self._queue: queue.Queue[pa.RecordBatch | None] = queue.Queue(_BATCHES_AHEAD)
        self._schema_ready = threading.Event()
        self._done = threading.Event()
        self._closed = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._pull, name="isthmus-join", daemon=True)
        self.schema: pa.Schema | None = None
        self.integer_columns: frozenset[int] = frozenset()
        self.as_of: dict[str, datetime] = {}
        self.rows_out = 0

    def start(self) -> None:
        """Start reading every planned fragment, and DuckDB."""
        if self._timeout is not None:
            self._deadline = time.monotonic() + self._timeout
        self._feeds = Feeds(
            self.planned,
            self._connectors,
            self._cancelled,
            self._deadline,
            self._spill_folder,
            self._terms,
            reopened=self._recursive,
        )
        now = datetime.now(UTC)
        self.as_of = {scan.fragment.source: now for scan in self.planned}
        self._waiting = list(self._feeds.all)
        self._feeds.start()
        self._thread.start()

    def open_scan(
        self, scan: Scan, columns: tuple[str, ...], offers: tuple[Offer, ...]
    ) -> Iterator[pa.RecordBatch]:
        """DuckDB opens a scan: hand it the planned feed, or read what was not planned."""
        with self._lock:
            feed = self._take(scan, columns, offers)
        if feed is not None:
            return feed.batches()
        return self._unplanned_read(plan_scan(scan, columns, offers).fragment).batches()

    def _take(self, scan: Scan, columns: tuple[str, ...], offers: tuple[Offer, ...]) -> Feed | None:
        for i, feed in enumerate(self._waiting):
            planned = feed.scan
            if planned.occurrence == scan.occurrence.number and planned.feeds(columns, offers):
                del self._waiting[i]
                self._opened.append(feed)
                return feed
        return self._reopened(scan, columns, offers) if self._recursive else None

    def _reopened(
        self, scan: Scan, columns: tuple[str, ...], offers: tuple[Offer, ...]
    ) -> Feed | None:
        """A feed that has been read before, and whose rows are kept; a LIMIT held for that once."""
        for feed in self._opened:
            same = feed.scan.occurrence == scan.occurrence.number
            if same and feed.scan.feeds(columns, offers) and feed.scan.request.limit is None:
                return feed
        return None

    def _unplanned_read(self, fragment: Fragment) -> Producer:
        self.as_of.setdefault(fragment.source, datetime.now(UTC))
        connector = self._connectors[fragment.source]
        meter, witness = self._terms.meter(fragment.source), self._terms.witness
        producer = Producer(
            connector, fragment, self._cancelled, self._deadline, meter, None, witness
        )
        with self._lock:
            self._unplanned.append(producer)
        producer.start()
        return producer

    @property
    def _producers(self) -> list[Producer]:
        """Every read, planned or not."""
        planned = self._feeds.all if self._feeds is not None else ()
        return [f.producer for f in planned if f.producer is not None] + self._unplanned

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The answer, batch by batch.

        Raises:
            IsthmusError: of a source, of DuckDB, `Cancelled` or `DeadlineExceeded`.
        """
        try:
            while (batch := self._next()) is not None:
                self.rows_out += batch.num_rows
                yield batch
            self._raise()
        except BaseException:
            self.cancel()
            raise
        finally:
            self.close()

    def wait_for_schema(self) -> pa.Schema:
        """The answer's schema, as soon as DuckDB knows it."""
        while not self._schema_ready.wait(_POLL_SECONDS):
            self._check_deadline()
        if self.schema is None:
            self.close()
            self._raise()
        assert self.schema is not None
        return self.schema

    def _next(self) -> pa.RecordBatch | None:
        while True:
            try:
                return self._queue.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                self._check_deadline()
                if self._cancelled.is_set() and self._interrupted:
                    raise Cancelled("the query was cancelled") from None
                if self._done.is_set() and self._queue.empty():
                    return None

    def _check_deadline(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self.cancel()
            self.close()
            raise self._late()

    def _late(self) -> IsthmusError:
        assert self._timeout is not None
        return self._terms.late(self._timeout) or DeadlineExceeded(
            f"the query's timeout of {self._timeout:g} s passed",
            remedy="Give it more time, or ask for less: see con.explain(...) for what is read.",
        )

    def _raise(self) -> None:
        if self._error is None:
            return  # a producer's late error does not matter once DuckDB has all it needs
        if self._interrupted:
            raise Cancelled("the query was cancelled") from self._error
        for producer in self._producers:
            if producer.error is not None:
                if isinstance(producer.error, DeadlineExceeded):
                    raise self._late() from producer.error
                if isinstance(producer.error, BudgetExceeded):
                    producer.error.plan = producer.error.plan or self._terms.plan
                raise producer.error
        raise faults.translate(self._error, self._resolved) from self._error

    def _pull(self) -> None:
        try:
            sql = self._resolved.sql
            if self._parameters:
                relation = self._cursor.sql(sql, params=self._parameters)
            else:
                relation = self._cursor.sql(sql)
            names = [str(t) for t in relation.types]
            self.integer_columns = frozenset(
                i for i, n in enumerate(names) if n in ("HUGEINT", "UHUGEINT")
            )
            reader = relation.to_arrow_reader(_ROWS_PER_BATCH)
            columns = shown_names(reader.schema.names, self._resolved, self._parameters)
            self.schema = pa.schema(
                [field.with_name(n) for field, n in zip(reader.schema, columns, strict=True)]
            )
            self._schema_ready.set()
            try:
                for batch in reader:
                    if not self._put(batch.rename_columns(columns)):
                        break
            finally:
                # The scans of a limited query must end, or closing would drain them.
                self._cancelled.set()
                reader.close()
        except Exception as error:
            self._error = error
        finally:
            self._schema_ready.set()
            self._done.set()
            self._put(None)

    def _put(self, item: pa.RecordBatch | None) -> bool:
        while not self._closed:
            try:
                self._queue.put(item, timeout=_POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def cancel(self) -> None:
        """Stop the remote reads and DuckDB; the reader raises `Cancelled`."""
        self._interrupted = True
        self._cancelled.set()
        with contextlib.suppress(duckdb.Error):
            self._cursor.interrupt()

    def close(self) -> None:
        """Stop what still runs and give the cursor back."""
        self._closed = True
        self._cancelled.set()
        if self._feeds is not None:
            self._feeds.stop()
        for producer in self._unplanned:
            producer.stop()
        if self._thread.ident is not None and self._thread.is_alive():
            with contextlib.suppress(duckdb.Error):
                self._cursor.interrupt()
            self._thread.join(5)
        if self._feeds is not None:
            self._feeds.join(2)
        for producer in self._unplanned:
            producer.join(2)
        with contextlib.suppress(duckdb.Error):
            self._cursor.close()

    @property
    def fragments(self) -> tuple[FragmentBill, ...]:
        """What each fragment has cost so far."""
        with self._lock:
            feeds = () if self._feeds is None else self._feeds.all
            planned = [FragmentBill(f.as_run.fragment, f.actual) for f in feeds]
            more = [FragmentBill(p.planned, p.meter.bill) for p in self._unplanned]
            return (*planned, *more)

    @property
    def pages(self) -> int:
        """Pages and file pieces read so far."""
        return sum(p.meter.pages for p in self._producers)

    @property
    def as_run(self) -> tuple[PlannedScan, ...]:
        """The planned scans with the fragments that were really sent."""
        return self.planned if self._feeds is None else tuple(f.as_run for f in self._feeds.all)

    @property
    def actual(self) -> tuple[Bill, ...]:
        """What each planned scan has cost so far."""
        if self._feeds is None:
            return tuple(Bill() for _ in self.planned)
        return tuple(f.actual for f in self._feeds.all)
