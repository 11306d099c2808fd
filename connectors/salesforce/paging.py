"""All pages of a query, the next in flight while others are decoded; never a silent short read.

The rows received must be as many as the org says the query has; anything else is an error. When
the org forgets a query's pages (a lost locator), the read goes on after the last Id that was
handed out, in a new query. That is right because the rows come in the order of their Ids: what
was handed out are exactly those up to that Id. A query without that order can start again only
while nothing has been handed out.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.client import Asking, Client, Lost, Stopped
from isthmus.connectors.salesforce.decode import (
    Decoder,
    Malformed,
    Page,
    early_link,
    last_id,
    next_link,
)
from isthmus.connectors.salesforce.flight import POLL, Flight
from isthmus.connectors.salesforce.foretold import offset_of, total_of
from isthmus.connectors.salesforce.refusals import Refusal, error_for
from isthmus.connectors.salesforce.soql import Statement, encoded
from isthmus.connectors.salesforce.transport import Stop
from isthmus.errors import BudgetExceeded, DataError, SourceError

__all__ = ["DECODERS", "Cut", "Reading", "read", "read_on"]

#: Threads that decode one chain's pages: with two, they wait for each other and for Python's lock
#: more than they gain (measured on two cores, the org on them as well).
DECODERS: Final = 1
#: Pages that are on the wire, being decoded, or waiting for the reader.
AHEAD: Final = 3

#: New queries in a row that bring nothing before the next loss.
FRUITLESS: Final = 3


@dataclass(frozen=True)
class Reading:
    """What one scan reads with.

    Attributes:
        resource: ``query``, or ``queryAll`` for deleted rows as well.
        decoders: decodes the pages, shared with other reads; None: a thread of its own.
        askers: threads that ask for pages: with two, a page is asked for while the one before
            still comes.
    """

    source: str
    client: Client
    decoder: Decoder
    resource: str
    context: ReadContext
    decoders: Executor | None = None
    askers: int = 2


class Cut:
    """Lets another thread end a read early, after the pages that are under way.

    Only a read in the order of Ids can be cut: what it leaves is what has a greater Id.

    Attributes:
        left: about how many rows are still to come.
        rest: once the read has ended, the statement of what it left; None if it read all.
    """

    def __init__(self) -> None:
        self.left = 0
        self.rest: Statement | None = None
        self._wanted = threading.Event()

    @property
    def wanted(self) -> bool:
        """Whether the read shall end."""
        return self._wanted.is_set()

    def want(self) -> None:
        """Let it end."""
        self._wanted.set()


def read(
    reading: Reading, statement: Statement, cut: Cut | None = None
) -> Iterator[pa.RecordBatch]:
    """Every row of the statement, in batches of a page.

    Args:
        reading: what to read with.
        statement: what to read.
        cut: ends the read early, and gets to know what is left.

    Raises:
        DataError: the org contradicts itself, or a value does not fit its type.
        AuthError, SourceError, SourceUnavailable: the org can't be read.
        Cancelled, DeadlineExceeded: the query was stopped.
    """
    rest, fruitless = statement, 0
    while True:
        handed_out, last = 0, None
        try:
            for page, body_last in _chain(reading, rest, cut):
                handed_out += page.batch.num_rows
                last = body_last or last
                yield page.batch
            return
        except Lost as lost:
            fruitless = 0 if handed_out else fruitless + 1
            if fruitless > FRUITLESS or (handed_out and not (rest.by_id and last)):
                raise _lost(reading, rest, lost) from lost
            if handed_out and last is not None:
                left = None if rest.limit is None else rest.limit - handed_out
                rest = rest.going_on(last, left)


def _chain(
    reading: Reading, statement: Statement, cut: Cut | None
) -> Iterator[tuple[Page, str | None]]:
    """The pages of one query, each with its last record's Id; all, unless it is cut."""
    asking = Asking(f"reading {statement.table}", reading.context.meter, statement.text)
    path = f"{reading.client.root}/{reading.resource}?q={encoded(statement.text)}"
    total: int | None = None
    received = 0
    whole = True
    pipeline = _Pipeline(reading, asking)
    try:
        for page, body in pipeline.pages(path):
            whole = page.next is None
            total = page.total if total is None else total
            received += page.batch.num_rows
            _compare(reading, statement, total, page, received)
            if page.below:  # no one could tell them before
                reading.context.meter.expect(page.below)
            reading.context.meter.add(rows=page.batch.num_rows + page.below)
            last = page.last or last_id(body)
            if cut is not None:
                cut.left = total - received
                cut.rest = None
                if page.next is not None and last is not None and statement.by_id:
                    cut.rest = statement.going_on(last, None)
                    if cut.wanted:
                        pipeline.finish()
            yield page, last
        if not whole and (cut is None or cut.rest is None):
            raise DataError(
                f"source {reading.source}, reading {statement.table}: the org's last record has "
                "no Id, so the rows that were left can't be told",
                remedy="Run the query again, without parallel ranges.",
            )
    finally:
        pipeline.close()


def read_on(reading: Reading, table: str, path: str) -> Iterator[Page]:
    """The pages of a query from a page's address on.

    Raises:
        Lost: the org has forgotten the query.
        AuthError, DataError, SourceError, SourceUnavailable: the org can't be read.
        Cancelled, DeadlineExceeded: the query was stopped.
    """
    pipeline = _Pipeline(reading, Asking(f"reading {table}", reading.context.meter))
    try:
        for page, _ in pipeline.pages(path):
            reading.context.meter.add(rows=page.batch.num_rows)
            yield page
    finally:
        pipeline.close()


class _Asked:
    """A page that was asked for. `body` and `page` are set once `come` is, or else `error`.

    `rows` is how many it has, as soon as that is known, and the meter knows it too.
    """

    def __init__(self, path: str, *, check_keys: bool, rows: int | None = None) -> None:
        self.path = path
        self.rows = rows
        self.check_keys = check_keys
        self.following: str | None = None
        self.followed = False
        self.body = b""
        self.page: Future[Page] = Future()
        self.error: BaseException | None = None
        self.come = threading.Event()


class _Wire:
    """Asks for pages one after another, from a path on, and has them decoded.

    A page is asked for as soon as the beginning of its predecessor has come and named it, by a
    second thread, while the rest still comes. No more than `AHEAD` pages wait for the reader: one
    that stops early has paid for few that it did not need.
    """

    def __init__(self, reading: Reading, asking: Asking, decoders: Executor) -> None:
        self._reading = reading
        self._asking = asking
        self._decoders = decoders
        self._room = threading.Semaphore(AHEAD)
        self._todo: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._flights: list[Flight[None]] = []
        self._enough = threading.Event()

    def start(self, path: str, *, check_keys: bool) -> None:
        """Ask for the first page."""
        self._ask(path, check_keys=check_keys)
        self._flights = [Flight(self._work) for _ in range(self._reading.askers)]

    def stop(self) -> None:
        """End what is under way."""
        for flight in self._flights:
            flight.stop()

    def finish(self) -> None:
        """Ask for no more pages; those that were asked for still come."""
        self._enough.set()

    def next(self) -> _Asked | None:
        """The next page, as soon as it has come; None after the last.

        Raises:
            Cancelled, DeadlineExceeded: the query was stopped.
            IsthmusError, Lost: it does not come.
        """
        context = self._reading.context
        asked = _taken(self._asked, context.check)
        while asked is not None and not asked.come.wait(POLL):
            context.check()
        if asked is not None and asked.error is not None:
            raise asked.error
        return asked

    def release(self) -> None:
        """The reader has done with a page."""
        self._room.release()

    def _ask(self, path: str, *, check_keys: bool, rows: int | None = None) -> None:
        asked = _Asked(path, check_keys=check_keys, rows=rows)
        self._asked.put(asked)
        self._todo.put(asked)

    def _work(self, stop: Stop) -> None:
        def go_on() -> None:
            if stop.fired:
                raise Stopped

        try:
            while (asked := _taken(self._todo, go_on)) is not None:
                while not self._room.acquire(timeout=POLL):
                    go_on()
                self._fetch(asked, stop)
        except Stopped:
            return

    def _fetch(self, asked: _Asked, stop: Stop) -> None:
        try:
            self._receive(asked, stop)
        except BaseException as error:  # handed to the thread that reads
            asked.error = error
        asked.come.set()
        if not asked.followed or asked.error is not None:
            self._asked.put(None)
            for _ in range(self._reading.askers):
                self._todo.put(None)

    def _receive(self, asked: _Asked, stop: Stop) -> None:
        over: list[BudgetExceeded] = []

        def look(beginning: bytes) -> None:
            try:
                self._follow(asked, early_link(beginning), beginning)
            except BudgetExceeded as error:  # the answer that is coming is still read and counted
                over.append(error)

        client, decode = self._reading.client, self._reading.decoder.page
        rows = asked.rows or 0
        answer = client.get(asked.path, self._asking, stop, rows=rows, on_beginning=look)
        if over:
            raise over[0]
        asked.body = answer.body
        asked.page = self._decoders.submit(decode, asked.body, check_keys=asked.check_keys)
        self._follow(asked, next_link(asked.body), asked.body)
        total = total_of(asked.body)
        if asked.rows is None and total is not None:  # the only page, or the last
            self._expect(asked, total - offset_of(asked.path))

    def _follow(self, asked: _Asked, link: str | None, beginning: bytes) -> None:
        if link is None or asked.following is not None:
            return
        asked.following = link
        size, total = offset_of(link) - offset_of(asked.path), total_of(beginning)
        if asked.rows is None:
            self._expect(asked, size)
        if not self._enough.is_set():
            asked.followed = True
            left = None if total is None else max(min(size, total - offset_of(link)), 0)
            self._ask(link, check_keys=False, rows=left)

    def _expect(self, asked: _Asked, rows: int) -> None:
        asked.rows = max(rows, 0)
        self._asking.meter.expect(asked.rows)


def _taken(waiting: queue.SimpleQueue[_Asked | None], go_on: Callable[[], None]) -> _Asked | None:
    """The next that waits; `go_on` raises when there is no need to wait any more."""
    while True:
        go_on()
        try:
            return waiting.get(timeout=POLL)
        except queue.Empty:
            continue


class _Pipeline:
    """Fetches pages one after another and decodes them side by side; hands them out in order."""

    def __init__(self, reading: Reading, asking: Asking) -> None:
        self._reading = reading
        self._asking = asking
        self._own = None if reading.decoders else ThreadPoolExecutor(DECODERS, "isthmus-decode")
        self._wire: _Wire | None = None
        self._finished = False

    def finish(self) -> None:
        """End after the pages that were asked for."""
        self._finished = True
        if self._wire is not None:
            self._wire.finish()

    def pages(self, path: str) -> Iterator[tuple[Page, bytes]]:
        """The pages from a path on, each with its body."""
        wire = self._fetch_from(path, check_keys=True)
        while (asked := wire.next()) is not None:
            page, body = self._decoded(asked)
            if page.next == asked.following:
                yield page, body
                wire.release()
                continue
            # what was decoded is right; what was found early is a guess
            wire.stop()
            if page.next is None or self._finished:
                yield page, body
                return
            wire = self._fetch_from(page.next, check_keys=False)
            yield page, body

    def close(self) -> None:
        """Stop what is under way."""
        if self._wire is not None:
            self._wire.stop()
        if self._own is not None:
            self._own.shutdown(wait=False, cancel_futures=True)

    def _fetch_from(self, path: str, *, check_keys: bool) -> _Wire:
        decoders = self._reading.decoders or self._own
        assert decoders is not None
        self._wire = _Wire(self._reading, self._asking, decoders)
        self._wire.start(path, check_keys=check_keys)
        return self._wire

    def _decoded(self, asked: _Asked) -> tuple[Page, bytes]:
        """The decoded page; a broken one is asked for again, as patiently as one that is late."""
        policy, body, broken = self._reading.client.policy, asked.body, 0
        try:
            return asked.page.result(), body
        except Malformed as error:
            fault = error
        while True:
            if broken >= policy.repeats:
                raise error_for(
                    Refusal(0, "BAD_JSON", f"the page is broken: {fault}"),
                    source=self._reading.source,
                    doing=self._asking.doing,
                    tries=broken + 1,
                ) from fault
            self._reading.context.wait(policy.wait(broken))
            broken += 1
            again = Flight(lambda stop: self._reading.client.get(asked.path, self._asking, stop))
            body = again.result(self._reading.context).body
            try:
                return self._reading.decoder.page(body, check_keys=True), body
            except Malformed as error:
                fault = error


def _compare(reading: Reading, statement: Statement, total: int, page: Page, received: int) -> None:
    """The counts must agree, on every page and in the end."""
    short = page.next is None and received != total
    if page.total == total and not short and received <= total:
        return
    raise DataError(
        f"source {reading.source}, reading {statement.table}: the org announced {total} rows "
        f"(now {page.total}) and sent {received}",
        remedy="Rows may have been deleted while they were read: run the query again.",
    )


def _lost(reading: Reading, statement: Statement, lost: Lost) -> SourceError:
    why = (
        "again and again"
        if statement.by_id
        else "and the rows that were handed out can't be told from the rest"
    )
    return SourceError(
        f"source {reading.source}, reading {statement.table}: the org has lost its place in the "
        f"query ({lost.refusal.code}), {why}",
        code=lost.refusal.code,
        remedy="Run the query again.",
    )
