"""Rows through sObject Collections and in calls of their own: outcomes, nulls, references."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from isthmus.connectors.contract import Meter, ReadContext
from isthmus.connectors.writing import WriteKind
from isthmus.errors import BudgetExceeded, Cancelled
from isthmus.localorg import LocalOrg
from tests.connectors.salesforce.writing.hand import ALONE, Hand

INSERT, UPDATE, UPSERT, DELETE = WriteKind
KEY = "External_Id__c"
#: The ways that write the same; "bulk" is one of them.
WAYS = ("single", "collections", "bulk")
Stored = Callable[..., list[tuple[Any, ...]]]
MakeHand = Callable[..., Hand]


def rows_for(way: str, rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """One chunk or, for single calls, one a row."""
    return [[row] for row in rows] if way == "single" else [rows]


def written(
    hand: Hand, way: str, kind: WriteKind, rows: list[dict[str, Any]], key: str | None = None
) -> list[dict[str, Any]]:
    return [
        outcome
        for part in rows_for(way, rows)
        for outcome in hand.write(kind, part, key, options=[way])
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_row_of_each_kind_has_its_outcome(hand: MakeHand, stored: Stored, way: str) -> None:
    accounts = hand()
    made = written(accounts, way, INSERT, [{"Name": "a", KEY: "1"}, {"Name": "b", KEY: "2"}], KEY)
    assert [(one["success"], one["created"]) for one in made] == [(True, True)] * 2
    ids = [one["id"] for one in made]
    assert [i for _, i in stored("Account", "Name", "Id")] == ids
    again = written(accounts, way, UPSERT, [{"Name": "A", KEY: "1"}, {"Name": "c", KEY: "3"}], KEY)
    assert [(one["success"], one["created"]) for one in again] == [(True, False), (True, True)]
    assert again[0]["id"] == ids[0]
    changed = written(accounts, way, UPDATE, [{"Id": ids[1], "Name": "B"}], "Id")
    assert [(one["success"], one["created"], one["id"]) for one in changed] == [
        (True, False, ids[1])
    ]
    assert stored("Account", "Name", KEY) == [("A", "1"), ("B", "2"), ("c", "3")]
    gone = written(accounts, way, DELETE, [{"Id": ids[0]}, {"Id": again[1]["id"]}], "Id")
    assert [(one["success"], one["id"]) for one in gone] == [
        (True, ids[0]),
        (True, again[1]["id"]),
    ]
    assert stored("Account", "Name") == [("B",)]


@pytest.mark.parametrize("way", WAYS)
def test_a_bad_row_does_not_keep_the_others(hand: MakeHand, stored: Stored, way: str) -> None:
    rows: list[dict[str, Any]] = [
        {"Name": "a", KEY: "1"},
        {"Name": None, KEY: "2"},
        {"Name": "c", KEY: "1"},
    ]
    made = written(hand(), way, INSERT, rows, KEY)
    assert [one["success"] for one in made] == [True, False, False]
    assert (made[1]["error_code"], made[1]["error_field"]) == ("REQUIRED_FIELD_MISSING", "Name")
    assert (
        made[1]["id"] is None and made[1]["created"] is None and "Name" in made[1]["error_message"]
    )
    assert made[2]["error_code"] == "DUPLICATE_VALUE"
    assert stored("Account", "Name") == [("a",)]


@pytest.mark.parametrize("way", WAYS)
def test_null_and_leave_alone_differ(hand: MakeHand, stored: Stored, way: str) -> None:
    accounts = hand()
    full = {"Name": "a", "Phone": "1", "Site": "s"}
    (made, other) = written(accounts, "collections", INSERT, [full, {**full, "Name": "b"}])
    rows = [
        {"Id": made["id"], "Name": ALONE, "Phone": None, "Site": ALONE},
        {"Id": other["id"], "Name": "B", "Phone": ALONE, "Site": ""},
    ]
    done = written(accounts, way, UPDATE, rows, "Id")
    assert all(one["success"] for one in done)
    assert stored("Account", "Name", "Phone", "Site") == [("B", "1", None), ("a", None, "s")]


@pytest.mark.parametrize("way", WAYS)
def test_an_upsert_by_id_makes_what_has_none(hand: MakeHand, stored: Stored, way: str) -> None:
    accounts = hand()
    (old,) = accounts.write(INSERT, [{"Name": "a"}])
    rows = [{"Id": old["id"], "Name": "A"}, {"Id": None, "Name": "b"}]
    done = written(accounts, way, UPSERT, rows, "Id")
    assert [(one["success"], one["created"]) for one in done] == [(True, False), (True, True)]
    assert stored("Account", "Id", "Name") == sorted(
        [(old["id"], "A"), (done[1]["id"], "b")], key=repr
    )


VALUES: dict[str, Any] = {
    "Text__c": 'two "lines",\nand ö 𝄞; \\ #N/A ',
    "Checkbox__c": True,
    "Number_16_2__c": Decimal("12345678901234.56"),
    "Number_18_8__c": Decimal("0.00000001"),
    "Percent_5_2__c": Decimal("-12.50"),
    "Int__c": -7,
    "Date__c": date(1700, 1, 1),
    "Datetime__c": datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
    "Time__c": time(17, 30, 1, 5_000),
    "Multi__c": "One;Two",
    "Email__c": "a@b.example",
    "Long_Text__c": "x\r\ny" * 1_000,
}


@pytest.mark.parametrize("way", WAYS)
def test_values_of_every_type_arrive(hand: MakeHand, stored: Stored, way: str) -> None:
    traps = hand("Trap__c")
    nothing = {name: False if name == "Checkbox__c" else None for name in VALUES}
    done = written(traps, way, INSERT, [{"Name": "v", **VALUES}, {"Name": "n", **nothing}])
    assert [one["error_message"] for one in done] == [None, None]
    found = {row[0]: row[1:] for row in stored("Trap__c", "Name", *VALUES)}
    wanted = {**VALUES, "Text__c": VALUES["Text__c"].strip()}
    wanted["Datetime__c"] = wanted["Datetime__c"].replace(tzinfo=None)
    kept = dict(zip(VALUES, found["v"], strict=True))
    kept["Datetime__c"] = kept["Datetime__c"].replace(tzinfo=None)
    assert kept == wanted
    assert dict(zip(VALUES, found["n"], strict=True)) == nothing


@pytest.mark.parametrize("way", WAYS)
def test_the_text_that_means_null_elsewhere_is_a_text(
    hand: MakeHand, stored: Stored, way: str
) -> None:
    rows = [{"Name": "#N/A", KEY: "1"}, {"Name": "null", KEY: "2"}, {"Name": "c", KEY: "3"}]
    assert all(one["success"] for one in written(hand(), way, INSERT, rows))
    assert stored("Account", "Name", KEY) == [("#N/A", "1"), ("c", "3"), ("null", "2")]


@pytest.mark.parametrize("way", WAYS)
def test_a_parent_is_given_by_its_key(hand: MakeHand, stored: Stored, way: str) -> None:
    accounts, contacts = hand(), hand("Contact")
    (parent,) = accounts.write(INSERT, [{"Name": "p", KEY: "P 1"}])
    rows: list[dict[str, Any]] = [
        {"LastName": "x", f"Account.{KEY}": "P 1"},
        {"LastName": "y", f"Account.{KEY}": None},
        {"LastName": "z", f"Account.{KEY}": "none"},
    ]
    done = written(contacts, way, INSERT, rows)
    assert [one["success"] for one in done] == [True, True, False]
    assert stored("Contact", "LastName", "AccountId") == [("x", parent["id"]), ("y", None)]
    first = {"Id": done[0]["id"], f"Account.{KEY}": None}
    assert written(contacts, way, UPDATE, [first], "Id")[0]["success"]
    assert stored("Contact", "LastName", "AccountId") == [("x", None), ("y", None)]


def test_one_of_several_kinds_of_parents_is_named(hand: MakeHand, stored: Stored) -> None:
    (contact,) = hand("Contact").write(INSERT, [{"LastName": "x", KEY: "C1"}])
    column = f"Contact:Who.{KEY}"
    row = {"Subject": "s", "DurationInMinutes": 5, column: "C1",
           "ActivityDateTime": datetime(2024, 1, 1, tzinfo=UTC)}  # fmt: skip
    for way in WAYS:
        (done,) = hand("Event").write(INSERT, [row], options=[way])
        assert done["success"], (way, done)
    assert stored("Event", "WhoId") == [(contact["id"],)] * 3


def test_rows_of_more_than_one_call_have_their_own_outcomes(
    hand: MakeHand, org: LocalOrg, stored: Stored
) -> None:
    accounts = hand()
    rows = [{"Name": f"n{i}", KEY: str(i)} for i in range(450)]
    done = accounts.write(INSERT, rows)
    assert all(one["success"] for one in done)
    posts = [r for r in org.requests() if r["method"] == "POST" and "composite" in r["path"]]
    assert len(posts) == 3 and accounts.bill.calls == 3
    by_id = {i: name for i, name in stored("Account", "Id", "Name")}
    assert [by_id[one["id"]] for one in done] == [row["Name"] for row in rows]


def test_all_or_none_writes_none(hand: MakeHand, stored: Stored) -> None:
    rows: list[dict[str, Any]] = [{"Name": "a"}, {"Name": None}, {"Name": "c"}]
    done = hand().write(INSERT, rows, all_or_none=True)
    assert [one["error_code"] for one in done] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    ]
    assert stored("Account", "Name") == []


def test_a_row_that_can_not_be_sent_is_not(hand: MakeHand, org: LocalOrg) -> None:
    done = hand().write(UPDATE, [{"Id": "nonsense", "Name": "a"}], "Id")
    assert done[0]["error_code"] == "MALFORMED_ID"
    assert not any(r["method"] in ("PATCH", "POST") for r in org.requests()
                   if "/services/data" in r["path"])  # fmt: skip


def test_each_call_asks_the_budget_first(hand: MakeHand, org: LocalOrg, stored: Stored) -> None:
    class Gate:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def spend(self, kind: str, rows: int) -> None:
            self.asked.append(kind)
            if self.asked.count("write") > 1:
                raise BudgetExceeded("one call it was to be")

        def give_back(self, kind: str, calls: int, rows: int) -> None: ...
        def take(self, *, calls: int, rows: int, bytes: int) -> None: ...
        def end(self, usage: tuple[int, int] | None) -> None: ...

    gate = Gate()
    accounts = hand()
    rows = [{"Name": f"n{i}"} for i in range(201)]
    with pytest.raises(BudgetExceeded):
        accounts.write(INSERT, rows, context=ReadContext(meter=Meter(gate)))
    assert gate.asked == ["metadata", "write", "write"]
    assert len(stored("Account", "Id")) == 200


def test_a_write_that_is_cancelled_sends_nothing(hand: MakeHand, stored: Stored) -> None:
    context = ReadContext()
    context.cancelled.set()
    with pytest.raises(Cancelled):
        hand().write(INSERT, [{"Name": "a"}], context=context)
    assert stored("Account", "Id") == []
