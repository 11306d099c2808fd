"""Query plans: which index leads, how many rows it finds, and what the whole table would cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Plan = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def plans(get: Any) -> Plan:
    def ask(soql: str) -> list[dict[str, Any]]:
        answer = get("query", params={"explain": soql})
        assert answer.status_code == 200, answer.text
        assert answer.json()["sourceQuery"] == soql
        return list(answer.json()["plans"])

    return ask


@pytest.fixture
def count(get: Any) -> Callable[[str], int]:
    def ask(tail: str) -> int:
        answer = get("query", params={"q": f"SELECT COUNT() FROM {tail}"})
        return int(answer.json()["totalSize"])

    return ask


def test_a_plan_has_the_keys_of_the_reference(plans: Plan, count: Any) -> None:
    (scan,) = plans("SELECT Id FROM Account")
    total = count("Account")
    assert scan == {
        "cardinality": total,
        "fields": [],
        "leadingOperationType": "TableScan",
        "notes": [
            {
                "description": "Not considering filter for optimization because unindexed",
                "fields": ["IsDeleted"],
                "tableEnumOrId": "Account",
            }
        ],
        "relativeCost": 1.0,
        "sobjectCardinality": total,
        "sobjectType": "Account",
    }


INDEXED = {
    "Name = 'Acme'": ["Name"],
    "Name LIKE 'A%'": ["Name"],
    "Id > '001000000000000'": ["Id"],
    "CreatedDate = LAST_N_DAYS:30": ["CreatedDate"],
    "SystemModstamp >= 2020-01-01T00:00:00Z": ["SystemModstamp"],
    "OwnerId IN ('005000000000001')": ["OwnerId"],
    "Id IN (SELECT AccountId FROM Contact)": ["Id"],
    "(Name = 'Acme' OR OwnerId = '005000000000001')": ["Name", "OwnerId"],
    "Account.Name = 'Acme'": ["Name"],
}
UNINDEXED = (
    "Industry = 'Energy'",
    "Name LIKE '%A'",
    "Name != 'Acme'",
    "Name = NULL",
    "Name = ''",
    "Owner.Name = 'Demo Admin'",
    "Id NOT IN (SELECT AccountId FROM Contact)",
    "(Name = 'Acme' OR Industry = 'Energy')",
    "(NOT Name = 'Acme')",
    "LastModifiedDate = TODAY",
    "(Name = 'Acme' OR (OwnerId = '005000000000001' AND Industry = 'Energy'))",
)


@pytest.mark.parametrize("condition", INDEXED)
def test_an_index_is_told_with_the_rows_it_finds(plans: Plan, count: Any, condition: str) -> None:
    soql = f"SELECT Id FROM Account WHERE {condition} AND Industry = 'Energy'"
    by_kind = {plan["leadingOperationType"]: plan for plan in plans(soql)}
    assert set(by_kind) == {"Index", "TableScan"}
    assert by_kind["Index"]["fields"] == INDEXED[condition]
    assert by_kind["Index"]["cardinality"] == count(f"Account WHERE {condition}")
    both = count(f"Account WHERE {condition} AND Industry = 'Energy'")
    assert by_kind["TableScan"]["cardinality"] == both
    assert ["Industry"] in [note["fields"] for note in by_kind["Index"]["notes"]]


@pytest.mark.parametrize("condition", UNINDEXED)
def test_no_index_serves_it(plans: Plan, count: Any, condition: str) -> None:
    (scan,) = plans(f"SELECT Id FROM Account WHERE {condition}")
    assert scan["leadingOperationType"] == "TableScan"
    assert scan["cardinality"] == count(f"Account WHERE {condition}")


def test_the_selective_plan_comes_first(plans: Plan) -> None:
    few = plans("SELECT Id FROM Account WHERE Name = 'Acme' AND CreatedDate > 1999-01-01T00:00:00Z")
    assert [plan["fields"] for plan in few] == [["Name"], [], ["CreatedDate"]]
    assert few[0]["relativeCost"] < 1 == few[1]["relativeCost"] < few[2]["relativeCost"]


def test_ranges_of_one_field_are_one_plan(plans: Plan, count: Any) -> None:
    between = "Id > '001Ib0000000010' AND Id <= '001Ib000000001z'"
    index = next(p for p in plans(f"SELECT Id FROM Account WHERE {between}") if p["fields"])
    assert index["fields"] == ["Id"]
    assert index["cardinality"] == count(f"Account WHERE {between}") > 0


def test_groups_counts_and_children_have_plans(plans: Plan) -> None:
    for soql in (
        "SELECT COUNT() FROM Contact WHERE AccountId = '001000000000001'",
        "SELECT Industry, COUNT(Id) FROM Account WHERE Name = 'x' GROUP BY Industry",
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Name = 'x'",
    ):
        assert {plan["leadingOperationType"] for plan in plans(soql)} == {"Index", "TableScan"}


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nmae FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM", "MALFORMED_QUERY"),
        ("00O000000000001", "MALFORMED_QUERY"),
        ("", "MALFORMED_QUERY"),
    ],
)
def test_what_cannot_be_explained(get: Any, soql: str, code: str) -> None:
    answer = get("query", params={"explain": soql})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_explain_is_a_call_without_rows(get: Any, org: Any) -> None:
    get("query", params={"explain": "SELECT Id FROM Account"})
    last = org.requests()[-1]
    assert (last["rows"], last["soql"], last["status"]) == (None, None, 200)
