"""Arrow types under the names that SQL has for them (DuckDB's documentation, "Data Types")."""

from __future__ import annotations

import pyarrow as pa
from pyarrow import types

from isthmus.catalog.names import quoted

__all__ = ["sql_type"]

_PLAIN = {
    pa.null(): '"NULL"',
    pa.bool_(): "BOOLEAN",
    pa.int8(): "TINYINT",
    pa.int16(): "SMALLINT",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.uint8(): "UTINYINT",
    pa.uint16(): "USMALLINT",
    pa.uint32(): "UINTEGER",
    pa.uint64(): "UBIGINT",
    pa.float16(): "FLOAT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.large_string(): "VARCHAR",
    pa.string_view(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.large_binary(): "BLOB",
    pa.binary_view(): "BLOB",
    pa.date32(): "DATE",
    pa.date64(): "DATE",
    pa.timestamp("s"): "TIMESTAMP_S",
    pa.timestamp("ms"): "TIMESTAMP_MS",
    pa.timestamp("us"): "TIMESTAMP",
    pa.timestamp("ns"): "TIMESTAMP_NS",
    pa.time32("s"): "TIME",
    pa.time32("ms"): "TIME",
    pa.time64("us"): "TIME",
    pa.time64("ns"): "TIME_NS",
}


def sql_type(type: pa.DataType) -> str:
    """The SQL name of an Arrow type; Arrow's own name where SQL has none.

    >>> sql_type(pa.decimal128(18, 2))
    'DECIMAL(18,2)'
    >>> sql_type(pa.list_(pa.string()))
    'VARCHAR[]'
    """
    plain = _PLAIN.get(type)
    if plain is not None:
        return plain
    if types.is_decimal(type):
        return f"DECIMAL({type.precision},{type.scale})"
    if types.is_timestamp(type):
        return "TIMESTAMPTZ_NS" if type.unit == "ns" else "TIMESTAMP WITH TIME ZONE"
    if types.is_duration(type) or types.is_interval(type):
        return "INTERVAL"
    if types.is_fixed_size_binary(type):
        return "BLOB"
    if types.is_dictionary(type):
        return sql_type(type.value_type)
    return _nested(type)


def _nested(type: pa.DataType) -> str:
    if types.is_map(type):
        return f"MAP({sql_type(type.key_type)}, {sql_type(type.item_type)})"
    if types.is_fixed_size_list(type):
        return f"{sql_type(type.value_type)}[{type.list_size}]"
    if types.is_list(type) or types.is_large_list(type) or types.is_list_view(type):
        return f"{sql_type(type.value_type)}[]"
    if types.is_struct(type):
        fields = (type.field(i) for i in range(type.num_fields))
        return f"STRUCT({', '.join(f'{quoted(f.name)} {sql_type(f.type)}' for f in fields)})"
    return str(type)
