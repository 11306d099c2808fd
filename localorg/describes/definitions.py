"""Build describe JSON in the full recorded form from short definitions.

Flags per field type are those measured over recorded describes (field keys, soapType, byteLength
= 3 x length, groupable false for datetime, double, currency, percent, combobox, long text).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Json = dict[str, Any]

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "long": "xsd:long",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "address": "urn:address",
    "location": "urn:location",
    "base64": "xsd:base64Binary",
}
_LENGTH = {"id": 18, "reference": 18, "picklist": 40, "email": 80, "phone": 40, "url": 255}
_NOT_GROUPABLE = {
    "datetime", "double", "currency", "percent", "combobox", "address", "location", "base64",
    "time", "multipicklist",
}  # fmt: skip
_NOT_AGGREGATABLE = {"boolean", "address", "location", "base64", "time", "multipicklist"}
_NOT_SORTABLE = {"address", "location", "base64", "multipicklist"}

_FIELD: Json = {
    "aggregatable": True,
    "aiPredictionField": False,
    "autoNumber": False,
    "byteLength": 0,
    "calculated": False,
    "calculatedFormula": None,
    "cascadeDelete": False,
    "caseSensitive": False,
    "compoundFieldName": None,
    "controllerName": None,
    "createable": True,
    "custom": False,
    "defaultValue": None,
    "defaultValueFormula": None,
    "defaultedOnCreate": False,
    "dependentPicklist": False,
    "deprecatedAndHidden": False,
    "digits": 0,
    "displayLocationInDecimal": False,
    "encrypted": False,
    "externalId": False,
    "extraTypeInfo": None,
    "filterable": True,
    "filteredLookupInfo": None,
    "formulaTreatNullNumberAsZero": False,
    "groupable": True,
    "highScaleNumber": False,
    "htmlFormatted": False,
    "idLookup": False,
    "inlineHelpText": None,
    "label": "",
    "length": 0,
    "mask": None,
    "maskType": None,
    "name": "",
    "nameField": False,
    "namePointing": False,
    "nillable": True,
    "permissionable": True,
    "picklistValues": [],
    "polymorphicForeignKey": False,
    "precision": 0,
    "queryByDistance": False,
    "referenceTargetField": None,
    "referenceTo": [],
    "relationshipName": None,
    "relationshipOrder": None,
    "restrictedDelete": False,
    "restrictedPicklist": False,
    "scale": 0,
    "searchPrefilterable": False,
    "soapType": "xsd:string",
    "sortable": True,
    "type": "string",
    "unique": False,
    "updateable": True,
    "writeRequiresMasterRead": False,
}

REQUIRED: Json = {"nillable": False}
READ_ONLY: Json = {"createable": False, "updateable": False}
CREATE_ONLY: Json = {"updateable": False}
NAME_FIELD: Json = {"nameField": True}


def field(name: str, kind: str, *more: Json, **flags: Any) -> Json:
    """One field in the full recorded form; `more` and `flags` override what the type implies."""
    made: Json = {**_FIELD, "name": name, "type": kind, "label": _label(name)}
    made["soapType"] = _SOAP.get(kind, "xsd:string")
    made["length"] = _LENGTH.get(kind, 0)
    made["groupable"] = kind not in _NOT_GROUPABLE
    made["aggregatable"] = kind not in _NOT_AGGREGATABLE
    made["sortable"] = kind not in _NOT_SORTABLE
    if kind == "boolean":
        made |= {"nillable": False, "defaultedOnCreate": True, "defaultValue": False}
    if kind in ("address", "location"):
        made |= {**READ_ONLY, "queryByDistance": True}
    made["custom"] = name.endswith(("__c", "__s"))
    for extra in (*more, flags):
        made |= extra
    if made["soapType"] in ("xsd:string", "tns:ID"):
        made["byteLength"] = made["length"] if made["soapType"] == "tns:ID" else made["length"] * 3
    return made


def text(name: str, length: int, *more: Json, **flags: Any) -> Json:
    """Build a text field of at most `length` characters."""
    return field(name, "string", {"length": length}, *more, **flags)


def long_text(name: str, length: int = 32000, *more: Json, **flags: Any) -> Json:
    """Build a text area; above 255 characters it can be neither filtered, sorted nor grouped."""
    made: Json = {"length": length, "extraTypeInfo": "plaintextarea"}
    if length > 255:
        made |= dict.fromkeys(("filterable", "sortable", "groupable", "aggregatable"), False)
    return field(name, "textarea", made, *more, **flags)


def number(name: str, kind: str, precision: int, scale: int, *more: Json, **flags: Any) -> Json:
    """Build a double, currency or percent of `precision` digits, `scale` of them decimals."""
    return field(name, kind, {"precision": precision, "scale": scale}, *more, **flags)


def whole(name: str, digits: int, *more: Json, **flags: Any) -> Json:
    """Build an int of at most `digits` digits."""
    return field(name, "int", {"digits": digits}, *more, **flags)


def picklist(name: str, values: str | Sequence[str], *more: Json, **flags: Any) -> Json:
    """Build a picklist; `values` are separated by `|`, the default ends in `*`."""
    listed = values.split("|") if isinstance(values, str) else list(values)
    made = [entry(value.rstrip("*"), default=value.endswith("*")) for value in listed]
    default = next((value["value"] for value in made if value["defaultValue"]), None)
    implied: Json = {"picklistValues": made}
    if default is not None:
        implied |= {"defaultValue": default, "defaultedOnCreate": True}
    kind = flags.pop("kind", "picklist")
    return field(name, kind, implied, *more, **flags)


def entry(value: str, label: str | None = None, *, default: bool = False) -> Json:
    """One picklist entry."""
    return {
        "active": True,
        "defaultValue": default,
        "label": label or value,
        "validFor": None,
        "value": value,
    }


def lookup(name: str, to: str | Sequence[str], *more: Json, **flags: Any) -> Json:
    """Build a reference; several targets make it polymorphic, as in Task.WhatId."""
    targets = [to] if isinstance(to, str) else list(to)
    many = len(targets) > 1
    stem = name[:-3] + "__r" if name.endswith("__c") else name.removesuffix("Id")
    implied: Json = {"referenceTo": targets, "relationshipName": stem}
    implied |= {"namePointing": many, "polymorphicForeignKey": many}
    return field(name, "reference", implied, *more, **flags)


def address(compound: str, prefix: str) -> list[Json]:
    """Build the parts of an address and the compound field that joins them."""
    part: Json = {"compoundFieldName": compound}
    accuracy = "Address|NearAddress|Block|Street|ExtendedZip|Zip|Neighborhood|City|County|State"
    return [
        long_text(prefix + "Street", 255, part),
        text(prefix + "City", 40, part),
        text(prefix + "State", 80, part),
        text(prefix + "PostalCode", 20, part),
        text(prefix + "Country", 80, part),
        number(prefix + "Latitude", "double", 18, 15, part),
        number(prefix + "Longitude", "double", 18, 15, part),
        picklist(prefix + "GeocodeAccuracy", accuracy + "|Unknown", part, restrictedPicklist=True),
        field(compound, "address"),
    ]


def record_id(label: str) -> Json:
    """Build the Id field."""
    flags: Json = {"nillable": False, "defaultedOnCreate": True, "idLookup": True}
    return field("Id", "id", READ_ONLY, flags, label=label + " ID", permissionable=False)


def system(*, deleted: bool = True) -> list[Json]:
    """Build the audit fields every object ends with."""
    stamped: Json = {**READ_ONLY, "nillable": False, "defaultedOnCreate": True}
    made = [
        field("CreatedDate", "datetime", stamped),
        lookup("CreatedById", "User", stamped),
        field("LastModifiedDate", "datetime", stamped),
        lookup("LastModifiedById", "User", stamped),
        field("SystemModstamp", "datetime", stamped),
    ]
    return [*made, field("IsDeleted", "boolean", READ_ONLY, label="Deleted")] if deleted else made


def owner(to: str | Sequence[str] = "User") -> Json:
    """Build the OwnerId field, which defaults to the writing user."""
    return lookup("OwnerId", to, nillable=False, defaultedOnCreate=True)


def sobject(name: str, prefix: str, label: str, fields: Iterable[Json], **flags: Any) -> Json:
    """One object in the full recorded form, without child relationships."""
    base = f"/services/data/vXX.0/sobjects/{name}"
    made: Json = {
        "actionOverrides": [],
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "childRelationships": [],
        "compactLayoutable": True,
        "createable": True,
        "custom": name.endswith("__c"),
        "customSetting": False,
        "deepCloneable": False,
        "defaultImplementation": None,
        "deletable": True,
        "deprecatedAndHidden": False,
        "extendedBy": None,
        "extendsInterfaces": None,
        "feedEnabled": False,
        "fields": list(fields),
        "hasSubtypes": False,
        "implementedBy": None,
        "implementsInterfaces": None,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": prefix,
        "label": label,
        "labelPlural": flags.pop("plural", label + "s"),
        "layoutable": True,
        "listviewable": None,
        "lookupLayoutable": None,
        "mergeable": False,
        "mruEnabled": True,
        "name": name,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "queryable": True,
        "recordTypeInfos": [_master(base)],
        "replicateable": True,
        "retrieveable": True,
        "searchLayoutable": True,
        "searchable": True,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [
            {"label": f"All {label.lower()}s", "name": "everything"},
            {"label": f"My {label.lower()}s", "name": "mine"},
        ],
        "triggerable": True,
        "undeletable": True,
        "updateable": True,
        "urls": {
            "compactLayouts": base + "/describe/compactLayouts",
            "rowTemplate": base + "/{ID}",
            "approvalLayouts": base + "/describe/approvalLayouts",
            "uiDetailTemplate": "https://orgname.my.salesforce.com/{ID}",
            "uiEditTemplate": "https://orgname.my.salesforce.com/{ID}/e",
            "defaultValues": base + "/defaultValues?recordTypeId&fields",
            "describe": base + "/describe",
            "uiNewRecord": f"https://orgname.my.salesforce.com/{prefix}/e",
            "quickActions": base + "/quickActions",
            "layouts": base + "/describe/layouts",
            "sobject": base,
        },
    }
    return made | flags


def _master(base: str) -> Json:
    return {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": "012000000000000AAA",
        "urls": {"layout": base + "/describe/layouts/012000000000000AAA"},
    }


def _label(name: str) -> str:
    stem = name.removesuffix("__c").removesuffix("__s").replace("__", "_")
    if stem.endswith("Id") and len(stem) > 2:
        stem = stem[:-2] + " ID"
    spaced = "".join(
        " " + ch if ch.isupper() and i and stem[i - 1].islower() else ch
        for i, ch in enumerate(stem)
    )
    return spaced.replace("_", " ").strip()
