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

from isthmus.connectors.predicates import (
    PARTS,
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    PartIn,
    Predicate,
)
from isthmus.engine.recheck import Unfit, expression

TEXTS = ["Acme", "ACME", "", "ß", "İ", "a'b", None, "null", "a%", "a_", "a\\", "a;b", "a;", ";"]
TEXTS += ["K", "\u212a", "\u0131", "\u017f", "S", "a\nb", "a.A", "[a", " a ", "[;."]
TEXTS += ["\U0001f600", "e\u0301"]

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "s": (pa.string(), TEXTS),
    "n": (pa.int64(), [0, -1, 2**53 + 1, None, 7]),
    "d": (pa.decimal128(18, 2), [Decimal("0.01"), Decimal("-5"), None, Decimal("9" * 16)]),
    "b": (pa.bool_(), [True, False, None]),
    "day": (pa.date32(), [date(1700, 1, 1), date(2024, 2, 29), date(2023, 12, 31), None]),
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
        case PartIn(column, part, numbers):
            return f"({part}({column}) IN ({', '.join(map(str, numbers))}))"
        case And(parts):
            return "(" + " AND ".join(map(sql, parts)) + ")"
        case Or(parts):
            return "(" + " OR ".join(map(sql, parts)) + ")"
        case Not(part):
            return f"(NOT {sql(part)})"
        case Like(column, pattern, case_sensitive):
            word = "LIKE" if case_sensitive else "ILIKE"
            return f"({column} {word} {literal(pattern)} ESCAPE '\\')"
        case HasItem(column, item, separator):
            split = f"string_split({column}, {literal(separator)})"
            return f"list_contains({split}, {literal(item)})"


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

    parts = st.sampled_from(sorted(PARTS.items())).flatmap(
        lambda part: st.builds(
            PartIn,
            st.just("day"),
            st.just(part[0]),
            st.lists(st.integers(1, part[1]), min_size=1, max_size=9, unique=True).map(
                lambda n: tuple(sorted(n))
            ),
        )
    )
    return st.one_of(st.sampled_from(sorted(VALUES)).flatmap(of), patterned(), parts)


def patterned() -> st.SearchStrategy[Predicate]:
    signs = st.sampled_from(["%", "_", "\\%", "\\_", "\\\\", *"aAcCkKiIsSß'.;[\n "])
    pattern = st.lists(signs, max_size=5).map("".join)
    ascii_pattern = pattern.map(lambda p: p.replace("ß", "ss"))
    item = st.sampled_from(["a", "", "A", "a;b", "[", "."])
    return st.one_of(
        st.builds(Like, st.just("s"), pattern),
        st.builds(Like, st.just("s"), ascii_pattern, st.just(False)),
        st.builds(HasItem, st.just("s"), item),
        st.builds(HasItem, st.just("s"), item, st.just(".")),
    )


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


def test_a_character_in_any_case_is_what_duckdb_lowers_to_it() -> None:
    every = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
    schema = pa.schema([("s", pa.string())])
    data = pa.table({"s": every}, schema)
    with duckdb.connect() as con:
        con.register("data", data)
        for sign in "iIkKsSaZ1.":
            wanted = con.execute("SELECT s FROM data WHERE s ILIKE ?", [sign]).fetchall()
            found = data.filter(expression([Like("s", sign, False)], schema))["s"].to_pylist()
            assert sorted(found) == sorted(s for (s,) in wanted)


@pytest.mark.parametrize(
    "unfit",
    [Like("n", "1%"), Like("s", "ä%", False), HasItem("s", "a", "--"), HasItem("s", "a", "")],
    ids=str,
)
def test_a_pattern_that_would_mean_something_else_is_unfit(unfit: Predicate) -> None:
    with pytest.raises(Unfit):
        expression([unfit], SCHEMA)


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [("a_b", True), ("a%b", True), ("a_", False), ("%", True), ("a%c", False)],
)
def test_a_wildcard_stands_for_a_line_break_too(pattern: str, wanted: bool) -> None:
    table = pa.table({"s": ["a\nb"]})
    found = table.filter(expression([Like("s", pattern)], table.schema))
    assert found.num_rows == wanted


def test_of_nothing() -> None:
    table = pa.table({"n": [1, None]})
    assert table.filter(expression([Or(())], table.schema)).num_rows == 0
    assert table.filter(expression([And(())], table.schema)).num_rows == 2


def test_floats_are_left_to_duckdb() -> None:
    # DuckDB orders NaN above all; Arrow's comparison with NaN is false.
    with pytest.raises(Unfit):
        expression([Compare("f", ">", 1.0)], pa.schema([("f", pa.float64())]))


def test_no_predicate_needs_no_filter() -> None:
    assert expression([], SCHEMA) is None
