"""What is visibly wrong with rows before they are sent; the codes are Salesforce's own.

What only the org knows is not here: validation rules, triggers, unique values that are taken,
records that do not exist (`unknown_keys`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.types as pt

from isthmus.catalog.model import Column, Table
from isthmus.connectors.salesforce.types import BOOLEANS
from isthmus.connectors.salesforce.writing.batch import Batch
from isthmus.connectors.salesforce.writing.columns import Target
from isthmus.connectors.salesforce.writing.outcomes import Outcome, failed
from isthmus.connectors.writing import WriteKind

__all__ = ["problems_of", "required_of"]

#: What every address has; the org's own rule is stricter and is not written down anywhere.
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_BLANKS: Final = "".join(map(chr, range(33)))
#: One value of a row, or the fault that it has.
_Check = Callable[[Target, Any], Outcome | None]


def problems_of(batch: Batch) -> dict[int, Outcome]:
    """The first fault of each row that has one, by the row's number."""
    found = dict(batch.faults)
    if batch.request.kind is WriteKind.DELETE:
        return _with_keys(batch, found)
    for target, column in zip(batch.targets, batch.columns, strict=True):
        checks = tuple(_checks(target, column))
        if not checks:
            continue
        kept = batch.is_given(target)
        for row, value in enumerate(column.to_pylist()):
            if value is None or not kept[row] or row in found:
                continue
            fault = next((f for check in checks if (f := check(target, value))), None)
            if fault is not None:
                found[row] = fault
    _find_missing(batch, found)
    return _with_keys(batch, found)


def required_of(table: Table) -> tuple[Column, ...]:
    """The fields without which no record can be made."""
    return tuple(
        column
        for column in table.columns
        if column.properties.get("createable")
        and not column.properties.get("nillable")
        and not column.properties.get("defaulted")
        and column.source_type not in BOOLEANS
    )


def _checks(target: Target, column: pa.Array) -> Iterator[_Check]:
    if not pt.is_string(column.type):
        return
    if target.property("restricted_to") is not None:
        yield _restricted
    if target.property("length"):
        yield _length
    if target.source_type == "email":
        yield _email


def _length(target: Target, value: str) -> Outcome | None:
    most = int(target.property("length"))
    if len(value.strip(_BLANKS)) <= most:
        return None
    shown = value if len(value) <= 80 else f"{value[:80]}..."
    message = f"{target.name}: data value too large: {shown} (max length={most})"
    return failed("STRING_TOO_LONG", message, target.name)


def _restricted(target: Target, value: str) -> Outcome | None:
    allowed: frozenset[str] = target.property("restricted_to")
    several = target.source_type == "multipicklist"
    for part in value.split(";") if several else (value,):
        chosen = part.strip(_BLANKS)
        if chosen and chosen not in allowed:
            message = f"{target.name}: bad value for restricted picklist field: {chosen}"
            return failed("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, target.name)
    return None


def _email(target: Target, value: str) -> Outcome | None:
    text = value.strip(_BLANKS)
    if not text or _EMAIL.fullmatch(text):
        return None
    message = f"{target.name}: invalid email address: {text}"
    return failed("INVALID_EMAIL_ADDRESS", message, target.name)


def _find_missing(batch: Batch, found: dict[int, Outcome]) -> None:
    """Required fields that are null or, in an insert, not given at all."""
    creates = batch.request.kind is WriteKind.INSERT
    by_field = {target.field.name: target for target in batch.targets}
    missing: dict[int, list[str]] = {}
    for column in required_of(batch.request.table):
        target = by_field.get(column.name)
        if target is None:
            rows = list(range(len(batch))) if creates else []
        else:
            kept = batch.is_given(target)
            rows = [
                row
                for row, value in enumerate(batch.values(target))
                if _empty(value) and (kept[row] or creates)
            ]
        for row in rows:
            missing.setdefault(row, []).append(column.name)
    for row, names in missing.items():
        message = f"Required fields are missing: [{', '.join(names)}]"
        found.setdefault(row, failed("REQUIRED_FIELD_MISSING", message, names[0]))


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip(_BLANKS))


def _with_keys(batch: Batch, found: dict[int, Outcome]) -> dict[int, Outcome]:
    """Rows without the key that says which record is meant; an upsert by Id may create."""
    request, target = batch.request, batch.key_target
    creates = request.kind is WriteKind.UPSERT and request.key in request.table.primary_key
    if target is None or request.kind is WriteKind.INSERT or creates:
        return found
    for row, value in enumerate(batch.keys):
        if _empty(value):
            message = f"{target.field.name} not specified"
            found.setdefault(row, failed("MISSING_ARGUMENT", message, target.field.name))
    return found
