"""Rows come in: fitted to their columns, numbered, and put on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.model import Table
from isthmus.connectors.writing import WriteKind
from isthmus.engine.writes.columns import column_type
from isthmus.engine.writes.convert import converted
from isthmus.engine.writes.outcomes import MISFIT, NO_KEY, failures
from isthmus.engine.writes.parts import Part, Reading
from isthmus.engine.writes.spool import Spool

__all__ = ["Intake", "Splitter", "demanded_key"]


class Intake:
    """Takes the rows of one part.

    Args:
        table: whose columns they have.
        path: where they are put.
        cursor: converts values; in the session's time zone.
        key: the column without which a row means none of the table's.
    """

    def __init__(
        self, table: Table, path: Path, cursor: duckdb.DuckDBPyConnection, key: str | None
    ) -> None:
        self._table = table
        self._cursor = cursor
        self._key = key
        self.spool = Spool(path)
        self._unsent: list[tuple[int, str, str, str]] = []

    def add(
        self, positions: pa.Array, batch: pa.RecordBatch, given: Mapping[str, pa.Array]
    ) -> None:
        """Take rows; those that have no key, or a value that does not fit, are kept back."""
        wanted = {name: column_type(self._table, name) for name in batch.schema.names}
        fitted, misfits = converted(batch, wanted, self._cursor)
        bad: dict[int, tuple[str, str, str]] = {}
        for misfit in misfits:
            bad.setdefault(misfit.row, (MISFIT, misfit.column, misfit.message))
        if self._key is not None:
            for row in _without(batch, self._key):
                bad.setdefault(row, (NO_KEY, self._key, f"{self._key} is null: no row is meant"))
        if bad:
            self._unsent += [(positions[row].as_py(), *bad[row]) for row in sorted(bad)]
            good = pa.array([row for row in range(batch.num_rows) if row not in bad], pa.int64())
            positions, fitted = positions.take(good), fitted.take(good)
            given = {name: flags.take(good) for name, flags in given.items()}
        self.spool.append(positions, fitted, given)

    @property
    def unsent(self) -> pa.Table:
        """The outcomes of the rows that were kept back."""
        return failures(self._unsent)


def _without(batch: pa.RecordBatch, key: str) -> list[int]:
    """The rows whose key is null."""
    if key not in batch.schema.names:
        return list(range(batch.num_rows))
    column = batch.column(key)
    if not column.null_count:
        return []
    return [row for row, null in enumerate(column.is_null().to_pylist()) if null]


def demanded_key(table: Table, kind: WriteKind, key: str | None) -> str | None:
    """The key that no row may lack.

    New rows need none, and an upsert by the primary key makes rows that have none.
    """
    if kind is WriteKind.INSERT or (kind is WriteKind.UPSERT and key in table.primary_key):
        return None
    return key


class Splitter:
    """Hands the rows of a statement's query to the parts that they belong to.

    Args:
        reading: where rows go.
        intakes: one for each part.
        stamp: the name of the stamp's column.
    """

    def __init__(self, reading: Reading, intakes: list[Intake], stamp: str | None) -> None:
        self._reading = reading
        self._intakes = intakes
        self._stamp = stamp
        self.rows = 0
        self.idle: list[tuple[int, str | None]] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take the next rows."""
        positions = pa.array(range(self.rows, self.rows + batch.num_rows), pa.int64())
        for part, intake in zip(self._reading.parts, self._intakes, strict=True):
            self._give(part, intake, batch, positions)
        if self._reading.matched is not None:
            self._note_idle(batch, positions)
        self.rows += batch.num_rows

    def _give(self, part: Part, intake: Intake, batch: pa.RecordBatch, positions: pa.Array) -> None:
        names = list(part.columns)
        columns = [batch.column(i) for i in part.outputs]
        if part.stamp is not None:
            assert self._stamp is not None
            names.append(self._stamp)
            columns.append(batch.column(part.stamp))
        chosen = pa.RecordBatch.from_arrays(columns, names=names)
        if part.action is not None:
            mask = pc.fill_null(pc.equal(batch.column(0), part.action), False)
            chosen, positions = chosen.filter(mask), positions.filter(mask)
        intake.add(positions, chosen, self._given(part, positions))

    def _given(self, part: Part, positions: pa.Array) -> dict[str, pa.Array]:
        alone = self._reading.left_alone
        if not alone:
            return {}
        at = positions.to_pylist()
        return {
            name: pa.array([output not in alone.get(row, ()) for row in at], pa.bool_())
            for name, output in zip(part.columns, part.outputs, strict=True)
        }

    def _note_idle(self, batch: pa.RecordBatch, positions: pa.Array) -> None:
        """Rows for which no clause of a MERGE does anything."""
        assert self._reading.matched is not None
        busy = {part.action for part in self._reading.parts}
        keys = batch.column(self._reading.matched)
        for i, action in enumerate(batch.column(0).to_pylist()):
            if action not in busy:
                key = keys[i].as_py()
                self.idle.append((positions[i].as_py(), None if key is None else str(key)))
