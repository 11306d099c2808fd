"""Every switch in both positions."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.localorg.switches import CHOICES, Switches


def names(org: Any, where: str, **switches: str) -> list[str]:
    found = org.column(f"SELECT Name FROM Trap__c WHERE {where}", switches=switches)
    return sorted(found)


@pytest.fixture
def traps(org: Any) -> Any:
    org.add("Trap__c", Name="is x", Text__c="x", Multi__c="a;b", Date__c="2024-01-01")
    org.add("Trap__c", Name="is y", Text__c="y", Multi__c="b;c", Date__c="2024-02-01")
    org.add("Trap__c", Name="is null")
    return org


@pytest.mark.parametrize(
    "where",
    [
        "Text__c != 'x'",
        "Text__c NOT IN ('x')",
        "NOT Text__c = 'x'",
        "NOT Text__c LIKE 'x%'",
        "Multi__c EXCLUDES ('a')",
        "Date__c != 2024-01-01",
    ],
)
def test_null_not_equal(traps: Any, where: str) -> None:
    assert names(traps, where) == ["is null", "is y"]
    assert names(traps, where, null_not_equal="three-valued") == ["is y"]


def test_null_not_equal_of_an_anti_join(org: Any) -> None:
    gone = org.add("Account", Name="A")
    org.add("Contact", LastName="c", AccountId=gone)
    org.add("Trap__c", Name="held", Account__c=gone)
    org.add("Trap__c", Name="free")
    where = "Account__c NOT IN (SELECT AccountId FROM Contact)"
    assert names(org, where) == ["free"]
    assert names(org, where, null_not_equal="three-valued") == []


def test_null_tests_do_not_depend_on_the_switch(traps: Any) -> None:
    for position in CHOICES["null-not-equal"]:
        assert names(traps, "Text__c != null", null_not_equal=position) == ["is x", "is y"]
        assert names(traps, "(NOT Text__c = null)", null_not_equal=position) == ["is x", "is y"]


def test_group_case(org: Any) -> None:
    for name in ("Acme", "ACME", "other", "acme"):
        org.add("Account", Name=name)
    groups = "SELECT Name, COUNT(Id) n FROM Account GROUP BY Name"
    assert org.ask(groups) == [{"Name": "Acme", "n": 3}, {"Name": "other", "n": 1}]
    exact = org.ask(groups, switches={"group-case": "exact"})
    assert sorted((group["Name"], group["n"]) for group in exact) == [
        ("ACME", 1),
        ("Acme", 1),
        ("acme", 1),
        ("other", 1),
    ]
    distinct = "SELECT COUNT_DISTINCT(Name) FROM Account"
    assert org.value(distinct) == 2
    assert org.value(distinct, switches={"group-case": "exact"}) == 4


def test_group_case_of_a_case_sensitive_field(org: Any) -> None:
    for text in ("a", "A"):
        org.add("Trap__c", Unique_Case_Sensitive__c=text)
    assert org.value("SELECT COUNT_DISTINCT(Unique_Case_Sensitive__c) FROM Trap__c") == 2


def test_desc_nulls(traps: Any) -> None:
    ordered = "SELECT Name FROM Trap__c ORDER BY Date__c DESC"
    assert traps.column(ordered) == ["is null", "is y", "is x"]
    assert traps.column(ordered, switches={"desc-nulls": "last"}) == ["is y", "is x", "is null"]
    explicit = f"{ordered} NULLS FIRST"
    assert traps.column(explicit, switches={"desc-nulls": "last"})[0] == "is null"


def test_childless(org: Any) -> None:
    org.add("Account", Name="alone")
    nested = "SELECT Name, (SELECT Id FROM Contacts) FROM Account"
    assert org.ask(nested) == [{"Name": "alone", "Contacts": None}]
    empty = {"totalSize": 0, "done": True, "records": []}
    assert org.ask(nested, switches={"childless": "empty"}) == [
        {"Name": "alone", "Contacts": empty}
    ]


def test_batch_size(org: Any) -> None:
    org.add_many("Trap__c", 2500)
    ask = "SELECT Id FROM Trap__c"
    assert org.run(ask).rows == 2000
    assert org.run(ask, batch_size=500).rows == 500
    assert org.run(ask, batch_size=7).rows == 200
    assert org.run(ask, batch_size=9000).rows == 2000
    assert org.run(ask, batch_size=7, switches={"batch-size": "ignore"}).rows == 2000
    refused = org.refusal(ask, batch_size=7, switches={"batch-size": "refuse"})
    assert refused.code == "INVALID_BATCH_SIZE"
    assert org.run(ask, batch_size=500, switches={"page-size": 3}).rows == 3


def test_malformed_id(org: Any) -> None:
    org.add("Account", Name="A")
    for literal in ("123", "not an id at all!!", ""):
        ask = f"SELECT Id FROM Account WHERE Id = '{literal}'"
        if literal:
            refused = org.refusal(ask)
            assert refused.code == "INVALID_QUERY_FILTER_OPERATOR"
            assert refused.message == f"invalid ID field: {literal}"
        assert org.ask(ask, switches={"malformed-id": "no-rows"}) == []
    assert org.ask("SELECT Id FROM Account WHERE Id = '003Ib0000000001IAA'") == []


def test_string_sort(org: Any) -> None:
    for name in ("b", "A", "a", "Z", "_"):
        org.add("Account", Name=name)
    ordered = "SELECT Name FROM Account ORDER BY Name"
    assert org.column(ordered) == ["A", "a", "b", "Z", "_"]
    assert org.column(ordered, switches={"string-sort": "binary"}) == ["A", "Z", "_", "a", "b"]
    above = "SELECT Name FROM Account WHERE Name > 'Y' ORDER BY Name"
    assert org.column(above) == ["Z", "_"]
    assert org.column(above, switches={"string-sort": "binary"}) == ["Z", "_", "a", "b"]


def test_a_switch_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="there is no switch 'nulls'; the switches are null-not"):
        Switches.parse({"nulls": "first"})
    with pytest.raises(ValueError, match="choose one of first, last"):
        Switches.parse({"desc-nulls": "middle"})
    with pytest.raises(ValueError, match="whole number of at least 1"):
        Switches.parse({"page-size": "0"})


def test_the_first_position_of_each_switch_is_the_default() -> None:
    defaults = {name: positions[0] for name, positions in CHOICES.items()}
    assert Switches.parse(defaults) == Switches()
