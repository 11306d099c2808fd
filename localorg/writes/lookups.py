"""Questions about records that are there already, asked once for a whole chunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from isthmus.localorg.schema import Field, SObject
from isthmus.localorg.store import Store, column_type, quoted
from isthmus.localorg.writes.draft import Row

Holders = Mapping[Any, tuple[str, ...]]


def states(
    store: Store, cursor: duckdb.DuckDBPyConnection, sobject: SObject, ids: Iterable[str]
) -> dict[str, bool]:
    """Say of each id that is there whether its record is deleted."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    query = f"SELECT Id, IsDeleted FROM {store.table(sobject.name)} WHERE {_among('Id')}"
    return dict(cursor.execute(query, [wanted]).fetchall())


def rows(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    sobject: SObject,
    ids: Iterable[str],
    names: Sequence[str],
) -> dict[str, Row]:
    """Give the columns of the records with these ids, deleted ones too; `names` begin with Id."""
    wanted = list(dict.fromkeys(ids))
    table = store.table(sobject.name)
    # The places first: a join would read every column of every row.
    found = cursor.execute(f"SELECT rowid FROM {table} WHERE {_among('Id')}", [wanted]).fetchall()
    if not found:
        return {}
    places = ", ".join(str(place) for (place,) in found)
    listed = ", ".join(map(quoted, names))
    query = f"SELECT {listed} FROM {table} WHERE rowid IN ({places})"
    return {row[0]: dict(zip(names, row, strict=True)) for row in cursor.execute(query).fetchall()}


def holders(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    sobject: SObject,
    field: Field,
    keys: Iterable[Any],
) -> Holders:
    """Give the ids of the live records that have each key, as `folded` gives it, in that field."""
    wanted = list(dict.fromkeys(key for key in keys if key is not None))
    if not wanted:
        return {}
    column = quoted(field.name)
    if _folds(field):
        column = f"lower({column})"
    table, kind = store.table(sobject.name), column_type(field).partition(" ")[0]
    query = (
        f"SELECT {column}, Id FROM {table} WHERE {_among(column, kind)} AND NOT IsDeleted"
        " ORDER BY Id"
    )
    made: dict[Any, tuple[str, ...]] = {}
    for key, record_id in cursor.execute(query, [wanted]).fetchall():
        made[key] = (*made.get(key, ()), record_id)
    return made


def folded(cursor: duckdb.DuckDBPyConnection, field: Field, values: Sequence[Any]) -> list[Any]:
    """Give the key that stands for each value: texts without case unless the field tells it."""
    if not _folds(field):
        return list(values)
    if all(value is None or value.isascii() for value in values):
        return [value and value.lower() for value in values]
    # the store's own rule, which is the one that the column is compared by
    query = "SELECT lower(v) FROM (SELECT unnest(?::VARCHAR[]) AS v)"
    return [key for (key,) in cursor.execute(query, [list(values)]).fetchall()]


def _folds(field: Field) -> bool:
    text = column_type(field) == "VARCHAR"
    return text and not field.case_sensitive and field.type != "id"


def _among(column: str, kind: str = "VARCHAR") -> str:
    return f"{column} IN (SELECT unnest(?::{kind}[]))"
