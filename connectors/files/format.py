"""What a file format must answer, and the parts in which its files are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import pyarrow as pa

from isthmus.catalog.model import RowCount
from isthmus.connectors.contract import ReadContext
from isthmus.connectors.files.location import DataFile
from isthmus.connectors.files.prune import Bounds
from isthmus.connectors.files.settings import TableSettings

__all__ = ["BATCH_ROWS", "Format", "Part", "Shape"]

BATCH_ROWS = 65_536
"""The most rows of a batch."""

_INSPECTORS = 8


def _nothing_known(_: str) -> Bounds:
    return Bounds()


@dataclass(frozen=True)
class Part:
    """A piece of one file that can be skipped: a row group, or the whole file.

    Attributes:
        file: the file.
        group: the number of the row group; None for the whole file.
        rows: how many rows, counted or estimated.
        bytes: what reading the wanted columns of it takes.
        bounds: what is known of a column's values here.
    """

    file: DataFile
    group: int | None
    rows: int
    bytes: int
    bounds: Callable[[str], Bounds] = field(default=_nothing_known, compare=False)


@dataclass(frozen=True)
class Shape:
    """The columns that the files hold between them.

    Attributes:
        schema: their types, one for all files.
        statistics: names of the columns with lowest and highest values per part.
        omitted: columns that can't be had, with the reason.
    """

    schema: pa.Schema
    statistics: frozenset[str] = frozenset()
    omitted: tuple[tuple[str, str], ...] = ()


Facts = TypeVar("Facts")


class Format(ABC, Generic[Facts]):
    """One table's files in one format. What was learnt of a file is kept while it is unchanged.

    Args:
        settings: how the table is to be read.
    """

    def __init__(self, settings: TableSettings) -> None:
        self.settings = settings
        self._facts: dict[DataFile, Facts] = {}

    def facts(self, files: Sequence[DataFile]) -> list[Facts]:
        """What is known of each file, looked up where it is not known yet."""
        known = {f: self._facts[f] for f in files if f in self._facts}
        missing = [f for f in files if f not in known]
        share = max(1, len(files))
        if missing:
            with ThreadPoolExecutor(min(_INSPECTORS, len(missing)), "isthmus-inspect") as pool:
                found = pool.map(lambda f: self.inspect(f, share), missing)
                known.update(zip(missing, found, strict=True))
        self._facts = known
        return [known[f] for f in files]

    def fact(self, file: DataFile) -> Facts:
        """What is known of one file; it is looked at again only if a newer listing dropped it."""
        known = self._facts.get(file)
        return self.inspect(file, 1) if known is None else known

    def inspected(self, files: Iterable[DataFile]) -> int:
        """How many of the files would have to be looked at now."""
        return sum(1 for f in files if f not in self._facts)

    @abstractmethod
    def inspect(self, file: DataFile, share: int) -> Facts:
        """Look at one file, of `share` that together should cost no more than one big one."""

    @abstractmethod
    def shape(self, files: Sequence[DataFile]) -> Shape:
        """The columns of all files."""

    @abstractmethod
    def row_count(self, files: Sequence[DataFile]) -> RowCount:
        """How many rows all files have."""

    @abstractmethod
    def parts(self, file: DataFile, columns: Sequence[str]) -> Sequence[Part]:
        """The parts of one file, with what reading these columns takes. Makes no call."""

    @abstractmethod
    def read(
        self, parts: Sequence[Part], columns: pa.Schema, context: ReadContext
    ) -> Iterator[pa.RecordBatch]:
        """The rows of parts of one file, of at most `BATCH_ROWS` each.

        Args:
            parts: at least one, all of one file.
            columns: the wanted columns with the table's types; may be none. Those that the
                file does not have come as nulls.
            context: where read bytes are counted.

        Raises:
            DataError: a value does not fit its type, or the file is damaged.
        """
