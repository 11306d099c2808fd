"""Random conditions over one table, in SQL, and rows full of traps for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

TABLE = {
    "s": "VARCHAR",
    "m": "VARCHAR",
    "n": "BIGINT",
    "i": "INTEGER",
    "c": "DECIMAL(18,2)",
    "w": "DECIMAL(30,5)",
    "x": "DOUBLE",
    "f": "FLOAT",
    "b": "BOOLEAN",
    "d": "DATE",
    "ts": "TIMESTAMPTZ",
    "tu": "TIMESTAMP",
    "tm": "TIMESTAMP_MS",
    "t": "TIME",
}

#: Midnight is skipped, shown twice or a whole day is missing in some of these, on the days below.
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Sao_Paulo",
    "America/Havana",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Asia/Beirut",
)
DAYS = (
    "2024-03-31",
    "2024-10-27",
    "2018-11-04",
    "2024-11-03",
    "2011-12-30",
    "2021-10-31",
    "2024-01-01",
    "2024-02-29",
    "1700-01-01",
    "9999-12-31",
    "0001-01-01",
)
_CLOCKS = ("00:00:00", "00:30:00", "23:30:00", "12:00:00.0005", "23:59:59.999999", "03:00:00")
TEXTS = (
    *("", "a", "A", "ab", "AB", "aB", "abc", "xab", "a%b", "a_b", "a\\b", "ab ", " ab", "a\nb"),
    *("ß", "ẞ", "SS", "ss", "İ", "i", "I", "\u0131", "\u017f", "S", "K", "k", "\u212a"),
    *("é", "É", "e\u0301", "\U0001f600", "a\U0001f600b", "O'Neil", "null", "2024-03-31", "Σ", "ς"),
    *("5", "-5", "05", "5.50", "0.00"),
)
LISTS = ("", "a", "a;b", "b;a", "A;b", "ab;c", ";a", "a;", ";", "a;;b", "a; b", "é;a")
_NUMBERS = {
    "n": ("0", "1", "-1", "5", "6", "9007199254740993", "-9007199254740993", "9223372036854775807"),
    "i": ("0", "1", "-1", "5", "2147483647", "-2147483648"),
    "c": ("0", "0.01", "-0.01", "5.50", "5.5", "0.1", "0.3", "9999999999999999.99", "100"),
    "w": ("0", "0.00001", "5.5", "-123456789012345678901234.5", "1e3"),
    "x": ("0", "-0.0", "0.1", "5.5", "1e300", "'nan'", "'infinity'", "'-infinity'"),
    "f": ("0", "0.1", "5.5", "'nan'", "'infinity'", "16777217"),
}


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def moments() -> list[str]:
    return [f"{day} {at}" for day in DAYS for at in _CLOCKS]


def values(column: str) -> list[str]:
    """The values of a column's rows, in SQL."""
    kind = TABLE[column]
    match column:
        case "s":
            return [quoted(v) for v in TEXTS]
        case "m":
            return [quoted(v) for v in LISTS]
        case "b":
            return ["true", "false"]
        case "d":
            return [quoted(v) for v in DAYS]
        case "ts":
            # near the edge of time only what Python can hold
            ahead = {"0001": ["+00"], "9999": ["+00"]}
            return [
                quoted(f"{v}{off}")
                for v in moments()
                for off in ahead.get(v[:4], ["+00", "-05", "+01", "+14"])
            ]
        case "tu":
            return [quoted(v) for v in moments()]
        case "tm":  # milliseconds round up
            return [quoted(v) for v in moments() if v != "9999-12-31 23:59:59.999999"]
        case "t":
            return [quoted(v) for v in _CLOCKS]
    return [f"{v}::{kind}" for v in _NUMBERS[column]]


def fill(con: Any) -> None:
    """Make the table ``rows``: each value once, beside random others, and nulls."""
    listed = {c: [*values(c), "NULL"] for c in TABLE}
    longest = max(len(v) for v in listed.values())
    rows = []
    for k in range(longest):
        cells = [
            f"CAST({listed[c][(k * 7 + 3 * p) % len(listed[c])]} AS {TABLE[c]})"
            for p, c in enumerate(TABLE)
        ]
        rows.append(f"({k}, {', '.join(cells)})")
    con.execute(
        f"CREATE TABLE rows AS SELECT * FROM (VALUES {', '.join(rows)}) v(k, {', '.join(TABLE)})"
    )


_OPS = ("=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")


def _pick(options: Sequence[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(list(options))


def _text_term(inner: str) -> st.SearchStrategy[str]:
    return st.sampled_from(
        [
            inner,
            f"lower({inner})",
            f"upper({inner})",
            f"trim({inner})",
            f"ltrim({inner})",
            f"rtrim({inner})",
            f"left({inner}, 2)",
            f"right({inner}, 1)",
            f"substring({inner}, 2, 2)",
            f"{inner} || 'b'",
            f"'a' || {inner}",
            f"concat({inner}, 'b')",
            f"coalesce({inner}, 'ab')",
            f"nullif({inner}, '')",
            f"lower(trim({inner}))",
            f"coalesce(upper({inner}), 'S')",
            f"CASE WHEN n > 0 THEN {inner} ELSE 'ab' END",
        ]
    )


_SOME_TEXT = _pick([quoted(t) for t in TEXTS])
_PATTERN = st.lists(_pick(["%", "_", "!%", "!_", "!!", "\\", *"aAbBsSiIkKéß;"]), max_size=4).map(
    "".join
)


@st.composite
def _texts(draw: st.DrawFn) -> str:
    term = draw(_text_term(draw(_pick(["s", "m"]))))
    match draw(st.integers(0, 5)):
        case 0:
            return f"{term} {draw(_pick(_OPS))} {draw(_SOME_TEXT)}"
        case 1:
            listed = draw(st.lists(_SOME_TEXT, min_size=1, max_size=9))
            return f"{term} {draw(_pick(['IN', 'NOT IN']))} ({', '.join(listed)})"
        case 2:
            word = draw(_pick(["LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE"]))
            escape = draw(_pick(["", " ESCAPE '!'"]))
            pattern = draw(_PATTERN)
            if escape and (len(pattern) - len(pattern.rstrip("!"))) % 2:
                pattern += "!"
            return f"{term} {word} {quoted(pattern)}{escape}"
        case 3:
            name = draw(_pick(["starts_with", "ends_with", "contains", "prefix", "suffix"]))
            return f"{name}({term}, {draw(_SOME_TEXT)})"
        case 4:
            return f"{term} {draw(_pick(['IS NULL', 'IS NOT NULL']))}"
    whole, separator = draw(_pick(["m", "s", "lower(m)"])), draw(_pick(["chr(59)", "'a'"]))
    split = f"string_split({whole}, {separator})"
    items = draw(st.lists(_pick(["'a'", "'b'", "''", "'A'", "'a;b'"]), min_size=1, max_size=2))
    if len(items) == 1:
        return f"list_contains({split}, {items[0]})"
    name = draw(_pick(["list_has_any", "list_has_all"]))
    return f"{name}({split}, [{', '.join(items)}])"


_NUMBER_TERMS = (
    *(
        "n",
        "i",
        "c",
        "w",
        "x",
        "f",
        "n::DOUBLE",
        "i::DOUBLE",
        "n::FLOAT",
        "c::DOUBLE",
        "n::HUGEINT",
    ),
    *("c::DECIMAL(30,6)", "n::DECIMAL(30,1)", "try_cast(n AS TINYINT)", "i::BIGINT", "f::DOUBLE"),
    *("coalesce(n, 0)", "coalesce(c, 5.5)", "coalesce(x, 0)", "i + 1", "2 - i", "i * 3", "-i"),
    *(
        "c + 1",
        "c * 2",
        "1.5 - c",
        "c * -0.5",
        "c::DECIMAL(18,1)",
        "w::DECIMAL(38,5) - 1",
        "w::DOUBLE",
    ),
    *("CASE WHEN b THEN i ELSE 5 END", "if(s = 'a', c, 0.1)", "abs(i)", "i % 2", "length(s)"),
)
_SOME_NUMBER = _pick(
    [
        *(
            "0",
            "1",
            "-1",
            "5",
            "5.5",
            "0.1",
            "0.1e0",
            "5.5e0",
            "1e3",
            "0.3e0",
            "2.5",
            "0.005",
            "-0.5",
        ),
        *("9007199254740993", "9007199254740992e0", "2147483648", "0.1::FLOAT", "100", "1e300"),
    ]
)


@st.composite
def _numbers(draw: st.DrawFn) -> str:
    term = draw(_pick(_NUMBER_TERMS))
    match draw(st.integers(0, 5)):
        case 0 | 1:
            return f"{term} {draw(_pick(_OPS))} {draw(_SOME_NUMBER)}"
        case 2:
            low, high = draw(_SOME_NUMBER), draw(_SOME_NUMBER)
            return f"{term} {draw(_pick(['BETWEEN', 'NOT BETWEEN']))} {low} AND {high}"
        case 3:
            listed = draw(st.lists(_SOME_NUMBER, min_size=1, max_size=9))
            return f"{term} {draw(_pick(['IN', 'NOT IN']))} ({', '.join(listed)})"
        case 4:
            return f"{term} {draw(_pick(['IS NULL', 'IS NOT NULL']))}"
    column = draw(_pick(["n", "i", "c", "d"]))
    spelt = draw(_pick(["'5'", "'05'", "'5.50'", "'-5'", "'0.00'", "'2024-03-31'", "'x'"]))
    return f"{column}::VARCHAR {draw(_pick(['=', '<>']))} {spelt}"


_DAY_TERMS = (
    *("d", "ts::DATE", "tu::DATE", "tm::DATE", "coalesce(d, DATE '2024-03-31')", "d + 3", "d - 40"),
    *("coalesce(ts::DATE, DATE '2024-10-27')", "CASE WHEN b THEN d ELSE ts::DATE END"),
)
_STAMP_TERMS = (
    *("tu", "tm", "ts::TIMESTAMP", "d::TIMESTAMP", "ts AT TIME ZONE 'America/Havana'"),
    *("tu + INTERVAL 3 DAYS", "tu - INTERVAL 1 MONTH", "d + INTERVAL 36 HOURS", "tm::TIMESTAMP"),
    *("date_trunc('month', tu)", "date_trunc('week', d)", "date_trunc('quarter', tu)"),
    *("date_trunc('day', ts::TIMESTAMP)",),
)
_INSTANT_TERMS = (
    *(
        "ts",
        "d::TIMESTAMPTZ",
        "tu::TIMESTAMPTZ",
        "date_trunc('day', ts)",
        "date_trunc('month', ts)",
    ),
    *("date_trunc('year', ts)", "date_trunc('week', ts)", "ts + INTERVAL 1 DAY"),
    *("ts - INTERVAL 2 MONTHS", "ts + INTERVAL 90 MINUTES", "coalesce(ts, tu::TIMESTAMPTZ)"),
)
_SOME_DAY = _pick([f"DATE {quoted(d)}" for d in DAYS])
_SOME_WALL = _pick([quoted(v) for v in moments() if v[:4] not in ("0001", "9999", "1700")])


_PARTS = ("quarter(d)", "month(d)", "day(d)", "date_part('month', d)", "month(ts::DATE)")
_LENGTHS = _pick(["0 days", "36 hours", "-1 day", "30 days", "1 month", "13 months", "-3 years"])


@st.composite
def _spans(draw: st.DrawFn) -> str:
    column, fixed = draw(_pick(["ts", "tu", "tm", "d"])), draw(_SOME_WALL)
    fixed = f"TIMESTAMPTZ {fixed}" if column == "ts" else f"TIMESTAMP {fixed}"
    pair = [fixed, column] if draw(st.booleans()) else [column, fixed]
    how, op = draw(st.integers(0, 2)), draw(_pick(_OPS[:6]))
    if how < 2:
        span = " - ".join(pair) if how else f"age({', '.join(pair)})"
        return f"{span} {op} INTERVAL '{draw(_LENGTHS)}'"
    name, unit = draw(_pick(["datediff", "datesub"])), draw(_pick(["hour", "day", "quarter"]))
    return f"{name}('{unit}', {', '.join(pair)}) {op} {draw(_pick(['0', '7', '-3', '30']))}"


@st.composite
def _times(draw: st.DrawFn) -> str:
    kinds = (
        (_DAY_TERMS, _SOME_DAY),
        (_STAMP_TERMS, _SOME_WALL.map(lambda v: f"TIMESTAMP {v}")),
        (_INSTANT_TERMS, _SOME_WALL.map(lambda v: f"TIMESTAMPTZ {v}")),
        (_INSTANT_TERMS, _SOME_DAY),
    )
    terms, value = kinds[draw(st.integers(0, 3))]
    term, more = draw(_pick(terms)), draw(st.integers(0, 7))
    match more:
        case 0 | 1:
            return f"{term} {draw(_pick(_OPS))} {draw(value)}"
        case 2:
            return f"{term} BETWEEN {draw(value)} AND {draw(value)}"
        case 3:
            listed = draw(st.lists(value, min_size=1, max_size=8))
            return f"{term} {draw(_pick(['IN', 'NOT IN']))} ({', '.join(listed)})"
        case 4:
            part = draw(_pick(["year(ts)", "year(tu)", "year(d)", "month(ts)", *_PARTS]))
            number = draw(_pick(["2024", "2018", "2011", "3", "9999", "1700"]))
            return f"{part} {draw(_pick(_OPS))} {number}"
        case 5:
            column, form = draw(_pick(["ts", "tu", "d"])), draw(_pick(["%Y", "%Y-%m", "%Y-%m-%d"]))
            day = draw(_pick(DAYS))[: {"%Y": 4, "%Y-%m": 7}.get(form, 10)]
            return f"strftime({column}, '{form}') = {quoted(day)}"
        case 6:
            return draw(_spans())
    unit, column = draw(_pick(["day", "month", "year", "week"])), draw(_pick(["d", "tu"]))
    apart = draw(
        st.sampled_from(
            [
                f"datediff('{unit}', {column}, {draw(_SOME_DAY)})",
                f"datediff('{unit}', {draw(_SOME_DAY)}, {column})",
                f"{draw(_SOME_DAY)} - d",
                f"d - {draw(_SOME_DAY)}",
            ]
        )
    )
    return f"{apart} {draw(_pick(_OPS[:6]))} {draw(_pick(['0', '7', '-3', '30']))}"


_FLAGS = _pick(
    [
        *("b", "NOT b", "b IS TRUE", "b IS NOT TRUE", "b IS NOT FALSE", "coalesce(b, false)"),
        *("b = true", "b IS NULL", "coalesce(b, n > 0)", "CASE WHEN n = 1 THEN true ELSE b END"),
        *("(n > 3) IS NULL", "(s LIKE 'a%') IS NOT NULL", "(n > 3) = b", "(n > 3) IS TRUE"),
        *("n = i", "isnan(x)", "x = 'nan'", "t > TIME '12:00'", "s = NULL", "n IN (1, NULL)"),
    ]
)

conditions = st.recursive(
    st.one_of(_texts(), _numbers(), _times(), _FLAGS),
    lambda inner: st.one_of(
        inner.map(lambda c: f"NOT ({c})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda c: "(" + ") AND (".join(c) + ")"),
        st.lists(inner, min_size=2, max_size=3).map(lambda c: "(" + ") OR (".join(c) + ")"),
    ),
    max_leaves=3,
)
