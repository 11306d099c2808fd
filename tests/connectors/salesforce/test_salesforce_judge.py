"""What is promised for each type and operator, and the SOQL that says it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Promise
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
from isthmus.connectors.salesforce.describe import table_of
from isthmus.connectors.salesforce.judge import RULES, translate
from isthmus.connectors.salesforce.never import refuted
from isthmus.connectors.salesforce.soql import All, AnyOf, written

EXACT, SUPERSET, LOCAL = Promise.EXACT, Promise.SUPERSET, Promise.LOCAL
ID, OTHER = "001M000000qfPySIAU", "001000000000001AAA"
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


def field(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "filterable": True, "sortable": True, **more}


TABLE = table_of(
    "crm",
    {
        "name": "Thing__c",
        "fields": [
            field("Id", "id"),
            field("Owner", "reference", referenceTo=["User", "Group"], relationshipName="Owner"),
            field("S", "string", length=255),
            field("Cased", "string", caseSensitive=True),
            field("P", "picklist"),
            field("Multi", "multipicklist"),
            field("Long", "textarea", length=32000, filterable=False),
            field("B", "boolean"),
            field("I", "int", digits=8),
            field("L", "long"),
            field("C", "currency", precision=18, scale=2),
            field("F", "currency", precision=18, scale=2, calculated=True),
            field("D", "double", precision=0),
            field("Formula", "string", calculated=True),
            field("Due", "datetime", calculated=True),
            field("Day", "date"),
            field("DayF", "date", calculated=True),
            field("T", "datetime"),
            field("Clock", "time"),
            field("Any", "anyType"),
        ],
    },
    {},
)


def told(predicate: Predicate, table: Table = TABLE) -> tuple[Promise, str | None]:
    found = translate(table, predicate)
    assert found.reason
    return found.promise, None if found.condition is None else written(found.condition)


CASES: list[tuple[Predicate, Promise, str | None]] = [
    # Ids: full ones exactly, others never reach the server
    (Compare("Id", "=", ID), EXACT, f"Id = '{ID}'"),
    (Compare("Id", "=", ID[:15]), LOCAL, None),
    (Compare("Id", "=", ID[:17] + "A"), LOCAL, None),
    (Compare("Id", "=", "x' OR Name != '"), LOCAL, None),
    (In("Owner", (ID, "bad", OTHER)), EXACT, f"Owner IN ('{ID}','{OTHER}')"),
    (In("Owner", ("bad",)), LOCAL, None),
    (Compare("Owner", "!=", ID), EXACT, f"Owner != '{ID}' AND Owner != null"),
    (Compare("Owner", "!=", "bad"), EXACT, "Owner != null"),
    (Not(In("Owner", (ID, OTHER))), EXACT, f"Owner NOT IN ('{ID}','{OTHER}') AND Owner != null"),
    (Compare("Id", ">", ID), LOCAL, None),
    (IsNull("Owner"), EXACT, "Owner = null"),
    # text: without case, so never negated
    (Compare("S", "=", "Acme"), SUPERSET, "S = 'Acme'"),
    (Compare("S", "=", "O'Neil\\\n"), LOCAL, None),
    (Compare("S", "=", "O'Neil\\x"), SUPERSET, "S = 'O\\'Neil\\\\x'"),
    (In("S", ("a", "b", "a")), SUPERSET, "S IN ('a','b')"),
    (Compare("S", "!=", "Acme"), SUPERSET, "S != null"),
    (Not(In("S", ("a", "b"))), SUPERSET, "S != null"),
    (Compare("S", "<", "M"), LOCAL, None),
    (Compare("S", "=", ""), LOCAL, None),
    (Compare("S", "!=", ""), EXACT, "S != null"),
    (Compare("S", "=", " a"), LOCAL, None),
    (Compare("S", "=", "a\u00a0"), LOCAL, None),
    (Compare("S", "=", "a\x00b"), LOCAL, None),
    (Compare("S", "=", "\ud800"), LOCAL, None),
    (Compare("S", "=", "x" * 4000), SUPERSET, f"S = '{'x' * 4000}'"),
    (Compare("S", "=", "x" * 4001), LOCAL, None),
    (Compare("S", "=", 5), LOCAL, None),
    (In("S", ("a", "")), LOCAL, None),
    (IsNull("S"), EXACT, "S = null"),
    (Not(IsNull("S")), EXACT, "S != null"),
    (Compare("P", "=", "Hot"), SUPERSET, "P = 'Hot'"),
    (Compare("P", ">=", "Hot"), LOCAL, None),
    (Compare("Cased", "=", "Acme"), EXACT, "Cased = 'Acme'"),
    (Compare("Cased", "!=", "Acme"), EXACT, "Cased != 'Acme' AND Cased != null"),
    (Compare("Cased", "<", "Acme"), LOCAL, None),
    (Compare("Multi", "=", "a;b"), SUPERSET, "Multi = 'a;b'"),
    (Compare("Multi", "=", "a;"), LOCAL, None),
    (Compare("Multi", "!=", "a;b"), SUPERSET, "Multi != null"),
    (Compare("Multi", ">", "a"), LOCAL, None),
    (Compare("Long", "=", "a"), LOCAL, None),
    (IsNull("Long"), LOCAL, None),
    (Not(IsNull("Long")), LOCAL, None),
    (Compare("Any", "=", "a"), LOCAL, None),
    (IsNull("Any"), LOCAL, None),
    # booleans are never null, and null is false to Salesforce
    (Compare("B", "=", True), EXACT, "B = TRUE"),
    (Compare("B", "!=", True), EXACT, "B = FALSE"),
    (Not(Compare("B", "=", False)), EXACT, "B = TRUE"),
    (In("B", (True,)), EXACT, "B = TRUE"),
    (In("B", (True, False)), LOCAL, None),
    (Compare("B", ">", False), LOCAL, None),
    (Compare("B", "=", 1), LOCAL, None),
    (IsNull("B"), LOCAL, None),
    (Not(IsNull("B")), LOCAL, None),
    # whole numbers
    (Compare("I", "=", 5), EXACT, "I = 5"),
    (Compare("I", "=", -5), EXACT, "I = -5"),
    (Compare("I", "<", 5), EXACT, "I < 5 AND I != null"),
    (Not(Compare("I", "<", 5)), EXACT, "I >= 5 AND I != null"),
    (Compare("I", "!=", 5), EXACT, "I != 5 AND I != null"),
    (In("I", (1, 2)), EXACT, "I IN (1,2)"),
    (Compare("I", "=", True), LOCAL, None),
    (Compare("I", "=", Decimal("5.0")), EXACT, "I = 5"),
    (Compare("I", "=", 5.0), EXACT, "I = 5"),
    (Compare("I", ">", 5.5), LOCAL, None),
    (Compare("I", ">", float("nan")), LOCAL, None),
    (Compare("I", "=", 2**31), LOCAL, None),
    (Compare("L", "=", 2**53 + 1), EXACT, f"L = {2**53 + 1}"),
    (Compare("L", "=", float(2**53)), LOCAL, None),
    (Compare("L", "=", 10**18), LOCAL, None),
    # decimals hold every value exactly
    (Compare("C", "=", Decimal("10.50")), EXACT, "C = 10.5"),
    (Compare("C", "<=", Decimal("1E+3")), EXACT, "C <= 1000 AND C != null"),
    (Compare("C", "!=", Decimal("0")), EXACT, "C != 0 AND C != null"),
    (Compare("C", ">", Decimal("-0.005")), EXACT, "C > -0.005 AND C != null"),
    (In("C", (1, Decimal("2.5"))), EXACT, "C IN (1,2.5)"),
    (Compare("C", "=", Decimal("NaN")), LOCAL, None),
    (Compare("C", "=", Decimal("Infinity")), LOCAL, None),
    (Compare("C", "=", Decimal("1E+18")), LOCAL, None),
    (Compare("C", "=", Decimal("1E-19")), LOCAL, None),
    (Compare("C", "=", True), LOCAL, None),
    (Compare("C", "=", float("inf")), LOCAL, None),
    (Compare("F", "=", Decimal("10")), SUPERSET, "F > 9.99 AND F < 10.01"),
    (Compare("F", ">=", Decimal("10")), SUPERSET, "F > 9.99"),
    (Compare("F", "!=", Decimal("10")), SUPERSET, "F != null"),
    (Compare("D", ">", 2.0), SUPERSET, "D >= 1.999999999999999777"),
    (Compare("D", "<=", 2.0), SUPERSET, "D <= 2.000000000000000445"),
    (Compare("D", "!=", 2.0), SUPERSET, "D != null"),
    (Compare("D", "=", 1e300), LOCAL, None),
    # dates and instants
    (Compare("Day", "=", date(2024, 2, 29)), EXACT, "Day = 2024-02-29"),
    (Compare("Day", "<", date(2024, 2, 29)), EXACT, "Day < 2024-02-29 AND Day != null"),
    (Compare("Day", "!=", date(2024, 2, 29)), EXACT, "Day != 2024-02-29 AND Day != null"),
    (Compare("Day", "=", NOON), LOCAL, None),
    (Compare("Day", ">", date(1699, 12, 31)), LOCAL, None),
    (Compare("Day", "<", date(4001, 1, 1)), LOCAL, None),
    (Compare("T", ">=", NOON), EXACT, "T >= 2024-02-29T12:00:00Z AND T != null"),
    (Compare("T", ">", NOON), EXACT, "T >= 2024-02-29T12:00:01Z AND T != null"),
    (Compare("T", "<", NOON), EXACT, "T < 2024-02-29T12:00:00Z AND T != null"),
    (Compare("T", "<=", NOON), EXACT, "T < 2024-02-29T12:00:01Z AND T != null"),
    (
        Compare("T", "=", NOON),
        EXACT,
        "T >= 2024-02-29T12:00:00Z AND T < 2024-02-29T12:00:01Z AND T != null",
    ),
    (
        Compare("T", "!=", NOON),
        EXACT,
        "(T < 2024-02-29T12:00:00Z OR T >= 2024-02-29T12:00:01Z) AND T != null",
    ),
    (
        Compare("T", ">", NOON + timedelta(microseconds=1)),
        EXACT,
        "T >= 2024-02-29T12:00:01Z AND T != null",
    ),
    (
        Compare("T", "<", NOON + timedelta(microseconds=1)),
        EXACT,
        "T < 2024-02-29T12:00:01Z AND T != null",
    ),
    (
        Compare("T", "<=", NOON + timedelta(seconds=1, microseconds=-1)),
        EXACT,
        "T < 2024-02-29T12:00:01Z AND T != null",
    ),
    (Compare("T", "=", NOON + timedelta(milliseconds=5)), LOCAL, None),
    (Compare("T", "!=", NOON + timedelta(milliseconds=5)), EXACT, "T != null"),
    (
        Compare("T", "<", NOON.astimezone(timezone(timedelta(hours=2)))),
        EXACT,
        "T < 2024-02-29T12:00:00Z AND T != null",
    ),
    (Compare("T", "<", NOON.replace(tzinfo=None)), LOCAL, None),
    (Compare("T", "<", date(2024, 2, 29)), LOCAL, None),
    (Compare("T", "<", datetime(9999, 12, 31, tzinfo=UTC)), LOCAL, None),
    (Compare("Formula", "=", "a"), SUPERSET, "Formula = 'a'"),
    (Compare("Formula", "!=", ""), LOCAL, None),
    (Compare("Due", ">", NOON), SUPERSET, "Due >= 2024-02-29T12:00:00Z"),
    (Compare("Due", "<", NOON), SUPERSET, "Due < 2024-02-29T12:00:01Z"),
    (
        Compare("Due", "=", NOON + timedelta(milliseconds=5)),
        SUPERSET,
        "Due >= 2024-02-29T12:00:00Z AND Due < 2024-02-29T12:00:01Z",
    ),
    (Compare("Due", "!=", NOON), SUPERSET, "Due != null"),
    (Compare("Clock", "=", time(17, 30)), SUPERSET, "Clock = 17:30:00.000Z"),
    (Compare("Clock", "<", time(17, 30)), SUPERSET, "Clock <= 17:30:00.000Z"),
    (Compare("Clock", "=", time(17, 30, 0, 1)), LOCAL, None),
    (Compare("Clock", "!=", time(17, 30)), SUPERSET, "Clock != null"),
    (In("I", ()), LOCAL, None),
    # patterns: without case, and only what is sure to mean the same
    (Like("S", "ab%"), SUPERSET, "S LIKE 'ab%'"),
    (Like("S", "%ab%"), SUPERSET, "S LIKE '%ab%'"),
    (Like("S", "a_b"), SUPERSET, "S LIKE 'a%b'"),
    (Like("S", r"5\%\_%"), SUPERSET, r"S LIKE '5\%\_%'"),
    (Like("S", r"a\%b"), SUPERSET, "S = 'a%b'"),
    (Like("S", r"a\\b%"), SUPERSET, "S LIKE 'a%b%'"),
    (Like("S", "O'Neil%"), SUPERSET, r"S LIKE 'O\'Neil%'"),
    (Like("S", "%' OR Id != '%"), SUPERSET, r"S LIKE '%\' OR Id != \'%'"),
    (Like("S", "Söh%"), SUPERSET, "S LIKE 'S%h%'"),
    (Like("S", "a\nb%"), SUPERSET, "S LIKE 'a%b%'"),
    (Like("S", " ab "), SUPERSET, "S LIKE '%ab%'"),
    (Like("S", "% %a b%"), SUPERSET, "S LIKE '%a b%'"),
    (Like("S", "abc"), SUPERSET, "S = 'abc'"),
    (Like("S", "%"), SUPERSET, "S != null"),
    (Like("S", "_"), SUPERSET, "S != null"),
    (Like("S", ""), SUPERSET, "S != null"),
    (Like("S", "é%"), SUPERSET, "S != null"),
    (Like("S", "x" * 4001), SUPERSET, "S != null"),
    (Not(Like("S", "ab%")), SUPERSET, "S != null"),
    (Like("S", "ski%"), SUPERSET, "S LIKE 'ski%'"),
    (Like("S", "ski%", case_sensitive=False), SUPERSET, "S != null"),
    (Like("S", "SKY%", case_sensitive=False), SUPERSET, "S LIKE '%Y%'"),
    (Like("S", "abc", case_sensitive=False), SUPERSET, "S = 'abc'"),
    (Like("Cased", "ab1%"), SUPERSET, "Cased LIKE 'ab1%'"),
    (Like("Cased", "ab1%", case_sensitive=False), SUPERSET, "Cased LIKE '%1%'"),
    (Like("P", "ab%"), SUPERSET, "P LIKE 'ab%'"),
    (Like("Formula", "ab%"), SUPERSET, "Formula LIKE 'ab%'"),
    (Like("Long", "ab%"), LOCAL, None),
    (Like("Id", "001%"), LOCAL, None),
    (Like("Owner", "001%"), SUPERSET, "Owner != null"),
    (Like("Multi", "%ab%"), SUPERSET, "Multi != null"),
    (HasItem("Multi", "AAA"), SUPERSET, "Multi INCLUDES ('AAA')"),
    (HasItem("Multi", "O'x"), SUPERSET, r"Multi INCLUDES ('O\'x')"),
    (HasItem("Multi", "AAA", ","), SUPERSET, "Multi != null"),
    (HasItem("Multi", "A;B"), LOCAL, None),
    (HasItem("Multi", " A"), SUPERSET, "Multi != null"),
    (HasItem("Multi", ""), SUPERSET, "Multi != null"),
    (Not(HasItem("Multi", "AAA")), SUPERSET, "Multi != null"),
    (HasItem("S", "a%"), SUPERSET, r"S LIKE '%a\%%'"),
    (HasItem("Long", "a"), LOCAL, None),
    # parts of dates: of stored dates only, by what the reference shows
    (PartIn("Day", "month", (3,)), EXACT, "CALENDAR_MONTH(Day) = 3 AND Day != null"),
    (
        PartIn("Day", "quarter", (1, 4)),
        EXACT,
        "(CALENDAR_QUARTER(Day) = 1 OR CALENDAR_QUARTER(Day) = 4) AND Day != null",
    ),
    (
        Not(PartIn("Day", "day", tuple(range(2, 32)))),
        EXACT,
        "DAY_IN_MONTH(Day) = 1 AND Day != null",
    ),
    (PartIn("Day", "month", tuple(range(1, 13))), SUPERSET, "Day != null"),
    (PartIn("Day", "month", (0, 13)), LOCAL, None),
    (PartIn("T", "month", (3,)), LOCAL, None),
    (PartIn("DayF", "month", (3,)), LOCAL, None),
    # of nothing
    (NEVER, LOCAL, None),
    (And(()), LOCAL, None),
]


@pytest.mark.parametrize(("predicate", "promise", "text"), CASES, ids=[str(c[0]) for c in CASES])
def test_each_type_and_operator(predicate: Predicate, promise: Promise, text: str | None) -> None:
    assert told(predicate) == (promise, text)


def test_and_within_or_has_parentheses_however_it_is_wrapped() -> None:
    both = All(("B > 1", "B < 3"))
    for wrapped in (both, AnyOf((both,)), All((AnyOf((both,)),)), AnyOf((All((AnyOf((both,)),)),))):
        assert written(AnyOf(("A = 1", wrapped))) == "A = 1 OR (B > 1 AND B < 3)"
        assert written(All(("A = 1", wrapped))) == "A = 1 AND B > 1 AND B < 3"


def test_every_type_with_a_rule_is_in_the_table_above() -> None:
    covered = {c.source_type for c in TABLE.columns if c.source_type != "anyType"}
    alike = {"string", "picklist"}  # one rule for all text
    assert {RULES[kind] for kind in covered} == set(RULES.values())
    assert alike <= covered


S, I, LOCALLY = Compare("S", "=", "a"), Compare("I", "=", 5), Compare("S", "<", "m")  # noqa: E741


@pytest.mark.parametrize(
    ("predicate", "promise", "text"),
    [
        (And((S, I)), SUPERSET, "S = 'a' AND I = 5"),
        (And((I, Compare("B", "=", True))), EXACT, "I = 5 AND B = TRUE"),
        (And((I, LOCALLY)), SUPERSET, "I = 5"),
        (And((LOCALLY,)), LOCAL, None),
        (Or((I, Compare("B", "=", True))), EXACT, "I = 5 OR B = TRUE"),
        (Or((I, LOCALLY)), LOCAL, None),
        (Or((I, And((S, LOCALLY)))), SUPERSET, "I = 5 OR S = 'a'"),
        (Not(Or((I, IsNull("S")))), EXACT, "I != 5 AND I != null AND S != null"),
        (
            Not(And((I, Not(IsNull("S"))))),
            EXACT,
            "(I != 5 AND I != null) OR S = null",
        ),
        (Not(Not(I)), EXACT, "I = 5"),
        # only "not null" can be sent of a negated text: still no row is lost
        (Not(Or((I, S))), SUPERSET, "I != 5 AND I != null AND S != null"),
        (Not(And((I, LOCALLY))), LOCAL, None),
        (
            And((Or((I, IsNull("S"))), Or((I, IsNull("S"))))),
            EXACT,
            "I = 5 OR S = null",
        ),
    ],
    ids=str,
)
def test_and_or_not(predicate: Predicate, promise: Promise, text: str | None) -> None:
    assert told(predicate) == (promise, text)


def test_an_external_objects_text_may_be_empty() -> None:
    described = {"name": "Thing__x", "fields": [field("S", "string")]}
    table = table_of("crm", described, {})
    assert told(Compare("S", "!=", ""), table) == (SUPERSET, "S != null")
    assert told(IsNull("S"), table) == (LOCAL, None)
    # to Salesforce an empty text is null: "not null" would lose it
    for predicate in (
        Compare("S", "!=", "a"),
        Not(In("S", ("a", "b"))),
        Like("S", "%"),
        Like("S", ""),
        Not(Like("S", "a%")),
        HasItem("S", ""),
    ):
        assert told(predicate, table) == (LOCAL, None), predicate
    assert told(Like("S", "_%"), table) == (SUPERSET, "S != null")
    assert told(Like("S", "a%"), table) == (SUPERSET, "S LIKE 'a%'")


@pytest.mark.parametrize(
    "predicate",
    [
        *(
            Compare("Id", "=", "bad"),
            Compare("Id", "=", ID[:15]),
            In("Owner", ("bad", ID[:17] + "A")),
        ),
        *(
            Compare("S", "=", ""),
            In("P", ("",)),
            Compare("T", "=", NOON + timedelta(milliseconds=5)),
        ),
    ],
    ids=str,
)
def test_no_record_can_pass(predicate: Predicate) -> None:
    assert refuted(TABLE, predicate)


@pytest.mark.parametrize(
    "predicate",
    [
        *(Compare("Id", "=", ID), In("Id", ("bad", ID)), Compare("Id", "!=", "bad")),
        *(Compare("S", "=", " a"), In("S", ("", "a")), Compare("S", "!=", ""), IsNull("S")),
        # a formula's text may be empty and its instant have parts of a second; a picklist's
        # record may have a value that the list no longer has
        *(Compare("Formula", "=", ""), Compare("P", "=", "no such value")),
        *(Compare("Due", "=", NOON + timedelta(milliseconds=5)), Compare("T", "=", NOON)),
        *(Not(Compare("Id", "=", "bad")), Like("Id", "x%")),
    ],
    ids=str,
)
def test_a_record_might_pass(predicate: Predicate) -> None:
    assert refuted(TABLE, predicate) is None


def test_an_external_objects_empty_text_is_not_ruled_out() -> None:
    described = {"name": "Thing__x", "fields": [field("S", "string")]}
    assert refuted(table_of("crm", described, {}), Compare("S", "=", "")) is None
