"""Learns from the answers of fragments while they are read: rows, values, bytes and seconds.

It looks at a bounded number of rows of an answer, and never changes or delays what is read for
long; what it learns is for estimates only.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.statistics import Bound, ColumnFacts, Counted, TableFacts
from isthmus.connectors.contract import Aggregate, Bill, Fragment, Lookup
from isthmus.connectors.predicates import Compare
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
#: Of a column with no more values than these, the share of each is learnt.
_FEW_VALUES: Final = 12
#: Into how many equal shares the values of a column are parted.
_QUANTILES: Final = 16
_COUNT: Final = Aggregate("count").name
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
        self._is_counted = _is_counted(fragment)
        self._sample: list[pa.RecordBatch] = []
        self._sampled = 0
        self._whole = _is_whole(fragment)

    def watch(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same batches."""
        for batch in batches:
            self._rows += _sum_of_counts(batch) if self._is_counted else batch.num_rows
            if self._whole and self._sampled < _SAMPLE:
                part = batch.slice(0, _SAMPLE - self._sampled)
                self._sample.append(part)
                self._sampled += part.num_rows
            yield batch

    def done(self, bill: Bill, pace: tuple[float, int] | None = None) -> None:
        """The fragment was read to its end.

        Args:
            bill: for so much.
            pace: the seconds that calls have taken, and how many those were.
        """
        request = self._fragment.request
        narrowed = request.points or _is_narrowed(request.lookups)
        if (request.aggregates and not self._is_counted) or narrowed or request.children:
            return
        table = request.table.name
        facts = self._statistics.of(table)
        columns, values = self._columns(facts)
        self._statistics.learn(
            table,
            Learnt(
                counted=self._counted(),
                columns=columns,
                shares=values | self._shares(facts),
                width=self._width(bill),
                pace=pace if pace is not None and pace[1] else None,
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
        request = self._fragment.request
        if bill.rows < _WIDTH_ROWS or request.aggregates or request.lookups:
            return None
        return columns_key(self._fragment.columns), bill.bytes / bill.rows

    def _columns(
        self, facts: TableFacts
    ) -> tuple[dict[str, ColumnFacts], dict[str, tuple[float, int]]]:
        """What the columns' values are like; of few values, the share of each."""
        if not self._sample or self._is_counted:
            return {}, {}
        table = pa.Table.from_batches(self._sample)
        own = {column.name for column in self._fragment.request.table.columns}
        now, found = time.time(), {}
        shares: dict[str, tuple[float, int]] = {}
        for name in table.schema.names:
            known = facts.columns.get(name)
            if name not in own or (known is not None and now - known.at < _COLUMN_KNOWN):
                continue
            column = table.column(name)
            if (seen := _facts_of(column, now)) is not None:
                found[name] = seen
                if seen.distinct <= _FEW_VALUES:
                    shares |= _value_shares(name, column, self._rows)
        return found, shares


def _is_whole(fragment: Fragment) -> bool:
    """Whether it brings, or counts, every row that there is, as a plain count counts them."""
    r = fragment.request
    asked_less = r.limit is not None or _is_narrowed(r.lookups) or r.points or r.options
    return not asked_less and not r.children and not sent_predicates(fragment)


def _is_narrowed(lookups: Iterable[Lookup]) -> bool:
    """Whether a looked-up row that fails takes the row that looks it up with it."""
    return any(lookup.predicates or _is_narrowed(lookup.lookups) for lookup in lookups)


def _is_counted(fragment: Fragment) -> bool:
    """Whether it brings groups that tell how many rows they have."""
    return any(aggregate.name == _COUNT for aggregate in fragment.request.aggregates)


def _sum_of_counts(batch: pa.RecordBatch) -> int:
    return pc.sum(batch.column(_COUNT)).as_py() or 0


def _value_shares(name: str, column: pa.ChunkedArray, rows: int) -> dict[str, tuple[float, int]]:
    """By the key of ``name = value``: what part of the rows has it. The key shows no value."""
    kind = column.type
    if not (pa.types.is_string(kind) or pa.types.is_boolean(kind)) or not len(column):
        return {}
    found = {}
    for counted in pc.value_counts(column.drop_null()).to_pylist():
        key = answer_key([Compare(name, "=", counted["values"])])
        share = counted["counts"] / len(column)
        if key is not None:
            found[key] = (share, round(share * rows))
    return found


def _facts_of(column: pa.ChunkedArray, now: float) -> ColumnFacts | None:
    try:
        distinct = pc.count_distinct(column, mode="only_valid").as_py()
    except pa.ArrowNotImplementedError:
        return None  # a nested type
    points = _quantiles(column)
    least, most = (points[0], points[-1]) if points else (None, None)
    return ColumnFacts(len(column), column.null_count, distinct, least, most, now, points)


def _quantiles(column: pa.ChunkedArray) -> tuple[Bound, ...]:
    """Values at equal distances; of text none: it may be personal, and is not kept."""
    kind = column.type
    ordered = (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
    )
    if not ordered or column.null_count == len(column):
        return ()
    values = column.drop_null().combine_chunks()
    try:
        values = values.sort()
        last = len(values) - 1
        return tuple(values[i * last // _QUANTILES].as_py() for i in range(_QUANTILES + 1))
    except (pa.ArrowException, OverflowError, ValueError):
        return ()  # a time that Python can't hold
