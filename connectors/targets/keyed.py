"""Finding rows by their keys, whatever types and however many columns these have."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.targets.contract import Layout
from isthmus.errors import DataError

__all__ = ["demand_unique", "places"]


def places(keys: pa.Table, among: pa.Table) -> pa.Int32Array:
    """For each key its row in another table of keys; null where it has none.

    >>> places(pa.table({"k": ["a", "b"]}), pa.table({"k": ["c", "a"]})).to_pylist()
    [1, None]
    """
    if keys.num_columns == 1 and pa.types.is_string(keys.schema.field(0).type):
        found = pc.index_in(keys.column(0), value_set=among.column(0).combine_chunks())
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    known = {key: i for i, key in enumerate(_tuples(among))}
    return pa.array([known.get(key) for key in _tuples(keys)], pa.int32())


def demand_unique(layout: Layout, target: str) -> Callable[[pa.RecordBatch], pa.RecordBatch]:
    """A filter that lets batches through as long as no key is null or comes a second time.

    The keys of all batches are kept in memory, as fingerprints of 8 bytes or so each.

    Raises:
        DataError: one does.
    """
    seen: set[int] = set()

    def check(batch: pa.RecordBatch) -> pa.RecordBatch:
        if not layout.key:
            return batch
        keys = pa.Table.from_batches([batch.select(list(layout.key))])
        before = len(seen)
        seen.update(map(hash, _tuples(keys)))
        if len(seen) < before + batch.num_rows or any(c.null_count for c in keys.columns):
            raise DataError(
                f"the key {', '.join(layout.key)} is null or not unique in what is copied to "
                f"{target}",
                remedy="Name the columns that tell rows apart.",
            )
        return batch

    return check


def _tuples(table: pa.Table) -> list[Hashable]:
    columns = [column.to_pylist() for column in table.columns]
    return list(zip(*columns, strict=True))
