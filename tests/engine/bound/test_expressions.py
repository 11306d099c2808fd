"""What each form of condition implies, and which forms imply nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest

from isthmus.connectors.predicates import (
    NEVER,
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
from isthmus.engine.bound.clock import instants, offsets
from isthmus.engine.expressions import predicate_of
from tests.engine.bound.conditions import TABLE
from tests.engine.bound.planned import implied


@pytest.fixture(scope="module")
def berlin() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'Europe/Berlin'")
        yield con


def at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[misc,arg-type]


def both(column: str, low: object, high: object, upper: str = "<") -> Predicate:
    return And((Compare(column, ">=", low), Compare(column, upper, high)))  # type: ignore[arg-type]


NOON = datetime(2024, 6, 9, 12)
SUMMER = both("ts", at(2024, 6, 3, 22), at(2024, 6, 4, 22))
PARTS_OF_BOTH = And((PartIn("d", "quarter", (2,)), PartIn("d", "month", (1, 2, 3, 4, 5))))
KNOWN: list[tuple[str, Predicate, bool]] = [
    # patterns
    ("s LIKE 'a%b_'", Like("s", "a%b_"), True),
    ("s LIKE 'ab%'", Like("s", "ab%"), True),
    ("s NOT LIKE '%b'", Not(Like("s", "%b")), True),
    (r"s LIKE 'a\%'", Like("s", r"a\\%"), True),
    ("s LIKE 'a!%b%' ESCAPE '!'", Like("s", r"a\%b%"), True),
    ("s ILIKE 'A%'", Like("s", "A%", False), True),
    ("s NOT ILIKE 'A%'", Not(Like("s", "A%", False)), True),
    ("contains(s, '5%')", Like("s", r"%5\%%"), True),
    ("s ^@ 'a_'", Like("s", r"a\_%"), True),
    ("lower(s) = 'abc'", Like("s", "abc", False), True),
    ("lower(s) = 'Abc'", NEVER, True),
    ("lower(s) = 'é'", Like("s", "é", False), False),
    ("lower(s) <> 'abc'", Not(Like("s", "abc", False)), True),
    ("upper(s) = 'SKY'", Like("s", "__Y", False), False),
    ("upper(s) LIKE 'AB%'", Like("s", "AB%", False), True),
    ("trim(s) = 'ab'", Like("s", "%ab%"), False),
    ("s || 'x' = 'ax'", Compare("s", "=", "a"), True),
    ("s || 'x' = 'ay'", NEVER, True),
    ("concat(s, 'x') = 'x'", Or((Compare("s", "=", ""), IsNull("s"))), True),
    ("left(s, 1) IN ('a', 'b')", Or((Like("s", "a%"), Like("s", "b%"))), False),
    ("list_contains(string_split(m, ';'), 'a')", HasItem("m", "a"), True),
    ("NOT list_has_any(string_split(m, ','), ['a'])", Not(HasItem("m", "a", ",")), True),
    (
        "list_has_all(string_split(m, ';'), ['a', 'b'])",
        And((HasItem("m", "a"), HasItem("m", "b"))),
        True,
    ),
    # lists, of any length
    ("s IN ('a', NULL)", Compare("s", "=", "a"), True),
    ("s IN ('a', 'b', 'a')", In("s", ("a", "b")), True),
    ("s NOT IN ('a', 'b')", Not(In("s", ("a", "b"))), True),
    (f"n IN {tuple(range(3000))}", In("n", tuple(range(3000))), True),
    # nulls
    ("coalesce(s, 'z') = 'q'", Compare("s", "=", "q"), True),
    ("coalesce(n, 0) >= 0", Or((Compare("n", ">=", 0), IsNull("n"))), True),
    ("s IS DISTINCT FROM 'x'", Or((Compare("s", "!=", "x"), IsNull("s"))), True),
    ("b", Compare("b", "=", True), True),
    ("NOT b", Compare("b", "=", False), True),
    ("b IS NOT TRUE", Or((Compare("b", "!=", True), IsNull("b"))), True),
    ("nullif(s, '') = 'x'", Compare("s", "=", "x"), False),
    (
        "CASE WHEN n = 1 THEN b ELSE s = 'x' END",
        Or((And((Compare("n", "=", 1), Compare("b", "=", True))), Compare("s", "=", "x"))),
        False,
    ),
    # trees
    ("n = 1 OR s LIKE 'a%'", Or((Compare("n", "=", 1), Like("s", "a%"))), True),
    (
        "n = 1 OR (s LIKE 'a%' AND length(s) = 3)",
        Or((Compare("n", "=", 1), Like("s", "a%"))),
        False,
    ),
    # numbers
    ("n > 1.5", Compare("n", ">=", 2), True),
    ("n = 1.5", NEVER, True),
    ("n > 3 AND n < 7", And((Compare("n", ">", 3), Compare("n", "<", 7))), True),
    ("n BETWEEN 3 AND 7", both("n", 3, 7, "<="), True),
    (
        "NOT (n::DOUBLE BETWEEN 3.5e0 AND 7e0)",
        Or((Compare("n", "<=", 3), Compare("n", ">", 7))),
        True,
    ),
    ("n::DOUBLE <= 2.5e0", Compare("n", "<=", 2), True),
    ("c > 1e3", Compare("c", ">=", Decimal("1000.00")), False),
    ("c = 0.1e0", Compare("c", "=", Decimal("0.10")), False),
    ("c * 2 > 5", Compare("c", ">", Decimal("2.50")), True),
    ("c * -0.5 > 1", Compare("c", "<", Decimal("-2.00")), True),
    ("f = 0.1::FLOAT", Compare("f", "=", 0.10000000149011612), True),
    ("n::VARCHAR = '5'", Compare("n", "=", 5), True),
    ("n::VARCHAR = '05'", NEVER, True),
    # days and instants
    ("ts::DATE = '2024-06-04'", SUMMER, True),
    ("ts::DATE = '2024-03-31'", both("ts", at(2024, 3, 30, 22), at(2024, 3, 31, 23)), False),
    ("ts::DATE >= '2024-06-04'", Compare("ts", ">=", at(2024, 6, 3, 22)), True),
    ("date_trunc('day', ts) IN ('2024-06-04')", SUMMER, True),
    (
        "date_trunc('month', ts) IN ('2024-06-01', '2024-07-01')",
        Or(
            (
                both("ts", at(2024, 5, 31, 22), at(2024, 6, 30, 22)),
                both("ts", at(2024, 6, 30, 22), at(2024, 7, 31, 22)),
            )
        ),
        True,
    ),
    ("year(ts) = 2024", both("ts", at(2023, 12, 31, 23), at(2024, 12, 31, 23)), True),
    ("year(ts) >= 2024", Compare("ts", ">=", at(2023, 12, 31, 23)), False),
    ("strftime(d, '%Y-%m') = '2024-02'", both("d", date(2024, 2, 1), date(2024, 3, 1)), False),
    ("d >= TIMESTAMPTZ '2024-06-04 12:00'", Compare("d", ">", date(2024, 6, 4)), True),
    ("d < TIMESTAMPTZ '2024-06-04 12:00'", Compare("d", "<=", date(2024, 6, 4)), True),
    (
        "date_trunc('week', d) IN ('2024-06-03', '2024-06-04')",
        both("d", date(2024, 6, 3), date(2024, 6, 10)),
        True,
    ),
    (
        "date_trunc('quarter', tu) IN ('2024-04-01', '2024-05-01')",
        both("tu", datetime(2024, 4, 1), datetime(2024, 7, 1)),
        True,
    ),
    ("d + 3 > '2024-01-01'", Compare("d", ">", date(2023, 12, 29)), True),
    ("DATE '2024-01-31' - d < 7", Compare("d", ">", date(2024, 1, 24)), False),
    ("datediff('month', d, '2024-03-31') < 2", Compare("d", ">=", date(2024, 2, 1)), False),
    ("ts + INTERVAL 90 MINUTES > '2024-06-04'", Compare("ts", ">", at(2024, 6, 3, 20, 30)), True),
    # parts of dates
    ("month(d) = 3", PartIn("d", "month", (3,)), True),
    ("extract(month FROM d) IN (1, 3)", PartIn("d", "month", (1, 3)), True),
    ("date_part('day', d) BETWEEN 3 AND 5", PartIn("d", "day", (3, 4, 5)), True),
    ("quarter(d) <> 2", PartIn("d", "quarter", (1, 3, 4)), True),
    ("NOT (quarter(d) <> 2 OR month(d) > 5)", PARTS_OF_BOTH, True),
    ("month(d) < 3 OR month(d) = 12", PartIn("d", "month", (1, 2, 12)), True),
    ("month(d) = 3 AND month(d) = 4 AND month(d) = 3", NEVER, True),
    ("month(d) = 13", NEVER, True),
    ("day(d) <= 31", Not(IsNull("d")), False),
    # how long it is from one moment to another
    (
        "TIMESTAMPTZ '2024-06-08' - ts < INTERVAL 7 DAYS",
        Compare("ts", ">=", at(2024, 5, 30, 20)),  # days of the zone's clock, which may be changed
        False,
    ),
    ("tu - TIMESTAMP '2024-06-08' <= INTERVAL 36 HOURS", Compare("tu", "<=", NOON), False),
    ("TIMESTAMP '2024-06-11' - tu = INTERVAL 36 HOURS", Compare("tu", "=", NOON), True),
    ("DATE '2024-06-11' - tu > INTERVAL 36 HOURS", Compare("tu", "<", NOON), False),
    (
        "age(TIMESTAMP '2024-06-11', tu) < INTERVAL 1 MONTH",
        Compare("tu", ">=", datetime(2024, 5, 6)),  # 31 days, and five
        False,
    ),
    (
        "datediff('day', ts, TIMESTAMPTZ '2024-06-08') < 7",
        Compare("ts", ">=", at(2024, 5, 30, 20)),
        False,
    ),
    ("datesub('hour', tu, '2024-06-11') <= 35", Compare("tu", ">=", NOON), False),
    (
        "NOT datesub('hour', tu, '2024-06-11') < 37",
        Compare("tu", "<", NOON + timedelta(microseconds=1)),
        False,
    ),
    ("s = NULL", NEVER, True),
]


@pytest.mark.parametrize(("condition", "predicate", "equivalent"), KNOWN, ids=[k[0] for k in KNOWN])
def test_implies(
    berlin: duckdb.DuckDBPyConnection, condition: str, predicate: Predicate, equivalent: bool
) -> None:
    found = implied(berlin, TABLE, condition, "Europe/Berlin")
    assert found is not None
    assert (found.predicate, found.equivalent) == (predicate, equivalent)


@pytest.mark.parametrize(
    "condition",
    [
        *("n = i", "length(s) = 3", "n % 2 = 0", "s::INTEGER = 5", "s::DATE = '2024-01-01'"),
        *("x = 'nan'", "month(ts) = 3", "abs(n) = 5", "n = 1 OR length(s) = 3", "s LIKE m"),
        *("n::DOUBLE = 9007199254740993e0", "w::DOUBLE > 1", "c::DECIMAL(18,1) = 5.5"),
        *("x::DECIMAL(10,2) = 1.5", "t = '24:00:00'", "d > '290000-01-01'", "isnan(x)"),
        # whose parts depend on a zone, or are counted otherwise than by the calendar
        *("month(ts::DATE) = 3", "month(tu) = 3", "week(d) = 3", "dayofweek(d) = 0"),
        *("dayofyear(d) = 3", "month(d + 3) = 3", "month(d) = day(d)"),
        # of two columns, of the present moment, in units that are not known, by parts
        *("ts - d > INTERVAL 1 DAY", "age(ts) < INTERVAL 1 DAY", "age(tu) > INTERVAL 1 YEAR"),
        *("datesub('decade', d, '2024-01-01') < 3", "datediff('day', d, tu) < 3"),
        "day(TIMESTAMP '2024-01-01' - tu) < 3",
        *("ts - TIMESTAMPTZ '0001-01-01' < INTERVAL '-1 year'", "d - 3 > '290000-01-01'"),
        *("s || m = 'a'", "string_split(s, ';')[1] = 'a'", "NOT (upper(s) = 'S')"),
    ],
)
def test_implies_nothing(berlin: duckdb.DuckDBPyConnection, condition: str) -> None:
    found = implied(berlin, TABLE, condition, "Europe/Berlin")
    assert found is None or found.predicate == And(())


def test_where_clocks_never_change_a_day_has_24_hours(
    berlin: duckdb.DuckDBPyConnection,
) -> None:
    with berlin.cursor() as con:
        con.execute("SET TimeZone = 'UTC'")
        found = implied(con, TABLE, "TIMESTAMPTZ '2024-06-11 00:00+00' - ts < '36 hours'", "UTC")
    assert found is not None
    assert found.predicate == Compare("ts", ">", at(2024, 6, 9, 12))


def test_current_date_is_the_querys(berlin: duckdb.DuckDBPyConnection) -> None:
    berlin.execute("BEGIN")
    try:
        [(today,)] = berlin.execute("SELECT current_date").fetchall()
        found = implied(berlin, TABLE, "d >= current_date - 30", "Europe/Berlin")
    finally:
        berlin.execute("COMMIT")
    assert found is not None
    assert found.predicate == Compare("d", ">=", today - timedelta(days=30))


def test_what_is_not_a_column_of_the_table_is_not_known() -> None:
    reference = {"expression_class": "BOUND_REF", "index": 0, "return_type": {"id": "BOOLEAN"}}
    assert predicate_of(reference, [None]) is None
    assert predicate_of(reference, []) is None
    assert predicate_of({"expression_class": "BOUND_LAMBDA"}, []) is None


def test_what_is_nested_too_deeply_is_not_known() -> None:
    expression = {"expression_class": "BOUND_REF", "index": 0, "return_type": {"id": "BOOLEAN"}}
    for _ in range(5_000):
        expression = {
            "expression_class": "BOUND_OPERATOR",
            "type": "OPERATOR_NOT",
            "return_type": {"id": "BOOLEAN"},
            "children": [expression],
        }
    assert predicate_of(expression, ["b"]) is None


def test_a_function_that_somebody_made_is_not_taken_for_duckdbs() -> None:
    column = {"expression_class": "BOUND_REF", "index": 0, "return_type": {"id": "VARCHAR"}}
    text = {"type": {"id": "VARCHAR"}, "is_null": False, "value": "a"}
    call = {
        "expression_class": "BOUND_FUNCTION",
        "type": "BOUND_FUNCTION",
        "return_type": {"id": "BOOLEAN"},
        "children": [column, {"expression_class": "BOUND_CONSTANT", "value": text}],
    }
    ours = {**call, "qname": {"path": ["system", "main", "prefix"]}}
    theirs = {**call, "qname": {"path": ["memory", "main", "prefix"]}}
    assert predicate_of(ours, ["s"]) is not None
    assert predicate_of(theirs, ["s"]) is None


def test_a_clock_is_duckdbs_own() -> None:
    assert offsets("UTC", datetime(2024, 1, 1)) == (timedelta(0), timedelta(0))
    hour = timedelta(hours=1)
    assert offsets("Europe/Berlin", datetime(2024, 6, 4)) == (2 * hour, 2 * hour)
    assert offsets("Europe/Berlin", datetime(2024, 3, 31)) == (hour, 2 * hour)
    assert offsets("Pacific/Apia", datetime(2011, 12, 30)) == (-10 * hour, 14 * hour)
    assert instants("Europe/Berlin", datetime(2024, 6, 4)) == (at(2024, 6, 3, 22),) * 2
    with pytest.raises(LookupError, match="Nowhere"):
        offsets("Nowhere/City", datetime(2024, 1, 1))
    with pytest.raises(OverflowError):
        instants("Europe/Berlin", datetime(1, 1, 1))


def test_every_zones_clock_is_within_sixteen_hours(berlin: duckdb.DuckDBPyConnection) -> None:
    # `offsets` looks 32 hours to either side: a value and its wall clock both lie within
    [(least, greatest)] = berlin.execute("""
        SELECT min(ahead), max(ahead) FROM (
            SELECT epoch(timezone(name, t)) - epoch(t) AS ahead
            FROM pg_timezone_names(),
                (SELECT unnest([TIMESTAMPTZ '0001-01-02 00:00+00', '1850-01-01 00:00+00',
                    '1900-01-01 00:00+00', '2024-01-01 00:00+00', '2024-07-01 00:00+00']) AS t))
    """).fetchall()
    assert -16 * 3600 < least < 0 < greatest < 16 * 3600
