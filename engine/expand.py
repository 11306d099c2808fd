"""Rows that count the same as the rows a source has counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from isthmus.connectors.contract import Aggregate, ScanRequest

__all__ = ["expanded"]

_ROWS = 1 << 16


def expanded(
    batches: Iterable[pa.RecordBatch],
    request: ScanRequest,
    columns: Sequence[str],
    fixed: Mapping[str, Any] = MappingProxyType({}),
) -> Iterator[pa.RecordBatch]:
    """For each group so many rows as it counts.

    Args:
        batches: the groups: `request.columns`, then a column for each aggregate.
        request: what was asked; its first aggregate is ``count(*)``.
        columns: the names to give. Grouped columns hold the group's value; columns with extremes
            hold values of the same extremes and, where asked, as many non-nulls; others, which
            nothing reads, hold anything.
        fixed: columns that hold the same value in every row.
    """
    schema = request.table.schema
    out = pa.schema([schema.field(c) for c in columns])
    for batch in batches:
        for group in batch.to_pylist():
            left = int(group[Aggregate("count").name])
            start = 0
            while left > 0:
                rows = min(left, _ROWS)
                arrays = [
                    pa.repeat(pa.scalar(fixed[c], out.field(c).type), rows)
                    if c in fixed
                    else _column(c, out.field(c).type, group, request, start, rows)
                    for c in columns
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=out)
                left -= rows
                start += rows


def _column(
    name: str, kind: pa.DataType, group: dict[str, Any], request: ScanRequest, start: int, rows: int
) -> pa.Array:
    if name in request.columns:
        return pa.repeat(pa.scalar(group[name], kind), rows)
    asked = {a.function for a in request.aggregates if a.column == name}
    if not asked:
        return pa.repeat(_anything(kind), rows)
    low, high = (group.get(Aggregate(f, name).name) for f in ("min", "max"))
    low, high = (high if low is None else low), (low if high is None else high)
    present = rows
    if "count" in asked:
        present = max(min(int(group[Aggregate("count", name).name]) - start, rows), 0)
        filler = _anything(kind) if low is None else pa.scalar(low, kind)
    else:
        filler = pa.scalar(low, kind)
    values = pa.repeat(filler, present)
    if present and start == 0 and high is not None:
        values = pa.concat_arrays([pa.array([low, high][:present], kind), values[2:]])
    return pa.concat_arrays([values, pa.nulls(rows - present, kind)])


def _anything(kind: pa.DataType) -> pa.Scalar:
    """A value of the type that is not null."""
    if pa.types.is_decimal(kind):
        return pa.scalar(Decimal(0), kind)
    if pa.types.is_timestamp(kind):
        return pa.scalar(datetime(2000, 1, 1, tzinfo=UTC if kind.tz else None), kind)
    for known, value in _VALUES:
        if known(kind):
            return pa.scalar(value, kind)
    raise TypeError(f"there is no value for the type {kind}")


_VALUES: tuple[tuple[Callable[[pa.DataType], bool], Any], ...] = (
    (pa.types.is_string, ""),
    (pa.types.is_boolean, False),
    (pa.types.is_integer, 0),
    (pa.types.is_floating, 0.0),
    (pa.types.is_date, date(2000, 1, 1)),
    (pa.types.is_time, time(0)),
    (pa.types.is_binary, b""),
    (pa.types.is_nested, None),  # nothing counts these: a source never groups them
)
