"""Several reads side by side, their batches as they come."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import pyarrow as pa

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.flight import POLL, Flight
from isthmus.connectors.salesforce.transport import Stop
from isthmus.errors import Cancelled

__all__ = ["Read", "gathered", "ordered"]

T = TypeVar("T")

#: Reads one part; it stops as its own context says.
Read = Callable[[ReadContext], Iterator[pa.RecordBatch]]


def gathered(reads: Iterable[Read], width: int, context: ReadContext) -> Iterator[pa.RecordBatch]:
    """The batches of all reads, at most `width` of which run at a time.

    A read is taken from `reads` when there is room for it, so that it may be made late. No more
    than `width` batches wait for the caller. When it leaves, or one read fails, the others stop.

    Raises:
        Cancelled, DeadlineExceeded: the query was stopped.
        IsthmusError: what a read raised.
    """
    if isinstance(reads, Sequence):
        if len(reads) == 1:
            yield from reads[0](context)
            return
        width = min(width, len(reads))
    stopped = threading.Event()
    mine = replace(context, cancelled=_Either(context.cancelled, stopped))
    todo = _Todo(reads)
    come: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(width)
    workers = width
    for _ in range(workers):
        threading.Thread(
            target=_work, args=(todo, come, mine), name="isthmus-salesforce", daemon=True
        ).start()
    try:
        while workers:
            item = _next(come, context)
            if isinstance(item, BaseException):
                raise item
            if item is None:
                workers -= 1
            else:
                yield item
    finally:
        stopped.set()


def ordered(
    asks: Iterable[Callable[[ReadContext], T]], ahead: int, context: ReadContext
) -> Iterator[T]:
    """The answers in the order of the asks, of which `ahead` run, or wait, behind the one given.

    An ask is taken from `asks` when its turn has come. When the caller leaves, or one fails, the
    others stop.

    Raises:
        Cancelled, DeadlineExceeded: the query was stopped.
        IsthmusError: what an ask raised.
    """
    stopped = threading.Event()
    mine = replace(context, cancelled=_Either(context.cancelled, stopped))
    flying: deque[Flight[T]] = deque()
    try:
        for ask in asks:
            flying.append(Flight(partial(_asked, ask, mine)))
            if len(flying) > ahead:
                yield flying.popleft().result(context)
        while flying:
            yield flying.popleft().result(context)
    finally:
        stopped.set()


def _asked(ask: Callable[[ReadContext], T], context: ReadContext, stop: Stop) -> T:
    return ask(context)


class _Todo:
    """The reads that are left, for several threads."""

    def __init__(self, reads: Iterable[Read]) -> None:
        self._reads = iter(reads)
        self._lock = threading.Lock()

    def next(self) -> Read | None:
        """One that nobody else has; None when there is none left."""
        with self._lock:
            return next(self._reads, None)


def _next(
    come: queue.Queue[pa.RecordBatch | BaseException | None], context: ReadContext
) -> pa.RecordBatch | BaseException | None:
    while True:
        context.check()
        try:
            return come.get(timeout=POLL)
        except queue.Empty:
            continue


def _work(
    todo: _Todo,
    come: queue.Queue[pa.RecordBatch | BaseException | None],
    context: ReadContext,
) -> None:
    """Take reads until there are none left."""
    last: BaseException | None = None
    try:
        while (read := todo.next()) is not None:
            for batch in read(context):
                _put(come, batch, context)
    except BaseException as error:  # handed to the thread that gathers
        last = error
    try:
        _put(come, last, context)
    except Cancelled:
        return  # nobody gathers any more


def _put(
    come: queue.Queue[pa.RecordBatch | BaseException | None],
    item: pa.RecordBatch | BaseException | None,
    context: ReadContext,
) -> None:
    while True:
        if context.cancelled.is_set():
            raise Cancelled("the query was cancelled")
        try:
            come.put(item, timeout=POLL)
            return
        except queue.Full:
            continue


class _Either(threading.Event):
    """Set when one of two flags is."""

    def __init__(self, first: threading.Event, second: threading.Event) -> None:
        super().__init__()
        self._flags = (first, second)

    def is_set(self) -> bool:
        return any(flag.is_set() for flag in self._flags)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the first flag, looking at both every now and then."""
        left = timeout
        while not self.is_set() and (left is None or left > 0):
            step = POLL if left is None else min(POLL, left)
            self._flags[0].wait(step)
            left = None if left is None else left - step
        return self.is_set()
