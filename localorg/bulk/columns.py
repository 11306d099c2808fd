"""The columns of an uploaded CSV: fields, parents by a key of theirs, and what a cell means.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Relationship Fields in a Header Row" and
"Valid CSV Record Rows".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from isthmus.localorg.bulk.upload import BadUpload
from isthmus.localorg.schema import Field, Schema, SObject

#: The cell that sets a field to null; an empty one leaves it alone.
NULL = "#N/A"


@dataclass(frozen=True)
class Column:
    """One column: which member of a record's JSON a cell becomes.

    With `key`, the cell is the value of that field of the parent that `field` points to; with
    `parent`, a parent of that type.
    """

    name: str
    field: Field
    key: str | None = None
    parent: str | None = None

    def member(self, cell: str) -> tuple[str, Any]:
        """Give the member's name and value."""
        if cell == NULL:
            return self.field.name, None
        if self.key is None:
            return self.field.name, cell
        given: dict[str, Any] = {self.key: cell}
        if self.parent is not None:
            given["attributes"] = {"type": self.parent}
        return str(self.field.relationship_name), given


def read_header(schema: Schema, sobject: SObject, names: Sequence[str]) -> tuple[Column, ...]:
    """Find each column's field; BadUpload when there is none, or two are one."""
    made = tuple(_column(schema, sobject, name) for name in names)
    seen: set[str] = set()
    for column in made:
        if column.field.name in seen:
            raise BadUpload(f"InvalidBatch : Duplicate field name : {column.name}")
        seen.add(column.field.name)
    return made


def payloads(columns: Sequence[Column]) -> Callable[[Sequence[str]], dict[str, Any]]:
    """Give the function that turns a row's cells into the record's JSON."""
    plain = [(at, one.field.name) for at, one in enumerate(columns) if one.key is None]
    linked = [(at, one) for at, one in enumerate(columns) if one.key is not None]

    def payload(cells: Sequence[str]) -> dict[str, Any]:
        made: dict[str, Any] = {
            name: None if cells[at] == NULL else cells[at] for at, name in plain if cells[at]
        }
        made.update(one.member(cells[at]) for at, one in linked if cells[at])
        return made

    return payload


def _column(schema: Schema, sobject: SObject, name: str) -> Column:
    path, dot, key = name.partition(".")
    if not dot:
        field = sobject.field(name)
        if field is None or not field.stored:
            raise _unknown(name)
        return Column(name, field)
    parent, colon, relationship = path.rpartition(":")
    lookup = sobject.relationship(relationship)
    if lookup is None:
        raise _unknown(name)
    if bool(colon) != (len(lookup.reference_to) > 1):
        wanted = "needs" if not colon else "takes no"
        raise BadUpload(f"InvalidBatch : {relationship} {wanted} object name : {name}")
    target = schema.get(parent if colon else lookup.reference_to[0])
    if target is None or target.name not in lookup.reference_to:
        raise _unknown(name)
    found = target.field(key)
    if found is None or not (found.external_id or found.id_lookup):
        raise _unknown(name)
    return Column(name, lookup, found.name, target.name if colon else None)


def _unknown(name: str) -> BadUpload:
    return BadUpload(f"InvalidBatch : Field name not found : {name}")
