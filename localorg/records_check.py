"""Check what a client wants to write against the describe, and turn it into columns.

Codes and messages: REST API Developer Guide, "Status Codes and Error Responses".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from isthmus.localorg.errors import OrgError
from isthmus.localorg.schema import Field, SObject
from isthmus.localorg.store import Store, quoted
from isthmus.localorg.values import to_stored

Row = dict[str, Any]


def read_payload(
    store: Store, sobject: SObject, payload: Mapping[str, Any], *, creating: bool
) -> Row:
    """Turn a JSON object into columns, every name and value checked; raise OrgError."""
    fields: dict[str, Field] = {}
    values: Row = {}
    for key, value in payload.items():
        if key.lower() == "attributes":
            continue
        field, given = _named(store, sobject, key, value)
        fields[field.name] = field
        values[field.name] = given
    _check_writable(fields.values(), creating=creating)
    return {name: to_stored(field, values[name]) for name, field in fields.items()}


def with_defaults(sobject: SObject, row: Row, *, user_id: str) -> Row:
    """Add what Salesforce fills in on create: owner, flags, default picklist values."""
    made: Row = {}
    for field in sobject.fields:
        if not field.stored or row.get(field.name) is not None:
            continue
        if field.type == "boolean":
            made.setdefault(field.name, field.default_value is True)
        elif field.name == "OwnerId":
            made[field.name] = user_id
        elif field.name not in row and field.createable:
            made[field.name] = _default(field)
    return {**row, **{name: value for name, value in made.items() if row.get(name) is None}}


def check_required(sobject: SObject, row: Row) -> None:
    """Refuse a new record that lacks a required field."""
    missing = tuple(
        field.name for field in sobject.fields if _required(field) and row.get(field.name) is None
    )
    if missing:
        raise _missing(missing)


def check_not_cleared(sobject: SObject, changes: Row) -> None:
    """Refuse an update that sets a required field to null."""
    cleared = []
    for name, value in changes.items():
        field = sobject.field(name)
        if value is None and field is not None and not field.nillable:
            cleared.append(name)
    if cleared:
        raise _missing(tuple(cleared))


def check_links(
    store: Store, cursor: duckdb.DuckDBPyConnection, sobject: SObject, row: Row
) -> None:
    """Refuse a lookup that points to the wrong type of record or to none."""
    for name, value in row.items():
        field = sobject.field(name)
        if field is not None and field.type == "reference" and value is not None:
            _check_link(store, cursor, field, value)


def check_unique(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    sobject: SObject,
    row: Row,
    *,
    own_id: str | None = None,
) -> None:
    """Refuse a value of a unique field that another record has."""
    for name, value in row.items():
        field = sobject.field(name)
        if field is None or not field.unique or value is None:
            continue
        for other in matches(store, cursor, sobject, field, value):
            if other != own_id:
                message = f"duplicate value found: {name} duplicates value on record with id: "
                raise OrgError(400, "DUPLICATE_VALUE", message + other[:15], ())


def matches(
    store: Store, cursor: duckdb.DuckDBPyConnection, sobject: SObject, field: Field, value: Any
) -> tuple[str, ...]:
    """List the ids of live records with that value; texts fold case unless the field says not."""
    column, given = quoted(field.name), "?"
    if isinstance(value, str) and not field.case_sensitive and field.type not in ("id",):
        column, given = f"lower({column})", "lower(?)"
    table = store.table(sobject.name)
    query = f"SELECT Id FROM {table} WHERE {column} = {given} AND NOT IsDeleted ORDER BY Id"
    return tuple(row[0] for row in cursor.execute(query, [value]).fetchall())


def _named(store: Store, sobject: SObject, key: str, value: Any) -> tuple[Field, Any]:
    field = sobject.field(key)
    if field is not None:
        return field, value
    lookup = sobject.relationship(key)
    if lookup is None or not isinstance(value, Mapping):
        message = f"No such column '{key}' on sobject of type {sobject.name}"
        raise OrgError(400, "INVALID_FIELD", message)
    return lookup, _parent_id(store, lookup, value)


def _parent_id(store: Store, lookup: Field, given: Mapping[str, Any]) -> str:
    keys = [key for key in given if key.lower() not in ("attributes", "type")]
    about = given.get("attributes")
    named = about.get("type") if isinstance(about, Mapping) else None
    for target in filter(None, map(store.schema.get, lookup.reference_to)):
        if named is not None and target.name.lower() != str(named).lower():
            continue
        field = target.field(keys[0]) if len(keys) == 1 else None
        if field is not None and (field.external_id or field.id_lookup):
            with store.cursor() as cursor:
                found = matches(store, cursor, target, field, to_stored(field, given[keys[0]]))
            if len(found) == 1:
                return found[0]
            message = f"Foreign key external ID: {given[keys[0]]} not found for field "
            raise OrgError(400, "INVALID_FIELD", f"{message}{field.name} in entity {target.name}")
    message = f"{lookup.relationship_name}: give one external id field of the parent"
    raise OrgError(400, "INVALID_FIELD", message)


def _check_writable(fields: Any, *, creating: bool) -> None:
    refused = tuple(
        field.name for field in fields if not (field.createable if creating else field.updateable)
    )
    if not refused:
        return
    if creating and refused == ("Id",):
        message = "cannot specify Id in an insert call"
        raise OrgError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, refused)
    if refused == ("Id",):
        message = "The Id field should not be specified in the sobject data."
        raise OrgError(400, "INVALID_FIELD", message)
    message = (
        f"Unable to create/update fields: {', '.join(refused)}. Please check the security "
        "settings of this field and verify that it is read/write for your profile or "
        "permission set."
    )
    raise OrgError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, refused)


def _default(field: Field) -> Any:
    chosen = next((known.value for known in field.picklist_values if known.default), None)
    return to_stored(field, chosen if chosen is not None else field.default_value)


def _required(field: Field) -> bool:
    return (
        not field.nillable
        and field.createable
        and not field.defaulted_on_create
        and field.type != "boolean"
    )


def _missing(names: tuple[str, ...]) -> OrgError:
    message = f"Required fields are missing: [{', '.join(names)}]"
    return OrgError(400, "REQUIRED_FIELD_MISSING", message, names)


def _check_link(store: Store, cursor: duckdb.DuckDBPyConnection, field: Field, value: str) -> None:
    target = store.schema.by_prefix(value[:3])
    if target is None or target.name not in field.reference_to:
        known = [name for name in field.reference_to if store.schema.get(name)]
        if target is None and len(known) < len(field.reference_to):
            return  # of a type that this org has no describe for, so nobody can look
        message = f"{field.label}: id value of incorrect type: {value}"
        raise OrgError(400, "MALFORMED_ID", message, (field.name,))
    table = store.table(target.name)
    found = cursor.execute(f"SELECT IsDeleted FROM {table} WHERE Id = ?", [value]).fetchone()
    if found is None:
        message = "invalid cross reference id"
        raise OrgError(400, "INVALID_CROSS_REFERENCE_KEY", message, (field.name,))
    if found[0]:
        raise OrgError(400, "ENTITY_IS_DELETED", "entity is deleted", (field.name,))
