"""Casts of whole batches: what fits is cast, what does not is told by row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from isthmus.engine.database import Database
from isthmus.engine.writes.convert import converted


@pytest.fixture(scope="module")
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    database = Database(time_zone="Europe/Berlin")
    yield database.cursor()
    database.close()


BAD = object()
MS = pa.timestamp("ms", "UTC")
CASES: list[tuple[pa.Array, pa.DataType, list[Any]]] = [
    (pa.array(["1", "1.5", "x", None]), pa.int64(), [1, 2, BAD, None]),
    (pa.array([1.0, 1.5, float("nan")]), pa.int64(), [1, BAD, BAD]),
    (pa.array([Decimal("2.0"), Decimal("2.5")]), pa.int64(), [2, BAD]),
    (pa.array([0.1, 1e30, float("inf")]), pa.decimal128(18, 2), [Decimal("0.10"), BAD, BAD]),
    (pa.array([Decimal("1.005")]), pa.decimal128(18, 2), [Decimal("1.01")]),
    (pa.array([7]), pa.decimal128(18, 2), [Decimal("7.00")]),
    (pa.array([0, 1, 2]), pa.bool_(), [False, True, BAD]),
    (pa.array(["true", "no", "perhaps"]), pa.bool_(), [True, False, BAD]),
    (pa.array(["2026-02-03", "3.2.2026"]), pa.date32(), [date(2026, 2, 3), BAD]),
    (
        pa.array([datetime(2026, 2, 3), datetime(2026, 2, 3, 1)]),
        pa.date32(),
        [date(2026, 2, 3), BAD],
    ),
    (pa.array([20260203]), pa.date32(), [BAD]),
    (
        pa.array([datetime(2026, 7, 1, 12, 0, 0, 1500)]),
        MS,
        [datetime(2026, 7, 1, 10, 0, 0, 1000, UTC)],
    ),
    (
        pa.array(["2026-07-01T12:00:00.000+0000"]),
        MS,
        [datetime(2026, 7, 1, 12, tzinfo=UTC)],
    ),
    (pa.array(["10:30"]), pa.time32("ms"), [time(10, 30)]),
    (pa.array([1, None]), pa.string(), ["1", None]),
    (pa.array([True]), pa.string(), ["true"]),
    (pa.array([["a"]]), pa.string(), [BAD]),
    (pa.array([b"a"]), pa.string(), [BAD]),
    (pa.array([None]), pa.int64(), [None]),
    (pa.array(["ä"]).dictionary_encode(), pa.string(), ["ä"]),
]


@pytest.mark.parametrize(("given", "wanted", "expected"), CASES)
def test_values_are_cast_or_told(
    given: pa.Array, wanted: pa.DataType, expected: list[Any], cursor: duckdb.DuckDBPyConnection
) -> None:
    batch = pa.RecordBatch.from_arrays([given], names=['a "b"'])
    made, misfits = converted(batch, {'a "b"': wanted}, cursor)
    assert made.schema.types == [wanted]
    assert [m.row for m in misfits] == [i for i, v in enumerate(expected) if v is BAD]
    for row, value in enumerate(expected):
        if value is not BAD:
            assert made.column(0)[row].as_py() == value
    assert all("does not fit" in m.message for m in misfits)


def test_what_has_no_type_of_its_own_stays(cursor: duckdb.DuckDBPyConnection) -> None:
    batch = pa.RecordBatch.from_pydict({"Account.Key__c": [7], "same": ["x"]})
    made, misfits = converted(batch, {"Account.Key__c": None, "same": pa.string()}, cursor)
    assert made.equals(batch)
    assert misfits == []
