"""More columns than one statement holds: spread over several, each with all rows.

The parts are put together by their Ids (`joining`). Each has the Id, and the instant of the last
change, so that a row that changes between two parts is seen.
"""

from __future__ import annotations

from typing import Final

from isthmus.catalog.model import Table
from isthmus.connectors.salesforce.fields import Field
from isthmus.connectors.salesforce.length import STATEMENT_BYTES
from isthmus.connectors.salesforce.soql import encoded

__all__ = ["STAMP", "can_part", "column_parts"]

#: When any column of the row was last set (Object Reference, "System Fields").
STAMP: Final = "SystemModstamp"

#: Bytes of a part's columns; the rest is for conditions, among them a list of keys.
_COLUMN_BYTES: Final = STATEMENT_BYTES // 2


def can_part(table: Table) -> bool:
    """Whether rows of the table can be told by their Ids, and come in their order."""
    return table.primary_key == ("Id",) and bool(table.column("Id").properties.get("sortable"))


def column_parts(table: Table, fields: tuple[Field, ...]) -> tuple[tuple[Field, ...], ...]:
    """The fields in as few parts as there can be, each with what tells rows and their changes."""
    names = {column.name for column in table.columns}
    common = tuple(Field(n, n, table.column(n)) for n in ("Id", STAMP) if n in names)
    paths = {field.path for field in common}
    before = sum(_bytes(field) for field in common)
    parts: list[list[Field]] = [[*common]]
    used = before
    for field in fields:
        if field.path in paths:
            continue
        if used + _bytes(field) > _COLUMN_BYTES and len(parts[-1]) > len(common):
            parts.append([*common])
            used = before
        parts[-1].append(field)
        used += _bytes(field)
    return tuple(tuple(part) for part in parts)


def _bytes(field: Field) -> int:
    return len(encoded(f"{field.path}, "))
