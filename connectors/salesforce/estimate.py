"""What a fragment will cost, predicted without a data call.

The org tells about how many rows an object has; what a predicate leaves of them is a guess by
its kind, and so are the sizes. The guesses are here, in one place, and only choose plans.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from isthmus.catalog.model import Column, RowCount, Table
from isthmus.connectors.contract import Bill
from isthmus.connectors.predicates import (
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Predicate,
)

__all__ = ["bill_for", "share"]

PAGE_ROWS: Final = 2_000
#: Two long-text columns make pages of 200 (SOQL and SOSL Reference, "queryMore").
LONG_PAGE_ROWS: Final = 200
#: Seconds from a request to its answer, on a usual line to a usual org.
PAGE_SECONDS: Final = 0.2
#: Where the org does not say how many rows there are.
UNKNOWN_ROWS: Final = 10_000

EQUAL: Final = 0.02
RANGE: Final = 0.33
DIFFERENT: Final = 0.9
NULL: Final = 0.1
MATCH: Final = 0.1

#: Bytes of a value on the wire, compressed.
_SIZES: Final = {pa.bool_(): 1, pa.date32(): 3, pa.int64(): 3, pa.float64(): 5}
_RECORD_BYTES: Final = 14
_PAGE_BYTES: Final = 300


def bill_for(
    table: Table,
    columns: Iterable[Column],
    sent: Iterable[Predicate],
    count: RowCount | None,
    limit: int | None,
    *,
    keys: tuple[str, int] | None = None,
    chunks: int = 1,
    parts: int = 1,
) -> Bill:
    """The predicted bill of a scan.

    Args:
        table: the object.
        columns: what is selected.
        sent: the predicates that the org applies.
        count: about how many rows the object has.
        limit: the LIMIT that is sent.
        keys: a column, and how many values of it a list will have that is not known yet.
        chunks: how many statements the rows are spread over.
        parts: how many statements the columns are spread over, each with all rows.
    """
    columns = tuple(columns)
    known = UNKNOWN_ROWS if count is None else count.rows
    rows = float(known)
    kept = 1.0
    for predicate in sent:
        kept *= share(table, predicate, known)
    if keys is not None:
        kept *= min(1.0, keys[1] * _equal(table, keys[0], known))
    rows = max(rows * kept, 1.0) if known else 0.0
    if limit is not None:
        rows = min(rows, float(limit))
    rows_sent = math.ceil(rows)
    page = LONG_PAGE_ROWS if sum(_is_long(column) for column in columns) > 1 else PAGE_ROWS
    calls = parts * max(chunks, math.ceil(rows_sent / page))
    size = _RECORD_BYTES + sum(_size(column) for column in columns)
    basis = "no row count known" if count is None else count.basis
    return Bill(
        calls=calls,
        rows=rows_sent * parts,
        bytes=calls * _PAGE_BYTES + rows_sent * size,
        seconds=calls * PAGE_SECONDS,
        basis=basis if kept == 1.0 else f"{basis}, times {kept:.2g} for the filter (a guess)",
    )


def share(table: Table, predicate: Predicate, rows: int) -> float:
    """About what part of the rows passes, between 0 and 1."""
    match predicate:
        case Compare(column=name, op="="):
            return _equal(table, name, rows)
        case Compare(op="!="):
            return DIFFERENT
        case Compare():
            return RANGE
        case In(column=name, values=values):
            return min(1.0, len(values) * _equal(table, name, rows))
        case IsNull():
            return NULL
        case Like() | HasItem():
            return MATCH
        case Not(part=part):
            return max(0.0, 1.0 - share(table, part, rows))
        case And(parts=parts):
            return math.prod(share(table, part, rows) for part in parts)
        case Or(parts=parts):
            return min(1.0, sum(share(table, part, rows) for part in parts))


def _equal(table: Table, name: str, rows: int) -> float:
    """A key finds one row; another value finds a small part."""
    column = table.column(name)
    if column.source_type == "boolean":
        return 0.5
    if name in table.primary_key or column.properties.get("unique"):
        return 1.0 / max(rows, 1)
    return EQUAL


def _is_long(column: Column) -> bool:
    return column.source_type == "textarea" and int(column.properties.get("length", 0)) > 255


def _size(column: Column) -> int:
    if column.source_type in ("id", "reference"):
        return 12
    if pa.types.is_string(column.type):
        return 200 if _is_long(column) else 10
    return _SIZES.get(column.type, 6)
