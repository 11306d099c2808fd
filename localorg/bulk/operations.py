"""What a Bulk job does with its records, two hundred at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from isthmus.localorg.errors import OrgError
from isthmus.localorg.records import Outcome, Records
from isthmus.localorg.schema import SObject

#: Records that are written together, in a transaction of their own.
CHUNK = 200
#: Records of a batch; the day's batches are counted.
BATCH = 10_000
OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")


@dataclass(frozen=True)
class Operation:
    """What is done with the records of one object; `key` is the field that an upsert goes by."""

    kind: str
    sobject: SObject
    key: str | None = None


def check(operation: Operation, *, hard_delete: bool) -> None:
    """Refuse an operation that the object or the user does not allow; OrgError INVALIDJOB."""
    sobject, kind = operation.sobject, operation.kind
    if kind == "hardDelete" and not hard_delete:
        message = (
            "hardDelete operation requires special user profile permission, please contact your"
            " system administrator"
        )
        raise OrgError(400, "FEATURENOTENABLED", message)
    allowed = {
        "insert": sobject.createable,
        "update": sobject.updateable,
        "upsert": sobject.createable and sobject.updateable,
    }.get(kind, sobject.deletable)
    if not allowed:
        message = f"Entity '{sobject.name}' does not support {kind} by the Bulk API."
        raise OrgError(400, "INVALIDENTITY", message)
    if kind != "upsert":
        return
    if not operation.key:
        message = (
            f"InvalidJob : External ID was blank for {sobject.name}. An External ID must be"
            " specified for upsert."
        )
        raise OrgError(400, "INVALIDJOB", message)
    field = sobject.field(operation.key)
    if field is None or not (field.external_id or field.id_lookup or field.type == "id"):
        message = (
            f"InvalidJob : Field name provided, {operation.key} does not match an External ID,"
            f" Salesforce Id, or indexed field for {sobject.name}"
        )
        raise OrgError(400, "INVALIDJOB", message)


def apply(
    records: Records,
    operation: Operation,
    payloads: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    user_id: str,
) -> list[Outcome]:
    """Write a chunk and give an outcome for each record, in order. Never raises for a record."""
    by: dict[str, Any] = {"now": now, "user_id": user_id}
    name = operation.sobject.name
    if operation.kind == "insert":
        made = records.create_many(name, payloads, **by)
    elif operation.kind == "update":
        made = records.update_many(name, [_parted(one, "Id") for one in payloads], **by)
    elif operation.kind == "upsert":
        key = str(operation.key)
        made = records.upsert_many(name, key, [_parted(one, key) for one in payloads], **by)
    else:
        given = [_parted(one, "Id")[0] for one in payloads]
        made = records.delete_many(name, given, hard=operation.kind == "hardDelete", **by)
    return [_as_bulk_says(operation, *pair) for pair in zip(made, payloads, strict=True)]


def error_text(error: OrgError) -> str:
    """Write an error as a Bulk result does.

    >>> error_text(OrgError(400, "REQUIRED_FIELD_MISSING", "Required: [Name]", ("Name",)))
    'REQUIRED_FIELD_MISSING:Required: [Name]:Name --'
    """
    return f"{error.code}:{error.message}:{','.join(error.fields)} --".replace(": --", ":--")


def _parted(payload: Mapping[str, Any], key: str) -> tuple[str | None, dict[str, Any]]:
    """Part the member that says which record is meant from the others."""
    rest = dict(payload)
    found = rest.pop(key, None) if key in rest else None
    if found is None:
        for name in [name for name in rest if name.lower() == key.lower()]:
            found = rest.pop(name)
    return (None if found is None else str(found)), rest


def _as_bulk_says(operation: Operation, outcome: Outcome, payload: Mapping[str, Any]) -> Outcome:
    """Name a value of the wrong type as Bulk does, where REST speaks of JSON."""
    if not isinstance(outcome, OrgError) or outcome.code != "JSON_PARSER_ERROR":
        return outcome
    field = operation.sobject.field(outcome.fields[0]) if outcome.fields else None
    label = field.label if field else ""
    value = next((payload[name] for name in payload if name in outcome.fields), "")
    message = f"{label}: value not of required type: {value}"
    return OrgError(400, "INVALID_TYPE_ON_FIELD_IN_RECORD", message, outcome.fields)
