"""How much of a file is looked at before it is read, and the row counts guessed from that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from isthmus.catalog.model import RowCount
from isthmus.connectors.files.location import DataFile

__all__ = ["Sample", "estimated", "sample_bytes"]

_BUDGET_BYTES = 2 << 20
_LEAST_BYTES = 64 << 10


@dataclass(frozen=True)
class Sample:
    """The start of a file.

    Attributes:
        rows: how many rows were looked at.
        bytes: how many of the file's bytes they took.
        whole: whether that was all of the file.
    """

    rows: int
    bytes: int
    whole: bool

    def rows_of(self, size: int) -> int:
        """About how many rows a file of that size has."""
        if self.whole or not size:
            return self.rows
        return max(self.rows, round(self.rows * size / self.bytes))


def sample_bytes(files: int) -> int:
    """How much of each of so many files to look at.

    >>> sample_bytes(1), sample_bytes(1000)
    (2097152, 65536)
    """
    return max(_LEAST_BYTES, _BUDGET_BYTES // max(files, 1))


def estimated(files: Sequence[DataFile], samples: Sequence[Sample]) -> RowCount:
    """The rows of all files; exact when every file was looked at whole."""
    rows = sum(s.rows_of(f.size) for f, s in zip(files, samples, strict=True))
    exact = all(s.whole for s in samples)
    return RowCount(rows, exact, "counted" if exact else "file sizes and a sample of the rows")
