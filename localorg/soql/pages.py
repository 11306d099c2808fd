"""Pages of records, rendered from the row numbers that a query selected.

A query keeps no rows, only their numbers in order: eight bytes a row. Pages are rendered a block
at a time, since DuckDB's cost per call is that of some thousand rows; the block last rendered is
kept. What a page shows of a row is its state when the block is rendered.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pyarrow as pa

from isthmus.localorg.soql.cursors import Page
from isthmus.localorg.soql.plan import Plan, records

if TYPE_CHECKING:
    from isthmus.localorg.store import Store

#: Rows rendered at once after the first page; about 20 MB of JSON.
BLOCK_ROWS = 40_000


class RowPages:
    """The rows of an open query. `read` may be called from several threads."""

    def __init__(self, plan: Plan, store: Store, keys: pa.Array) -> None:
        self._plan = plan
        self._store = store
        self._keys = keys
        self._lock = threading.Lock()
        self._start = 0
        self._block: pa.Array | None = None

    @property
    def total(self) -> int:
        """The number of rows."""
        return len(self._keys)

    def read(self, start: int, stop: int) -> Page:
        """Render the rows of a range."""
        if start >= stop:
            return Page(b"", 0)
        with self._lock:
            held = self._held(start, stop)
            if held is None:
                end = stop if start == 0 else max(stop, min(start + BLOCK_ROWS, self.total))
                self._block = self._render(start, end)
                self._start = start
                held = self._block.slice(0, stop - start)
        return records(held)

    def _held(self, start: int, stop: int) -> pa.Array | None:
        if self._block is None or start < self._start:
            return None
        if stop > self._start + len(self._block):
            return None
        return self._block.slice(start - self._start, stop - start)

    def _render(self, start: int, stop: int) -> pa.Array:
        return self._plan.render(self._store, self._keys.slice(start, stop - start))
