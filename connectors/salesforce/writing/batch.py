"""The rows of a chunk, made ready: fitted to their fields, with the faults that were met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.salesforce.writing.columns import Target
from isthmus.connectors.salesforce.writing.encode import (
    CSV_NULL,
    csv_cells,
    json_members,
    unsayable,
)
from isthmus.connectors.salesforce.writing.fit import fitted
from isthmus.connectors.salesforce.writing.outcomes import Outcome
from isthmus.connectors.writing import Rows, WriteRequest

__all__ = ["STAMP", "Batch", "batch_of"]

#: The column of a row's stamp.
STAMP: Final = "SystemModstamp"


@dataclass(frozen=True)
class Batch:
    """Rows that are sent together; they are called by their number, from 0.

    Attributes:
        targets: what each column sets.
        columns: the values, typed as their fields.
        given: for a column in which some cells are left alone: false where they are.
        faults: rows that can't be sent, and why.
        stamps: with `WriteRequest.if_unmodified`, each row's stamp.
    """

    request: WriteRequest
    targets: tuple[Target, ...]
    columns: tuple[pa.Array, ...]
    positions: pa.Array
    given: Mapping[str, pa.Array]
    faults: Mapping[int, Outcome]
    stamps: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.positions)

    @cached_property
    def key_target(self) -> Target | None:
        """The target of the request's key."""
        name = self.request.key
        return next((t for t in self.targets if t.parent is None and t.field.name == name), None)

    @cached_property
    def keys(self) -> list[Any]:
        """The key of each row; all None where the request has none."""
        target = self.key_target
        return [None] * len(self) if target is None else self.values(target)

    def values(self, target: Target) -> list[Any]:
        """The values that set a field."""
        return list(self.columns[self.targets.index(target)].to_pylist())

    def is_given(self, target: Target) -> list[bool]:
        """For each row whether it sets a field."""
        given = self.given.get(target.name)
        return [True] * len(self) if given is None else list(given.to_pylist())

    def json(self, *, without: str | None = None) -> list[str]:
        """The members of each row's JSON object, joined by commas.

        Args:
            without: the name of a field to leave out.
        """
        members = [
            json_members(target, column, self.given.get(target.name))
            for target, column in zip(self.targets, self.columns, strict=True)
            if target.field.name != without
        ]
        if not members:
            return [""] * len(self)
        return [",".join(cell for cell in row if cell) for row in zip(*members, strict=True)]

    def csv(self) -> pa.RecordBatch:
        """The fields of each row's line, in columns that are named as in the first line."""
        cells = [
            csv_cells(column, self.given.get(target.name))
            for target, column in zip(self.targets, self.columns, strict=True)
        ]
        if self.key_target is not None:  # an upsert makes a record where there is no Id
            key = self.targets.index(self.key_target)
            cells[key] = pc.if_else(pc.equal(cells[key], CSV_NULL), "", cells[key])
        return pa.RecordBatch.from_arrays(cells, [target.header for target in self.targets])

    def unfit_for_csv(self) -> set[int]:
        """The rows that a CSV can't say."""
        return {row for column in self.columns for row in unsayable(column)}

    def take(self, rows: Iterable[int]) -> Batch:
        """Some of the rows, numbered anew; those with faults must not be among them."""
        chosen = pa.array(rows, pa.int64())
        return replace(
            self,
            columns=tuple(column.take(chosen) for column in self.columns),
            positions=self.positions.take(chosen),
            given={name: flags.take(chosen) for name, flags in self.given.items()},
            faults={},
            stamps=None if self.stamps is None else self.stamps.take(chosen),
        )


def batch_of(request: WriteRequest, targets: tuple[Target, ...], rows: Rows) -> Batch:
    """Make rows ready."""
    columns, faults = [], dict[int, Outcome]()
    for target, array in zip(targets, rows.records.columns, strict=False):
        made, unfit = fitted(target, array)
        columns.append(made)
        for row, fault in unfit.items():
            faults.setdefault(row, fault)
    stamps = rows.records.column(STAMP) if request.if_unmodified else None
    return Batch(request, targets, tuple(columns), rows.positions, rows.given, faults, stamps)
