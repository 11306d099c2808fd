"""Any tree that can be written as text is read back as the same tree."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.localorg.errors import OrgError
from isthmus.localorg.soql import ast
from isthmus.localorg.soql.expressions import COUNTED_RANGES, PLAIN_RANGES
from isthmus.localorg.soql.parser import parse


def written(node: object) -> str:
    """Write a tree as SOQL."""
    match node:
        case ast.Text(text, like):
            escaped = text if like else text.replace("\\", "\\\\")
            for sign, escape in (("'", "\\'"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
                escaped = escaped.replace(sign, escape)
            return f"'{escaped}'"
        case ast.Number(value):
            return f"{value:f}"
        case ast.Money(currency, value):
            return f"{currency}{value:f}"
        case ast.Boolean(value):
            return str(value).upper()
        case ast.Null():
            return "NULL"
        case ast.DateValue(value):
            return value.isoformat()
        case ast.DateTimeValue(value):
            return value.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
        case ast.TimeValue(value):
            return value.isoformat() + "Z"
        case ast.DateRange(name, count):
            return name if count is None else f"{name}:{count}"
        case ast.Path(parts):
            return ".".join(parts)
        case ast.Call(name, args):
            return f"{name}({', '.join(map(written, args))})"
        case ast.Distance(field, latitude, longitude, unit):
            place = f"GEOLOCATION({latitude:f}, {longitude:f})"
            return f"DISTANCE({written(field)}, {place}, '{unit}')"
        case ast.And(items):
            return " AND ".join(map(enclosed, items))
        case ast.Or(items):
            return " OR ".join(map(enclosed, items))
        case ast.Not(item):
            return f"NOT {enclosed(item)}"
        case ast.Compare(left, operator, value):
            return f"{written(left)} {operator} {written(value)}"
        case ast.InList(left, operator, values):
            return f"{written(left)} {operator} ({', '.join(map(written, values))})"
        case ast.Selected(expression, alias):
            return f"{written(expression)} {alias or ''}"
        case ast.Order(expression, descending, nulls):
            direction = " DESC" if descending else ""
            return f"{written(expression)}{direction}{f' NULLS {nulls}' if nulls else ''}"
        case ast.Query():
            return written_query(node)
    raise AssertionError(node)


def enclosed(condition: ast.Condition) -> str:
    return f"({written(condition)})"


def written_query(query: ast.Query) -> str:
    source = query.sources[0]
    parts = [
        "SELECT " + ", ".join(map(written, query.items)),
        f"FROM {written(source.path)} {source.alias or ''}",
    ]
    if query.where:
        parts.append("WHERE " + written(query.where))
    if query.group:
        listed = ", ".join(map(written, query.group.items))
        parts.append(f"GROUP BY {query.group.kind}({listed})" if query.group.kind
                     else f"GROUP BY {listed}")  # fmt: skip
        if query.having:
            parts.append("HAVING " + written(query.having))
    if query.order:
        parts.append("ORDER BY " + ", ".join(map(written, query.order)))
    if query.limit is not None:
        parts.append(f"LIMIT {query.limit}")
    if query.offset is not None:
        parts.append(f"OFFSET {query.offset}")
    if query.purpose:
        parts.append(f"FOR {query.purpose}")
    if query.update:
        parts.append("UPDATE " + ", ".join(query.update))
    return "\n".join(parts)


names = st.sampled_from(["Id", "Name", "Amount__c", "Order", "Group", "x1", "OFFSET", "Count"])
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: ast.Path(tuple(parts)))
calls = st.builds(
    lambda name, path: ast.Call(name, (path,)),
    st.sampled_from(["COUNT", "SUM", "MIN", "CALENDAR_YEAR", "FORMAT", "TOLABEL"]),
    paths,
)
decimals = st.decimals(
    allow_nan=False, allow_infinity=False, places=3, min_value=-(10**12), max_value=10**12
)
distances = st.builds(ast.Distance, paths, decimals, decimals, st.sampled_from(["mi", "km"]))
expressions = paths | calls | distances
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
values = st.one_of(
    texts.map(ast.Text),
    decimals.map(ast.Number),
    st.builds(ast.Money, st.sampled_from(["USD", "EUR"]), decimals.map(abs)),
    st.booleans().map(ast.Boolean),
    st.dates().map(ast.DateValue),
    st.datetimes().map(lambda at: ast.DateTimeValue(at.replace(microsecond=0, tzinfo=UTC))),
    st.times().map(lambda at: ast.TimeValue(at.replace(microsecond=0))),
    st.sampled_from(sorted(PLAIN_RANGES)).map(ast.DateRange),
    st.builds(ast.DateRange, st.sampled_from(sorted(COUNTED_RANGES)), st.integers(0, 10**6)),
)
atoms = st.one_of(
    st.builds(ast.Compare, expressions, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), values),
    st.builds(ast.Compare, expressions, st.sampled_from(["=", "!="]), st.just(ast.Null())),
    st.builds(ast.Compare, expressions, st.just("LIKE"), st.just(ast.Text("a\\%b%", True))),
    st.builds(
        ast.InList,
        expressions,
        st.sampled_from(["IN", "NOT IN", "INCLUDES", "EXCLUDES"]),
        st.lists(values | st.just(ast.Null()), min_size=1, max_size=3).map(tuple),
    ),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(ast.Not, inner),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: ast.And(tuple(items))),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: ast.Or(tuple(items))),
    ),
    max_leaves=6,
)
groups = st.builds(
    ast.GroupBy,
    st.lists(paths | calls, min_size=1, max_size=3).map(tuple),
    st.sampled_from(["", "ROLLUP", "CUBE"]),
)
orders = st.builds(ast.Order, expressions, st.booleans(), st.sampled_from([None, "FIRST", "LAST"]))
queries = st.builds(
    ast.Query,
    items=st.lists(
        st.builds(ast.Selected, expressions, st.sampled_from([None, "a", "Order"])),
        min_size=1,
        max_size=3,
    ).map(tuple),
    sources=st.builds(
        ast.Source, st.just(ast.Path(("Account",))), st.sampled_from([None, "a", "ORDER"])
    ).map(lambda source: (source,)),
    where=st.none() | conditions,
    group=st.none() | groups,
    having=st.none() | atoms,
    order=st.lists(orders, max_size=2).map(tuple),
    limit=st.none() | st.integers(0, 10**9),
    offset=st.none() | st.integers(0, 2000),
    purpose=st.sampled_from([None, "VIEW", "REFERENCE"]),
    update=st.sampled_from([(), ("TRACKING",), ("TRACKING", "VIEWSTAT")]),
).map(lambda query: query if query.group else _without_having(query))


def _without_having(query: ast.Query) -> ast.Query:
    return ast.Query(**{**vars(query), "having": None})


@given(queries)
@settings(deadline=None)
def test_a_written_tree_is_read_back(query: ast.Query) -> None:
    assert parse(written(query)) == query


@given(queries)
@settings(deadline=None, max_examples=30)
def test_keywords_may_have_any_case(query: ast.Query) -> None:
    text = written(query)
    assert "'" in text or written(parse(text.lower())).lower() == text.lower()


@given(st.text(max_size=60) | st.text("SELECT FROM,()'.=<>\\", max_size=60))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse(text)
    except OrgError as error:
        assert error.code == "MALFORMED_QUERY"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r"'a\u00e9\n\"\'\\'", ast.Text("a\u00e9\n\"'\\")),
        (r"'\uD83D\uDE00'", ast.Text("\N{GRINNING FACE}")),
        ("+1", ast.Number(Decimal(1))),
        ("- .5", ast.Number(Decimal("-0.5"))),
        ("12345678901234567890", ast.Number(Decimal("12345678901234567890"))),
        ("usd5000.01", ast.Money("USD", Decimal("5000.01"))),
        ("2020-01-02", ast.DateValue(date(2020, 1, 2))),
        (
            "2020-01-02T03:04:05+0530",
            ast.DateTimeValue(datetime(2020, 1, 1, 21, 34, 5, tzinfo=UTC)),
        ),
        ("08:00:00.123Z", ast.TimeValue(time(8, 0, 0, 123_000))),
        ("last_n_days : 5", ast.DateRange("LAST_N_DAYS", 5)),
    ],
)
def test_literals(text: str, value: ast.Value) -> None:
    assert parse(f"SELECT Id FROM A WHERE B = {text}").where == ast.Compare(
        ast.Path(("B",)), "=", value
    )


@pytest.mark.parametrize("text", ["'a\\%b'", "'\\q'", "'\\u12'", "EUR-5", "1e3", "5.", "2020-1-1"])
def test_literals_that_are_none(text: str) -> None:
    with pytest.raises(OrgError):
        parse(f"SELECT Id FROM A WHERE B = {text}")
