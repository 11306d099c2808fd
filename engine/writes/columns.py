"""The columns of a write: their names as the table spells them, and their types."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.catalog.suggest import did_you_mean
from isthmus.errors import Place, Refused, UnknownName

__all__ = ["column_type", "once", "primary_key", "spelt"]


def spelt(table: Table, name: str, place: Place | None = None) -> str:
    """A column's name, found in any case; ``RELATIONSHIP.KEY`` for a parent by its key.

    Raises:
        UnknownName: the table has no such column or relationship.
    """
    relationship, dot, key = name.partition(".")
    if dot:
        names = [c.reference.name for c in table.columns if c.reference and c.reference.name]
        for found in names:
            if found.lower() == relationship.lower():
                return f"{found}.{key}"
        wanted, what = relationship, "relationship"
    else:
        names = [c.name for c in table.columns]
        for found in names:
            if found.lower() == name.lower():
                return found
        wanted, what = name, "column"
    for omitted, why in table.omitted:
        if omitted.lower() == name.lower():
            raise UnknownName(
                f"{table.source}.{table.name}.{omitted} can't be written: it is {why}", place=place
            )
    raise UnknownName(
        f"{table.source}.{table.name} has no {what} {wanted!r}",
        place=place,
        remedy=did_you_mean(wanted, names) or f"isthmus catalog {table.source}.{table.name}",
    )


def column_type(table: Table, name: str) -> pa.DataType | None:
    """The type in which a column is handed over; None: as it comes."""
    return None if "." in name else table.column(name).type


def once(names: Iterable[str], place: Place | None = None) -> tuple[str, ...]:
    """The names, each of which may be there but once."""
    seen: list[str] = []
    for name in names:
        if name in seen:
            raise Refused(f"{name} is given twice", place=place, remedy="Give it once.")
        seen.append(name)
    return tuple(seen)


def primary_key(table: Table) -> str:
    """The one column that identifies a row.

    Raises:
        Refused: there is none.
    """
    if len(table.primary_key) != 1:
        raise Refused(
            f"{table.source}.{table.name} has no key of one column, so that no row of it can be "
            "changed or deleted",
            remedy="Rows can be inserted.",
        )
    return table.primary_key[0]
