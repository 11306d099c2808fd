"""Rows that several readers take, each from the first on; what memory can't hold goes to disk.

DuckDB reads one scan to its end before it opens the next. So a scan whose rows another scan needs
as well (for keys, for looked-up rows, for a second occurrence of the table) can't wait to be read:
it is read at once, and what has not been taken yet is kept here.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator

import pyarrow as pa

from isthmus.engine.producer import Producer
from isthmus.errors import Cancelled

__all__ = ["Spool"]

#: Bytes of batches kept in memory; more goes to a file in the spill folder.
MEMORY_BYTES = 64 << 20
_POLL_SECONDS = 0.1


class Spool:
    """Drains a producer and hands its batches to any number of readers.

    Args:
        producer: what is read; started by `start`.
        folder: where batches go that memory can't hold.
        memory_bytes: how much is kept in memory.
    """

    def __init__(self, producer: Producer, folder: str, memory_bytes: int = MEMORY_BYTES) -> None:
        self.producer = producer
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._watchers: list[Callable[[pa.RecordBatch], None]] = []
        self._changed = threading.Condition()
        self._batches: list[pa.RecordBatch] = []
        self._path: str | None = None
        self._spilled_from = 0
        self._offsets: list[tuple[int, int]] = []
        self._held = 0
        self._count = 0
        self._done = False
        self._closed = False
        self._thread = threading.Thread(target=self._drain, name="isthmus-spool", daemon=True)

    @property
    def error(self) -> BaseException | None:
        """What ended the reading, if it did not come to its end."""
        return self.producer.error

    def watch(self, watcher: Callable[[pa.RecordBatch], None]) -> None:
        """Call this with each batch as it comes; before `start`."""
        self._watchers.append(watcher)

    def start(self) -> None:
        """Begin to read."""
        self.producer.start()
        self._thread.start()

    def is_complete(self) -> bool:
        """Whether every row is there; an error of the producer's is raised instead."""
        with self._changed:
            if self._done and self.error is not None:
                raise self.error
            return self._done

    def wait(self, seconds: float) -> bool:
        """Wait until every row is there, but no longer than so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._done, seconds)
        return self.is_complete()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every batch from the first on; several may read at once."""
        position = 0
        while True:
            with self._changed:
                while position >= self._count and not self._done:
                    self._changed.wait(_POLL_SECONDS)
                    if self._closed:
                        raise Cancelled("the query was cancelled")
                if position >= self._count:
                    break
            yield self._batch(position)
            position += 1
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """Nobody wants the rest."""
        self.producer.stop()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, timeout: float) -> None:
        """Wait for the threads to end, and drop what is on disk."""
        self.producer.join(timeout)
        if self._thread.ident is not None:
            self._thread.join(timeout)
        with self._changed:
            self._batches.clear()
            if self._path is not None:
                with contextlib.suppress(OSError):
                    os.unlink(self._path)
                self._path = None

    def _drain(self) -> None:
        try:
            for batch in self.producer.batches():
                for watcher in self._watchers:
                    watcher(batch)
                self._keep(batch)
        except BaseException as error:
            if self.producer.error is None and not isinstance(error, Cancelled):
                self.producer.error = error
        finally:
            with self._changed:
                self._done = True
                self._changed.notify_all()

    def _keep(self, batch: pa.RecordBatch) -> None:
        size = batch.get_total_buffer_size()
        with self._changed:
            if self._held + size <= self._memory_bytes and self._path is None:
                self._batches.append(batch)
                self._held += size
            else:
                self._spill(batch)
            self._count += 1
            self._changed.notify_all()

    def _spill(self, batch: pa.RecordBatch) -> None:
        """Append the batch to the file, as an IPC stream of its own that can be found again."""
        if self._path is None:
            self._spilled_from = self._count
            handle, self._path = tempfile.mkstemp(".arrow", "isthmus-spool-", self._folder)
            os.close(handle)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        data = sink.getvalue()
        with open(self._path, "ab") as file:
            start = file.tell()
            file.write(data)
        self._offsets.append((start, data.size))

    def _batch(self, position: int) -> pa.RecordBatch:
        with self._changed:
            if position < len(self._batches) and (
                self._path is None or position < self._spilled_from
            ):
                return self._batches[position]
            if self._path is None:
                raise Cancelled("the query was cancelled")
            start, size = self._offsets[position - self._spilled_from]
            with open(self._path, "rb") as file:
                file.seek(start)
                data = file.read(size)
        return pa.ipc.open_stream(pa.py_buffer(data)).read_next_batch()
