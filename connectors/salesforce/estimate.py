"""What a fragment will cost, predicted without a data call: the likeliest bill, and its bounds.

How many rows pass is `selectivity`'s; here they become calls, bytes and seconds. What earlier
answers have taught of bytes and seconds is used, else a guess that stands here, in one place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import pyarrow as pa

from isthmus.catalog.model import Column, RowCount
from isthmus.catalog.statistics import TableFacts
from isthmus.connectors.contract import Bill
from isthmus.connectors.salesforce.selectivity import Rows
from isthmus.connectors.shares import columns_key

__all__ = [
    "LONG_PAGE_ROWS",
    "PAGE_ROWS",
    "PAGE_SECONDS",
    "Known",
    "Predicted",
    "is_long",
    "predict",
]

PAGE_ROWS: Final = 2_000
#: Two long-text columns make pages of 200 (SOQL and SOSL Reference, "queryMore").
LONG_PAGE_ROWS: Final = 200
#: Seconds from a request to its answer, on a usual line to a usual org.
PAGE_SECONDS: Final = 0.2

#: Bytes of a value on the wire, compressed.
_SIZES: Final = {pa.bool_(): 1, pa.date32(): 3, pa.int64(): 3, pa.float64(): 5}
_RECORD_BYTES: Final = 14
_PAGE_BYTES: Final = 300
#: How many times more or fewer bytes a row may have than is likely.
_BYTES_APART: Final = 8


@dataclass(frozen=True)
class Known:
    """What is known of an object.

    Attributes:
        count: about how many rows it has.
        facts: what earlier answers have taught.
        call_seconds: how long a call takes.
        parents: of the objects whose rows it looks up, by name.
    """

    count: RowCount | None = None
    facts: TableFacts = field(default_factory=TableFacts)
    call_seconds: float | None = None
    parents: Mapping[str, Known] = field(default_factory=dict)


@dataclass(frozen=True)
class Predicted:
    """Three bills: the least, the likeliest, and the most; no `high` where nobody can tell.

    They hold for a read to the end in which no request fails.
    """

    low: Bill
    likely: Bill
    high: Bill | None

    def after(self, first: Bill) -> Predicted:
        """The same, if something else has been paid for before."""
        high = None if self.high is None else self.high + first
        likely = replace(self.likely + first, basis=self.likely.basis)
        return Predicted(self.low + first, likely, high)


def predict(
    columns: Iterable[Column], rows: Rows, known: Known, *, chunks: int = 1, parts: int = 1
) -> Predicted:
    """The bills of reading so many rows.

    Args:
        columns: what is selected.
        rows: how many rows will come.
        known: of the object.
        chunks: how many statements the rows are spread over; none where nothing is sent.
        parts: how many statements the columns are spread over, each with all rows.
    """
    columns = tuple(columns)
    if not chunks:
        nothing = Bill(basis="nothing is sent")
        return Predicted(nothing, nothing, nothing)
    page = LONG_PAGE_ROWS if sum(is_long(column) for column in columns) > 1 else PAGE_ROWS
    guess = _RECORD_BYTES + sum(_size(column) for column in columns)
    size = known.facts.row_bytes.get(columns_key(c.name for c in columns), float(guess))
    pace = known.call_seconds or PAGE_SECONDS

    def bill(calls: int, rows_sent: float, row_bytes: float) -> Bill:
        sent = math.ceil(rows_sent) * parts
        return Bill(
            calls=calls * parts,
            rows=sent,
            bytes=math.ceil(calls * parts * _PAGE_BYTES + sent / parts * row_bytes),
            seconds=calls * parts * pace,
        )

    low = bill(max(chunks, math.ceil(rows.low / page)), rows.low, size / _BYTES_APART)
    calls = chunks * max(1, math.ceil(rows.likely / chunks / page))
    likely = replace(bill(calls, rows.likely, size), basis=rows.basis)
    if rows.high is None:
        return Predicted(low, likely, None)
    # each chunk has a page that is not full
    most = math.ceil(rows.high / page) if chunks == 1 else rows.high // page + chunks
    return Predicted(low, likely, bill(max(most, 1), rows.high, size * _BYTES_APART))


def is_long(column: Column) -> bool:
    """Whether it is a text that makes pages small, if there are two."""
    return column.source_type == "textarea" and int(column.properties.get("length", 0)) > 255


def _size(column: Column) -> int:
    if column.source_type in ("id", "reference"):
        return 12
    if pa.types.is_string(column.type):
        return 200 if is_long(column) else 10
    return _SIZES.get(column.type, 6)
