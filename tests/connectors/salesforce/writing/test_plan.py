"""How a write is carried out, and what is refused before any call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from isthmus.connectors.writing import WriteKind
from isthmus.errors import IsthmusError, Refused, UnknownName
from isthmus.localorg import LocalOrg
from tests.connectors.salesforce.writing.hand import Hand

INSERT, UPDATE, UPSERT, DELETE = WriteKind
KEY = "External_Id__c"
MakeHand = Callable[..., Hand]
NEW = {"Name": "a"}
ID = "001000000000001AAA"


@pytest.mark.parametrize(
    ("rows", "options", "path", "calls"),
    [
        (1, [], "REST, one record a call", 1),
        (2, [], "sObject Collections", 1),
        (201, [], "sObject Collections", 2),
        (2_000, [], "sObject Collections", 10),
        (2_001, [], "Bulk 2.0 ingest", 9),
        (100_001, [], "Bulk 2.0 ingest", 18),
        (5, ["single"], "REST, one record a call", 5),
        (1, ["collections"], "sObject Collections", 1),
        (1, ["bulk"], "Bulk 2.0 ingest", 9),
        (9_000, ["collections"], "sObject Collections", 45),
    ],
)
def test_the_path_goes_by_size(
    hand: MakeHand, org: LocalOrg, rows: int, options: list[str], path: str, calls: int
) -> None:
    accounts = hand()
    org.clear_requests()
    fragment = accounts.plan(INSERT, [NEW], count=rows, options=options)
    assert fragment.access_path == path
    assert fragment.estimate.calls == calls
    assert fragment.high is not None and fragment.high.calls >= calls
    assert -(-rows // fragment.chunk_rows) >= fragment.parallel >= 1
    assert org.requests() == [], "a plan makes no call"


@pytest.mark.parametrize(
    ("rows", "left", "more", "path", "calls"),
    [
        (1_900, 9, {}, "Bulk 2.0 ingest", 9),
        (2_000, 9, {}, "Bulk 2.0 ingest", 9),
        (1_900, 10, {}, "sObject Collections", 10),  # it fits
        (1_900, None, {}, "sObject Collections", 10),
        (1_800, 8, {}, "sObject Collections", 9),  # a job needs no fewer
        (450, 2, {}, "sObject Collections", 3),
        (1, 0, {}, "REST, one record a call", 1),
        (1_900, 3, {}, "Bulk 2.0 ingest", 9),  # neither fits: the least there is
        (9_000, 3, {}, "Bulk 2.0 ingest", 9),
        (1_900, 9, {"options": ["collections"]}, "sObject Collections", 10),
        (5, 1, {"options": ["single"]}, "REST, one record a call", 5),
        (1_900, 9, {"all_or_none": True}, "sObject Collections", 10),
    ],
)
def test_the_path_goes_by_what_budgets_leave(
    hand: MakeHand, rows: int, left: int | None, more: dict[str, Any], path: str, calls: int
) -> None:
    accounts = hand()
    usual = accounts.plan(INSERT, [NEW], count=rows, **more)
    fragment = accounts.plan(INSERT, [NEW], count=rows, calls_left=left, **more)
    assert (fragment.access_path, fragment.estimate.calls) == (path, calls)
    assert (fragment.why is None) == (fragment.access_path == usual.access_path)
    if fragment.why is not None:
        assert fragment.why == (
            f"{usual.access_path} would be {usual.estimate.calls} calls, and budgets leave {left}"
        )


def test_no_budget_makes_a_write_forget_stamps(hand: MakeHand) -> None:
    row = {"Id": ID, "Name": "a", "SystemModstamp": None}
    more = {"count": 1_900, "calls_left": 9, "if_unmodified": True}
    assert hand().plan(UPDATE, [row], "Id", **more).access_path == "Composite, if unmodified"


@pytest.mark.parametrize("path", ["sObject Collections", "Bulk 2.0 ingest"])
@pytest.mark.parametrize("rows", [1_900, 5_000])
def test_a_write_goes_on_as_it_was_begun(hand: MakeHand, path: str, rows: int) -> None:
    fragment = hand().plan(INSERT, [NEW], count=rows, begun_by=path, calls_left=1)
    assert fragment.access_path == path


def test_all_or_none_stays_with_collections(hand: MakeHand) -> None:
    fragment = hand().plan(INSERT, [NEW], count=9_000, all_or_none=True)
    assert (fragment.access_path, fragment.chunk_rows) == ("sObject Collections", 200)


def test_rows_of_one_parent_go_together(hand: MakeHand) -> None:
    contact = {"LastName": "x", "OwnerId": ID, "AccountId": ID}
    assert hand("Contact").plan(INSERT, [contact]).together_by == "AccountId"
    by_key = {"LastName": "x", f"Account.{KEY}": "1"}
    assert hand("Contact").plan(INSERT, [by_key]).together_by == f"Account.{KEY}"
    role = {"ContactId": ID, "OpportunityId": ID}
    assert hand("OpportunityContactRole").plan(INSERT, [role]).together_by == "OpportunityId"
    assert hand().plan(INSERT, [NEW]).together_by is None


@pytest.mark.parametrize(
    ("table", "kind", "row", "key", "more", "words"),
    [
        ("Account", INSERT, {"Nmae": "a"}, None, {}, "no column 'Nmae'"),
        ("Account", INSERT, {"CreatedDate": None}, None, {}, "CreatedDate can't be set"),
        ("Account", INSERT, {"BillingAddress": None}, None, {}, "compound address"),
        ("Account", INSERT, {"Id": ID}, None, {}, "Id is the org's to give"),
        ("Account", UPDATE, {"Name": "a"}, "Id", {}, "which records"),
        ("Account", UPDATE, {KEY: "1", "Name": "a"}, KEY, {}, "by Id, not by External_Id__c"),
        ("Account", DELETE, {KEY: "1"}, KEY, {}, "by Id"),
        ("Account", UPSERT, {"Phone": "1", "Name": "a"}, "Phone", {}, "no external id"),
        ("Account", INSERT, NEW, None, {"options": ["fast"]}, "no write option 'fast'"),
        ("Account", INSERT, NEW, None, {"options": ["bulk", "single"]}, "bulk and single at once"),
        ("Account", INSERT, NEW, None, {"options": ["bulk"], "all_or_none": True}, "all or none"),
        ("Account", INSERT, NEW, None, {"if_unmodified": True}, "no stamp"),
        ("Organization", INSERT, NEW, None, {}, "is not createable"),
        ("Contact", INSERT, {f"Acount.{KEY}": "1"}, None, {}, "no relationship 'Acount'"),
        ("Contact", INSERT, {"Account.Phone": "1"}, None, {}, "'Phone' is no key of Account"),
        ("Contact", INSERT, {"AccountId": ID, f"Account.{KEY}": "1"}, None, {}, "both set"),
        ("Task", INSERT, {f"Who.{KEY}": "1"}, None, {}, ""),
    ],
)  # fmt: skip
def test_what_can_not_be_done_is_refused_with_its_reason(
    hand: MakeHand, table: str, kind: WriteKind, row: dict[str, Any], key: str | None,
    more: dict[str, Any], words: str,
) -> None:  # fmt: skip
    writing = hand(table)
    if not words:
        writing.plan(kind, [row], key, **more)
        return
    with pytest.raises(IsthmusError) as caught:
        writing.plan(kind, [row], key, **more)
    assert isinstance(caught.value, Refused | UnknownName)
    assert words in str(caught.value)


def test_a_bulk_job_can_not_look_at_stamps(hand: MakeHand) -> None:
    with pytest.raises(Refused, match="stamp"):
        hand().plan(UPDATE, [{"Id": ID, "Name": "a"}], "Id", if_unmodified=True, options=["bulk"])


def test_a_fragment_says_how_a_lost_answer_is_settled(hand: MakeHand) -> None:
    accounts = hand()
    assert "UNKNOWN_OUTCOME" in accounts.plan(INSERT, [NEW]).repeatable
    assert KEY in accounts.plan(INSERT, [{**NEW, KEY: "1"}], KEY).repeatable
    assert "read back" in accounts.plan(UPSERT, [{**NEW, KEY: "1"}], KEY).repeatable
    assert "job's id" in accounts.plan(INSERT, [NEW], count=5_000).repeatable
