"""A job's result: Arrow IPC files, a page each, which appear whole or not at all.

Each attempt has a folder of its own, so that a worker that was thought dead can't write into
the pages of the one that took over.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa

from isthmus.errors import DataError

__all__ = ["PageReader", "PageWriter", "drop_pages"]

#: Rows of a page, but for the last one.
PAGE_ROWS: Final = 50_000


class PageWriter:
    """Writes an attempt's pages; there is always at least one, so that the columns are known.

    Args:
        results: the folder of all results.
        job: whose.
        attempt: which.
        schema: of the rows.
    """

    def __init__(self, results: Path, job: str, attempt: int, schema: pa.Schema) -> None:
        self._folder = _folder(results, job, attempt)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700, parents=True)
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self.rows = 0
        self.pages = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        while batch.num_rows:
            taken = batch.slice(0, PAGE_ROWS - self._rows)
            self._waiting.append(taken)
            self._rows += taken.num_rows
            self.rows += taken.num_rows
            batch = batch.slice(taken.num_rows)
            if self._rows == PAGE_ROWS:
                self._flush()

    def close(self) -> None:
        """Write the last page. Only then is the result whole."""
        if self._waiting or not self.pages:
            self._flush()
        _sync(self._folder)

    def _flush(self) -> None:
        self.pages += 1
        path = _page(self._folder, self.pages)
        unfinished = path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            with pa.ipc.new_file(file, self._schema) as writer:
                for batch in self._waiting:
                    writer.write_batch(batch)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        self._waiting, self._rows = [], 0


class PageReader:
    """Reads a result's pages.

    Args:
        results: the folder of all results.
        job: whose.
        attempt: the one that was done.
        pages: how many there are.
    """

    def __init__(self, results: Path, job: str, attempt: int, pages: int) -> None:
        self._folder = _folder(results, job, attempt)
        self._job = job
        self.pages = pages

    def page(self, number: int) -> pa.Table:
        """One page; the first is 1.

        Raises:
            DataError: there is no such page, or its file is gone.
        """
        if not 1 <= number <= self.pages:
            raise DataError(
                f"the result of {self._job} has no page {number}",
                remedy=f"Its pages are 1 to {self.pages}.",
            )
        try:
            with pa.memory_map(str(_page(self._folder, number))) as file:
                return pa.ipc.open_file(file).read_all()
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(
                f"page {number} of the result of {self._job} can't be read: {error}",
                remedy="Its file was removed or damaged: submit the job again.",
            ) from error

    def reader(self) -> pa.RecordBatchReader:
        """All pages, one after the other, a page at a time in memory."""
        first = self.page(1)
        return pa.RecordBatchReader.from_batches(first.schema, self._batches(first))

    def _batches(self, first: pa.Table) -> Iterator[pa.RecordBatch]:
        yield from first.to_batches()
        for number in range(2, self.pages + 1):
            yield from self.page(number).to_batches()


def drop_pages(results: Path, job: str, but: int | None = None) -> None:
    """Remove a job's pages; those of the attempt `but` are kept."""
    folder = results / job
    if but is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for old in folder.glob("attempt-*"):
        if old != _folder(results, job, but):
            shutil.rmtree(old, ignore_errors=True)


def _folder(results: Path, job: str, attempt: int) -> Path:
    return results / job / f"attempt-{attempt}"


def _page(folder: Path, number: int) -> Path:
    return folder / f"page-{number:06}.arrow"


def _sync(folder: Path) -> None:
    """Make the names of new files outlive a power cut, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
