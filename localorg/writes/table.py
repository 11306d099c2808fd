"""Drafts written into their table: one statement for the new ones, one for the changed ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa

from isthmus.localorg.formulas import FORMULAS
from isthmus.localorg.schema import SObject
from isthmus.localorg.store import HIDDEN, Store, column_type, quoted
from isthmus.localorg.writes.draft import Draft

_CHUNK = "written_chunk"
_ARROW = {
    "BOOLEAN": pa.bool_(),
    "BIGINT": pa.int64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "TIME": pa.time64("us"),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
}


def insert(
    store: Store, cursor: duckdb.DuckDBPyConnection, sobject: SObject, drafts: Sequence[Draft]
) -> None:
    """Add the new records."""
    if not drafts:
        return
    # most fields of a new record are null
    names = _names(one.changes for one in drafts)
    columns = {name: [one.changes.get(name) for one in drafts] for name in names}
    listed = ", ".join(map(quoted, names))
    _register(cursor, sobject, columns)
    table = store.table(sobject.name)
    cursor.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {_CHUNK}")
    _compute(store, cursor, sobject)


def update(
    store: Store, cursor: duckdb.DuckDBPyConnection, sobject: SObject, drafts: Sequence[Draft]
) -> None:
    """Change the records, each in its own columns."""
    if not drafts:
        return
    names = _names(one.changes for one in drafts)
    columns: dict[str, list[object]] = {"Id": [one.id for one in drafts]}
    settings = []
    for name in names:
        columns[name] = [one.changes.get(name) for one in drafts]
        new = f"new.{quoted(name)}"
        if not all(name in one.changes for one in drafts):
            columns[_mark(name)] = [name in one.changes for one in drafts]
            new = f"CASE WHEN new.{quoted(_mark(name))} THEN {new} ELSE old.{quoted(name)} END"
        settings.append(f"{quoted(name)} = {new}")
    _register(cursor, sobject, columns)
    cursor.execute(
        f"UPDATE {store.table(sobject.name)} AS old SET {', '.join(settings)} FROM {_CHUNK} AS new"
        " WHERE old.Id = new.Id"
    )
    _compute(store, cursor, sobject)


def arrow_type(sobject: SObject, name: str) -> pa.DataType:
    """Give the Arrow type of a column of an object's table."""
    field = sobject.field(name)
    kind = (column_type(field) if field else HIDDEN[name]).partition(" ")[0]
    if kind.startswith("DECIMAL") and field is not None:
        return pa.decimal128(field.precision, field.scale)
    return _ARROW[kind]


def _register(
    cursor: duckdb.DuckDBPyConnection, sobject: SObject, columns: dict[str, list[object]]
) -> None:
    """Let the cursor's statements read the columns as a table, until the next chunk."""
    arrays = {
        name: pa.array(values, pa.bool_() if name[0] == _MARK else arrow_type(sobject, name))
        for name, values in columns.items()
    }
    cursor.register(_CHUNK, pa.table(arrays))


_MARK = "?"  # stands in no name of a field


def _mark(name: str) -> str:
    return _MARK + name


def _names(rows: Iterable[dict[str, object]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _compute(store: Store, cursor: duckdb.DuckDBPyConnection, sobject: SObject) -> None:
    formulas = FORMULAS.get(sobject.name)
    if formulas:
        listed = ", ".join(f"{quoted(name)} = {sql}" for name, sql in formulas.items())
        table = store.table(sobject.name)
        cursor.execute(f"UPDATE {table} SET {listed} WHERE Id IN (SELECT Id FROM {_CHUNK})")
