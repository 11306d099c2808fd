"""The columns of a copy: plain Arrow types, the same for a table's scan and a query's answer."""

from __future__ import annotations

import base64
from typing import Final

import pyarrow as pa

from isthmus.connectors.targets.contract import Layout

__all__ = ["LABEL", "layout_of", "plain", "plain_schema", "read_layout", "write_layout"]

#: The key of a column's label in its field's metadata.
LABEL: Final = b"label"


def plain(type: pa.DataType) -> pa.DataType:
    """A type without zone, extension or dictionary, with times in microseconds.

    >>> plain(pa.timestamp("ms", "Europe/Berlin")), plain(pa.time32("ms"))
    (TimestampType(timestamp[us, tz=UTC]), Time64Type(time64[us]))
    """
    if isinstance(type, pa.BaseExtensionType):
        return plain(type.storage_type)
    if pa.types.is_dictionary(type):
        return plain(type.value_type)
    if pa.types.is_timestamp(type):
        unit = "ns" if type.unit == "ns" else "us"
        return pa.timestamp(unit, None if type.tz is None else "UTC")
    if pa.types.is_time(type):
        return pa.time64("us")
    if pa.types.is_large_string(type) or pa.types.is_string_view(type):
        return pa.string()
    if pa.types.is_large_binary(type) or pa.types.is_binary_view(type):
        return pa.binary()
    return type


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The same columns under plain types."""
    return pa.schema([pa.field(f.name, plain(f.type)) for f in schema])


def layout_of(schema: pa.Schema, key: tuple[str, ...]) -> Layout:
    """The layout of a copy."""
    return Layout(schema, key)


def write_layout(layout: Layout) -> dict[str, object]:
    """A layout as JSON."""
    schema = base64.b64encode(layout.schema.serialize().to_pybytes()).decode()
    return {"schema": schema, "key": list(layout.key)}


def read_layout(values: dict[str, object]) -> Layout:
    """The layout that `write_layout` wrote."""
    raw = base64.b64decode(str(values["schema"]))
    key = values["key"]
    assert isinstance(key, list)
    return Layout(pa.ipc.read_schema(pa.py_buffer(raw)), tuple(key))
