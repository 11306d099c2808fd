"""The org's rows: one in-memory DuckDB table per object, made when it is first asked for."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import duckdb

from isthmus.localorg.schema import Field, Schema, SObject

Filler = Callable[[duckdb.DuckDBPyConnection], None]

_COLUMN_TYPES = {
    "boolean": "BOOLEAN NOT NULL",
    "int": "BIGINT",
    "long": "BIGINT",
    "date": "DATE",
    "datetime": "TIMESTAMP",
    "time": "TIME",
}
_DECIMAL_TYPES = frozenset({"double", "currency", "percent"})
HIDDEN = {"IsDeleted": "BOOLEAN NOT NULL", "SystemModstamp": "TIMESTAMP"}


class Store:
    """Holds every object's rows; safe to use from several threads.

    Readers take a `cursor()` each and name tables by `table(name)`, which also fills a table
    that waits for its first use. Writers work inside `writing()`, one at a time; what their thread
    reads meanwhile is read in their transaction.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.lock = threading.RLock()
        self._database = duckdb.connect(":memory:")
        self._fillers: dict[str, Filler] = {}
        self._ready: dict[str, str] = {}
        # Only the thread that holds the lock touches these two.
        self._writer: duckdb.DuckDBPyConnection | None = None
        self._pending: dict[str, str] = {}
        self._writing_thread = 0
        self._version = 0
        self._unsettled = itertools.count(-2, -1)  # -1 is for those who have seen no state yet

    @property
    def version(self) -> int:
        """A number that changes with every write: two equal ones mean the same rows."""
        return next(self._unsettled) if self._is_mine() else self._version

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Give a cursor of its own for one thread; close it when done."""
        if self._is_mine():
            return cast("duckdb.DuckDBPyConnection", _Lent(self._writer))
        return self._database.cursor()

    def _is_mine(self) -> bool:
        """Say whether this thread is inside `writing()`."""
        return self._writing_thread == threading.get_ident()

    def table(self, name: str) -> str:
        """Give the quoted table of an object (any case), created and filled by now.

        Raises KeyError for an object that the schema does not have.
        """
        ready = self._ready.get(name)
        return ready if ready is not None else self._make(name)

    def fill_later(self, name: str, filler: Filler) -> None:
        """Have `filler` insert the object's rows when the table is first asked for.

        Raises ValueError when the table has been made already.
        """
        with self.lock:
            if name in self._ready:
                raise ValueError(f"the table of {name} is made already; fill before its first use")
            self._fillers[name] = filler

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Give a cursor in a transaction, under the one write lock; an error rolls it back.

        Must not be nested. Tables first asked for inside are made in the same transaction.
        """
        with self.lock, self._database.cursor() as cursor:
            cursor.begin()
            self._writer = cursor
            self._writing_thread = threading.get_ident()
            try:
                yield cursor
                cursor.commit()
                self._version += 1  # after: before it, a reader would keep the old rows as new
                self._ready.update(self._pending)
            except BaseException:
                cursor.rollback()
                raise
            finally:
                self._writer = None
                self._writing_thread = 0
                self._pending.clear()

    def close(self) -> None:
        """Drop all rows."""
        self._database.close()

    def _make(self, name: str) -> str:
        sobject = self.schema.get(name)
        if sobject is None:
            raise KeyError(f"no object {name}")
        with self.lock:
            if self._writer is not None:
                return self._fill(sobject, self._writer)
            with self.writing() as cursor:
                self._fill(sobject, cursor)
            self._ready[name] = self._ready[sobject.name]
            return self._ready[name]

    def _fill(self, sobject: SObject, cursor: duckdb.DuckDBPyConnection) -> str:
        made = quoted(sobject.name)
        if sobject.name not in self._ready and sobject.name not in self._pending:
            cursor.execute(ddl(sobject))
            self._pending[sobject.name] = made
            if sobject.name in self._fillers:
                self._fillers[sobject.name](cursor)
        return made


class _Lent:
    """The writer's cursor, in the hands of one who would close a cursor of his own."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection | None) -> None:
        self._cursor = cursor

    def __enter__(self) -> duckdb.DuckDBPyConnection | None:
        return self._cursor

    def __exit__(self, *_: object) -> None:
        """Leave it open: the transaction goes on."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def close(self) -> None:
        """Leave it open: the transaction goes on."""


def quoted(name: str) -> str:
    """Give a name as a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def columns(sobject: SObject) -> tuple[str, ...]:
    """Give the table's columns in order: stored fields, then hidden ones."""
    names = tuple(field.name for field in sobject.fields if field.stored)
    return names + tuple(name for name in HIDDEN if name not in names)


def column_type(field: Field) -> str:
    """Give the DuckDB type that holds every value of a field exactly."""
    if field.type in _DECIMAL_TYPES:
        return f"DECIMAL({field.precision},{field.scale})" if field.precision else "DOUBLE"
    return _COLUMN_TYPES.get(field.type, "VARCHAR")


def added(field: Field) -> str:
    """Give what ALTER TABLE adds for a field: a flag is false in the rows that are there."""
    kind = column_type(field).partition(" ")[0]
    default = " DEFAULT false" if field.type == "boolean" else ""
    return f"COLUMN {quoted(field.name)} {kind}{default}"


def ddl(sobject: SObject) -> str:
    """Give the statement that creates an object's table."""
    fields = {field.name: column_type(field) for field in sobject.fields if field.stored}
    typed = {"Id": "VARCHAR", **fields, **{n: t for n, t in HIDDEN.items() if n not in fields}}
    listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in typed.items())
    return f"CREATE TABLE {quoted(sobject.name)} ({listed})"
