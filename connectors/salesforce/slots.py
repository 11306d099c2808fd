"""How many requests to one org are under way at a time, over all reads and writes of a source.

A slot is held from a request's first byte to its answer's last and at no other time: not while a
read waits for keys that another one brings, for its reader, or to try again. So reads of one query
can't wait for each other's slots, and one slot is enough for any number of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from isthmus.connectors.salesforce.flight import POLL
from isthmus.connectors.salesforce.transport import Stop

__all__ = ["Slots"]


class Slots:
    """So many slots. Safe to use from threads.

    Args:
        most: how many requests may be under way.
    """

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def one(self, stop: Stop) -> Iterator[bool]:
        """Wait for a slot and hold it; False, without one, when `stop` is fired first."""
        while not (taken := self._free.acquire(timeout=POLL)):
            if stop.fired:
                break
        try:
            yield taken
        finally:
            if taken:
                self._free.release()
