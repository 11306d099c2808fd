"""Which fields a write sets, and by which names it calls them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isthmus.catalog.model import Column, Table
from isthmus.connectors.writing import WriteKind, WriteRequest
from isthmus.errors import Refused, UnknownName

__all__ = ["Target", "targets_of"]

#: Describes a table by its name.
Describe = Callable[[str], Table | None]


@dataclass(frozen=True)
class Target:
    """One column of the input and the field that it sets.

    Attributes:
        name: the column's name in the input.
        field: the table's field that is set.
        column: describes the values: the field itself or, where a reference is given by a key
            of the record it points to, that key.
        parent: for those, the table that is pointed to.
        typed: whether that table must be named, since the reference may point to several.
    """

    name: str
    field: Column
    column: Column
    parent: Table | None = None
    typed: bool = False

    @property
    def relation(self) -> str | None:
        """The relationship's name, where the reference is given by a key."""
        reference = self.field.reference
        return None if self.parent is None or reference is None else reference.name

    @property
    def key(self) -> str:
        """The name of the field that the values are of."""
        return self.column.name

    @property
    def header(self) -> str:
        """What a CSV calls it."""
        if self.parent is None:
            return self.field.name
        path = f"{self.relation}.{self.column.name}"
        return f"{self.parent.name}:{path}" if self.typed else path

    @property
    def source_type(self) -> str:
        """Salesforce's type of the values."""
        return self.column.source_type

    def property(self, name: str) -> Any:
        """What the describe says of the values' field."""
        return self.column.properties.get(name)


def targets_of(request: WriteRequest, describe: Describe) -> tuple[Target, ...]:
    """The field that each column of a request sets.

    Args:
        request: what is to be written.
        describe: gives the tables that references point to.

    Raises:
        UnknownName: a column does not exist, or a relationship does not.
        Refused: a field can't be written, or two columns set one field.
    """
    targets = tuple(_target(request, name, describe) for name in request.columns)
    seen: dict[str, str] = {}
    for target in targets:
        if target.field.name in seen:
            raise Refused(
                f"{request.table.name}: the columns {seen[target.field.name]} and {target.name} "
                f"both set {target.field.name}",
                remedy="Give one of them.",
            )
        seen[target.field.name] = target.name
        _demand_writable(request, target)
    return targets


def _target(request: WriteRequest, name: str, describe: Describe) -> Target:
    if "." in name:
        return _by_key(request.table, name, describe)
    for column in request.table.columns:
        if column.name.lower() == name.lower():
            return Target(name, column, column)
    for omitted, reason in request.table.omitted:
        if omitted.lower() == name.lower():
            raise Refused(
                f"{request.table.name}.{omitted} can't be written: it is {reason}",
                remedy="Leave it out, or write its parts.",
            )
    raise UnknownName(f"{request.table.name} has no column {name!r}")


def _by_key(table: Table, name: str, describe: Describe) -> Target:
    kind, _, path = name.rpartition(":")
    relation, _, key = path.partition(".")
    for field in table.columns:
        reference = field.reference
        if reference is None or (reference.name or "").lower() != relation.lower():
            continue
        named = [t for t in reference.targets if not kind or t.lower() == kind.lower()]
        found = [made for t in named if (made := _keyed(t, key, describe)) is not None]
        if len(found) == 1:
            parent, column = found[0]
            return Target(name, field, column, parent, typed=len(reference.targets) > 1)
        if found:
            several = ", ".join(f"{parent.name}:{path}" for parent, _ in found)
            raise Refused(
                f"{table.name}: {name} may mean a record of several objects",
                remedy=f"Name the object: one of {several}.",
            )
        raise Refused(
            f"{table.name}: {key!r} is no key of {' or '.join(named) or kind} by which "
            f"{relation} could be found",
            remedy="Use an external id, or another field that is marked idLookup.",
        )
    raise UnknownName(
        f"{table.name} has no relationship {relation!r} to a parent",
        remedy="Write RELATIONSHIP.KEY, such as Account.External_Id__c.",
    )


def _keyed(name: str, key: str, describe: Describe) -> tuple[Table, Column] | None:
    table = describe(name)
    for column in () if table is None else table.columns:
        properties = column.properties
        usable = properties.get("external_id") or properties.get("id_lookup")
        if column.name.lower() == key.lower() and usable and table is not None:
            return table, column
    return None


def _demand_writable(request: WriteRequest, target: Target) -> None:
    field, kind = target.field, request.kind
    if kind is WriteKind.DELETE or field.source_type == "id":
        return
    creates, changes = field.properties.get("createable"), field.properties.get("updateable")
    able = {
        WriteKind.INSERT: creates,
        WriteKind.UPDATE: changes or field.name == request.key,
        WriteKind.UPSERT: creates or changes,
    }[kind]
    if not able:
        raise Refused(
            f"{request.table.name}.{field.name} can't be set by an {kind.value}: it is read-only "
            "there, or for this user",
            remedy="Leave the column out.",
        )
