"""Values on their way into a target: nested ones as JSON, whole tables under other types."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.errors import DataError

__all__ = ["as_json", "converted", "is_nested", "is_unsigned_long"]


def is_nested(type: pa.DataType) -> bool:
    """Whether values have parts: lists, structs, maps."""
    return bool(pa.types.is_nested(type))


def is_unsigned_long(type: pa.DataType) -> bool:
    """Whether values may pass the largest signed 64-bit number."""
    return bool(pa.types.is_uint64(type))


def as_json(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Nested values as texts.

    >>> as_json(pa.array([[1, None], None])).to_pylist()
    ['[1,null]', None]
    """
    texts = [None if v is None else _text(v) for v in array.to_pylist()]
    return pa.array(texts, pa.string())


def converted(
    rows: pa.Table, stored: Callable[[pa.DataType], pa.DataType | None], target: str
) -> pa.Table:
    """The same rows under the types that a target stores.

    Raises:
        DataError: a value does not fit; names its column.
    """
    columns, fields = [], []
    for field, array in zip(rows.schema, rows.columns, strict=True):
        wanted = stored(field.type)
        assert wanted is not None  # demand_held has looked
        fields.append(pa.field(field.name, wanted))
        columns.append(_cast(array, wanted, field.name, target))
    return pa.table(columns, schema=pa.schema(fields))


def _cast(array: pa.ChunkedArray, wanted: pa.DataType, name: str, target: str) -> Any:
    if array.type == wanted:
        return array
    if is_nested(array.type) and pa.types.is_string(wanted):
        return as_json(array)
    try:
        return pc.cast(array, wanted)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"a value of {name} does not fit {wanted}, as which {target} keeps it: {error}",
            remedy="Leave the column out, or cast it in a query.",
        ) from error


def _text(value: Any) -> str:
    return json.dumps(value, default=_part, ensure_ascii=False, separators=(",", ":"))


def _part(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
