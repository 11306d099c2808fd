"""A copy in a SQLite file.

SQLite has five types. What they can't hold exactly is text: decimals, dates and times as ISO 8601
writes them, NaN, nested values as JSON.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import time
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.targets import TargetConfig
from isthmus.connectors.targets import sqltext
from isthmus.connectors.targets.contract import (
    STATE_TABLE,
    Change,
    ColumnChange,
    Layout,
    Part,
    PartKind,
    Target,
    foreign,
)
from isthmus.connectors.targets.sqltext import column, quoted
from isthmus.connectors.targets.values import as_json, is_nested, is_unsigned_long
from isthmus.errors import DataError, TargetError, TargetUnavailable

__all__ = ["Sqlite"]

_PATIENCE: Final = 30.0
_STAGED: Final = "temp.isthmus_part"
_NEW: Final = "isthmus_new_"
_ROWS: Final = 10_000


class Sqlite(Target):
    """A table of a SQLite file; its state stands in the same file."""

    def __init__(self, config: TargetConfig) -> None:
        super().__init__(config)
        self._table: str = config.options["table"]
        self._open: sqlite3.Connection | None = None

    def stored(self, type: pa.DataType) -> pa.DataType | None:
        """Whole numbers, floats, booleans, texts and times as they are; nested ones as JSON."""
        if pa.types.is_interval(type) or pa.types.is_float16(type):
            return None
        return pa.string() if is_nested(type) else type

    def read_state(self) -> str | None:
        """As `Target.read_state`; a look makes no file."""
        if not Path(self.config.options["path"]).exists():
            return None
        with self._transaction() as db:
            there = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
            if self._table not in there:
                return None
            if STATE_TABLE not in there:
                raise foreign(self.name)
            found = db.execute(
                f"SELECT state FROM {STATE_TABLE} WHERE copy = ?", [self._table]
            ).fetchone()
        if found is None:
            raise foreign(self.name)
        return str(found[0])

    def replace(self, layout: Layout, batches: Iterable[pa.RecordBatch], state: str) -> None:
        """As `Target.replace`: the new table takes the old one's name with the last row."""
        new = quoted(_NEW + self._table)
        with self._transaction() as db:
            db.execute(f"DROP TABLE IF EXISTS {new}")
            db.execute(_create(new, layout))
            try:
                _fill(db, new, layout.schema, batches)
            except sqlite3.IntegrityError as error:
                raise DataError(
                    f"the key {', '.join(layout.key)} is null or not unique in what is copied to "
                    f"{self.name}: {error}",
                    remedy="Name the columns that tell rows apart.",
                ) from error
            db.execute(f"DROP TABLE IF EXISTS {quoted(self._table)}")
            db.execute(f"ALTER TABLE {new} RENAME TO {quoted(self._table)}")
            self._save(db, state)

    def evolve(
        self, changes: Sequence[ColumnChange], before: Layout, after: Layout, state: str
    ) -> None:
        """As `Target.evolve`, in one transaction."""
        table = quoted(self._table)
        with self._transaction() as db:
            for change in changes:
                for statement in _statements(table, change, before, after):
                    db.execute(statement)
            self._save(db, state)

    def apply(self, part: Part, layout: Layout, state: str) -> None:
        """As `Target.apply`: the part is staged in a table of this connection."""
        table, names = quoted(self._table), part.rows.schema.names
        with self._transaction() as db:
            db.execute(f"DROP TABLE IF EXISTS {_STAGED}")
            db.execute(_create(_STAGED, Layout(part.rows.schema, layout.key)))
            _fill(db, _STAGED, part.rows.schema, part.rows.to_batches())
            if part.kind is PartKind.UPSERT:
                db.execute(sqltext.upsert(table, _STAGED, layout))
            elif part.kind is PartKind.PATCH:
                db.execute(sqltext.patch(table, _STAGED, names, layout.key))
            else:
                db.execute(sqltext.delete(table, _STAGED, layout.key))
            db.execute(f"DROP TABLE {_STAGED}")
            self._save(db, state)

    def save_state(self, state: str) -> None:
        """As `Target.save_state`."""
        with self._transaction() as db:
            self._save(db, state)

    def rows(self, layout: Layout, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """As `Target.rows`."""
        schema = pa.schema([layout.schema.field(name) for name in columns])
        listed = sqltext.columns_list(columns)
        with self._caught():
            found = self._connected().execute(f"SELECT {listed} FROM {quoted(self._table)}")
            while rows := found.fetchmany(_ROWS):
                values = zip(*rows, strict=True)
                arrays = [self._read(v, f.type) for v, f in zip(values, schema, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _read(self, values: Sequence[Any], type: pa.DataType) -> pa.Array:
        wanted = self.stored(type)
        if pa.types.is_boolean(type):
            return pa.array([None if v is None else bool(v) for v in values], wanted)
        if pa.types.is_floating(type):
            return pa.array([None if v is None else float(v) for v in values], wanted)
        if pa.types.is_time(type):
            return pa.array([None if v is None else time.fromisoformat(v) for v in values], wanted)
        if _is_text(type):
            return pc.cast(pa.array(values, pa.string()), wanted)
        return pa.array(values, wanted)

    def _save(self, db: sqlite3.Connection, state: str) -> None:
        db.execute(
            f"CREATE TABLE IF NOT EXISTS {STATE_TABLE} (copy TEXT PRIMARY KEY, state TEXT NOT NULL)"
        )
        db.execute(f"INSERT OR REPLACE INTO {STATE_TABLE} VALUES (?, ?)", [self._table, state])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._caught():
            db = self._connected()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextmanager
    def _caught(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname in ("SQLITE_BUSY", "SQLITE_LOCKED"):
                raise TargetUnavailable(
                    f"{self.name} is locked: another writes to it", remedy="Run the sync again."
                ) from error
            raise _refused(self.name, error) from error
        except sqlite3.Error as error:
            raise _refused(self.name, error) from error

    def _connected(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = sqlite3.connect(
                self.config.options["path"], timeout=_PATIENCE, isolation_level=None
            )
        return self._open


def _refused(name: str, error: sqlite3.Error) -> TargetError:
    return TargetError(f"{name} can't be read or written: {error}", remedy="Look at the file.")


def _create(table: str, layout: Layout) -> str:
    columns = [
        f"{column(f.name)} {_declared(f.type)}{' NOT NULL' if f.name in layout.key else ''}"
        for f in layout.schema
    ]
    if layout.key:
        columns.append(f"PRIMARY KEY ({sqltext.columns_list(layout.key)})")
    kind = "TEMP TABLE" if table == _STAGED else "TABLE"
    name = table.removeprefix("temp.")
    return f"CREATE {kind} {name} ({', '.join(columns)})"


def _declared(type: pa.DataType) -> str:
    # The words choose SQLite's affinity: a text column leaves "1.10" as it is.
    if pa.types.is_boolean(type) or (pa.types.is_integer(type) and not is_unsigned_long(type)):
        return "INTEGER"
    if pa.types.is_floating(type):
        return "REAL"
    if pa.types.is_binary(type) or pa.types.is_large_binary(type):
        return "BLOB"
    return "TEXT"


def _is_text(type: pa.DataType) -> bool:
    return _declared(type) == "TEXT"


def _fill(
    db: sqlite3.Connection, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
) -> None:
    marks = ", ".join("?" * len(schema))
    statement = f"INSERT INTO {table} ({sqltext.columns_list(schema.names)}) VALUES ({marks})"
    rows = chain.from_iterable(
        zip(*(_values(array) for array in batch.columns), strict=True) for batch in batches
    )
    db.executemany(statement, rows)


def _values(array: pa.Array) -> list[Any]:
    """Python values that SQLite stores as they are."""
    if is_nested(array.type):
        array = as_json(array)
    elif _is_text(array.type):
        array = pc.cast(array, pa.string())
    elif pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.int8())
    values: list[Any] = array.to_pylist()
    if pa.types.is_floating(array.type):
        # SQLite takes a NaN for NULL
        return ["NaN" if v is not None and math.isnan(v) else v for v in values]
    return values


def _statements(table: str, change: ColumnChange, before: Layout, after: Layout) -> Iterator[str]:
    old = column(change.column)
    if change.change is Change.ADD:
        declared = _declared(after.schema.field(change.column).type)
        yield f"ALTER TABLE {table} ADD COLUMN {old} {declared}"
    elif change.change is Change.DROP:
        yield f"ALTER TABLE {table} DROP COLUMN {old}"
    elif change.change is Change.RENAME:
        yield f"ALTER TABLE {table} RENAME COLUMN {old} TO {column(change.name)}"
    else:
        was = _declared(before.schema.field(change.column).type)
        now = _declared(after.schema.field(change.column).type)
        if was != now:  # a column's affinity can't be changed
            new = column(_NEW + change.column)
            yield f"ALTER TABLE {table} ADD COLUMN {new} {now}"
            yield f"UPDATE {table} SET {new} = {old}"
            yield f"ALTER TABLE {table} DROP COLUMN {old}"
            yield f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}"
