"""GROUP BY, aggregates, HAVING, ROLLUP and CUBE."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest


@pytest.fixture
def leads(org: Any) -> Any:
    for source, rating, size in (
        ("Web", "Hot", 10),
        ("Web", "Cold", 20),
        ("Phone", "Hot", 5),
        (None, "Hot", None),
    ):
        org.add("Lead", LeadSource=source, Rating=rating, NumberOfEmployees=size, LastName="x")
    org.add("Lead", LeadSource="Web", Rating="Hot", IsDeleted=True)
    return org


def test_the_shape_of_an_aggregate_row(leads: Any) -> None:
    answer = leads.run("SELECT leadsource, COUNT(Id) FROM Lead GROUP BY leadsource")
    assert json.loads(answer.body) == {
        "totalSize": 3,
        "done": True,
        "records": [
            {"attributes": {"type": "AggregateResult"}, "LeadSource": None, "expr0": 1},
            {"attributes": {"type": "AggregateResult"}, "LeadSource": "Phone", "expr0": 1},
            {"attributes": {"type": "AggregateResult"}, "LeadSource": "Web", "expr0": 2},
        ],
    }


def test_count_of_nothing_named(leads: Any) -> None:
    answer = leads.run("SELECT COUNT() FROM Lead WHERE LeadSource != null")
    assert answer.body == b'{"totalSize":3,"done":true,"records":[]}'
    assert leads.run("SELECT COUNT() FROM Lead LIMIT 2").total == 2
    assert leads.run("SELECT COUNT() FROM Lead", include_deleted=True).total == 5


def test_unnamed_aggregates_are_numbered(leads: Any) -> None:
    (row,) = leads.ask(
        "SELECT MAX(NumberOfEmployees), MIN(NumberOfEmployees) low, SUM(NumberOfEmployees), "
        "AVG(NumberOfEmployees), COUNT(NumberOfEmployees), COUNT(Id) n FROM Lead"
    )
    assert row == {
        "expr0": 20, "low": 5, "expr1": 35, "expr2": pytest.approx(35 / 3), "expr3": 3, "n": 4,
    }  # fmt: skip
    assert list(row) == ["expr0", "low", "expr1", "expr2", "expr3", "n"]


def test_aggregates_of_no_rows(leads: Any) -> None:
    none = "SELECT COUNT(Id), SUM(NumberOfEmployees), MAX(LastName) FROM Lead WHERE Id = null"
    assert leads.ask(none) == [{"expr0": 0, "expr1": None, "expr2": None}]
    assert leads.ask("SELECT LastName, COUNT(Id) FROM Lead WHERE Id=null GROUP BY LastName") == []


def test_picklists_sort_by_their_definition(org: Any) -> None:
    stages = [
        value.value for value in org.schema.get("Opportunity").field("StageName").picklist_values
    ]
    for stage in sorted(stages):
        org.add("Opportunity", Name=stage, StageName=stage)
    assert org.column("SELECT StageName FROM Opportunity ORDER BY StageName") == stages
    assert org.ask("SELECT MIN(StageName) a, MAX(StageName) b FROM Opportunity") == [
        {"a": stages[0], "b": stages[-1]}
    ]
    grouped = "SELECT StageName FROM Opportunity GROUP BY StageName ORDER BY StageName DESC"
    assert org.column(grouped) == stages[::-1]


def test_texts_have_a_least_and_a_greatest(org: Any) -> None:
    for name in ("b", "A", "C"):
        org.add("Account", Name=name)
    assert org.ask("SELECT MIN(Name) a, MAX(Name) z FROM Account") == [{"a": "A", "z": "C"}]


def test_having_and_order(leads: Any) -> None:
    text = "SELECT LeadSource, COUNT(Id) n FROM Lead GROUP BY LeadSource"
    assert leads.column(f"{text} HAVING COUNT(Id) > 1") == [2]
    assert leads.column(f"{text} HAVING COUNT(Id) = 1 AND LeadSource != null") == [1]
    assert leads.column(f"{text} HAVING (NOT LeadSource = 'web') AND COUNT(Id) > 0") == [1, 1]
    assert leads.column(f"{text} ORDER BY COUNT(Id) DESC LIMIT 1") == [2]
    assert leads.column(f"{text} ORDER BY n DESC, LeadSource NULLS LAST") == [2, 1, 1]


def test_rollup(leads: Any) -> None:
    rows = leads.ask(
        "SELECT LeadSource, Rating, GROUPING(LeadSource) gs, GROUPING(Rating) gr, COUNT(Id) n "
        "FROM Lead GROUP BY ROLLUP(LeadSource, Rating)"
    )
    assert [tuple(row.values()) for row in rows] == [
        (None, "Hot", 0, 0, 1),
        (None, None, 0, 1, 1),
        ("Phone", "Hot", 0, 0, 1),
        ("Phone", None, 0, 1, 1),
        ("Web", "Cold", 0, 0, 1),
        ("Web", "Hot", 0, 0, 1),
        ("Web", None, 0, 1, 2),
        (None, None, 1, 1, 4),
    ]


def test_cube(leads: Any) -> None:
    rows = leads.ask(
        "SELECT LeadSource, Rating, COUNT(Id) n FROM Lead WHERE LeadSource = 'Web' "
        "GROUP BY CUBE(LeadSource, Rating)"
    )
    assert sorted(map(str, (tuple(row.values()) for row in rows))) == [
        "('Web', 'Cold', 1)",
        "('Web', 'Hot', 1)",
        "('Web', None, 2)",
        "(None, 'Cold', 1)",
        "(None, 'Hot', 1)",
        "(None, None, 2)",
    ]


def test_groups_of_parents_and_dates(org: Any) -> None:
    account = org.add("Account", Name="A")
    for day, amount in ((date(2023, 1, 1), 1), (date(2024, 1, 1), 2), (date(2024, 6, 1), 3)):
        org.add("Opportunity", CloseDate=day, Amount=Decimal(amount), AccountId=account)
    assert org.ask(
        "SELECT Account.Name, CALENDAR_YEAR(CloseDate), SUM(Amount) total FROM Opportunity "
        "GROUP BY Account.Name, CALENDAR_YEAR(CloseDate) ORDER BY CALENDAR_YEAR(CloseDate)"
    ) == [
        {"Name": "A", "expr0": 2023, "total": 1.0},
        {"Name": "A", "expr0": 2024, "total": 5.0},
    ]


def test_two_thousand_groups_and_no_more(org: Any) -> None:
    org.add_many("Trap__c", 2001, 'n AS "Int__c"')
    text = "SELECT Int__c, COUNT(Id) FROM Trap__c GROUP BY Int__c"
    refused = org.refusal(text)
    assert refused.code == "EXCEEDED_ID_LIMIT"
    assert "does not support queryMore(), use LIMIT" in refused.message
    assert org.run(f"{text} LIMIT 2000").total == 2000


REFUSED = [
    ("SELECT Name, COUNT(Id) FROM Account", "Field must be grouped or aggregated: Name"),
    ("SELECT COUNT(Id) FROM Account LIMIT 1", "cannot also use LIMIT"),
    ("SELECT COUNT() FROM Account ORDER BY Name", "COUNT() cannot be used"),
    ("SELECT MAX(IsDeleted) FROM Account", "field IsDeleted does not support aggregate operator"),
    ("SELECT SUM(Name) FROM Account", "field Name does not support aggregate operator SUM"),
    ("SELECT CreatedDate FROM Account GROUP BY CreatedDate", "'CreatedDate' can not be grouped"),
    ("SELECT Name FROM Account GROUP BY Name ORDER BY Industry", "grouped or aggregated: Industry"),
    ("SELECT GROUPING(Name) FROM Account GROUP BY Name", "GROUPING needs"),
    ("SELECT Name, Owner.Name FROM Account GROUP BY Name, Owner.Name", "duplicate alias: Name"),
    ("SELECT Name, (SELECT Id FROM Contacts) FROM Account GROUP BY Name", "Only fields and"),
    ("SELECT Name FROM Account WHERE COUNT(Id) > 1", "not allowed in WHERE"),
    ("SELECT CALENDAR_YEAR(CreatedDate) FROM Account", "grouped or aggregated: CALENDAR_YEAR"),
    ("SELECT MAX(AnnualRevenue) FROM Account GROUP BY Name HAVING MAX(AnnualRevenue) > USD5",
     "currency literal"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_refused_groups(empty: Any, text: str, message: str) -> None:
    assert message in empty.refusal(text).message
