"""Which parts of a table's files a scan reads, and whether their rows must still be filtered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from isthmus.connectors.files.format import Format, Part
from isthmus.connectors.files.location import DataFile
from isthmus.connectors.files.partitions import partition_value
from isthmus.connectors.files.prune import Bounds, Truth, outcomes
from isthmus.connectors.predicates import And, Predicate, Value

__all__ = ["Chosen", "Snapshot", "choose"]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A table's files as they were when it was described; all its queries read just these.

    Attributes:
        files: by path.
        format: reads them.
        columns: what the files hold.
        partitions: the hive partition columns, which the folders' names hold.
    """

    files: tuple[DataFile, ...]
    format: Format[object]
    columns: pa.Schema
    partitions: pa.Schema


@dataclass(frozen=True)
class Chosen:
    """The parts of one file that are read.

    Attributes:
        parts: at least one.
        constants: the file's values of the partition columns.
        filtered: whether rows that don't pass may be among them.
        total: how many parts the file has.
    """

    parts: tuple[Part, ...]
    constants: dict[str, Value | None]
    filtered: bool
    total: int

    def bounds(self, part: Part) -> Callable[[str], Bounds]:
        """What is known of the columns' values in one of the parts."""
        return _bounds(part, self.constants)


def choose(
    snapshot: Snapshot, columns: Sequence[str], predicates: Sequence[Predicate]
) -> list[Chosen]:
    """The parts in which a row may pass all predicates, by file. Makes no call."""
    predicate = And(tuple(predicates))
    chosen = []
    for file in snapshot.files:
        constants = {p.name: partition_value(file, p) for p in snapshot.partitions}
        parts = snapshot.format.parts(file, columns)
        judged = [(p, outcomes(predicate, _bounds(p, constants))) for p in parts]
        kept = [(p, truths) for p, truths in judged if Truth.TRUE in truths and p.rows != 0]
        if kept or (not parts and not predicates):
            filtered = any(truths is not Truth.TRUE for _, truths in kept)
            chosen.append(Chosen(tuple(p for p, _ in kept), constants, filtered, len(parts)))
    return [c for c in chosen if c.parts]


class _bounds:
    """A part's bounds, with the partition columns' values in front."""

    def __init__(self, part: Part, constants: dict[str, Value | None]) -> None:
        self._part, self._constants = part, constants

    def __call__(self, column: str) -> Bounds:
        if column in self._constants:
            return Bounds.constant(self._constants[column])
        return self._part.bounds(column)
