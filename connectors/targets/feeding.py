"""Rows handed to foreign code, which turns an error of theirs into one of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa

__all__ = ["Feed"]


class Feed:
    """Batches on their way; remembers what went wrong while they were made.

    Args:
        batches: the rows.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._batches
        except BaseException as error:
            self._error = error
            raise

    @contextmanager
    def keeping_errors(self) -> Iterator[None]:
        """Raise the error of the rows, where the block fails because of it."""
        try:
            yield
        except Exception:
            if self._error is not None:
                raise self._error from None
            raise
