"""Which objects and fields the org has, read from describe JSON.

Source of the form: `GET /services/data/vXX.X/sobjects/{T}/describe`, REST API Developer Guide,
and recorded responses; see `describes/SOURCES.md`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from dataclasses import field as attribute
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from isthmus.localorg.describes.overlay import add_fields, link_children
from isthmus.localorg.describes.synthetic import all_synthetic

COMPOUND_TYPES = frozenset({"address", "location"})
_GLOBAL_KEYS = (
    "activateable", "associateEntityType", "associateParentEntity", "createable", "custom",
    "customSetting", "deepCloneable", "deletable", "deprecatedAndHidden", "feedEnabled",
    "hasSubtypes", "isInterface", "isSubtype", "keyPrefix", "label", "labelPlural", "layoutable",
    "mergeable", "mruEnabled", "name", "queryable", "replicateable", "retrieveable", "searchable",
    "triggerable", "undeletable", "updateable",
)  # fmt: skip


@dataclass(frozen=True)
class PicklistValue:
    """One entry of a picklist, in definition order."""

    value: str
    label: str
    active: bool
    default: bool


@dataclass(frozen=True)
class Field:
    """One field of an object, with the describe flags the org obeys."""

    name: str
    type: str
    label: str
    length: int
    precision: int
    scale: int
    digits: int
    nillable: bool
    filterable: bool
    sortable: bool
    groupable: bool
    aggregatable: bool
    createable: bool
    updateable: bool
    calculated: bool
    case_sensitive: bool
    unique: bool
    external_id: bool
    id_lookup: bool
    name_field: bool
    name_pointing: bool
    reference_to: tuple[str, ...]
    relationship_name: str | None
    compound_field_name: str | None
    restricted_picklist: bool
    picklist_values: tuple[PicklistValue, ...]
    default_value: Any
    defaulted_on_create: bool
    auto_number: bool
    custom: bool
    html_formatted: bool
    encrypted: bool

    @property
    def stored(self) -> bool:
        """Whether the field has a column of its own; addresses and locations live in parts."""
        return self.type not in COMPOUND_TYPES


@dataclass(frozen=True)
class ChildRelationship:
    """A lookup seen from the object it points to."""

    child: str
    field: str
    relationship_name: str | None


@dataclass(frozen=True)
class SObject:
    """One object. `raw` is the describe as recorded, with `vXX.0` in its URLs."""

    name: str
    label: str
    key_prefix: str | None
    custom: bool
    queryable: bool
    createable: bool
    updateable: bool
    deletable: bool
    retrieveable: bool
    replicateable: bool
    undeletable: bool
    fields: tuple[Field, ...]
    children: tuple[ChildRelationship, ...]
    raw: dict[str, Any] = attribute(repr=False, compare=False)

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {made.name.lower(): made for made in self.fields}

    @cached_property
    def _by_relationship(self) -> dict[str, Field]:
        named = (made for made in self.fields if made.relationship_name)
        return {str(made.relationship_name).lower(): made for made in named}

    @cached_property
    def _by_child(self) -> dict[str, ChildRelationship]:
        named = (link for link in self.children if link.relationship_name)
        return {str(link.relationship_name).lower(): link for link in named}

    def field(self, name: str) -> Field | None:
        """Give the field of that name in any case, or None."""
        return self._by_name.get(name.lower())

    def relationship(self, name: str) -> Field | None:
        """Give the lookup whose relationshipName is that, in any case, or None."""
        return self._by_relationship.get(name.lower())

    def child(self, name: str) -> ChildRelationship | None:
        """Give the child relationship of that name in any case, or None."""
        return self._by_child.get(name.lower())

    @cached_property
    def name_field(self) -> Field | None:
        """The field that names a record: Name, CaseNumber, Subject; None if there is none."""
        return next((made for made in self.fields if made.name_field), None)

    def parts(self, compound: str) -> tuple[Field, ...]:
        """Give the stored parts of a compound field."""
        return tuple(made for made in self.fields if made.compound_field_name == compound)

    def describe(self, version: str, instance_url: str | None = None) -> dict[str, Any]:
        """Give the describe as served under API `version` ("59.0"), its URLs filled in."""
        served: dict[str, Any] = _render(self.raw, version, instance_url)
        return served

    def global_entry(self, version: str) -> dict[str, Any]:
        """Give the object's entry in the list of all objects."""
        base = f"/services/data/v{version}/sobjects/{self.name}"
        urls = {"rowTemplate": base + "/{ID}", "describe": base + "/describe", "sobject": base}
        return {**{key: self.raw.get(key) for key in _GLOBAL_KEYS}, "urls": urls}


class Schema:
    """All objects of the org, by name in alphabetical order. Safe to read from several threads."""

    def __init__(self, objects: tuple[SObject, ...]) -> None:
        self._index(objects)

    @property
    def objects(self) -> tuple[SObject, ...]:
        """The objects by now."""
        return self._objects

    @classmethod
    def load(cls, folder: str | Path | None = None) -> Schema:
        """Read the shipped objects; each describe JSON in `folder` adds or replaces one as it is.

        Raises FileNotFoundError for a folder that is not there, ValueError for a file that is
        not a describe.
        """
        describes = _shipped()
        for path in sorted(_json_files(folder)) if folder else ():
            added = _read(path)
            describes[added["name"]] = added
        link_children(describes)
        return cls(tuple(_sobject(describes[name]) for name in sorted(describes)))

    def put(self, describe: dict[str, Any]) -> SObject:
        """Describe an object anew, in the place of what it was, and give it."""
        made = _sobject(describe)
        kept = {one.name: one for one in self._objects} | {made.name: made}
        self._index(tuple(kept[name] for name in sorted(kept)))
        return made

    def _index(self, objects: tuple[SObject, ...]) -> None:
        self._by_name = {made.name.lower(): made for made in objects}
        self._by_prefix = {made.key_prefix: made for made in objects if made.key_prefix}
        self._objects = objects

    def get(self, name: str) -> SObject | None:
        """Give the object of that name in any case, or None."""
        return self._by_name.get(name.lower())

    def by_prefix(self, prefix: str) -> SObject | None:
        """Give the object whose ids begin with these three characters, or None."""
        return self._by_prefix.get(prefix)

    def global_describe(self, version: str = "60.0") -> dict[str, Any]:
        """Give the body of `GET /sobjects`."""
        entries = [made.global_entry(version) for made in self.objects]
        return {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": entries}


def _shipped() -> dict[str, dict[str, Any]]:
    recorded = files("isthmus.localorg.describes").joinpath("recorded")
    made = [json.loads(file.read_text("utf-8")) for file in recorded.iterdir()]
    made += all_synthetic()
    for describe in made:
        add_fields(describe)
    return {describe["name"]: describe for describe in made}


def _json_files(folder: str | Path) -> list[Path]:
    path = Path(folder)
    if not path.is_dir():
        raise FileNotFoundError(f"no folder {path}; --describes wants a folder of describe JSON")
    return list(path.glob("*.json"))


def _read(path: Path) -> dict[str, Any]:
    describe = json.loads(path.read_text("utf-8"))
    if not isinstance(describe, dict) or not {"name", "fields"} <= set(describe):
        raise ValueError(f"{path} is not a describe: it needs the keys name and fields")
    describe.setdefault("childRelationships", [])
    return describe


def _sobject(raw: dict[str, Any]) -> SObject:
    return SObject(
        name=raw["name"],
        label=raw.get("label", raw["name"]),
        key_prefix=raw.get("keyPrefix"),
        custom=raw.get("custom", False),
        queryable=raw.get("queryable", True),
        createable=raw.get("createable", True),
        updateable=raw.get("updateable", True),
        deletable=raw.get("deletable", True),
        retrieveable=raw.get("retrieveable", True),
        replicateable=raw.get("replicateable", True),
        undeletable=raw.get("undeletable", True),
        fields=tuple(_field(made) for made in raw["fields"]),
        children=tuple(
            ChildRelationship(link["childSObject"], link["field"], link["relationshipName"])
            for link in raw["childRelationships"]
            if link["childSObject"] is not None
        ),
        raw=raw,
    )


def _field(raw: dict[str, Any]) -> Field:
    def flag(name: str, default: bool = False) -> bool:
        return bool(raw.get(name, default))

    return Field(
        name=raw["name"],
        type=raw["type"],
        label=raw.get("label", raw["name"]),
        length=raw.get("length") or 0,
        precision=raw.get("precision") or 0,
        scale=raw.get("scale") or 0,
        digits=raw.get("digits") or 0,
        nillable=flag("nillable", True),
        filterable=flag("filterable", True),
        sortable=flag("sortable", True),
        groupable=flag("groupable", True),
        aggregatable=flag("aggregatable", True),
        createable=flag("createable", True),
        updateable=flag("updateable", True),
        calculated=flag("calculated"),
        case_sensitive=flag("caseSensitive"),
        unique=flag("unique"),
        external_id=flag("externalId"),
        id_lookup=flag("idLookup"),
        name_field=flag("nameField"),
        name_pointing=flag("namePointing"),
        reference_to=tuple(raw.get("referenceTo") or ()),
        relationship_name=raw.get("relationshipName"),
        compound_field_name=raw.get("compoundFieldName"),
        restricted_picklist=flag("restrictedPicklist"),
        picklist_values=tuple(
            PicklistValue(v["value"], v["label"] or v["value"], v["active"], v["defaultValue"])
            for v in raw.get("picklistValues") or ()
        ),
        default_value=raw.get("defaultValue"),
        defaulted_on_create=flag("defaultedOnCreate"),
        auto_number=flag("autoNumber"),
        custom=flag("custom"),
        html_formatted=flag("htmlFormatted"),
        encrypted=flag("encrypted"),
    )


def _render(value: Any, version: str, instance_url: str | None) -> Any:
    if isinstance(value, dict):
        return {key: _render(item, version, instance_url) for key, item in value.items()}
    if isinstance(value, list):
        return [_render(item, version, instance_url) for item in value]
    if isinstance(value, str) and value.startswith(("/services/data/v", "https://orgname.my.")):
        return _address(value, version, instance_url)
    return value


def _address(url: str, version: str, instance_url: str | None) -> str:
    if url.startswith("/services/data/v"):
        return f"/services/data/v{version}/" + url.split("/", 4)[4]
    if instance_url is None:
        return url
    return instance_url + "/" + url.split("/", 3)[3]
