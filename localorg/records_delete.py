"""What a delete takes with it, and what an undelete brings back.

The flags are those of childRelationships: restrictedDelete refuses, cascadeDelete deletes the
children too, any other lookup is emptied (Object Reference, "Relationships").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb

from isthmus.localorg.commitlog import Kind
from isthmus.localorg.errors import OrgError
from isthmus.localorg.schema import Field, SObject
from isthmus.localorg.store import Store, quoted


@dataclass(frozen=True)
class Touched:
    """A record that a delete or undelete changed, in the order of the changes."""

    entity: str
    id: str
    kind: Kind
    fields: tuple[str, ...] = ()


def delete(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    sobject: SObject,
    record_id: str,
    *,
    stamp: datetime,
    user_id: str,
) -> list[Touched]:
    """Put a record and what hangs on it into the recycle bin; OrgError DELETE_FAILED refuses."""
    _check_restricted(store, cursor, sobject, record_id)
    touched: list[Touched] = []
    for child, field, cascade in _links(store, sobject):
        if cascade:
            for child_id in _children(store, cursor, child, field, record_id):
                touched += delete(store, cursor, child, child_id, stamp=stamp, user_id=user_id)
        elif field.nillable:
            emptied = _empty(store, cursor, child, field, record_id, stamp)
            touched += [Touched(child.name, made, Kind.UPDATE, (field.name,)) for made in emptied]
    _set_deleted(store, cursor, sobject, record_id, True, stamp, user_id)
    return [*touched, Touched(sobject.name, record_id, Kind.DELETE)]


def undelete(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    sobject: SObject,
    record_id: str,
    *,
    died: datetime,
    stamp: datetime,
    user_id: str,
) -> list[Touched]:
    """Take a record out of the recycle bin with the children that died at the same moment."""
    _set_deleted(store, cursor, sobject, record_id, False, stamp, user_id)
    touched = [Touched(sobject.name, record_id, Kind.UNDELETE)]
    for child, field, cascade in _links(store, sobject):
        if cascade and child.undeletable:
            for child_id in _children(store, cursor, child, field, record_id, died=died):
                touched += undelete(
                    store, cursor, child, child_id, died=died, stamp=stamp, user_id=user_id
                )
    return touched


def _links(store: Store, sobject: SObject) -> Iterator[tuple[SObject, Field, bool]]:
    for link in sobject.raw["childRelationships"]:
        child = store.schema.get(link["childSObject"] or "")
        field = child.field(link["field"]) if child else None
        if child is not None and field is not None:
            yield child, field, bool(link["cascadeDelete"])


def _check_restricted(
    store: Store, cursor: duckdb.DuckDBPyConnection, sobject: SObject, record_id: str
) -> None:
    for link in sobject.raw["childRelationships"]:
        child = store.schema.get(link["childSObject"] or "")
        field = child.field(link["field"]) if child and link["restrictedDelete"] else None
        if child is None or field is None:
            continue
        found = _children(store, cursor, child, field, record_id)
        if found:
            message = (
                f"Your attempt to delete {record_id} could not be completed because it is "
                f"associated with the following {child.label.lower()}: {found[0]}"
            )
            raise OrgError(400, "DELETE_FAILED", message)


def _children(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    child: SObject,
    field: Field,
    record_id: str,
    *,
    died: datetime | None = None,
) -> list[str]:
    state = "NOT IsDeleted" if died is None else "IsDeleted AND SystemModstamp = ?"
    table, column = store.table(child.name), quoted(field.name)
    query = f"SELECT Id FROM {table} WHERE {column} = ? AND {state} ORDER BY Id"
    values = [record_id] if died is None else [record_id, died]
    return [row[0] for row in cursor.execute(query, values).fetchall()]


def _empty(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    child: SObject,
    field: Field,
    record_id: str,
    stamp: datetime,
) -> list[str]:
    table, column = store.table(child.name), quoted(field.name)
    query = f"UPDATE {table} SET {column} = NULL, SystemModstamp = ? WHERE {column} = ?"
    done = cursor.execute(query + " RETURNING Id", [stamp, record_id]).fetchall()
    return sorted(row[0] for row in done)


def _set_deleted(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    sobject: SObject,
    record_id: str,
    deleted: bool,
    stamp: datetime,
    user_id: str,
) -> None:
    changes = {"IsDeleted": deleted, "SystemModstamp": stamp}
    if sobject.field("LastModifiedDate"):
        changes |= {"LastModifiedDate": stamp, "LastModifiedById": user_id}
    listed = ", ".join(f"{quoted(name)} = ?" for name in changes)
    table = store.table(sobject.name)
    cursor.execute(f"UPDATE {table} SET {listed} WHERE Id = ?", [*changes.values(), record_id])
