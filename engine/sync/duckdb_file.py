"""A copy in a DuckDB file. It stands here, for connectors know nothing of DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

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
from isthmus.connectors.targets.feeding import Feed
from isthmus.connectors.targets.sqltext import column
from isthmus.errors import DataError, TargetError, TargetUnavailable

__all__ = ["DuckDBFile"]

_STAGED: Final = "isthmus_part"
_NEW: Final = "isthmus_new"
_ROWS: Final = 65_536


class DuckDBFile(Target):
    """A table of a DuckDB file; its state stands in the same file."""

    def __init__(self, config: TargetConfig) -> None:
        super().__init__(config)
        self._table: str = config.options["table"]
        self._open: duckdb.DuckDBPyConnection | None = None

    def stored(self, type: pa.DataType) -> pa.DataType | None:
        """Every type; times in microseconds."""
        if pa.types.is_float16(type):
            return None
        if pa.types.is_time(type):
            return pa.time64("us")
        if pa.types.is_timestamp(type) and type.tz is not None:
            return pa.timestamp("us", "UTC")
        return type

    def read_state(self) -> str | None:
        """As `Target.read_state`; a look makes no file."""
        if not Path(self.config.options["path"]).exists():
            return None
        with self._transaction() as db:
            there = {row[0] for row in db.sql("SELECT table_name FROM duckdb_tables()").fetchall()}
            views = {row[0] for row in db.sql("SELECT view_name FROM duckdb_views()").fetchall()}
            if self._table not in there | views:
                return None
            if STATE_TABLE not in there or self._table in views:
                raise foreign(self.name)
            found = db.execute(
                f"SELECT state FROM {STATE_TABLE} WHERE copy = ?", [self._table]
            ).fetchone()
        if found is None:
            raise foreign(self.name)
        return str(found[0])

    def replace(self, layout: Layout, batches: Iterable[pa.RecordBatch], state: str) -> None:
        """As `Target.replace`: the new table takes the old one's name with the last row."""
        feed = Feed(batches)
        reader = pa.RecordBatchReader.from_batches(layout.schema, iter(feed))
        with self._transaction() as db, feed.keeping_errors():
            db.register(_STAGED, reader)
            db.execute(f"CREATE OR REPLACE TABLE {_NEW} AS FROM {_STAGED}")
            db.unregister(_STAGED)
            self._check_key(db, layout)
            db.execute(f"DROP TABLE IF EXISTS {column(self._table)}")
            db.execute(f"ALTER TABLE {_NEW} RENAME TO {column(self._table)}")
            self._save(db, state)

    def evolve(
        self, changes: Sequence[ColumnChange], before: Layout, after: Layout, state: str
    ) -> None:
        """As `Target.evolve`, in one transaction."""
        table = column(self._table)
        with self._transaction() as db:
            for change in changes:
                old = column(change.column)
                if change.change is Change.DROP:
                    db.execute(f"ALTER TABLE {table} DROP COLUMN {old}")
                elif change.change is Change.RENAME:
                    db.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {column(change.name)}")
                else:
                    kind = self._declared(db, after.schema.field(change.column))
                    how = "ADD COLUMN" if change.change is Change.ADD else "ALTER COLUMN"
                    type = kind if change.change is Change.ADD else f"TYPE {kind}"
                    db.execute(f"ALTER TABLE {table} {how} {old} {type}")
            self._save(db, state)

    def apply(self, part: Part, layout: Layout, state: str) -> None:
        """As `Target.apply`: without an index, a merge is one join."""
        table, names = column(self._table), part.rows.schema.names
        with self._transaction() as db:
            db.register(_STAGED, part.rows)
            if part.kind is PartKind.PATCH:
                db.execute(sqltext.patch(table, _STAGED, names, layout.key))
            else:
                db.execute(sqltext.delete(table, _STAGED, layout.key))
            if part.kind is PartKind.UPSERT:
                db.execute(sqltext.insert(table, _STAGED, layout))
            db.unregister(_STAGED)
            self._save(db, state)

    def save_state(self, state: str) -> None:
        """As `Target.save_state`."""
        with self._transaction() as db:
            self._save(db, state)

    def rows(self, layout: Layout, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """As `Target.rows`."""
        with self._transaction() as db:
            listed = sqltext.columns_list(columns)
            found = db.sql(f"SELECT {listed} FROM {column(self._table)}")
            schema = pa.schema([layout.schema.field(name) for name in columns])
            for batch in found.to_arrow_reader(_ROWS):
                rows = pa.Table.from_batches([batch])
                kept = [
                    array if array.type == field.type else array.cast(self.stored(field.type))
                    for array, field in zip(rows.columns, schema, strict=True)
                ]
                yield from pa.table(kept, names=list(columns)).to_batches()

    def close(self) -> None:
        """Close the file."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _check_key(self, db: duckdb.DuckDBPyConnection, layout: Layout) -> None:
        if not layout.key:
            return
        key = sqltext.columns_list(layout.key)
        nulls = " OR ".join(f"{column(name)} IS NULL" for name in layout.key)
        twice = f"SELECT 1 FROM {_NEW} GROUP BY {key} HAVING count(*) > 1"
        wrong = f"({twice}) UNION ALL (SELECT 1 FROM {_NEW} WHERE {nulls}) LIMIT 1"
        if db.execute(wrong).fetchone() is not None:
            raise DataError(
                f"the key {', '.join(layout.key)} is null or not unique in what is copied to "
                f"{self.name}",
                remedy="Name the columns that tell rows apart.",
            )

    def _declared(self, db: duckdb.DuckDBPyConnection, field: pa.Field) -> str:
        """DuckDB's own name for a type."""
        db.register(_STAGED, pa.table([pa.nulls(0, field.type)], names=["x"]))
        [kind] = db.sql(f"FROM {_STAGED}").types
        db.unregister(_STAGED)
        return str(kind)

    def _save(self, db: duckdb.DuckDBPyConnection, state: str) -> None:
        db.execute(
            f"CREATE TABLE IF NOT EXISTS {STATE_TABLE} (copy VARCHAR PRIMARY KEY, state VARCHAR)"
        )
        db.execute(f"INSERT OR REPLACE INTO {STATE_TABLE} VALUES (?, ?)", [self._table, state])

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            db = self._connected()
            db.execute("BEGIN TRANSACTION")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        except duckdb.Error as error:
            raise TargetError(
                f"{self.name} can't be read or written: {error}", remedy="Look at the file."
            ) from error

    def _connected(self) -> duckdb.DuckDBPyConnection:
        if self._open is None:
            try:
                self._open = duckdb.connect(self.config.options["path"])
            except duckdb.IOException as error:
                raise TargetUnavailable(
                    f"{self.name} can't be opened; perhaps another process has it: {error}",
                    remedy="Close it there, and run the sync again.",
                ) from error
            self._open.execute("SET TimeZone = 'UTC'")
        return self._open
