"""Rows that count the same as the rows a source has counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from isthmus.connectors.contract import Aggregate, ScanRequest

__all__ = ["expanded"]

_ROWS = 1 << 16


def expanded(
    batches: Iterable[pa.RecordBatch], request: ScanRequest, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """For each group so many rows as it counts.

    Args:
        batches: the groups: `request.columns`, then a column for each aggregate.
        request: what was asked; its first aggregate is ``count(*)``.
        columns: the names to give. Grouped columns hold the group's value; columns with extremes
            hold values of the same extremes and, where asked, as many non-nulls; others, which
            nothing reads, hold anything.
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
                    _column(c, out.field(c).type, group, request, start, rows) for c in columns
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
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return pa.scalar("", kind) if pa.types.is_string(kind) else pa.scalar(b"", kind)
    if pa.types.is_boolean(kind):
        return pa.scalar(False, kind)
    try:
        return pa.scalar(0, pa.int64()).cast(kind)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.scalar(None, kind)
