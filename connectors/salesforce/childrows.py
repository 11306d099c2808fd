"""What a subquery answers for each record: ``{"totalSize": 2, "done": true, "records": [..]}``.

It is null, or has no records, where a record has no children. Where there are more of them than
are shown, it is not done and says where they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Level", "child_level", "lists_of"]


def child_level(relationship: str, record: pa.StructType) -> pa.Field:
    """The field of a record that holds its children."""
    return pa.field(
        relationship,
        pa.struct(
            [
                ("totalSize", pa.int64()),
                ("done", pa.bool_()),
                ("nextRecordsUrl", pa.string()),
                ("records", pa.list_(record)),
            ]
        ),
    )


@dataclass(frozen=True)
class Level:
    """The children of many records.

    Attributes:
        records: one after another.
        lengths: how many of them each record shows.
        links: where more of them are; null where all are shown.
    """

    records: pa.StructArray
    lengths: pa.Array
    links: pa.StringArray

    @classmethod
    def of(cls, found: pa.StructArray) -> Level:
        """Read the field that `child_level` describes.

        Raises:
            ValueError: a part of it is missing, or its parts contradict each other.
        """
        total, done, links, shown = found.flatten()  # null where there is nothing
        lengths = pc.fill_null(pc.list_value_length(shown), 0)
        records = shown.flatten()
        whole = pc.and_(links.is_null(), pc.equal(total, lengths))
        part = pc.and_(links.is_valid(), pc.greater(total, lengths))
        consistent = pc.if_else(done, whole, part)
        good = pc.or_kleene(found.is_null(), pc.fill_null(consistent, False))
        if not pc.all(good, min_count=0).as_py():
            raise ValueError("it is no page of child rows")
        if records.null_count:
            raise ValueError("it has a child that is null")
        return cls(records, lengths, links)

    def lists(self, rows: pa.StructArray) -> pa.ListArray:
        """The children as lists, made of these rows instead of `records`."""
        return lists_of(self.lengths.to_numpy(zero_copy_only=False), rows)


def lists_of(lengths: np.ndarray, rows: pa.StructArray) -> pa.ListArray:
    """Rows cut into lists of these lengths."""
    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    offsets = pa.Array.from_buffers(pa.int32(), len(ends), [None, pa.py_buffer(ends)])
    return pa.ListArray.from_arrays(offsets, rows)
