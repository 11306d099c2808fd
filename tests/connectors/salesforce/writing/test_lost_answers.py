"""Each fault at each request of a write: one record a key, one outcome a row, the right `created`.

A fault may strike before the org has done what was asked (an answer of 503) or after (a connection
that drops, a broken body, an answer that comes too late). Where the writer gives up, it is called
again with the notes it made, as a journal would after a crash.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.writing import WriteKind
from isthmus.errors import IsthmusError
from isthmus.localorg import LocalOrg
from tests.connectors.salesforce.writing.hand import QUICK, Hand, Notebook

INSERT, UPDATE, UPSERT, DELETE = WriteKind
KEY = "External_Id__c"
Stored = Callable[..., list[tuple[Any, ...]]]
Connect = Callable[..., Salesforce]

#: Faults before and after the org has acted, and their arguments.
FAULTS: dict[str, dict[str, Any]] = {
    "server-unavailable": {},
    "lost-request": {},
    "lost-answer": {},
    "drop-connection": {},
    "malformed-json": {},
    "server-error": {},
    "expired-session": {},
    "too-many-requests": {"retry_after": 0},
}
#: The writer repeats by itself, or gives up at once and is called again with its notes.
PATIENT, RESUMED = QUICK, Policy(repeats=0, slow_repeats=0, base=0.001)
#: Those that differ in what the writer must do.
CASES = [
    pytest.param("server-unavailable", PATIENT, id="refused"),
    pytest.param("lost-request", PATIENT, id="lost-before"),
    pytest.param("lost-answer", PATIENT, id="lost-after"),
    pytest.param("lost-answer", RESUMED, id="lost-after-resumed"),
    pytest.param("malformed-json", RESUMED, id="broken-resumed"),
]
ALL_CASES = [
    *CASES,
    pytest.param("server-error", PATIENT, id="server-error"),
    pytest.param("expired-session", PATIENT, id="expired-session"),
    pytest.param("too-many-requests", RESUMED, id="too-many-requests-resumed"),
    pytest.param("drop-connection", RESUMED, id="drop-connection-resumed"),
]
WAYS = ("single", "collections", "bulk")


def trial(
    connect: Connect, org: LocalOrg, prepare: Callable[[Hand], Any], write: Callable[..., Any],
    *, name: str, nth: int, policy: Policy,
) -> tuple[Any, Any, bool]:  # fmt: skip
    """Write with one fault; calls again with the same notes where it is given up."""
    org.clear_faults()
    crm = connect()
    table = crm.describe("Account")
    assert table is not None
    prepared = prepare(Hand(crm, table))
    age(org)
    other = connect(policy=policy)
    table = other.describe("Account")
    assert table is not None
    hand, notes = Hand(other, table), Notebook()
    org.set_fault(name, nth=nth, path=r"/services/data/v[0-9.]+(/|$)", **FAULTS[name])
    for _ in range(4):
        try:
            outcomes = write(hand, prepared, notes)
            break
        except IsthmusError as error:
            assert "crm" in str(error)
    else:
        raise AssertionError(f"{name} at request {nth} never ends")
    struck = bool(org.org.faults.listed()[0]["struck"])
    org.clear_faults()
    return prepared, outcomes, struck


def age(org: LocalOrg) -> None:
    """What is there was made before: the org's stamps have whole seconds."""
    with org.store.writing() as cursor:
        account = org.store.table("Account")
        cursor.execute(f"UPDATE {account} SET CreatedDate = CreatedDate - INTERVAL 1 MINUTE")


def clear(org: LocalOrg) -> None:
    with org.store.writing() as cursor:
        cursor.execute(f"DELETE FROM {org.store.table('Account')}")


def some(hand: Hand) -> list[str]:
    rows = [{"Name": f"old {i}", KEY: f"k{i}"} for i in range(3)]
    return [one["id"] for one in hand.write(INSERT, rows, KEY)]


ROWS = [{"Name": f"new {i}", KEY: f"k{i}"} for i in range(6)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "policy"), ALL_CASES)
def test_upsert(
    connect: Connect, org: LocalOrg, stored: Stored, name: str, way: str, policy: Policy
) -> None:
    def write(hand: Hand, old: list[str], notes: Notebook) -> list[dict[str, Any]]:
        rows = [ROWS[3]] if way == "single" else ROWS
        return hand.write(UPSERT, rows, KEY, notes=notes, options=[way])

    for nth in range(1, 30):
        clear(org)
        old, outcomes, struck = trial(connect, org, some, write, name=name, nth=nth, policy=policy)
        place = f"{name} at request {nth}"
        assert [one["success"] for one in outcomes] == [True] * len(outcomes), place
        there = [3] if way == "single" else range(6)
        assert [one["created"] for one in outcomes] == [n > 2 for n in there], place
        by_key = {key: (i, title) for key, i, title in stored("Account", KEY, "Id", "Name")}
        assert len(by_key) == len(stored("Account", KEY)) == (4 if way == "single" else 6), place
        for n, one in zip(there, outcomes, strict=True):
            assert by_key[f"k{n}"] == (one["id"], f"new {n}"), place
            assert n > 2 or one["id"] == old[n]
        if not struck:
            break
    assert nth > 2, "the fault has met requests"


@pytest.mark.parametrize("way", WAYS[1:])
@pytest.mark.parametrize(("name", "policy"), CASES)
def test_insert_with_a_key(
    connect: Connect, org: LocalOrg, stored: Stored, name: str, way: str, policy: Policy
) -> None:
    def write(hand: Hand, old: list[str], notes: Notebook) -> list[dict[str, Any]]:
        return hand.write(INSERT, ROWS, KEY, notes=notes, options=[way])

    for nth in range(1, 30):
        clear(org)
        _, outcomes, struck = trial(connect, org, some, write, name=name, nth=nth, policy=policy)
        place = f"{name} at request {nth}"
        codes = [one["error_code"] for one in outcomes]
        assert codes == ["DUPLICATE_VALUE"] * 3 + [None] * 3, place
        assert [one["created"] for one in outcomes[3:]] == [True] * 3, place
        found = {key: i for key, i in stored("Account", KEY, "Id")}
        assert len(stored("Account", KEY)) == 6, place
        assert [found[f"k{n}"] for n in range(3, 6)] == [o["id"] for o in outcomes[3:]], place
        if not struck:
            break
    assert nth > 2


TWINS: list[dict[str, Any]] = [
    {"Name": "twin", "Phone": "1"},
    {"Name": "twin", "Phone": "1"},
    {"Name": "c", "Phone": None},
]


@pytest.mark.parametrize("way", WAYS[1:])
@pytest.mark.parametrize(("name", "policy"), CASES)
def test_insert_without_a_key(
    connect: Connect, org: LocalOrg, stored: Stored, name: str, way: str, policy: Policy
) -> None:
    def write(hand: Hand, old: list[str], notes: Notebook) -> list[dict[str, Any]]:
        return hand.write(INSERT, TWINS, notes=notes, options=[way])

    for nth in range(1, 30):
        clear(org)
        _, outcomes, struck = trial(
            connect, org, lambda hand: None, write, name=name, nth=nth, policy=policy
        )
        place = f"{name} at request {nth}"
        assert [one["success"] for one in outcomes] == [True] * 3, place
        assert sorted(i for (i,) in stored("Account", "Id")) == sorted(
            one["id"] for one in outcomes
        ), place
        assert stored("Account", "Name") == [("c",), ("twin",), ("twin",)], place
        if not struck:
            break
    assert nth > 2


@pytest.mark.parametrize("way", WAYS[1:])
@pytest.mark.parametrize(("name", "policy"), CASES)
@pytest.mark.parametrize("kind", [UPDATE, DELETE])
def test_update_and_delete(
    connect: Connect, org: LocalOrg, stored: Stored, kind: WriteKind, name: str, way: str,
    policy: Policy,
) -> None:  # fmt: skip
    def write(hand: Hand, old: list[str], notes: Notebook) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = [{"Id": i} for i in [*old, "001000000000001AAA"]]
        if kind is UPDATE:
            rows = [{**row, "Name": f"new {n}"} for n, row in enumerate(rows)]
        return hand.write(kind, rows, "Id", notes=notes, options=[way])

    for nth in range(1, 30):
        clear(org)
        old, outcomes, struck = trial(connect, org, some, write, name=name, nth=nth, policy=policy)
        place = f"{name} at request {nth}"
        assert [one["success"] for one in outcomes] == [True] * 3 + [False], place
        assert [one["id"] for one in outcomes[:3]] == old, place
        left = [] if kind is DELETE else [("new 0",), ("new 1",), ("new 2",)]
        assert stored("Account", "Name") == left, place
        if not struck:
            break
    assert nth > 2
