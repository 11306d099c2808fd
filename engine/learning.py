"""Learns from the answers of fragments while they are read: rows, values, bytes and seconds.

It looks at a bounded number of rows of an answer, and never changes or delays what is read for
long; what it learns is for estimates only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.statistics import Bound, ColumnFacts, Counted, TableFacts
from isthmus.connectors.contract import Bill, Fragment
from isthmus.connectors.shares import (
    answer_key,
    columns_key,
    sent_predicates,
    shape_key,
    values_of,
)
from isthmus.engine.statistics import Learnt, SourceStatistics

__all__ = ["Witness"]

#: How many rows of an answer are looked at.
_SAMPLE: Final = 10_000
#: Seconds for which a column that was looked at is not looked at again.
_COLUMN_KNOWN: Final = 3_600.0
#: Fewer rows tell nothing of the bytes of a row.
_WIDTH_ROWS: Final = 100


class Witness:
    """Watches the batches of one fragment go by.

    Args:
        statistics: of the fragment's source.
        fragment: what is read.
    """

    def __init__(self, statistics: SourceStatistics, fragment: Fragment) -> None:
        self._statistics = statistics
        self._fragment = fragment
        self._rows = 0
        self._sample: list[pa.RecordBatch] = []
        self._sampled = 0
        self._whole = _is_whole(fragment)

    def watch(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same batches."""
        for batch in batches:
            self._rows += batch.num_rows
            if self._whole and self._sampled < _SAMPLE:
                part = batch.slice(0, _SAMPLE - self._sampled)
                self._sample.append(part)
                self._sampled += part.num_rows
            yield batch

    def done(self, bill: Bill) -> None:
        """The fragment was read to its end, for so much."""
        request = self._fragment.request
        more = request.lookups or request.points or request.children
        if request.aggregates or more:
            return
        table = request.table.name
        facts = self._statistics.of(table)
        self._statistics.learn(
            table,
            Learnt(
                counted=self._counted(),
                columns=self._columns(facts),
                shares=self._shares(facts),
                width=self._width(bill),
                pace=(bill.seconds, bill.calls) if bill.calls else None,
            ),
        )

    def _counted(self) -> Counted | None:
        return Counted(self._rows, True, time.time()) if self._whole else None

    def _shares(self, facts: TableFacts) -> dict[str, tuple[float, int]]:
        request, sent = self._fragment.request, sent_predicates(self._fragment)
        if request.limit is not None or not sent or facts.counted is None:
            return {}
        share = min(1.0, self._rows / max(facts.counted.rows, 1))
        found = {}
        if (key := answer_key(sent, request.options)) is not None:
            found[key] = (share, self._rows)
        if len(sent) == 1 and (shape := shape_key(sent[0])) is not None:
            found[shape] = (share / values_of(sent[0]), self._rows)
        return found

    def _width(self, bill: Bill) -> tuple[str, float] | None:
        if bill.rows < _WIDTH_ROWS:
            return None
        return columns_key(self._fragment.columns), bill.bytes / bill.rows

    def _columns(self, facts: TableFacts) -> dict[str, ColumnFacts]:
        if not self._sample:
            return {}
        table = pa.Table.from_batches(self._sample)
        now, found = time.time(), {}
        for name in table.schema.names:
            known = facts.columns.get(name)
            if known is not None and now - known.at < _COLUMN_KNOWN:
                continue
            if (seen := _facts_of(table.column(name), now)) is not None:
                found[name] = seen
        return found


def _is_whole(fragment: Fragment) -> bool:
    """Whether it brings every row that there is, as a plain count counts them."""
    r = fragment.request
    asked_less = r.limit is not None or r.aggregates or r.lookups or r.points or r.options
    return not asked_less and not r.children and not sent_predicates(fragment)


def _facts_of(column: pa.ChunkedArray, now: float) -> ColumnFacts | None:
    try:
        distinct = pc.count_distinct(column, mode="only_valid").as_py()
    except pa.ArrowNotImplementedError:
        return None  # a nested type
    least, most = _bounds(column)
    return ColumnFacts(len(column), column.null_count, distinct, least, most, now)


def _bounds(column: pa.ChunkedArray) -> tuple[Bound | None, Bound | None]:
    """The least and the greatest value; of text none: it may be personal, and is not kept."""
    kind = column.type
    ordered = (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
    )
    if not ordered:
        return None, None
    try:
        found = pc.min_max(column).as_py()
    except (pa.ArrowException, OverflowError, ValueError):
        return None, None  # a time that Python can't hold
    return found["min"], found["max"]
