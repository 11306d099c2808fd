"""The org's objects as tables: fetched when asked for, kept, and revalidated after `refresh`."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from isthmus.catalog.model import Table, TableName
from isthmus.connectors.salesforce.metadata import Metadata
from isthmus.connectors.salesforce.types import CHILDREN, EXTERNAL, OMITTED, column_of
from isthmus.errors import ConfigError, SourceError

__all__ = ["Describes", "table_of"]


def table_of(
    source: str, describe: Mapping[str, Any], places: Mapping[tuple[str, str], int]
) -> Table:
    """The table for a describe.

    Args:
        source: the source's name.
        describe: as the org gives it (`sobjects/X/describe`).
        places: decimal places by ``(object, field)`` in lower case.

    Raises:
        ConfigError: `places` does not fit the object's fields.
    """
    name = str(describe["name"])
    wanted = {column: n for (table, column), n in places.items() if table == name.lower()}
    columns, omitted = [], []
    for field in describe["fields"]:
        kind = field["type"]
        if kind in OMITTED:
            omitted.append((field["name"], OMITTED[kind]))
        else:
            columns.append(column_of(field, wanted.pop(field["name"].lower(), None)))
    if wanted:
        raise ConfigError(
            f"source {source}: decimal_places names {name}.{min(wanted)}, which does not exist",
            remedy="Write the field's API name, or remove it from decimal_places.",
        )
    if name.endswith("__x"):  # rows of another system, which may hold empty texts
        for column in columns:
            column.properties[EXTERNAL] = True
    names = {column.name for column in columns}
    return Table(
        source=source,
        name=name,
        columns=tuple(columns),
        primary_key=("Id",) if "Id" in names else (),
        unique_keys=tuple(
            (c.name,) for c in columns if c.properties["unique"] and c.source_type != "id"
        ),
        description=describe.get("label"),
        omitted=tuple(omitted),
        properties={
            "key_prefix": describe.get("keyPrefix"),
            "queryable": bool(describe.get("queryable", True)),
            "replicateable": bool(describe.get("replicateable")),
            "createable": bool(describe.get("createable")),
            "updateable": bool(describe.get("updateable")),
            "deletable": bool(describe.get("deletable")),
            "retrieveable": bool(describe.get("retrieveable")),
            "multi_currency": "CurrencyIsoCode" in names,
            CHILDREN: {
                f"{link['childSObject']}.{link['field']}": link["relationshipName"]
                for link in describe.get("childRelationships") or ()
                if link.get("relationshipName") and not link.get("deprecatedAndHidden")
            },
        },
    )


@dataclass(frozen=True)
class _Kept:
    table: Table
    modified: str | None
    fresh: bool


# it becomes part of an address
_API_NAME: Final = re.compile(r"[A-Za-z]\w*", re.ASCII)


class Describes:
    """The tables of one org. Safe to use from threads; only the first asker of a table waits."""

    def __init__(
        self, source: str, metadata: Metadata, places: Mapping[tuple[str, str], int]
    ) -> None:
        self._source = source
        self._metadata = metadata
        self._places = places
        self._lock = threading.Lock()
        self._asking: dict[str, threading.Lock] = {}
        self._names: dict[str, TableName] | None = None
        self._kept: dict[str, _Kept] = {}

    def names(self) -> tuple[TableName, ...]:
        """Every object that can be queried."""
        return tuple(self._listed().values())

    def table(self, name: str) -> Table | None:
        """The table of that name, found in any case; None where there is none.

        The object is asked for by the name as it is given, which saves listing all objects; the
        list is asked only where the org does not know that spelling.
        """
        names = self._names
        if _API_NAME.fullmatch(name) is None or (names is not None and name.lower() not in names):
            return None
        with self._turn(name.lower()):
            kept = self._known(name.lower())
            if kept is not None and kept.fresh:
                return kept.table
            kept = self._fetched(kept.table.name if kept else name, kept)
            if kept is None:
                listed = self._listed().get(name.lower())
                kept = self._fetched(listed.name, None) if listed and listed.name != name else None
            if kept is None or not kept.table.properties["queryable"]:
                return None
            with self._lock:
                self._kept[name.lower()] = kept
            return kept.table

    def refresh(self) -> None:
        """Ask again for the list, and for each kept table whether it still holds."""
        with self._lock:
            self._names = None
            self._kept = {
                name: _Kept(kept.table, kept.modified, fresh=False)
                for name, kept in self._kept.items()
            }

    def _turn(self, what: str) -> threading.Lock:
        """One question at a time for each object, and for the list (which has no name)."""
        with self._lock:
            return self._asking.setdefault(what, threading.Lock())

    def _known(self, name: str) -> _Kept | None:
        with self._lock:
            return self._kept.get(name)

    def _listed(self) -> dict[str, TableName]:
        with self._turn(""):
            names = self._names  # refresh may take it away at any moment
            if names is None:
                names = {
                    entry["name"].lower(): TableName(entry["name"], entry.get("label"))
                    for entry in self._metadata.objects()
                    if entry.get("queryable")
                }
                self._names = names
            return names

    def _fetched(self, name: str, kept: _Kept | None) -> _Kept | None:
        try:
            describe, modified = self._metadata.describe(name, kept.modified if kept else None)
        except SourceError as error:
            if error.code == "NOT_FOUND":
                return None
            raise
        if describe is None and kept is not None:
            return _Kept(kept.table, kept.modified, fresh=True)
        if describe is None:
            raise SourceError(f"source {self._source} gives no describe of {name}")
        return _Kept(table_of(self._source, describe, self._places), modified, fresh=True)
