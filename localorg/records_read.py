"""A stored row as the JSON object a client gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from isthmus.localorg.schema import Field, SObject
from isthmus.localorg.values import to_json

_ADDRESS_KEYS = (
    "city", "country", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "street",
)  # fmt: skip


def as_json(
    sobject: SObject, fields: Iterable[Field], row: Mapping[str, Any], base_path: str
) -> dict[str, Any]:
    """Write the fields in order, after `attributes`; compound fields become objects."""
    url = f"{base_path}/sobjects/{sobject.name}/{row['Id']}"
    made: dict[str, Any] = {"attributes": {"type": sobject.name, "url": url}}
    for field in fields:
        if field.stored:
            made[field.name] = _column(field, row, url)
        else:
            made[field.name] = compound(sobject, field, row)
    return made


def compound(sobject: SObject, field: Field, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Assemble an address or location from its parts; null when every part is null."""
    parts = {_part_key(part.name): row.get(part.name) for part in sobject.parts(field.name)}
    if all(value is None for value in parts.values()):
        return None
    keys = _ADDRESS_KEYS if field.type == "address" else ("latitude", "longitude")
    return {key: to_json(parts.get(key)) for key in keys}


def _column(field: Field, row: Mapping[str, Any], url: str) -> Any:
    value = row.get(field.name)
    if field.type == "base64" and value is not None:
        return f"{url}/{field.name}"
    return to_json(value)


def _part_key(name: str) -> str:
    stem = name.removesuffix("__s")
    return next((key for key in _ADDRESS_KEYS if stem.lower().endswith(key.lower())), stem)
