"""A big scan in several chains side by side, each over a range of Ids of its own.

The pages of one query come one after another, each named by the one before: at 150 ms a request a
single chain brings 13,000 rows a second, whatever the line could carry. Disjoint ranges of Ids are
separate queries, which run side by side. They are **not one snapshot**: a row that is inserted or
deleted while the scan runs may be seen or not, by the moment its range is read; no row is seen
twice, since an Id never changes.

Every range is halved by one Id: ``Id <= 'x'`` and ``Id > 'x'``, with all bounds of the whole kept
in both halves. So each row is in exactly one range, whatever order Salesforce compares Ids in (by
bytes, without case, by its own numbers): an order that is not ours makes ranges uneven and never
wrong. Where the Ids really lie is not known beforehand (an org that was moved has several dense
regions), so a chain that has nothing more to do lets the one with most rows left stop and give up
half of the Ids behind its last one.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import pyarrow as pa

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.client import Asking, Lost
from isthmus.connectors.salesforce.decode import last_id
from isthmus.connectors.salesforce.flight import POLL, Flight
from isthmus.connectors.salesforce.gather import gathered
from isthmus.connectors.salesforce.ids import checksum
from isthmus.connectors.salesforce.paging import Cut, Reading, read
from isthmus.connectors.salesforce.soql import Statement, encoded
from isthmus.connectors.salesforce.transport import Stop

__all__ = ["access_path", "chains_worth", "middle", "read_ranges"]

#: Threads that decode the pages of all chains.
_DECODERS: Final = 2
#: The least pages for a chain: its last page is part empty, and two calls find the first ranges.
PAGES_A_CHAIN: Final = 10
#: Seconds of our own work for a page: more chains than hide the wait for an answer bring nothing.
PAGE_WORK: Final = 0.01
#: A chain with fewer rows left is not cut: it will soon be done.
LEAST_LEFT: Final = 8_000
#: How often ranges are cut, for each chain: Ids that lie badly must not cost calls without end.
CUTS_A_CHAIN: Final = 4

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_STEM: Final = 15


def chains_worth(rows: int, page_rows: int, latency: float, concurrency: int) -> int:
    """How many chains pay for a scan of so many rows; 1 where ranges don't.

    Args:
        rows: about how many the scan brings.
        page_rows: rows on a page.
        latency: seconds from a request to the beginning of its answer.
        concurrency: the most chains that the source allows.

    >>> chains_worth(1_000_000, 2_000, latency=0.15, concurrency=8)
    8
    >>> chains_worth(50_000, 2_000, latency=0.15, concurrency=8)
    2
    >>> chains_worth(1_000_000, 2_000, latency=0.002, concurrency=8)
    1
    """
    pages = rows // page_rows
    return max(1, min(concurrency, pages // PAGES_A_CHAIN, 1 + int(latency / PAGE_WORK)))


def access_path(resource: str, chains: int) -> str:
    """The access path in words, for a fragment.

    >>> access_path("query", 8)
    'REST query, 8 ranges of Ids side by side (not one snapshot)'
    """
    return f"REST {resource}, {chains} ranges of Ids side by side (not one snapshot)"


def middle(low: str, high: str, part: float = 0.5) -> str | None:
    """The Id at a part of the way between two, counted in base 62; None where there is none.

    >>> middle("001Ib0000000001IAA", "001Ib0000000101IAA")
    '001Ib00000000V1IAI'
    >>> middle("001Ib0000000001IAA", "001Ib0000000002IAA")
    """
    first, last = _number(low), _number(high)
    number = first + int((last - first) * part)
    if not first < number < last:
        return None
    stem = ""
    for _ in range(_STEM):
        number, digit = divmod(number, len(_DIGITS))
        stem = _DIGITS[digit] + stem
    return stem + checksum(stem)


def _number(record: str) -> int:
    number = 0
    for char in record[:_STEM]:
        number = number * len(_DIGITS) + _DIGITS.index(char)
    return number


@dataclass(frozen=True)
class _Range:
    """A part of a scan: its statement, and about where its Ids end."""

    statement: Statement
    low: str
    high: str

    def halved(self, part: float = 0.5) -> tuple[_Range, _Range] | None:
        """Two ranges that hold each of its rows once."""
        at = middle(self.low, self.high, part)
        if at is None:
            return None
        return (
            _Range(_where(self.statement, f"Id <= '{at}'"), self.low, at),
            _Range(_where(self.statement, f"Id > '{at}'"), at, self.high),
        )


def _where(statement: Statement, condition: str) -> Statement:
    return replace(statement, conditions=(*statement.conditions, condition))


def read_ranges(reading: Reading, statement: Statement, chains: int) -> Iterator[pa.RecordBatch]:
    """Every row of the statement once, in no order, in batches of a page.

    No more than `chains` requests are under way at a time, and a few pages for each chain are
    held. Two calls more are made, for the first and the last Id of the object, and about half a
    page's call for each range.

    Args:
        reading: what to read with.
        statement: what to read, by Id and without a limit.
        chains: how many queries run side by side.

    Raises:
        ValueError: the statement can't be read in ranges.
        DataError: the org contradicts itself, or a value does not fit its type.
        AuthError, SourceError, SourceUnavailable: the org can't be read.
        Cancelled, DeadlineExceeded: the query was stopped.
    """
    if not statement.by_id or statement.limit is not None:
        raise ValueError("only a statement by Id and without a limit can be read in ranges")
    ends = _ends(reading, statement) if chains > 1 else None
    if ends is None:
        yield from read(reading, statement)
        return
    with ThreadPoolExecutor(_DECODERS, "isthmus-decode") as decoders:
        sharing = replace(reading, decoders=decoders, askers=1)
        work = _Work(_split(_Range(statement, *ends), chains), chains)
        reads = [partial(_chain, sharing, work) for _ in range(chains)]
        yield from gathered(reads, chains, reading.context)


def _ends(reading: Reading, statement: Statement) -> tuple[str, str] | None:
    """The object's first and last Id; None where it has none or does not tell."""
    bare = Statement(statement.table, ("Id",), limit=1)
    flights = [
        Flight(partial(_one_id, reading, replace(bare, order=(order,)))) for order in _ORDERS
    ]
    first, last = (flight.result(reading.context) for flight in flights)
    return None if first is None or last is None else (first, last)


_ORDERS: Final = ("Id ASC", "Id DESC")


def _one_id(reading: Reading, statement: Statement, stop: Stop) -> str | None:
    asking = Asking(f"finding the ends of {statement.table}", reading.context.meter, statement.text)
    path = f"{reading.client.root}/{reading.resource}?q={encoded(statement.text)}"
    try:
        return last_id(reading.client.get(path, asking, stop).body)
    except Lost:  # no answer to a query that is new: read it the plain way
        return None


def _split(whole: _Range, parts: int) -> list[_Range]:
    """The range in so many parts, or fewer, where its Ids lie too close."""
    if parts < 2:
        return [whole]
    left = parts // 2
    halves = whole.halved(left / parts)
    if halves is None:
        return [whole]
    return [*_split(halves[0], left), *_split(halves[1], parts - left)]


class _Work:
    """The ranges that are to be read, shared by the chains."""

    def __init__(self, ranges: list[_Range], chains: int) -> None:
        self._waiting = deque(ranges)
        self._reading: dict[Cut, _Range] = {}
        self._changed = threading.Condition()
        self._cuts_left = CUTS_A_CHAIN * chains

    def take(self, context: ReadContext) -> tuple[_Range, Cut] | None:
        """A range to read; None when no more will come.

        Raises:
            Cancelled, DeadlineExceeded: the query was stopped.
        """
        with self._changed:
            while True:
                context.check()
                if self._waiting:
                    cut = Cut()
                    self._reading[cut] = self._waiting.popleft()
                    return self._reading[cut], cut
                if not self._reading:
                    return None
                self._ask_for_some()
                self._changed.wait(POLL)

    def done(self, cut: Cut) -> None:
        """A range was read, or was cut and left some Ids, which become two ranges."""
        with self._changed:
            whole = self._reading.pop(cut)
            if cut.rest is not None and cut.rest.after is not None:
                left = _Range(cut.rest, cut.rest.after, whole.high)
                self._waiting.extend(left.halved() or (left,))
            self._changed.notify_all()

    def _ask_for_some(self) -> None:
        """Cut the chain that has most to do, unless one is being cut or none has much."""
        if not self._cuts_left or any(cut.wanted for cut in self._reading):
            return
        cut = max(self._reading, key=lambda each: each.left)
        if cut.left >= LEAST_LEFT:
            self._cuts_left -= 1
            cut.want()


def _chain(reading: Reading, work: _Work, context: ReadContext) -> Iterator[pa.RecordBatch]:
    """Read one range after another."""
    mine = replace(reading, context=context)
    while (taken := work.take(context)) is not None:
        part, cut = taken
        yield from read(mine, part.statement, cut)
        work.done(cut)
