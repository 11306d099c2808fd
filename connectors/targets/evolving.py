"""Rows under the columns that a copy is to have from now on."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.targets.contract import Change, ColumnChange

__all__ = ["evolved"]


def evolved(
    batch: pa.RecordBatch, changes: Sequence[ColumnChange], schema: pa.Schema
) -> pa.RecordBatch:
    """A batch of the old columns as one of the new ones.

    Args:
        batch: rows with the old columns.
        changes: what has happened.
        schema: the new columns, under the types they are stored as.
    """
    old = {name: name for name in batch.schema.names}
    for change in changes:
        if change.change is Change.RENAME:
            old[change.name] = old.pop(change.column)
    arrays = [
        pc.cast(batch.column(old[field.name]), field.type)
        if field.name in old
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
