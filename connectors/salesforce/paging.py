"""All pages of a query, the next in flight while one is decoded; never a silent short read.

The rows received must be as many as the org says the query has; anything else is an error. When
the org forgets a query's pages (a lost locator), the read goes on after the last Id that was
handed out, in a new query. That is right because the rows come in the order of their Ids: what
was handed out are exactly those up to that Id. A query without that order can start again only
while nothing has been handed out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.client import Asking, Client, Lost
from isthmus.connectors.salesforce.decode import Decoder, Malformed, Page, last_id, next_link
from isthmus.connectors.salesforce.flight import Flight
from isthmus.connectors.salesforce.refusals import Refusal, error_for
from isthmus.connectors.salesforce.soql import Statement, encoded
from isthmus.connectors.salesforce.transport import Answer
from isthmus.errors import DataError, SourceError

__all__ = ["Reading", "read"]

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
    flight, ahead = _ask(reading, path, asking), _Ahead(reading, asking)
    total: int | None = None
    received = broken = 0
    try:
        while True:
            answer = flight.result(reading.context)
            ahead.aim(next_link(answer.body))
            try:
                page = reading.decoder.page(answer.body, check_keys=received == 0)
            except Malformed as error:
                flight = _again(reading, path, asking, broken, error)
                broken += 1
                continue
            ahead.aim(page.next)  # what was decoded is right; what was found early is a guess
            total = page.total if total is None else total
            received += page.batch.num_rows
            _compare(reading, statement, total, page, received)
            reading.context.meter.add(rows=page.batch.num_rows)
            yield page, last_id(answer.body)
            if page.next is None:
                return
            path, flight, broken = page.next, ahead.taken(), 0
    finally:
        flight.stop()
        ahead.aim(None)


class _Ahead:
    """The request for the page after the one that is being decoded."""

    def __init__(self, reading: Reading, asking: Asking) -> None:
        self._reading = reading
        self._asking = asking
        self._path: str | None = None
        self._flight: Flight[Answer] | None = None

    def aim(self, path: str | None) -> None:
        """Have that page under way, and no other."""
        if path == self._path:
            return
        if self._flight is not None:
            self._flight.stop()
        self._path = path
        self._flight = None if path is None else _ask(self._reading, path, self._asking)

    def taken(self) -> Flight[Answer]:
        """The flight, which is the caller's from now on."""
        flight, self._path, self._flight = self._flight, None, None
        assert flight is not None, "taken only after aiming at a page"
        return flight


def _ask(reading: Reading, path: str, asking: Asking) -> Flight[Answer]:
    return Flight(lambda stop: reading.client.get(path, asking, stop))


def _again(
    reading: Reading, path: str, asking: Asking, broken: int, error: Malformed
) -> Flight[Answer]:
    """Ask for a page once more after a broken one, as patiently as for one that did not come."""
    policy = reading.client.policy
    if broken >= policy.repeats:
        raise error_for(
            Refusal(0, "BAD_JSON", f"the page is broken: {error}"),
            source=reading.source,
            doing=asking.doing,
            tries=broken + 1,
        ) from error
    reading.context.wait(policy.wait(broken))
    return _ask(reading, path, asking)


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
