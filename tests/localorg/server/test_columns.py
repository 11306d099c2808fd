"""The columns of a statement, as the sf command line asks for them before it writes a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Columns = Callable[[str], dict[str, Any]]


@pytest.fixture
def columns(get: Any) -> Columns:
    def ask(soql: str) -> dict[str, Any]:
        answer = get("query", params={"q": soql, "columns": "true"})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    return ask


def shape(found: list[dict[str, Any]]) -> list[Any]:
    """Names; with those within, where there are some."""
    return [
        (one["columnName"], shape(one["joinColumns"])) if one["joinColumns"] else one["columnName"]
        for one in found
    ]


def test_fields_and_parents(columns: Columns) -> None:
    told = columns("SELECT Id, name, Owner.Profile.Name, AnnualRevenue FROM Account LIMIT 1")
    wanted = ["Id", "Name", ("Owner", [("Profile", ["Name"])]), "AnnualRevenue"]
    assert shape(told["columnMetadata"]) == wanted
    assert (told["entityName"], told["keyPrefix"], told["idSelected"]) == ("Account", "001", True)
    revenue = told["columnMetadata"][-1]
    assert (revenue["numberType"], revenue["textType"], revenue["updatable"]) == (True, False, True)


def test_children(columns: Columns) -> None:
    told = columns("SELECT Name, (SELECT LastName, Owner.Name FROM Contacts) FROM Account")
    wanted = ["Name", ("Contacts", ["LastName", ("Owner", ["Name"])])]
    assert shape(told["columnMetadata"]) == wanted
    assert [one["aggregate"] for one in told["columnMetadata"]] == [False, True]


def test_groups(columns: Columns) -> None:
    soql = "SELECT Industry, COUNT(Id), MAX(AnnualRevenue) most FROM Account GROUP BY Industry"
    told = columns(soql)
    found = told["columnMetadata"]
    assert [one["columnName"] for one in found] == ["Industry", "expr0", "most"]
    assert [one["displayName"] for one in found][1:] == ["COUNT(Id)", "MAX(AnnualRevenue)"]
    assert told["groupBy"] is True


def test_by_type(columns: Columns) -> None:
    soql = "SELECT TYPEOF What WHEN Account THEN Name, Phone ELSE Id END FROM Event"
    assert shape(columns(soql)["columnMetadata"]) == [("What", ["Name", "Phone", "Id"])]


def test_a_wrong_statement_is_refused(get: Any) -> None:
    answer = get("query", params={"q": "SELECT Nmae FROM Account", "columns": "true"})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
