"""What the describe of an object says of its writes, worked out once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isthmus.localorg.schema import Field, SObject
from isthmus.localorg.values import to_stored
from isthmus.localorg.writes.draft import Row


@dataclass(frozen=True)
class Plan:
    """Which fields must be given, may be left to a default, are looked up, are kept unique."""

    sobject: SObject
    required: tuple[str, ...]
    flags: Row
    defaults: Row
    owned: bool
    references: tuple[Field, ...]
    unique: tuple[Field, ...]
    numbered: tuple[Field, ...]

    def with_defaults(self, given: Row, user_id: str) -> Row:
        """Add what Salesforce fills in on create: owner, flags, default picklist values.

        A picklist that is set to null stays so; a flag or an owner does not.
        """
        made = {**self.defaults, **given}
        for name, value in self.flags.items():
            if made.get(name) is None:
                made[name] = value
        if self.owned and made.get("OwnerId") is None:
            made["OwnerId"] = user_id
        return made


def plan(sobject: SObject) -> Plan:
    """Read an object's describe."""
    stored = [field for field in sobject.fields if field.stored]
    return Plan(
        sobject=sobject,
        required=tuple(field.name for field in sobject.fields if _required(field)),
        flags={f.name: f.default_value is True for f in stored if f.type == "boolean"},
        defaults={
            field.name: value
            for field in stored
            if field.createable and field.type != "boolean" and field.name != "OwnerId"
            if (value := _default(field)) is not None
        },
        owned=sobject.field("OwnerId") is not None,
        references=tuple(field for field in stored if field.type == "reference"),
        unique=tuple(field for field in stored if field.unique),
        numbered=tuple(field for field in stored if field.auto_number),
    )


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
