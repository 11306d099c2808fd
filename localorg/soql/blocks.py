"""Pages of an open query, rendered a block at a time, the next block ahead of the reader.

DuckDB's cost per call is that of some thousand rows, so pages are rendered several at once; the
first block is one page, so that the first answer is quick, and each next one twice as large. While
a client decodes what it got, the block after it is rendered, one block and no more: who stops
reading costs that much. A block holds for one state of the data. Whatever is written ends work
that is under way, and the pages after it are rendered anew, in small blocks again.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from isthmus.localorg.soql.ahead import Ahead
from isthmus.localorg.soql.cursors import Page
from isthmus.localorg.soql.rendered import Kept
from isthmus.localorg.soql.texts import Writing

if TYPE_CHECKING:
    from isthmus.localorg.store import Store

#: Rows, and bytes of JSON, that are rendered at once at most (but always a page).
BLOCK_ROWS = 20_000
BLOCK_BYTES = 16 * 1024 * 1024


class Blocks:
    """The pages of the rows `keys`. One thread reads at a time; what renders ahead is another."""

    def __init__(
        self, writing: Writing, keys: pa.Array, size: int, store: Store, kept: Kept, ahead: Ahead
    ) -> None:
        self._writing = writing
        self._keys = keys
        self._size = size
        self._store = store
        self._kept = kept
        self._ahead = ahead
        self._begin = self._end = 0  # the block laid out last
        self._version = -1  # and the state of the data that it shows
        self._rows = size  # of the block after it
        self._most = max(BLOCK_ROWS, size)
        self._packed = threading.Condition()
        self._busy = self._stopped = False

    def page(self, start: int) -> Page:
        """Give the page that begins with the row `start`, and see to what will be asked next."""
        version = self._store.version
        found = self._find(start, version) or self._awaited(start, version)
        if found is None:
            found = self._render(*self._lay_out(start, version), version)
        self._look_ahead(start, version)
        return found

    def stop(self) -> None:
        """Render no more ahead, and end what is under way. Pages can be read all the same."""
        self._stopped = True

    def _find(self, start: int, version: int) -> Page | None:
        return cast("Page | None", self._kept.find(self._name(start, version)))

    def _name(self, start: int, version: int) -> tuple[str, bytes, int]:
        """Name a page by what it shows, of which rows, in which state of the data."""
        keys = pa.concat_arrays([self._keys.slice(start, self._size)])  # not its parent's buffer
        digest = hashlib.blake2b(memoryview(keys.buffers()[1]), digest_size=16).digest()
        return self._writing.sql, digest, version

    def _awaited(self, start: int, version: int) -> Page | None:
        """Wait for a page of the block that is under way, if it belongs to it."""
        if version != self._version or not self._begin <= start < self._end:
            return None
        with self._packed:
            while True:
                found = self._find(start, version)
                if found is not None or not self._busy:
                    return found
                self._packed.wait()

    def _lay_out(self, start: int, version: int) -> tuple[int, int]:
        """Give the bounds of a block that begins with the row `start`."""
        if version != self._version or start not in (self._begin, self._end):
            self._rows = self._size
        self._begin, self._end = start, min(start + self._rows, len(self._keys))
        self._version = version
        self._rows = max(min(2 * self._rows, self._most) // self._size, 1) * self._size
        return self._begin, self._end

    def _render(self, begin: int, end: int, version: int) -> Page:
        """Render a block and keep its pages; gives the first, even if the others are given up."""
        texts = self._writing.render(self._store, self._keys.slice(begin, end - begin))
        self._most = min(self._most, BLOCK_BYTES * (end - begin) // max(texts.nbytes, 1))
        first = None
        for start in range(begin, end, self._size):
            page = texts.page(start - begin, min(start + self._size, end) - begin)
            first = first or page
            self._kept.keep(self._name(start, version), page)
            with self._packed:
                self._packed.notify_all()
            if self._over(version):
                break
        assert first is not None
        return first

    def _look_ahead(self, start: int, version: int) -> None:
        """Begin the block after the one that is being read, unless its pages are kept."""
        within = version == self._version and self._begin <= start < self._end
        after = self._end if within else start + self._size
        if self._busy or self._over(version) or after >= len(self._keys):
            return
        if self._find(after, version) is not None:
            return
        begin, end = self._lay_out(after, version)
        self._busy = True
        if not self._ahead.begin(lambda: self._work(begin, end, version)):
            self._busy = False

    def _work(self, begin: int, end: int, version: int) -> None:
        try:
            if not self._over(version):
                self._render(begin, end, version)
        finally:
            with self._packed:
                self._busy = False
                self._packed.notify_all()

    def _over(self, version: int) -> bool:
        """Whether nobody will ask for pages of this state any more."""
        return self._stopped or self._store.version != version
