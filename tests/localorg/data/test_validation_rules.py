"""Validation rules: SOQL conditions that refuse a record, on create and on change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus.localorg.demo import ADMIN_ID
from isthmus.localorg.errors import OrgError
from isthmus.localorg.org import Org, make_org
from isthmus.localorg.rules import Rule, load
from isthmus.localorg.settings import Settings

RULES = """
[[Account]]
name = "Energy_needs_a_site"
when = "Industry = 'Energy' AND Site = null"
message = "An energy account needs a site"
field = "site"

[[Account]]
name = "No_small_child"
when = "NumberOfEmployees < 10 AND Parent.NumberOfEmployees > 100"
message = "Too small for its parent"

[[Contact]]
name = "Not_with_energy"
when = "Account.Industry = 'Energy' AND Email = null"
message = "Write to energy people by mail"

[[Trap__c]]
name = "Not_too_big"
when = "Formula_Number__c > 100"
message = "Twice the number is at most 100"
field = "Number_16_2__c"
"""


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    path = tmp_path_factory.mktemp("rules") / "rules.toml"
    path.write_text(RULES)
    made = make_org("empty", settings=Settings(rules=load(path)))
    yield made
    made.close()


@pytest.fixture
def by(org: Org) -> dict[str, Any]:
    return {"now": org.clock.now(), "user_id": ADMIN_ID}


def refusal(call: Any, *args: Any, **by: Any) -> OrgError:
    with pytest.raises(OrgError) as caught:
        call(*args, **by)
    return caught.value


def test_a_record_that_a_rule_holds_for_is_refused(org: Org, by: dict[str, Any]) -> None:
    error = refusal(org.records.create, "Account", {"Name": "x", "Industry": "Energy"}, **by)
    assert error.code == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert (error.message, error.fields) == ("An energy account needs a site", ("Site",))
    org.records.create("Account", {"Name": "x", "Industry": "Energy", "Site": "s"}, **by)


def test_a_change_is_judged_by_what_it_makes(org: Org, by: dict[str, Any]) -> None:
    made = org.records.create("Account", {"Name": "y", "Site": "s"}, **by)
    org.records.update("Account", made, {"Industry": "Energy"}, **by)
    before = org.records.retrieve("Account", made, base_path="")
    assert refusal(org.records.update, "Account", made, {"Site": None}, **by).fields == ("Site",)
    assert org.records.retrieve("Account", made, base_path="") == before
    org.records.update("Account", made, {"Site": None, "Industry": None}, **by)


def test_each_record_of_a_chunk_is_judged_for_itself(org: Org, by: dict[str, Any]) -> None:
    rows = [
        {"Name": f"r{n}", "Industry": "Energy", "Site": "s" if n % 2 else None} for n in range(6)
    ]
    made = org.records.create_many("Account", rows, **by)
    assert [isinstance(one, OrgError) for one in made] == [True, False] * 3


def test_a_rule_sees_parents_and_formulas(org: Org, by: dict[str, Any]) -> None:
    big = org.records.create("Account", {"Name": "big", "NumberOfEmployees": 500}, **by)
    small = {"Name": "small", "NumberOfEmployees": 5}
    error = refusal(org.records.create, "Account", {**small, "ParentId": big}, **by)
    assert (error.message, error.fields) == ("Too small for its parent", ())
    made = org.records.create("Account", small, **by)
    assert refusal(org.records.update, "Account", made, {"ParentId": big}, **by).fields == ()
    power = org.records.create("Account", {"Name": "p", "Industry": "Energy", "Site": "s"}, **by)
    person = {"LastName": "x", "AccountId": power}
    assert refusal(org.records.create, "Contact", person, **by).message.startswith("Write to")
    assert refusal(org.records.create, "Trap__c", {"Number_16_2__c": 51}, **by).fields
    org.records.create("Trap__c", {"Number_16_2__c": 50}, **by)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Account = 1", "write the rules of Account as"),
        ("[[Account]]\nname = 'x'", "rule 1 of Account needs"),
        ("[[Account]]\nname='x'\nwhen='y'\nmessage='z'\nwhat='a'", "look at what"),
        ("[[Account]]\nname='x'\nwhen=1\nmessage='z'", "rule 1 of Account needs"),
        ("[[Account", "is no TOML"),
    ],
)
def test_a_file_that_is_no_good_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        load(path)
    assert "rules.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Rule("Nowhere__c", "r", "Id = null", "m"), "rule r of Nowhere__c: INVALID_TYPE"),
        (Rule("Account", "r", "Nope = 1", "m"), "rule r of Account: INVALID_FIELD"),
        (Rule("Account", "r", "Name =", "m"), "rule r of Account: MALFORMED_QUERY"),
        (Rule("Account", "r", "Name = 'x'", "m", "Nope"), "it has no field Nope"),
    ],
)
def test_a_rule_that_means_nothing_is_refused_at_the_start(rule: Rule, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_org("empty", settings=Settings(rules=(rule,)))
