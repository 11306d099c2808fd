"""What queries found and rendered, kept, so that a query asked again costs neither.

A local org must never be the bottleneck of what is measured against it, and clients ask the same
thing again and again. What was rendered holds until anything is written.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

import pyarrow as pa

__all__ = ["RenderedBlocks"]

#: Bytes that are kept, two scans of a million rows; what was used longest ago goes first.
MAX_BYTES = 1024 * 1024 * 1024


class RenderedBlocks:
    """Row numbers and blocks of JSON text, by the SQL that made them. Safe to use from threads."""

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._most = most
        self._blocks: OrderedDict[tuple[str, bytes, int], pa.Array] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, sql: str, keys: pa.Array, version: int, make: Callable[[], pa.Array]) -> pa.Array:
        """Give what this SQL makes of these row numbers in this state of the data."""
        name = (sql, _digest(keys), version)
        with self._lock:
            kept = self._blocks.get(name)
            if kept is not None:
                self._blocks.move_to_end(name)
                return kept
        made = make()
        with self._lock:
            if name not in self._blocks:
                self._blocks[name] = made
                self._bytes += made.nbytes
            while self._bytes > self._most and self._blocks:
                _, oldest = self._blocks.popitem(last=False)
                self._bytes -= oldest.nbytes
        return made


def _digest(keys: pa.Array) -> bytes:
    flat = pa.concat_arrays([keys])  # a slice shares its parent's buffer; this is its own part
    digest = hashlib.blake2b(digest_size=16)
    for buffer in flat.buffers():
        digest.update(memoryview(buffer) if buffer is not None else b"")
    return digest.digest()
