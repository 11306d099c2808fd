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
from collections.abc import Callable
from datetime import time
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from isthmus.connectors.salesforce.writing.columns import Target

__all__ = ["CSV_NULL", "csv_cells", "json_members", "texts_of", "unsayable"]

#: What Bulk reads as null.
CSV_NULL: Final = "#N/A"
_PLAIN_PLACES: Final = 6


def texts_of(array: pa.Array) -> pa.Array:
    """Every value as the org writes it down, without quotes; null stays null.

    >>> import decimal
    >>> texts_of(pa.array([decimal.Decimal("0.00000001"), None], pa.decimal128(18, 8))).to_pylist()
    ['0.00000001', None]
    """
    kind = array.type
    if pt.is_timestamp(kind):
        wall = array.cast(pa.timestamp("ms", "UTC")).cast(pa.timestamp("ms"))
        return pc.strftime(wall, "%Y-%m-%dT%H:%M:%SZ")
    if _cast_says_it(kind):
        return array.cast(pa.string())
    write = _WRITERS.get(kind.id, str)
    return pa.array([None if v is None else write(v) for v in array.to_pylist()], pa.string())


def _cast_says_it(kind: pa.DataType) -> bool:
    """Whether Arrow's own texts are the org's: it writes decimals of more places as ``1E-7``."""
    if pt.is_decimal(kind):
        return bool(0 <= kind.scale <= _PLAIN_PLACES)
    return bool(pt.is_string(kind) or pt.is_integer(kind) or pt.is_boolean(kind))


def _clock(value: time) -> str:
    return f"{value:%H:%M:%S}.{value.microsecond // 1_000:03d}Z"


_WRITERS: Final[dict[int, Callable[[Any], str]]] = {
    pa.decimal128(1, 0).id: lambda value: format(value, "f"),
    pa.float64().id: repr,
    pa.time32("ms").id: _clock,
    pa.time64("us").id: _clock,
}


def json_members(target: Target, array: pa.Array, given: pa.Array | None) -> list[str | None]:
    """For each row the member that sets the field; None where it is left alone."""
    kind = array.type
    texts = texts_of(array).to_pylist()
    bare = pt.is_boolean(kind) or pt.is_integer(kind) or pt.is_decimal(kind) or pt.is_floating(kind)
    name, before, after = _around(target)
    nothing = f"{json.dumps(name)}:null"
    cells: list[str | None]
    if bare:
        cells = [nothing if t is None else f"{before}{t}{after}" for t in texts]
    else:
        cells = [nothing if t is None else f"{before}{_quoted(t)}{after}" for t in texts]
    if given is None:
        return cells
    return [cell if kept else None for cell, kept in zip(cells, given.to_pylist(), strict=True)]


def _around(target: Target) -> tuple[str, str, str]:
    """The field's name, and what stands before and after a value."""
    if target.parent is None or target.relation is None:
        return target.field.name, f"{json.dumps(target.field.name)}:", ""
    kind = f'"attributes":{{"type":{json.dumps(target.parent.name)}}},' if target.typed else ""
    before = f"{json.dumps(target.relation)}:{{{kind}{json.dumps(target.column.name)}:"
    return target.field.name, before, "}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def csv_cells(array: pa.Array, given: pa.Array | None) -> pa.Array:
    """For each row the text of its field, before it is quoted."""
    texts = texts_of(array)
    if pt.is_string(array.type):
        texts = pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), None, texts)
    cells = pc.fill_null(texts, CSV_NULL)
    return cells if given is None else pc.if_else(pc.fill_null(given, False), cells, "")


def unsayable(array: pa.Array) -> list[int]:
    """The rows whose value is a text that a CSV would take for null."""
    if not pt.is_string(array.type):
        return []
    told = pc.equal(pc.utf8_trim_whitespace(array), CSV_NULL)
    return list(pc.indices_nonzero(told).to_pylist())
