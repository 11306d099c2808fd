"""Checks of drafts against the describe and against the records that are there.

Codes and messages: REST API Developer Guide, "Status Codes and Error Responses".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from isthmus.localorg.errors import OrgError
from isthmus.localorg.schema import Field
from isthmus.localorg.store import Store
from isthmus.localorg.writes.draft import Draft, sound
from isthmus.localorg.writes.lookups import folded, holders, states
from isthmus.localorg.writes.plan import Plan


def required(plan: Plan, drafts: Sequence[Draft]) -> None:
    """Refuse a new record that lacks a required field, and a change that clears one."""
    for draft in sound(drafts):
        if draft.creates:
            missing = tuple(name for name in plan.required if draft.changes.get(name) is None)
        else:
            missing = tuple(_cleared(plan, draft))
        if missing:
            message = f"Required fields are missing: [{', '.join(missing)}]"
            draft.error = OrgError(400, "REQUIRED_FIELD_MISSING", message, missing)


def links(
    store: Store, cursor: duckdb.DuckDBPyConnection, plan: Plan, drafts: Sequence[Draft]
) -> None:
    """Refuse a lookup that points to the wrong type of record, to none or to a deleted one."""
    asked: dict[str, list[tuple[Draft, Field, str]]] = {}
    for field in plan.references:
        for draft in sound(drafts):
            value = draft.checked.get(field.name)
            if value is not None:
                asked.setdefault(value[:3], []).append((draft, field, value))
    for prefix, group in asked.items():
        target = store.schema.by_prefix(prefix)
        name = target.name if target else None
        found = states(store, cursor, target, [value for *_, value in group]) if target else {}
        for draft, field, value in group:
            if draft.error is None:
                draft.error = _link_error(store, field, name, value, found)


def unique(
    store: Store, cursor: duckdb.DuckDBPyConnection, plan: Plan, drafts: Sequence[Draft]
) -> None:
    """Refuse a value of a unique field that another record has, or an earlier one of the chunk."""
    for field in plan.unique:
        named = [one for one in sound(drafts) if one.checked.get(field.name) is not None]
        if not named:
            continue
        keys = folded(cursor, field, [one.checked[field.name] for one in named])
        found = holders(store, cursor, plan.sobject, field, keys)
        taken: dict[Any, str] = {}
        for key, draft in zip(keys, named, strict=True):
            others = [other for other in found.get(key, ()) if other != draft.id]
            others += [taken[key]] if key in taken and taken[key] != draft.id else []
            if others:
                message = (
                    f"duplicate value found: {field.name} duplicates value on record with id: "
                    f"{others[0][:15]}"
                )
                draft.error = OrgError(400, "DUPLICATE_VALUE", message)
            else:
                taken[key] = draft.id


def _cleared(plan: Plan, draft: Draft) -> list[str]:
    cleared = []
    for name, value in draft.given.items():
        field = plan.sobject.field(name) if value is None else None
        if field is not None and not field.nillable:
            cleared.append(name)
    return cleared


def _link_error(
    store: Store, field: Field, target: str | None, value: str, found: dict[str, bool]
) -> OrgError | None:
    if target is None or target not in field.reference_to:
        known = [name for name in field.reference_to if store.schema.get(name)]
        if target is None and len(known) < len(field.reference_to):
            return None  # of a type that this org has no describe for, so nobody can look
        message = f"{field.label}: id value of incorrect type: {value}"
        return OrgError(400, "MALFORMED_ID", message, (field.name,))
    if value not in found:
        message = "invalid cross reference id"
        return OrgError(400, "INVALID_CROSS_REFERENCE_KEY", message, (field.name,))
    if found[value]:
        return OrgError(400, "ENTITY_IS_DELETED", "entity is deleted", (field.name,))
    return None
