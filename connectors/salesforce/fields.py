"""What a statement selects: its columns as they are called here, there, and in the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Lookup, ScanRequest
from isthmus.connectors.salesforce.options import INCLUDE_DELETED

__all__ = ["DELETED", "Field", "fields_of", "guards_of", "path_of"]

DELETED: Final = "IsDeleted"


@dataclass(frozen=True)
class Field:
    """One selected value.

    Attributes:
        name: what the engine calls it: ``AccountId.Name``.
        path: what the statement and the answer call it: ``Account.Name``.
        column: as its own table describes it.
    """

    name: str
    path: str
    column: Column

    @property
    def selected(self) -> Column:
        """The column as the answer has it."""
        return (
            self.column if self.column.name == self.path else replace(self.column, name=self.path)
        )


def fields_of(request: ScanRequest, more: Iterable[str]) -> tuple[Field, ...]:
    """The fields of the request, in their order, and of further columns of its table."""
    columns = {column.name: column for column in request.table.columns}
    own = [Field(name, name, columns[name]) for name in request.columns]
    below = [field for lookup in request.lookups for field in _looked_up(lookup, request.table)]
    rest = [Field(name, name, columns[name]) for name in more]
    return tuple({field.name: field for field in (*own, *below, *rest)}.values())


def path_of(table: Table, key: str) -> str:
    """The name of a lookup in paths.

    Raises:
        KeyError: it has none.
    """
    reference = table.column(key).reference
    if reference is None or not reference.name:
        raise KeyError(key)
    return reference.name


def _looked_up(lookup: Lookup, table: Table, name: str = "", path: str = "") -> Iterator[Field]:
    name, path = f"{name}{lookup.key}.", f"{path}{path_of(table, lookup.key)}."
    for column in lookup.columns:
        yield Field(name + column, path + column, lookup.table.column(column))
    for further in lookup.lookups:
        yield from _looked_up(further, lookup.table, name, path)


def guards_of(request: ScanRequest) -> dict[str, Field]:
    """By the beginning of their paths: which field of a looked-up row says that it is deleted.

    A deleted row is no row of its table, but a path may still lead to it.
    """
    if INCLUDE_DELETED in request.options:
        return {}
    return dict(guard for lookup in request.lookups for guard in _guards(lookup, request.table, ""))


def _guards(lookup: Lookup, table: Table, path: str) -> Iterator[tuple[str, Field]]:
    path = f"{path}{path_of(table, lookup.key)}."
    if any(column.name == DELETED for column in lookup.table.columns):
        yield path, Field(path + DELETED, path + DELETED, lookup.table.column(DELETED))
    for further in lookup.lookups:
        yield from _guards(further, lookup.table, path)
