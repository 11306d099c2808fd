"""The results of a job: its CSV lines in a file, of which a page is a slice.

The file is mapped, not read: a page costs one copy of its bytes whatever page it is, and any page
can be read again while the job exists. It has no name any more once it is mapped, so nothing is
left of it when nobody holds it.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

#: Lines in a block of the file.
BLOCK_ROWS = 8_192
LINES = pa.schema([pa.field("line", pa.large_string())])


def write(path: Path, blocks: Iterable[pa.RecordBatch]) -> Results:
    """Write blocks of lines, each line ended, into a file and give them as results."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, LINES) as file:
        for block in blocks:
            file.write_batch(block)
    return Results(path)


class Results:
    """Lines of CSV by their number. Safe to read from several threads."""

    def __init__(self, path: Path) -> None:
        file = pa.ipc.open_file(pa.memory_map(str(path)))
        with suppress(OSError):  # Windows keeps a mapped file; the folder goes with the org
            path.unlink()
        blocks = [_Block(file.get_batch(at)) for at in range(file.num_record_batches)]
        self._blocks = [block for block in blocks if block.rows]
        self._starts = [0]  # the first line of each block, and the number of all
        self._bytes = [0]  # where that line begins
        for block in self._blocks:
            self._starts.append(self._starts[-1] + block.rows)
            self._bytes.append(self._bytes[-1] + block.size(block.rows))

    @property
    def rows(self) -> int:
        """The number of lines."""
        return self._starts[-1]

    @property
    def nbytes(self) -> int:
        """The bytes of all lines."""
        return self._bytes[-1]

    def stop(self, start: int, most_rows: int, most_bytes: int) -> int:
        """Give the end of the page that begins with line `start`; it holds a line at least."""
        last = min(start + most_rows, self.rows)
        full = self._place(start) + most_bytes
        lines = range(start + 1, last + 1)
        return max(start + bisect_right(lines, full, key=self._place), min(start + 1, last))

    def lines(self, start: int, stop: int) -> bytes:
        """Give the lines from `start`, before `stop`, end to end."""
        parts = []
        at = max(0, bisect_right(self._starts, start) - 1)
        while at < len(self._blocks) and self._starts[at] < stop:
            first = self._starts[at]
            parts.append(self._blocks[at].text(max(start - first, 0), stop - first))
            at += 1
        return b"".join(parts)

    def _place(self, line: int) -> int:
        """Give the byte at which a line begins."""
        if line >= self.rows:
            return self.nbytes
        at = bisect_right(self._starts, line) - 1
        return self._bytes[at] + self._blocks[at].size(line - self._starts[at])


class KeptResults:
    """Results by the SQL and the state of the data they are of, so that a job asked again is quick.

    Safe to use from several threads. What was used longest ago goes first.
    """

    def __init__(self, most: int = 2 * 1024 * 1024 * 1024) -> None:
        self._most = most
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, int], Results] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, sql: str, version: int) -> Results | None:
        """Give what this SQL gives in this state of the data, where it is kept."""
        with self._lock:
            found = self._kept.get((sql, version))
            if found is not None:
                self._kept.move_to_end((sql, version))
            return found

    def keep(self, sql: str, version: int, results: Results) -> None:
        """Keep results, and let go of others where there are too many bytes."""
        with self._lock:
            if (sql, version) in self._kept:
                return
            self._kept[sql, version] = results
            self._bytes += results.nbytes
            while self._bytes > self._most:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= oldest.nbytes

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


class _Block:
    """A block of lines: Arrow already holds them end to end."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        column = batch.column(0)
        _, offsets, data = column.buffers()
        self.rows = len(column)
        self._ends = memoryview(offsets).cast("q")[column.offset :] if self.rows else None
        self._data = memoryview(data) if data is not None else memoryview(b"")

    def size(self, line: int) -> int:
        """The bytes before a line of this block."""
        assert self._ends is not None
        return self._ends[line] - self._ends[0]

    def text(self, start: int, stop: int) -> memoryview:
        """The lines from `start`, before `stop` or the block's end."""
        assert self._ends is not None
        return self._data[self._ends[start] : self._ends[min(stop, self.rows)]]
