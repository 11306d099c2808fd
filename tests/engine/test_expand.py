"""Counted rows count the same as the rows they stand for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Aggregate, ScanRequest
from isthmus.engine.expand import expanded

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "n": (pa.int64(), [1, 2, 5]),
    "d": (pa.decimal128(16, 2), [Decimal("-1.50"), Decimal("7.25")]),
    "f": (pa.float64(), [0.5, -3.0]),
    "b": (pa.bool_(), [True, False]),
    "day": (pa.date32(), [date(1700, 1, 1), date(9999, 12, 31)]),
    "at": (pa.timestamp("ms", "UTC"), [datetime(2020, 1, 1, tzinfo=UTC)]),
    "clock": (pa.time64("us"), [time(1, 2, 3)]),
    "t": (pa.string(), ["a", "b"]),
}
TABLE = Table("s", "t", tuple(Column(name, kind) for name, (kind, _) in VALUES.items()))
rows = st.lists(
    st.fixed_dictionaries({c: st.none() | st.sampled_from(v) for c, (_, v) in VALUES.items()}),
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(rows, st.sampled_from([(), ("b",), ("b", "n")]), st.sampled_from(sorted(VALUES)), st.data())
def test_the_same_groups_come_of_them(
    given_rows: list[dict[str, Any]], groups: tuple[str, ...], column: str, data: st.DataObject
) -> None:
    if column in groups:
        return
    asked = data.draw(st.lists(st.sampled_from(["count", "min", "max"]), unique=True))
    aggregates = (Aggregate("count"), *(Aggregate(f, column) for f in asked))  # type: ignore[arg-type]
    whole = pa.Table.from_pylist(given_rows, TABLE.schema)
    sql = ", ".join([*groups, *(f'{sql_name(a)} AS "{a.name}"' for a in aggregates)])
    grouped = f"SELECT {sql} FROM counted GROUP BY ({', '.join(groups)})"
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.register("counted", whole)
        expected = con.sql(grouped).to_arrow_table()
        request = ScanRequest(TABLE, groups, aggregates=aggregates)
        out = list(expanded(expected.to_batches(), request, list(VALUES)))
        con.unregister("counted")
        con.register("counted", pa.Table.from_batches(out, TABLE.schema))
        found = con.sql(grouped).to_arrow_table()
    assert sorted(map(str, found.to_pylist())) == sorted(map(str, expected.to_pylist()))
    assert sum(b.num_rows for b in out) == len(given_rows)


def test_many_rows_come_in_bounded_batches() -> None:
    counted = pa.RecordBatch.from_pydict({"count(*)": [200_000], "count(t)": [70_000]})
    request = ScanRequest(TABLE, (), aggregates=(Aggregate("count"), Aggregate("count", "t")))
    out = list(expanded([counted], request, ["t"]))
    assert max(b.num_rows for b in out) <= 65_536
    assert sum(b.num_rows for b in out) == 200_000
    assert sum(b.column("t").null_count for b in out) == 130_000


def sql_name(aggregate: Aggregate) -> str:
    column = "*" if aggregate.column is None else f'"{aggregate.column}"'
    return f"{aggregate.function}({column})"
