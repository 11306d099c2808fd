"""What clients send, turned into columns: every name and value of every record checked.

Codes and messages: REST API Developer Guide, "Status Codes and Error Responses".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from isthmus.localorg.errors import OrgError
from isthmus.localorg.schema import Field, SObject
from isthmus.localorg.store import Store
from isthmus.localorg.values import to_stored
from isthmus.localorg.writes.draft import Draft, Row, sound
from isthmus.localorg.writes.lookups import folded, holders


@dataclass(frozen=True)
class _Parent:
    """A parent that is named by the value of a key of its own."""

    target: SObject
    key: Field
    value: Any
    shown: Any


def read(
    store: Store, cursor: duckdb.DuckDBPyConnection, sobject: SObject, drafts: Iterable[Draft]
) -> None:
    """Fill in what each draft is given; one that does not fit gets its error."""
    parents: list[tuple[Draft, str, _Parent]] = []
    for draft in sound(drafts):
        try:
            draft.given, named = _columns(store, sobject, draft)
        except OrgError as error:
            draft.error = error
        else:
            parents += [(draft, name, parent) for name, parent in named.items()]
    if parents:
        _find(store, cursor, parents)


def _columns(store: Store, sobject: SObject, draft: Draft) -> tuple[Row, dict[str, _Parent]]:
    fields: dict[str, Field] = {}
    values: dict[str, Any] = {}
    parents: dict[str, _Parent] = {}
    for key, value in draft.payload.items():
        field = sobject.field(key)
        if field is None:
            if key.lower() == "attributes":
                continue
            field = _lookup(sobject, key, value)
            parents[field.name] = _parent(store, field, value)
            value = None
        fields[field.name] = field
        values[field.name] = value
    _check_writable(fields.values(), creating=draft.creates)
    return {name: to_stored(field, values[name]) for name, field in fields.items()}, parents


def _lookup(sobject: SObject, key: str, value: Any) -> Field:
    lookup = sobject.relationship(key)
    if lookup is None or not isinstance(value, Mapping):
        message = f"No such column '{key}' on sobject of type {sobject.name}"
        raise OrgError(400, "INVALID_FIELD", message)
    return lookup


def _parent(store: Store, lookup: Field, given: Mapping[str, Any]) -> _Parent:
    keys = [key for key in given if key.lower() not in ("attributes", "type")]
    about = given.get("attributes")
    kind = about.get("type") if isinstance(about, Mapping) else None
    for target in filter(None, map(store.schema.get, lookup.reference_to)):
        if isinstance(kind, str) and target.name.lower() != kind.lower():
            continue
        field = target.field(keys[0]) if len(keys) == 1 else None
        if field is not None and (field.external_id or field.id_lookup):
            value = given[keys[0]]
            return _Parent(target, field, to_stored(field, value), value)
    message = f"{lookup.relationship_name}: give one external id field of the parent"
    raise OrgError(400, "INVALID_FIELD", message)


def _find(
    store: Store, cursor: duckdb.DuckDBPyConnection, parents: list[tuple[Draft, str, _Parent]]
) -> None:
    asked: dict[tuple[str, str], list[tuple[Draft, str, _Parent]]] = {}
    for one in parents:
        asked.setdefault((one[2].target.name, one[2].key.name), []).append(one)
    for group in asked.values():
        target, field = group[0][2].target, group[0][2].key
        keys = folded(cursor, field, [parent.value for *_, parent in group])
        found = holders(store, cursor, target, field, keys)
        for key, (draft, name, parent) in zip(keys, group, strict=True):
            ids = found.get(key, ())
            if len(ids) == 1:
                draft.given[name] = ids[0]
            elif draft.error is None:
                draft.error = _no_parent(parent, ids)


def _no_parent(parent: _Parent, ids: tuple[str, ...]) -> OrgError:
    if ids:
        message = f"{parent.key.name}: more than one record found for external id field: "
        return OrgError(400, "DUPLICATE_EXTERNAL_ID", f"{message}[{', '.join(ids)}]")
    message = f"Foreign key external ID: {parent.shown} not found for field "
    return OrgError(
        400, "INVALID_FIELD", f"{message}{parent.key.name} in entity {parent.target.name}"
    )


def _check_writable(fields: Iterable[Field], *, creating: bool) -> None:
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
