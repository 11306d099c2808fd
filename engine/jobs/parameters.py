"""A query's parameters as bytes, and back: with their types, and running nothing on the way."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from isthmus.errors import ParameterError

__all__ = ["packed", "unpacked"]


def packed(parameters: Sequence[Any] | Mapping[str, Any] | None) -> bytes | None:
    """Parameters, as a job keeps them.

    Raises:
        ParameterError: one is of a type that can't be kept.

    >>> from decimal import Decimal
    >>> unpacked(packed({"least": Decimal("12.50"), "name": None}))
    {'least': Decimal('12.50'), 'name': None}
    >>> unpacked(packed(["a", 2]))
    ['a', 2]
    """
    if parameters is None:
        return None
    named = isinstance(parameters, Mapping)
    values = dict(parameters) if isinstance(parameters, Mapping) else dict(enumerate(parameters))
    columns = [_column(name, value) for name, value in values.items()]
    schema = pa.schema(
        [pa.field(str(n), c.type) for n, c in zip(values, columns, strict=True)],
        metadata={"named": str(int(named))},
    )
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, schema) as writer:
        if columns:
            writer.write(pa.record_batch(columns, schema=schema))
    return buffer.getvalue()


def unpacked(kept: bytes | None) -> list[Any] | dict[str, Any] | None:
    """What `packed` was given."""
    if kept is None:
        return None
    table = pa.ipc.open_stream(kept).read_all()
    values = [column[0].as_py() for column in table.columns]
    if table.schema.metadata[b"named"] == b"1":
        return dict(zip(table.schema.names, values, strict=True))
    return values


def _column(name: object, value: Any) -> pa.Array:
    try:
        return pa.array([value])
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise ParameterError(
            f"the parameter {name} is a {type(value).__name__}, which a job can't keep",
            remedy="Give text, numbers, dates, times, bytes, lists of them, or None.",
        ) from error
