"""Reads a slow filesystem in a thread, so that the caller notices at once when it is stopped."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import pyarrow as pa

from isthmus.connectors.contract import ReadContext

__all__ = ["pumped"]

_AHEAD = 2
_POLL_SECONDS = 0.1


def pumped(batches: Iterator[pa.RecordBatch], context: ReadContext) -> Iterator[pa.RecordBatch]:
    """The same batches, read in a thread, two ahead; `context` is looked at while waiting.

    Raises:
        Cancelled, DeadlineExceeded: as the context says; whatever the reading raises.
    """
    waiting: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def put(item: pa.RecordBatch | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=_POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            for batch in batches:
                if not put(batch):
                    return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=read, name="isthmus-files", daemon=True)
    thread.start()
    try:
        while True:
            context.check()
            try:
                item = waiting.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
