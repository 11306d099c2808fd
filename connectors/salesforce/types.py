"""Which Arrow type each Salesforce field type gets, and how its values travel in JSON.

===============================  ============================  ================================
Salesforce type                  column type                   why
===============================  ============================  ================================
id, reference                    string                        always 18 characters
string, textarea, email, phone,  string                        stored text is never empty; the
url, combobox, picklist,                                       texts ``null`` and ``NA`` are
encryptedstring, masterrecord,                                 texts
DataCategoryGroupReference
multipicklist                    string, ``a;b``               one text, as a query gives it, so
                                                               that ``=`` is the whole set and
                                                               can be sent;
                                                               ``string_split(m, ';')`` lists it
boolean                          bool                          never null
int, long                        int64
double, currency, percent        decimal128(precision, scale)  every value exact; one with more
                                                               places is an error and never
                                                               rounded (`decimal_places`)
the same, with precision 0       float64                       the describe says too little
date                             date32
datetime                         timestamp(ms, UTC)            years 1700 to 9999
time                             time32(ms)
anyType, json, complexvalue,     string                        a text as it is, anything else as
types not listed here                                          its JSON
address, location                none                          their parts are columns
base64                           none                          a query gives only an address
===============================  ============================  ================================

A polymorphic lookup is text with a `Reference` to several targets. A percent is its percent
number: 33 % is ``33``. Source: *Object Reference*, "Field Types" and "Primitive Data Types", and
describes of real orgs.

A column may hold null unless it is the Id or a boolean: ``nillable`` in a describe rules what may
be written today, and older rows may differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from isthmus.catalog.model import Column, Reference
from isthmus.errors import ConfigError

__all__ = [
    "BOOLEANS",
    "CHILDREN",
    "EXTERNAL",
    "IDS",
    "LOOSE",
    "NUMBERS",
    "OMITTED",
    "TEXTS",
    "WHOLE",
    "column_of",
]

IDS: Final = frozenset({"id", "reference"})
TEXTS: Final = frozenset(
    {
        "string",
        "textarea",
        "email",
        "phone",
        "url",
        "combobox",
        "picklist",
        "encryptedstring",
        "masterrecord",
        "DataCategoryGroupReference",
    }
)
WHOLE: Final = frozenset({"int", "long"})
NUMBERS: Final = frozenset({"double", "currency", "percent"})
BOOLEANS: Final = frozenset({"boolean"})

#: Why a field of this type is no column.
OMITTED: Final[Mapping[str, str]] = {
    "address": "a compound address; its parts are columns",
    "location": "a compound location; its latitude and longitude are columns",
    "base64": "binary content; a query gives only its address, not the content",
}

_FIXED: Final[Mapping[str, pa.DataType]] = {
    **dict.fromkeys(IDS | TEXTS | {"multipicklist"}, pa.string()),
    **dict.fromkeys(WHOLE, pa.int64()),
    **dict.fromkeys(BOOLEANS, pa.bool_()),
    "date": pa.date32(),
    "datetime": pa.timestamp("ms", "UTC"),
    "time": pa.time32("ms"),
}

#: Marks a column whose JSON values are of several kinds and are read as text.
LOOSE: Final = "loose"
#: Marks a column of an external object, whose texts may be empty or have outer blanks.
EXTERNAL: Final = "external"
#: Where a table keeps the names of its child relationships, by ``Contact.AccountId``.
CHILDREN: Final = "children"


def column_of(field: Mapping[str, Any], places: int | None = None) -> Column:
    """The column for a field of a describe that is not in `OMITTED`.

    Args:
        field: one of the describe's ``fields``.
        places: decimal places to use instead of the described scale.

    Raises:
        ConfigError: `places` does not fit the field.
    """
    kind = field["type"]
    arrow = _FIXED.get(kind)
    if kind in NUMBERS:
        arrow = _number(field, places)
    elif places is not None:
        raise ConfigError(
            f"decimal_places names {field['name']}, which is of type {kind} and has no decimals",
            remedy="Remove it from decimal_places.",
        )
    return Column(
        name=field["name"],
        type=pa.string() if arrow is None else arrow,
        nullable=kind not in BOOLEANS and kind != "id",
        source_type=kind,
        reference=_reference(field),
        description=field.get("label"),
        properties={
            "filterable": bool(field.get("filterable")),
            "sortable": bool(field.get("sortable")),
            "groupable": bool(field.get("groupable")),
            "aggregatable": bool(field.get("aggregatable")),
            "case_sensitive": bool(field.get("caseSensitive")),
            "calculated": bool(field.get("calculated")),
            "length": int(field.get("length") or 0),
            "unique": bool(field.get("unique")),
            "external_id": bool(field.get("externalId")),
            "nillable": bool(field.get("nillable")),
            "name_pointing": bool(field.get("namePointing")),
            "choices": sum(bool(v.get("active")) for v in field.get("picklistValues") or ()),
            LOOSE: arrow is None,
            **_when_written(field),
        },
    )


def _when_written(field: Mapping[str, Any]) -> dict[str, Any]:
    """What only writing asks of a field."""
    chosen = field.get("picklistValues") or ()
    return {
        "createable": bool(field.get("createable")),
        "updateable": bool(field.get("updateable")),
        "defaulted": bool(field.get("defaultedOnCreate")),
        "id_lookup": bool(field.get("idLookup")),
        "digits": int(field.get("digits") or 0),
        "parent": _is_master(field),
        "restricted_to": frozenset(v["value"] for v in chosen if v.get("active"))
        if field.get("restrictedPicklist")
        else None,
    }


def _is_master(field: Mapping[str, Any]) -> bool:
    """Whether a reference is to a record that owns this one, which a write of this one locks."""
    fixed = bool(field.get("createable")) and not field.get("updateable")
    owned = field.get("cascadeDelete") or field.get("relationshipOrder") is not None
    return bool(field.get("referenceTo")) and bool(owned or fixed)


def _number(field: Mapping[str, Any], places: int | None) -> pa.DataType:
    precision, scale = int(field.get("precision") or 0), int(field.get("scale") or 0)
    if places is not None:
        whole = precision - scale if precision else 18
        precision, scale = whole + places, places
        if precision > 38:
            raise ConfigError(
                f"decimal_places gives {field['name']} {places} places, but with its {whole} "
                "digits before the point only 38 digits in all can be held",
                remedy=f"Give at most {38 - whole}.",
            )
    if not 0 < precision <= 38 or scale > precision:
        return pa.float64()
    return pa.decimal128(precision, scale)


def _reference(field: Mapping[str, Any]) -> Reference | None:
    targets = tuple(field.get("referenceTo") or ())
    if not targets:
        return None
    return Reference(
        targets=targets,
        target_column=field.get("referenceTargetField") or "Id",
        name=field.get("relationshipName"),
    )
