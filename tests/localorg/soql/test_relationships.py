"""Parents, children, semi-joins and polymorphic lookups."""

from __future__ import annotations

import json
from typing import Any

import pytest


@pytest.fixture
def family(org: Any) -> Any:
    boss = org.add("User", Name="Boss", LastName="Boss", IsActive=True)
    user = org.add("User", Name="Ann", LastName="Ann", ManagerId=boss)
    first = org.add("Account", Name="First", OwnerId=user)
    second = org.add("Account", Name="Second", ParentId=first)
    org.add("Account", Name="Third", ParentId=second)
    for name, account in (("c1", first), ("c2", first), ("c3", second), ("c4", None)):
        org.add("Contact", Name=name, LastName=name, AccountId=account)
    org.add("Contact", Name="gone", LastName="gone", AccountId=first, IsDeleted=True)
    return org


def test_parents_to_five_levels(family: Any) -> None:
    (record,) = family.ask(
        "SELECT Parent.Parent.Owner.Manager.Name, Parent.Name FROM Account WHERE Name = 'Third'"
    )
    assert record == {
        "Parent": {"Parent": {"Owner": {"Manager": {"Name": "Boss"}}}, "Name": "Second"}
    }
    deep = "Parent.Parent.Parent.Parent.Parent"
    assert family.column(f"SELECT {deep}.Name FROM Account") == [
        None,
        {"Parent": None},
        {"Parent": {"Parent": None}},
    ]
    refused = family.refusal(f"SELECT {deep}.Parent.Name FROM Account")
    assert "more than 5 levels" in refused.message


def test_aliases(family: Any) -> None:
    text = "SELECT c.Name, a.Name FROM Contact c, c.Account a WHERE a.Name = 'second'"
    assert family.ask(text) == [{"Name": "c3", "Account": {"Name": "Second"}}]
    assert family.ask("SELECT Contact.Name FROM Contact LIMIT 1") == [{"Name": "c1"}]


def test_deleted_rows_are_hidden_everywhere(family: Any) -> None:
    children = "SELECT Name, (SELECT Name FROM Contacts) FROM Account WHERE Name = 'First'"
    (hidden,) = family.ask(children)
    assert [child["Name"] for child in hidden["Contacts"]["records"]] == ["c1", "c2"]
    (shown,) = family.ask(children, include_deleted=True)
    assert [child["Name"] for child in shown["Contacts"]["records"]] == ["c1", "c2", "gone"]
    semi = "SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE Name='gone')"
    assert family.column(semi) == []
    assert family.column(semi, include_deleted=True) == ["First"]


def test_a_deleted_parent_is_no_parent(org: Any) -> None:
    gone = org.add("Account", Name="Gone", IsDeleted=True)
    org.add("Contact", LastName="c", AccountId=gone)
    text = "SELECT Account.Name FROM Contact"
    assert org.ask(text) == [{"Account": None}]
    assert org.ask(text, include_deleted=True) == [{"Account": {"Name": "Gone"}}]
    named = "SELECT LastName FROM Contact WHERE Account.Name = 'Gone'"
    assert org.column(named) == []
    assert org.column(named, include_deleted=True) == ["c"]


def test_children(family: Any) -> None:
    text = (
        "SELECT Name, (SELECT LastName, Account.Owner.Name FROM Account.Contacts "
        "WHERE LastName != 'c1' ORDER BY LastName DESC LIMIT 5) FROM Account ORDER BY Name"
    )
    assert family.ask(text) == [
        {
            "Name": "First",
            "Contacts": {
                "totalSize": 1,
                "done": True,
                "records": [{"LastName": "c2", "Account": {"Owner": {"Name": "Ann"}}}],
            },
        },
        {
            "Name": "Second",
            "Contacts": {
                "totalSize": 1,
                "done": True,
                "records": [{"LastName": "c3", "Account": {"Owner": None}}],
            },
        },
        {"Name": "Third", "Contacts": None},
    ]


def test_the_limit_of_a_child_query_is_for_each_parent(family: Any) -> None:
    text = "SELECT (SELECT Name FROM Contacts ORDER BY Name DESC LIMIT 1) FROM Account"
    shown = [row["Contacts"] and row["Contacts"]["records"] for row in family.ask(text)]
    assert shown == [[{"Name": "c2"}], [{"Name": "c3"}], None]
    moved = "SELECT (SELECT Name FROM Contacts ORDER BY Name OFFSET 1) FROM Account LIMIT 1"
    assert family.ask(moved)[0]["Contacts"]["records"] == [{"Name": "c2"}]


def test_grandchildren_from_version_58_on(family: Any) -> None:
    text = (
        "SELECT Name, (SELECT Name, (SELECT Name FROM Contacts) FROM ChildAccounts) "
        "FROM Account WHERE Name = 'First'"
    )
    (record,) = family.ask(text)
    (child,) = record["ChildAccounts"]["records"]
    assert child["Contacts"]["records"] == [{"Name": "c3"}]
    assert "nested to 2 levels" in family.refusal(text, api_version=57.0).message


def test_semi_and_anti_joins(family: Any) -> None:
    names = "SELECT Name FROM Account WHERE "
    assert family.column(names + "Id IN (SELECT AccountId FROM Contact)") == ["First", "Second"]
    assert family.column(names + "Id NOT IN (SELECT AccountId FROM Contact)") == ["Third"]
    both = (
        "Id IN (SELECT AccountId FROM Contact WHERE Account.Name LIKE 'f%') "
        "AND (OwnerId IN (SELECT Id FROM User WHERE Name = 'ann') AND Name != null)"
    )
    assert family.column(names + both) == ["First"]


JOINS = [
    ("Name = 'x' OR Id IN (SELECT AccountId FROM Contact)", "only allowed at the top level"),
    ("(NOT Id IN (SELECT AccountId FROM Contact))", "only allowed at the top level"),
    ("Id IN (SELECT AccountId FROM Contact WHERE Id IN (SELECT WhoId FROM Event))", "Nesting"),
    ("Id IN (SELECT ParentId FROM Account)", "should not be on the same object type"),
    ("Id IN (SELECT WhatId FROM Task)", "'Task' is not supported"),
    ("Id IN (SELECT OwnerId FROM Contact)", "do not refer to the same object type"),
    ("Id IN (SELECT Name FROM Contact)", "is not an ID field"),
    ("Id IN (SELECT Id, AccountId FROM Contact)", "exactly one field"),
    ("Owner.Id IN (SELECT OwnerId FROM Contact)", "more than one level"),
    ("Name IN (SELECT AccountId FROM Contact)", "is not an ID field"),
    (
        " AND ".join(["Id IN (SELECT AccountId FROM Contact)"] * 3),
        "Maximum 2 semi join sub-selects",
    ),
]


@pytest.mark.parametrize(("where", "message"), JOINS)
def test_refused_semi_joins(empty: Any, where: str, message: str) -> None:
    assert message in empty.refusal(f"SELECT Id FROM Account WHERE {where}").message


@pytest.fixture
def tasks(family: Any) -> Any:
    account = family.value("SELECT Id FROM Account WHERE Name = 'First'")
    contact = family.value("SELECT Id FROM Contact WHERE Name = 'c1'")
    deal = family.add("Opportunity", Name="Deal", StageName="Prospecting")
    family.add("Task", Subject="at account", WhatId=account, WhoId=contact)
    family.add("Task", Subject="at deal", WhatId=deal)
    family.add("Task", Subject="at nothing")
    return family


def test_polymorphic_parents(tasks: Any) -> None:
    rows = tasks.ask("SELECT Subject, What.Name, What.Type, Who.LastName FROM Task")
    assert [row["What"] for row in rows] == [
        {"Name": "First", "Type": "Account"},
        {"Name": "Deal", "Type": "Opportunity"},
        None,
    ]
    assert rows[0]["Who"] == {"LastName": "c1"}
    found = "SELECT Subject FROM Task WHERE What.Type IN ('Account', 'Case')"
    assert tasks.column(found) == ["at account"]
    answer = json.loads(tasks.run("SELECT What.Name FROM Task LIMIT 1").body)
    assert answer["records"][0]["What"]["attributes"]["type"] == "Account"


def test_type_of(tasks: Any) -> None:
    rows = tasks.ask(
        "SELECT Subject, TYPEOF What WHEN Account THEN Name, Phone WHEN Case THEN Subject "
        "ELSE Name END FROM Task"
    )
    assert [row["What"] for row in rows] == [
        {"Name": "First", "Phone": None},
        {"Name": "Deal"},
        None,
    ]
    refused = tasks.refusal("SELECT TYPEOF Account WHEN Account THEN Name END FROM Contact")
    assert "TYPEOF needs a polymorphic relationship" in refused.message
    for text in (
        "SELECT TYPEOF What WHEN User THEN Name END FROM Task",
        "SELECT TYPEOF What WHEN Nonsense THEN Name END FROM Task",
        "SELECT TYPEOF What WHEN Account THEN Nonsense END FROM Task",
    ):
        assert tasks.refusal(text).code == "INVALID_FIELD"


def test_the_scope_mine(family: Any) -> None:
    family.add("Account", Name="Mine", OwnerId=family.user.id)
    # the first user of the bench is the running one
    assert family.column("SELECT Name FROM Account USING SCOPE mine") == ["Mine"]
    assert len(family.ask("SELECT Name FROM Account USING SCOPE everything")) == 4
