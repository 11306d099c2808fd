"""A copy in PostgreSQL, written by COPY through ADBC.

A part is copied into a temporary table and merged from there; rows, columns and the state change
in one transaction. Nested values are JSON texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

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
from isthmus.connectors.targets.sqltext import column, quoted
from isthmus.connectors.targets.values import converted, is_nested
from isthmus.errors import DataError, MissingExtra, TargetError, TargetUnavailable

if TYPE_CHECKING:
    from adbc_driver_manager import dbapi

__all__ = ["Postgres"]

_STAGED: Final = "isthmus_part"
_CONNECT_SECONDS: Final = 10
#: How long a statement may wait for another's lock.
_LOCK_SECONDS: Final = 60

_SAME: Final = {
    pa.bool_(): "boolean",
    pa.int16(): "smallint",
    pa.int32(): "integer",
    pa.int64(): "bigint",
    pa.float32(): "real",
    pa.float64(): "double precision",
    pa.string(): "text",
    pa.binary(): "bytea",
    pa.date32(): "date",
    pa.time64("us"): "time",
    pa.timestamp("us"): "timestamp",
    pa.timestamp("us", "UTC"): "timestamptz",
}
_WIDER: Final = {
    pa.int8(): pa.int16(),
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
    pa.large_string(): pa.string(),
    pa.large_binary(): pa.binary(),
}


class Postgres(Target):
    """A table of a PostgreSQL database; its state stands in the same schema."""

    def __init__(self, config: TargetConfig) -> None:
        super().__init__(config)
        schema, _, table = config.options["table"].rpartition(".")
        self._copy = table
        self._table = quoted(config.options["table"])
        self._states = quoted(f"{schema}.{STATE_TABLE}" if schema else STATE_TABLE)
        self._open: dbapi.Connection | None = None

    def stored(self, type: pa.DataType) -> pa.DataType | None:
        """The nearest of PostgreSQL's types that holds every value."""
        if type in _SAME or pa.types.is_decimal128(type):
            return type
        if is_nested(type):
            return pa.string()
        if pa.types.is_time(type):
            return pa.time64("us")
        if pa.types.is_timestamp(type):
            return pa.timestamp("us", None if type.tz is None else "UTC")
        return _WIDER.get(type)

    def read_state(self) -> str | None:
        """As `Target.read_state`."""
        with self._transaction() as cursor:
            if not self._exists(cursor, self._table):
                return None
            if not self._exists(cursor, self._states):
                raise foreign(self.name)
            cursor.execute(f"SELECT state FROM {self._states} WHERE copy = $1", (self._copy,))
            found = cursor.fetchone()
        if found is None:
            raise foreign(self.name)
        return str(found[0])

    def replace(self, layout: Layout, batches: Iterable[pa.RecordBatch], state: str) -> None:
        """As `Target.replace`.

        A table of the same columns keeps its views and grants: its rows are exchanged.
        """
        with self._transaction() as cursor:
            self._stage(cursor, layout.schema, batches)
            if self._fits(cursor, layout):
                cursor.execute(f"DELETE FROM {self._table}")
            else:
                cursor.execute(f"DROP TABLE IF EXISTS {self._table}")
                cursor.execute(self._create(layout))
            cursor.execute(sqltext.insert(self._table, _STAGED, layout))
            self._save(cursor, state)

    def evolve(
        self, changes: Sequence[ColumnChange], before: Layout, after: Layout, state: str
    ) -> None:
        """As `Target.evolve`, in one transaction."""
        with self._transaction() as cursor:
            for change in changes:
                cursor.execute(f"ALTER TABLE {self._table} {self._alteration(change, after)}")
            self._save(cursor, state)

    def apply(self, part: Part, layout: Layout, state: str) -> None:
        """As `Target.apply`."""
        names = part.rows.schema.names
        with self._transaction() as cursor:
            self._stage(cursor, part.rows.schema, part.rows.to_batches())
            if part.kind is PartKind.UPSERT:
                cursor.execute(sqltext.upsert(self._table, _STAGED, layout))
            elif part.kind is PartKind.PATCH:
                cursor.execute(sqltext.patch(self._table, _STAGED, names, layout.key))
            else:
                cursor.execute(sqltext.delete(self._table, _STAGED, layout.key))
            self._save(cursor, state)

    def save_state(self, state: str) -> None:
        """As `Target.save_state`."""
        with self._transaction() as cursor:
            self._save(cursor, state)

    def rows(self, layout: Layout, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """As `Target.rows`."""
        with self._transaction() as cursor:
            cursor.execute(f"SELECT {sqltext.columns_list(columns)} FROM {self._table}")
            for batch in cursor.fetch_record_batch():
                arrays = [
                    _read(array, self._stored(layout.schema.field(name).type))
                    for array, name in zip(batch.columns, columns, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None

    # --- statements

    def _stored(self, type: pa.DataType) -> pa.DataType:
        stored = self.stored(type)
        assert stored is not None  # demand_held has looked
        return stored

    def _declared(self, type: pa.DataType) -> str:
        stored = self._stored(type)
        if pa.types.is_decimal128(stored):
            return f"numeric({stored.precision}, {stored.scale})"
        return _SAME[stored]

    def _create(self, layout: Layout) -> str:
        columns = [f"{column(f.name)} {self._declared(f.type)}" for f in layout.schema]
        if layout.key:
            columns.append(f"PRIMARY KEY ({sqltext.columns_list(layout.key)})")
        return f"CREATE TABLE {self._table} ({', '.join(columns)})"

    def _alteration(self, change: ColumnChange, after: Layout) -> str:
        old = column(change.column)
        if change.change is Change.DROP:
            return f"DROP COLUMN {old}"
        if change.change is Change.RENAME:
            return f"RENAME COLUMN {old} TO {column(change.name)}"
        declared = self._declared(after.schema.field(change.column).type)
        if change.change is Change.ADD:
            return f"ADD COLUMN {old} {declared}"
        return f"ALTER COLUMN {old} TYPE {declared}"

    def _stage(
        self, cursor: dbapi.Cursor, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        stored = pa.schema([pa.field(f.name, self._stored(f.type)) for f in schema])
        columns = ", ".join(f"{column(f.name)} {self._declared(f.type)}" for f in schema)
        cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{_STAGED}")
        cursor.execute(f"CREATE TEMP TABLE {_STAGED} ({columns}) ON COMMIT DROP")
        rows = (
            batch
            for given in batches
            for batch in converted(
                pa.Table.from_batches([given], schema), self.stored, self.name
            ).to_batches()
        )
        feed = Feed(rows)
        reader = pa.RecordBatchReader.from_batches(stored, iter(feed))
        with feed.keeping_errors():
            cursor.adbc_ingest(_STAGED, reader, mode="append", temporary=True)

    def _exists(self, cursor: dbapi.Cursor, table: str) -> bool:
        cursor.execute("SELECT to_regclass($1) IS NOT NULL", (table,))
        found = cursor.fetchone()
        return found is not None and bool(found[0])

    def _fits(self, cursor: dbapi.Cursor, layout: Layout) -> bool:
        """Whether the table has just these columns, types and key."""
        if not self._exists(cursor, self._table):
            return False
        cursor.execute(
            f"""SELECT attname, format_type(atttypid, atttypmod), attnum IN (
                  SELECT unnest(indkey) FROM pg_index WHERE indrelid = attrelid AND indisprimary)
                FROM pg_attribute WHERE attrelid = '{self._table.replace("'", "''")}'::regclass
                AND attnum > 0 AND NOT attisdropped"""
        )
        found = {(name, type.replace(" ", ""), key) for name, type, key in cursor.fetchall()}
        wanted = {
            (f.name, _FORMATTED.get(d := self._declared(f.type), d).replace(" ", ""), key)
            for f in layout.schema
            for key in [f.name in layout.key]
        }
        return found == wanted

    def _save(self, cursor: dbapi.Cursor, state: str) -> None:
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {self._states} (copy text PRIMARY KEY, state text)"
        )
        cursor.execute(
            f"INSERT INTO {self._states} VALUES ($1, $2)"
            " ON CONFLICT (copy) DO UPDATE SET state = excluded.state",
            (self._copy, state),
        )

    # --- the connection

    @contextmanager
    def _transaction(self) -> Iterator[dbapi.Cursor]:
        connection = self._connected()
        from adbc_driver_manager import Error

        try:
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                yield cursor
            connection.commit()
        except Error as error:
            self.close()  # rolls back, whatever state it is in
            raise self._refused(error) from error
        except BaseException:
            self.close()
            raise

    def _connected(self) -> dbapi.Connection:
        if self._open is None:
            try:
                import adbc_driver_postgresql.dbapi as driver
                from adbc_driver_manager import Error
            except ImportError as error:
                raise MissingExtra(
                    "the package adbc-driver-postgresql is not installed",
                    remedy="pip install 'isthmus[postgres]'",
                ) from error
            try:
                self._open = driver.connect(_with_timeout(self.config.options["url"].reveal()))
            except Error as error:
                raise TargetUnavailable(
                    f"{self.name} is out of reach: {_first_line(error)}",
                    remedy="Check the address, the user and the password.",
                ) from error
        return self._open

    def _refused(self, error: Any) -> Exception:
        said, state = _first_line(error), error.sqlstate
        if state in ("23505", "23502"):
            return DataError(
                f"the key is null or not unique in what is copied to {self.name}: {said}",
                remedy="Name the columns that tell rows apart.",
            )
        if state in ("55P03", "40001", "40P01", None) or str(state).startswith(("08", "57")):
            return TargetUnavailable(f"{self.name} did not answer: {said}", remedy="Run it again.")
        return TargetError(
            f"{self.name} refused: {said}", remedy="Look at the database and its rights."
        )


#: What format_type calls our types.
_FORMATTED: Final = {
    "time": "time without time zone",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}


def _with_timeout(url: str) -> str:
    """The address with a time to connect in, unless it has one."""
    query = urlsplit(url).query
    if "connect_timeout" in parse_qs(query):
        return url
    return f"{url}{'&' if query else '?'}connect_timeout={_CONNECT_SECONDS}"


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def _read(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """A number of any precision comes as text."""
    if isinstance(array.type, pa.ExtensionType | pa.OpaqueType):
        array = array.storage
    return array if array.type == wanted else array.cast(wanted)
