"""Pages of records, rendered from the row numbers that a query selected.

A query keeps no rows, only their numbers in order: eight bytes a row. What a page shows of a row
is its state when the page is rendered; which rows there are, and their order, stays as it was when
the query ran.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from isthmus.localorg.soql.ast import Query
from isthmus.localorg.soql.blocks import Blocks
from isthmus.localorg.soql.children import Paging
from isthmus.localorg.soql.cursors import NO_RECORDS, Cursors, OpenQuery, Page
from isthmus.localorg.soql.plan import Plan

if TYPE_CHECKING:
    from isthmus.localorg.schema import SObject
    from isthmus.localorg.store import Store


class RowPages:
    """The rows of an open query. `read` may be called from several threads."""

    def __init__(
        self,
        plan: Plan,
        store: Store,
        cursors: Cursors,
        size: int,
        most: int | None = None,
        child_size: int | None = None,
    ) -> None:
        self._plan = plan
        self._store = store
        self._cursors = cursors
        self._size = size
        keys = plan.keys(store, cursors.kept)
        self._keys = keys if most is None else keys.slice(0, most)
        self._lock = threading.Lock()
        self._families: dict[int, str] = {}
        self._paging = Paging(child_size or size, self._locator)
        self._blocks = None
        if not plan.has_children:  # they hold locators of this query's own, so none is kept
            writing = plan.writing(self._paging)
            self._blocks = Blocks(writing, self._keys, size, store, cursors.kept, cursors.ahead)

    @property
    def total(self) -> int:
        """The number of rows."""
        return len(self._keys)

    @property
    def nbytes(self) -> int:
        """The bytes of the row numbers."""
        return int(self._keys.nbytes)

    def stop(self) -> None:
        """Render nothing ahead any more."""
        if self._blocks:
            self._blocks.stop()

    def read(self, start: int) -> Page:
        """Render the page that begins with the row `start`."""
        with self._lock:
            if start >= self.total:
                return NO_RECORDS
            if self._blocks:
                return self._blocks.page(start)
            keys = self._keys.slice(start, self._fitting(start))
            return (
                self._plan.writing(self._paging, keys).render(self._store, keys).page(0, len(keys))
            )

    def _fitting(self, start: int) -> int:
        """Give the rows that fit on a page together with their children."""
        keys = self._keys.slice(start, self._size)
        used = fitting = 0
        for weight in self._plan.weights(self._store, keys, self._paging.size):
            used += 1 + weight
            if used > self._size and fitting:
                break
            fitting += 1
        return fitting

    def _locator(self, query: Query, target: SObject, lookup: str) -> str:
        """Give the locator of a child subquery, the same for each page."""
        if id(query) not in self._families:
            # the family outlives this query, so it must not hold its row numbers
            plan, store, cursors = self._plan, self._store, self._cursors
            size = self._paging.size

            def family(parent: str) -> OpenQuery:
                children = plan.children_of(query, target, lookup, parent)
                return RowPages(children, store, cursors, size, child_size=size)

            self._families[id(query)] = cursors.keep_family(family)
        return self._families[id(query)]
