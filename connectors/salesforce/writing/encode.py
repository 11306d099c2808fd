"""Cells as they travel: in JSON for REST, in CSV for Bulk.

=====================  ===========================  =============================
meaning                JSON                         CSV
=====================  ===========================  =============================
null                   ``"Name":null``              ``#N/A``
leave it alone         no such key                  an empty field
the text ``#N/A``      ``"Name":"#N/A"``            can't be said
an empty text          ``""``, which is kept as     ``#N/A``: an empty field
                       null                         would leave it alone
a decimal              its own digits               the same
an instant             ``2024-02-09T17:30:00.000Z``  the same
a reference by a key   ``"Account":{"Ext__c":"7"}``  a column ``Account.Ext__c``
=====================  ===========================  =============================

Sources: *REST API Developer Guide*, "Update Fields on a Record"; *Bulk API 2.0*, "Prepare CSV
Files". No number passes through a float.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from isthmus.connectors.salesforce.writing.columns import Target

__all__ = ["CSV_NULL", "csv_cells", "json_members", "texts_of", "unsayable"]

#: What Bulk reads as null.
CSV_NULL: Final = "#N/A"


def texts_of(array: pa.Array) -> list[str | None]:
    """Every value as the org writes it down, without quotes.

    >>> import decimal
    >>> texts_of(pa.array([decimal.Decimal("0.00000001"), None], pa.decimal128(18, 8)))
    ['0.00000001', None]
    """
    kind = array.type
    if pt.is_string(kind):
        return list(array.to_pylist())
    if pt.is_timestamp(kind):
        return [None if v is None else f"{v}Z" for v in _stamps(array)]
    if pt.is_time(kind):
        return [
            None if v is None else f"{v:%H:%M:%S}.{v.microsecond // 1_000:03d}Z"
            for v in array.to_pylist()
        ]
    write = _WRITERS.get(kind.id, str)
    return [None if value is None else write(value) for value in array.to_pylist()]


def _stamps(array: pa.Array) -> list[str | None]:
    wall = array.cast(pa.timestamp("ms", "UTC")).cast(pa.timestamp("ms"))
    return list(pc.strftime(wall, "%Y-%m-%dT%H:%M:%S").to_pylist())


_WRITERS: Final[dict[int, Callable[[Any], str]]] = {
    pa.bool_().id: lambda value: "true" if value else "false",
    pa.decimal128(1, 0).id: lambda value: format(value, "f"),
    pa.float64().id: repr,
}


def json_members(target: Target, array: pa.Array, given: pa.Array | None) -> list[str | None]:
    """For each row the member that sets the field; None where it is left alone."""
    kind = array.type
    texts = texts_of(array)
    bare = pt.is_boolean(kind) or pt.is_integer(kind) or pt.is_decimal(kind) or pt.is_floating(kind)
    name, before, after = _around(target)
    nothing = f"{json.dumps(name)}:null"
    cells: list[str | None]
    if bare:
        cells = [nothing if t is None else f"{before}{t}{after}" for t in texts]
    else:
        cells = [nothing if t is None else f"{before}{_quoted(t)}{after}" for t in texts]
    return _left_alone(cells, given, None)


def _around(target: Target) -> tuple[str, str, str]:
    """The field's name, and what stands before and after a value."""
    if target.parent is None or target.relation is None:
        return target.field.name, f"{json.dumps(target.field.name)}:", ""
    kind = f'"attributes":{{"type":{json.dumps(target.parent.name)}}},' if target.typed else ""
    before = f"{json.dumps(target.relation)}:{{{kind}{json.dumps(target.column.name)}:"
    return target.field.name, before, "}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def csv_cells(array: pa.Array, given: pa.Array | None) -> list[str]:
    """For each row the text of its field, before it is quoted."""
    cells = [CSV_NULL if not text or not text.strip() else text for text in _texts(array)]
    return _left_alone(cells, given, "")


def _texts(array: pa.Array) -> Iterable[str | None]:
    return texts_of(array)


def unsayable(array: pa.Array) -> list[int]:
    """The rows whose value is a text that a CSV would take for null."""
    if not pt.is_string(array.type):
        return []
    told = pc.equal(pc.utf8_trim_whitespace(array), CSV_NULL)
    return list(pc.indices_nonzero(told).to_pylist())


def _left_alone(cells: list[Any], given: pa.Array | None, nothing: Any) -> list[Any]:
    if given is None:
        return cells
    return [cell if kept else nothing for cell, kept in zip(cells, given.to_pylist(), strict=True)]
