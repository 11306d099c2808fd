"""Pages of records, rendered from the row numbers that a query selected.

A query keeps no rows, only their numbers in order: eight bytes a row. Pages are rendered a block
at a time, since DuckDB's cost per call is that of some thousand rows; the block last rendered is
kept while the query is among those last read. What a page shows of a row is its state when the
block is rendered; which rows there are, and their order, stays as it was when the query ran.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pyarrow as pa

from isthmus.localorg.soql.ast import Query
from isthmus.localorg.soql.children import Paging
from isthmus.localorg.soql.cursors import Cursors, OpenQuery, Page
from isthmus.localorg.soql.plan import Plan, records

if TYPE_CHECKING:
    from isthmus.localorg.schema import SObject
    from isthmus.localorg.store import Store

#: Rows rendered at once after the first page; about 20 MB of JSON.
BLOCK_ROWS = 40_000


class RowPages:
    """The rows of an open query. `read` may be called from several threads."""

    def __init__(
        self, plan: Plan, store: Store, cursors: Cursors, size: int, most: int | None = None
    ) -> None:
        self._plan = plan
        self._store = store
        self._cursors = cursors
        self._size = size
        keys = plan.keys(store, cursors.rendered)
        self._keys = keys if most is None else keys.slice(0, most)
        self._lock = threading.Lock()
        self._start = 0
        self._block: pa.Array | None = None
        self._families: dict[int, str] = {}
        self._paging = Paging(size, self._locator)

    @property
    def total(self) -> int:
        """The number of rows."""
        return len(self._keys)

    @property
    def nbytes(self) -> int:
        """The bytes of the row numbers."""
        return int(self._keys.nbytes)

    def cool(self) -> None:
        """Let the rendered block go."""
        with self._lock:
            self._block = None

    def read(self, start: int) -> Page:
        """Render the page that begins with the row `start`."""
        with self._lock:
            if start >= self.total:
                return Page(b"", 0)
            if self._plan.has_children:
                return records(self._render(start, start + self._fitting(start)))
            stop = min(start + self._size, self.total)
            held = self._held(start, stop)
            if held is None:
                end = stop if start == 0 else max(stop, min(start + BLOCK_ROWS, self.total))
                self._block = self._render(start, end)
                self._start = start
                held = self._block.slice(0, stop - start)
            if stop == self.total:
                self._block = None  # the last page is seldom read twice
            return records(held)

    def _held(self, start: int, stop: int) -> pa.Array | None:
        if self._block is None or start < self._start:
            return None
        if stop > self._start + len(self._block):
            return None
        return self._block.slice(start - self._start, stop - start)

    def _fitting(self, start: int) -> int:
        """Give the rows that fit on a page together with their children."""
        keys = self._keys.slice(start, self._size)
        used = fitting = 0
        for weight in self._plan.weights(self._store, keys, self._size):
            used += 1 + weight
            if used > self._size and fitting:
                break
            fitting += 1
        return fitting

    def _render(self, start: int, stop: int) -> pa.Array:
        keys = self._keys.slice(start, stop - start)
        return self._plan.render(self._store, keys, self._paging, self._cursors.rendered)

    def _locator(self, query: Query, target: SObject, lookup: str) -> str:
        """Give the locator of a child subquery, the same for each page."""
        if id(query) not in self._families:
            # the family outlives this query, so it must not hold its row numbers
            plan, store, cursors, size = self._plan, self._store, self._cursors, self._size

            def family(parent: str) -> OpenQuery:
                return RowPages(
                    plan.children_of(query, target, lookup, parent), store, cursors, size
                )

            self._families[id(query)] = cursors.keep_family(family)
        return self._families[id(query)]
