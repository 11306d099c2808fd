"""A rechecked predicate keeps exactly the rows that DuckDB would keep."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.connectors.predicates import And, Compare, In, IsNull, Not, Or, Predicate
from isthmus.engine.recheck import Unfit, expression

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "s": (pa.string(), ["Acme", "ACME", "", "ß", "İ", "a'b", None, "null"]),
    "n": (pa.int64(), [0, -1, 2**53 + 1, None, 7]),
    "d": (pa.decimal128(18, 2), [Decimal("0.01"), Decimal("-5"), None, Decimal("9" * 16)]),
    "b": (pa.bool_(), [True, False, None]),
    "day": (pa.date32(), [date(1700, 1, 1), date(2024, 2, 29), None]),
    "moment": (
        pa.timestamp("ms", "UTC"),
        [datetime(2024, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC), None],
    ),
    "t": (pa.time32("ms"), [time(0), time(17, 30, 0, 1000), None]),
}
SCHEMA = pa.schema([(name, kind) for name, (kind, _) in VALUES.items()])


def sql(predicate: Predicate) -> str:
    match predicate:
        case Compare(column, op, value):
            return f"({column} {op} {literal(value)})"
        case In(column, values):
            return f"({column} IN ({', '.join(map(literal, values))}))"
        case IsNull(column):
            return f"({column} IS NULL)"
        case And(parts):
            return "(" + " AND ".join(map(sql, parts)) + ")"
        case Or(parts):
            return "(" + " OR ".join(map(sql, parts)) + ")"
        case Not(part):
            return f"(NOT {sql(part)})"


def literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{value.isoformat()}'"
    if isinstance(value, date):
        return f"DATE '{value}'"
    if isinstance(value, time):
        return f"TIME '{value}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


def leaves() -> st.SearchStrategy[Predicate]:
    def of(column: str) -> st.SearchStrategy[Predicate]:
        known = st.sampled_from([v for v in VALUES[column][1] if v is not None])
        ops = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
        return st.one_of(
            st.builds(Compare, st.just(column), ops, known),
            st.builds(In, st.just(column), st.lists(known, min_size=1, max_size=3).map(tuple)),
            st.just(IsNull(column)),
        )

    return st.sampled_from(sorted(VALUES)).flatmap(of)


predicates = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda p: And(tuple(p))),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: Or(tuple(p))),
        inner.map(Not),
    ),
    max_leaves=5,
)
rows = st.lists(
    st.fixed_dictionaries({n: st.sampled_from(v) for n, (_, v) in VALUES.items()}), max_size=8
)


@settings(max_examples=150, deadline=None)
@given(predicates, rows)
def test_keeps_what_duckdb_keeps(predicate: Predicate, data: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(data, SCHEMA)
    kept = table.filter(expression([predicate], SCHEMA))
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.register("data", table)
        wanted = con.sql(f"SELECT * FROM data WHERE {sql(predicate)}").to_arrow_table()
    assert sorted(map(repr, kept.to_pylist())) == sorted(map(repr, wanted.cast(SCHEMA).to_pylist()))


def test_floats_are_left_to_duckdb() -> None:
    # DuckDB orders NaN above all; Arrow's comparison with NaN is false.
    with pytest.raises(Unfit):
        expression([Compare("f", ">", 1.0)], pa.schema([("f", pa.float64())]))


def test_no_predicate_needs_no_filter() -> None:
    assert expression([], SCHEMA) is None
