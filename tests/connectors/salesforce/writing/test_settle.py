"""What is made of an answer that was lost, where the org does not make it plain."""

from __future__ import annotations

import time as clock
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.writing import WriteKind
from isthmus.errors import SourceUnavailable
from isthmus.localorg import LocalOrg, routes
from isthmus.localorg.errors import OrgError
from isthmus.localorg.resources import collections
from tests.connectors.salesforce.writing.hand import ALONE, Hand, Notebook

INSERT, UPDATE, UPSERT, DELETE = WriteKind
KEY = "External_Id__c"
Stored = Callable[..., list[tuple[Any, ...]]]
MakeHand = Callable[..., Hand]
#: Gives up at once, as a process does that is killed.
IMPATIENT = Policy(repeats=0, slow_repeats=0, base=0.001)
COLLECTIONS = r"/composite/sobjects"


def broken_off(hand: Hand, org: LocalOrg, fault: str, *args: Any, **more: Any) -> Notebook:
    """The notes of a write whose one call was lost."""
    notes = Notebook()
    org.set_fault(fault, path=COLLECTIONS)
    with pytest.raises(SourceUnavailable):
        hand.write(*args, notes=notes, **more)
    org.clear_faults()
    return notes


def changed(org: LocalOrg, sql: str) -> None:
    """As a trigger of the org would."""
    with org.store.writing() as cursor:
        cursor.execute(f"UPDATE {org.store.table('Account')} {sql}")


def creates_by(monkeypatch: pytest.MonkeyPatch, handler: Callable[[Any], Any]) -> None:
    """Have the org make records in another way."""
    find, usual = routes.find, collections.create

    def found(path: str, method: str) -> Any:
        chosen, parts = find(path, method)
        return (handler if chosen is usual else chosen), parts

    monkeypatch.setattr(routes, "find", found)


ROWS = [{"Name": "a", "Phone": "1", "Site": "x"}, {"Name": "b", "Phone": "2", "Site": "y"}]


def test_a_record_that_a_trigger_changed_is_an_unknown_outcome(
    hand: MakeHand, org: LocalOrg, stored: Stored
) -> None:
    accounts = hand(policy=IMPATIENT)
    notes = broken_off(accounts, org, "lost-answer", INSERT, ROWS)
    changed(org, "SET Phone = 'other' WHERE Name = 'b'")
    done = accounts.write(INSERT, ROWS, notes=notes)
    assert [one["error_code"] for one in done] == [None, "UNKNOWN_OUTCOME"]
    assert "key" in done[1]["error_message"]
    assert len(stored("Account", "Id")) == 2, "nothing was doubled"


def test_with_a_key_the_trigger_does_not_matter(
    hand: MakeHand, org: LocalOrg, stored: Stored
) -> None:
    rows = [{**row, KEY: f"k{n}"} for n, row in enumerate(ROWS)]
    for kind in (INSERT, UPSERT):
        accounts = hand(policy=IMPATIENT)
        notes = broken_off(accounts, org, "lost-answer", kind, rows, KEY)
        changed(org, "SET Phone = 'other'")
        done = accounts.write(kind, rows, KEY, notes=notes)
        assert [(one["success"], one["created"]) for one in done] == [(True, True)] * 2
        assert len(stored("Account", "Id")) == 2
        with org.store.writing() as cursor:
            cursor.execute(f"DELETE FROM {org.store.table('Account')}")


def test_equal_rows_of_two_chunks_are_two_records(
    hand: MakeHand, org: LocalOrg, stored: Stored
) -> None:
    accounts = hand(policy=IMPATIENT)
    notes = broken_off(accounts, org, "lost-request", INSERT, ROWS)
    first = accounts.write(INSERT, ROWS)
    second = accounts.write(INSERT, ROWS, notes=notes)
    assert len({one["id"] for one in first + second}) == 4 == len(stored("Account", "Id"))


def test_equal_rows_that_a_process_before_has_made_are_not_taken(
    hand: MakeHand, org: LocalOrg, stored: Stored
) -> None:
    before = hand(policy=IMPATIENT)
    notes = broken_off(before, org, "lost-request", INSERT, ROWS)
    first = before.write(INSERT, ROWS)
    made = frozenset(one["id"] for one in first)
    second = hand(policy=IMPATIENT).write(INSERT, ROWS, notes=notes, elsewhere=made)
    assert len({one["id"] for one in first + second}) == 4 == len(stored("Account", "Id"))


def test_rows_of_a_call_that_is_under_way_are_not_taken(
    hand: MakeHand, org: LocalOrg, stored: Stored
) -> None:
    """One chunk's rows are made and its answer is late; another's equal rows get lost meanwhile."""
    accounts = hand()
    org.set_fault("slow-page", path=COLLECTIONS, delay=0.8)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(accounts.write, INSERT, ROWS)
        while len(stored("Account", "Id")) < len(ROWS):
            clock.sleep(0.01)
        org.set_fault("lost-request", path=COLLECTIONS)
        lost = accounts.write(INSERT, ROWS)
        late = waiting.result(20)
    assert len({one["id"] for one in late + lost}) == 4 == len(stored("Account", "Id"))


def test_what_another_made_before_is_no_outcome_of_ours(
    hand: MakeHand, org: LocalOrg, stored: Stored
) -> None:
    accounts = hand(policy=IMPATIENT)
    accounts.write(INSERT, [{**ROWS[0], KEY: "k"}])
    changed(org, "SET CreatedDate = CreatedDate - INTERVAL 1 MINUTE")
    notes = broken_off(accounts, org, "lost-request", INSERT, [{**ROWS[0], KEY: "k"}], KEY,
                       options=["collections"])  # fmt: skip
    (done,) = accounts.write(
        INSERT, [{**ROWS[0], KEY: "k"}], KEY, notes=notes, options=["collections"]
    )
    assert done["error_code"] == "DUPLICATE_VALUE"
    # and a record without a key that is equal, but older
    notes = broken_off(accounts, org, "lost-request", INSERT, [ROWS[0], ROWS[1]])
    done_two = accounts.write(INSERT, [ROWS[0], ROWS[1]], notes=notes)
    assert [one["created"] for one in done_two] == [True, True]
    assert len(stored("Account", "Id")) == 3


def test_a_slow_answer_is_looked_up(hand: MakeHand, org: LocalOrg, stored: Stored) -> None:
    accounts = hand(timeout=0.4)
    org.set_fault("slow-page", path=COLLECTIONS, delay=1.5)
    done = accounts.write(INSERT, ROWS)
    assert [one["success"] for one in done] == [True, True]
    assert len(stored("Account", "Id")) == 2


def test_an_org_that_is_still_at_work_is_not_asked_twice(
    hand: MakeHand, org: LocalOrg, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is made only after the writer has stopped looking."""
    accounts = hand(timeout=0.4)
    accounts.write(INSERT, [{"Name": "warm", "Phone": "0"}])
    create = collections.create

    def slow(call: Any) -> Any:
        clock.sleep(1.5)
        return create(call)

    creates_by(monkeypatch, slow)
    done = accounts.write(INSERT, ROWS)
    assert {one["error_code"] for one in done} == {"UNKNOWN_OUTCOME"}
    clock.sleep(1.6)
    assert len(stored("Account", "Id")) == 3, "each once"


@pytest.mark.parametrize("bad", [[3], [0, 9], list(range(10))])
def test_a_row_that_spoils_the_whole_call_is_found(
    hand: MakeHand, org: LocalOrg, stored: Stored, monkeypatch: pytest.MonkeyPatch, bad: list[int]
) -> None:
    create = collections.create

    def picky(call: Any) -> Any:
        if any("bad" in r["Name"] for r in call.request.json_object()["records"]):
            raise OrgError(400, "JSON_PARSER_ERROR", "I can't read this", ("Name",))
        return create(call)

    creates_by(monkeypatch, picky)
    rows = [{"Name": f"{'bad' if n in bad else 'good'} {n}"} for n in range(10)]
    done = hand().write(INSERT, rows)
    assert [one["success"] for one in done] == [n not in bad for n in range(10)]
    for n in bad:
        assert (done[n]["error_code"], done[n]["error_field"]) == ("JSON_PARSER_ERROR", "Name")
    assert len(stored("Account", "Id")) == 10 - len(bad)
    posts = [r for r in org.requests() if r["method"] == "POST" and "composite" in r["path"]]
    assert len(posts) <= 2 * 10 - 1


def test_a_call_that_is_refused_for_many_rows_is_given_up(
    hand: MakeHand, org: LocalOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(call: Any) -> Any:
        raise OrgError(400, "INVALID_FIELD", "nothing suits me")

    creates_by(monkeypatch, never)
    done = hand().write(INSERT, [{"Name": f"n{n}"} for n in range(200)])
    codes = [one["error_code"] for one in done]
    assert codes.count("INVALID_FIELD") == 16 and codes.count("UNPROCESSED") == 184
    assert "nothing suits me" in done[199]["error_message"]
    assert len([r for r in org.requests() if "composite" in r["path"]]) < 60


#: Values that the org keeps in another form than they are sent in.
KEPT_OTHERWISE: dict[str, Any] = {
    "Text__c": "  blanks  ",
    "Short_Text__c": "a\r\nb",
    "Checkbox__c": None,
    "Number_18_8__c": Decimal("1.50000000"),
    "Int__c": 7,
    "Date__c": date(2024, 2, 29),
    "Datetime__c": datetime(2024, 2, 29, 1, 2, 3, 456_000, tzinfo=UTC),
    "Time__c": time(1, 2, 3, 4_000),
    "Multi__c": "Two;One",
    "Email__c": "A@B.example",
    "Url__c": "",
}


@pytest.mark.parametrize("kind", [UPDATE, UPSERT])
def test_what_the_org_keeps_in_another_form_is_found_equal(
    hand: MakeHand, org: LocalOrg, kind: WriteKind
) -> None:
    hand().write(INSERT, [{"Name": "p", KEY: "P1"}])
    traps = hand("Trap__c")
    old = [{"Name": "v", KEY: f"k{n}", "Phone__c": "old"} for n in range(2)]
    ids = [one["id"] for one in traps.write(INSERT, old)]
    with org.store.writing() as cursor:
        cursor.execute(
            f"UPDATE {org.store.table('Trap__c')} SET CreatedDate = CreatedDate - INTERVAL 1 DAY"
        )
    key = "Id" if kind is UPDATE else KEY
    keys = ids if kind is UPDATE else ["k0", "k1"]
    rows = [
        {key: keys[0], **KEPT_OTHERWISE, f"Account__r.{KEY}": "p1", "Phone__c": None},
        {
            key: keys[1],
            **dict.fromkeys(KEPT_OTHERWISE),
            f"Account__r.{KEY}": None,
            "Phone__c": ALONE,
        },
    ]
    org.set_fault("lost-answer", path=COLLECTIONS)
    done = traps.write(kind, rows, key)
    assert [(one["id"], one["success"], one["created"]) for one in done] == [
        (i, True, False) for i in ids
    ]
    assert traps.bill.calls == 2, "one call that was lost, and one look"
    # a difference in any field is seen
    for name, value in KEPT_OTHERWISE.items():
        if value in (None, ""):
            continue
        notes = broken_off(hand("Trap__c", policy=IMPATIENT), org, "lost-answer", kind, rows, key)
        with org.store.writing() as cursor:
            table = org.store.table("Trap__c")
            cursor.execute(f'UPDATE {table} SET "{name}" = NULL WHERE Id = ?', [ids[0]])
        org.clear_requests()
        assert all(one["success"] for one in traps.write(kind, rows, key, notes=notes)), name
        sent = [r for r in org.requests() if r["method"] == "PATCH"]
        assert len(sent) == 1, f"{name} was another"


def test_one_chunk_twice_in_one_process_is_written_once(hand: MakeHand, stored: Stored) -> None:
    """As where its outcomes could not be kept."""
    for rows, key in ((ROWS, None), ([{**row, KEY: f"k{n}"} for n, row in enumerate(ROWS)], KEY)):
        accounts = hand()
        first = accounts.write(INSERT, rows, key)
        assert accounts.write(INSERT, rows, key, notes=accounts.notes) == first
    assert len(stored("Account", "Id")) == 4


@pytest.mark.parametrize("fault", ["lost-answer", "lost-request"])
@pytest.mark.parametrize("key", [KEY, None])
def test_a_chunk_written_whole_is_settled_whole(
    hand: MakeHand, org: LocalOrg, stored: Stored, key: str | None, fault: str
) -> None:
    accounts = hand(policy=IMPATIENT)
    rows = [{**row, KEY: f"k{n}"} for n, row in enumerate(ROWS)]
    notes = broken_off(accounts, org, fault, INSERT, rows, key, all_or_none=True)
    done = accounts.write(INSERT, rows, key, notes=notes, all_or_none=True)
    assert [(one["success"], one["created"]) for one in done] == [(True, True)] * 2
    assert len(stored("Account", "Id")) == 2


def test_an_update_of_which_a_part_is_there_by_chance_is_sent_whole(
    hand: MakeHand, org: LocalOrg, stored: Stored
) -> None:
    accounts = hand(policy=IMPATIENT)
    ids = [one["id"] for one in accounts.write(INSERT, ROWS)]
    changes = [{"Id": ids[0], "Name": "a"}, {"Id": ids[1], "Name": "new"}]
    notes = broken_off(accounts, org, "lost-request", UPDATE, changes, "Id", all_or_none=True)
    org.clear_requests()
    done = accounts.write(UPDATE, changes, "Id", notes=notes, all_or_none=True)
    assert [one["success"] for one in done] == [True, True]
    assert stored("Account", "Name") == [("a",), ("new",)]
