"""The SQL names of Arrow types are those that DuckDB gives them."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from isthmus.catalog.sqltypes import sql_type

TYPES = [
    pa.null(),
    pa.bool_(),
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.uint8(),
    pa.uint16(),
    pa.uint32(),
    pa.uint64(),
    pa.float32(),
    pa.float64(),
    pa.decimal128(18, 2),
    pa.decimal128(38, 0),
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.binary(4),
    pa.date32(),
    pa.date64(),
    *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
    *(pa.timestamp(unit, "UTC") for unit in ("s", "ms", "us", "ns")),
    pa.time32("s"),
    pa.time32("ms"),
    pa.time64("us"),
    pa.time64("ns"),
    pa.duration("us"),
    pa.month_day_nano_interval(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.list_(pa.string()),
    pa.large_list(pa.int8()),
    pa.list_view(pa.int8()),
    pa.list_(pa.int32(), 3),
    pa.list_(pa.list_(pa.decimal128(9, 3))),
    pa.map_(pa.string(), pa.list_(pa.int64())),
    pa.struct([("a", pa.int8()), ("b c", pa.string()), ("order", pa.date32())]),
]


@pytest.mark.parametrize("type", TYPES, ids=str)
def test_as_duckdb_says(type: pa.DataType) -> None:
    connection = duckdb.connect()
    connection.register("t", pa.table({"x": pa.array([], type)}))
    assert connection.execute("DESCRIBE t").fetchall()[0][1] == sql_type(type)
