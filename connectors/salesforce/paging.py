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
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.client import Asking, Client, Lost
from isthmus.connectors.salesforce.decode import Decoder, Malformed, Page, last_id, next_link
from isthmus.connectors.salesforce.flight import POLL, Flight
from isthmus.connectors.salesforce.refusals import Refusal, error_for
from isthmus.connectors.salesforce.soql import Statement, encoded
from isthmus.connectors.salesforce.transport import Stop
from isthmus.errors import DataError, SourceError

__all__ = ["Reading", "read"]

#: Pages that are decoded side by side: pyarrow works outside of Python's lock.
DECODERS: Final = 2
#: Pages that are on the wire, being decoded, or waiting for the reader.
AHEAD: Final = 3

#: New queries in a row that bring nothing before the next loss.
FRUITLESS: Final = 3


@dataclass(frozen=True)
class Reading:
    """What one scan reads with.

    Attributes:
        resource: ``query``, or ``queryAll`` for deleted rows as well.
    """

    source: str
    client: Client
    decoder: Decoder
    resource: str
    context: ReadContext


def read(reading: Reading, statement: Statement) -> Iterator[pa.RecordBatch]:
    """Every row of the statement, in batches of a page.

    Raises:
        DataError: the org contradicts itself, or a value does not fit its type.
        AuthError, SourceError, SourceUnavailable: the org can't be read.
        Cancelled, DeadlineExceeded: the query was stopped.
    """
    rest, fruitless = statement, 0
    while True:
        handed_out, last = 0, None
        try:
            for page, body_last in _chain(reading, rest):
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


def _chain(reading: Reading, statement: Statement) -> Iterator[tuple[Page, str | None]]:
    """The pages of one query, each with its last record's Id."""
    asking = Asking(f"reading {statement.table}", reading.context.meter, statement.text)
    path = f"{reading.client.root}/{reading.resource}?q={encoded(statement.text)}"
    total: int | None = None
    received = 0
    pipeline = _Pipeline(reading, asking)
    try:
        for page, body in pipeline.pages(path):
            total = page.total if total is None else total
            received += page.batch.num_rows
            _compare(reading, statement, total, page, received)
            reading.context.meter.add(rows=page.batch.num_rows)
            yield page, last_id(body)
    finally:
        pipeline.close()


@dataclass(frozen=True)
class _Decoding:
    """A page that has come and is being decoded; `following` is where its successor seems to be."""

    path: str
    following: str | None
    body: bytes
    page: Future[Page]


class _Pipeline:
    """Fetches pages one after another and decodes them side by side; hands them out in order.

    A page is asked for as soon as its predecessor has come, but no more than `AHEAD` pages wait
    for the reader: one that stops early has paid for few that it did not need.
    """

    def __init__(self, reading: Reading, asking: Asking) -> None:
        self._reading = reading
        self._asking = asking
        self._decoders = ThreadPoolExecutor(DECODERS, "isthmus-decode")
        self._fetching: Flight[None] | None = None
        self._fetched: queue.Queue[_Decoding | BaseException | None] = queue.Queue()
        self._room = threading.Semaphore()

    def pages(self, path: str) -> Iterator[tuple[Page, bytes]]:
        """The pages from a path on, each with its body."""
        self._fetch_from(path, check_keys=True)
        while (decoding := self._next()) is not None:
            page, body = self._decoded(decoding)
            if page.next != decoding.following:
                # what was decoded is right; what was found early is a guess
                self._fetch_from(page.next, check_keys=False)
            yield page, body
            self._room.release()

    def close(self) -> None:
        """Stop what is under way."""
        if self._fetching is not None:
            self._fetching.stop()
        self._decoders.shutdown(wait=False, cancel_futures=True)

    def _fetch_from(self, path: str | None, *, check_keys: bool) -> None:
        """Leave what was fetched so far, and go on from there."""
        if self._fetching is not None:
            self._fetching.stop()
        fetched: queue.Queue[_Decoding | BaseException | None] = queue.Queue()
        room = threading.Semaphore(AHEAD)
        self._fetched, self._room = fetched, room
        self._fetching = Flight(lambda stop: self._fetch(path, check_keys, fetched, room, stop))

    def _fetch(
        self,
        path: str | None,
        check_keys: bool,
        fetched: queue.Queue[_Decoding | BaseException | None],
        room: threading.Semaphore,
        stop: Stop,
    ) -> None:
        try:
            while path is not None:
                while not room.acquire(timeout=POLL):
                    if stop.fired:
                        return
                body = self._reading.client.get(path, self._asking, stop).body
                following = next_link(body)
                decode = self._reading.decoder.page
                page = self._decoders.submit(decode, body, check_keys=check_keys)
                fetched.put(_Decoding(path, following, body, page))
                path, check_keys = following, False
            fetched.put(None)
        except BaseException as error:  # handed to the thread that reads
            fetched.put(error)

    def _next(self) -> _Decoding | None:
        while True:
            self._reading.context.check()
            try:
                item = self._fetched.get(timeout=POLL)
            except queue.Empty:
                continue
            if isinstance(item, BaseException):
                raise item
            return item

    def _decoded(self, decoding: _Decoding) -> tuple[Page, bytes]:
        """The decoded page; a broken one is asked for again, as patiently as one that is late."""
        policy, body, broken = self._reading.client.policy, decoding.body, 0
        try:
            return decoding.page.result(), body
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
            again = Flight(lambda stop: self._reading.client.get(decoding.path, self._asking, stop))
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
