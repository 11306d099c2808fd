"""Rows that meet a lock are tried again, they alone, and not for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from isthmus.connectors.salesforce.writing.locks import TRIES
from isthmus.connectors.writing import WriteKind
from isthmus.localorg import LocalOrg
from tests.connectors.salesforce.writing.hand import Hand

INSERT, UPDATE, UPSERT, DELETE = WriteKind
KEY = "External_Id__c"
Stored = Callable[..., list[tuple[Any, ...]]]
MakeHand = Callable[..., Hand]
ROWS = [{"Name": f"n{i}", KEY: f"k{i}"} for i in range(5)]


def writes(org: LocalOrg) -> list[str]:
    return [r["path"] for r in org.requests() if r["method"] in ("POST", "PATCH", "PUT")
            and "/services/data" in r["path"]]  # fmt: skip


@pytest.mark.parametrize("way", ["collections", "bulk"])
def test_only_the_locked_rows_are_sent_again(
    hand: MakeHand, org: LocalOrg, stored: Stored, way: str
) -> None:
    accounts = hand()
    org.set_fault("row-lock", count=2, record="n[13]\\b")
    done = accounts.write(INSERT, ROWS, options=[way])
    assert [one["success"] for one in done] == [True] * 5
    assert stored("Account", "Name") == [(f"n{i}",) for i in range(5)], "none twice"
    assert org.org.faults.listed()[0]["struck"] == 2
    sent = writes(org)
    assert sent[-1].endswith("/composite/sobjects"), "a handful goes in one call"
    assert len(sent) == (2 if way == "collections" else 4)


def test_a_single_record_is_tried_again(hand: MakeHand, org: LocalOrg, stored: Stored) -> None:
    accounts = hand()
    org.set_fault("row-lock", count=2, record="n0")
    (done,) = accounts.write(UPSERT, ROWS[:1], KEY)
    assert done["success"] and done["created"]
    assert len(writes(org)) == 3


@pytest.mark.parametrize("way", ["collections", "bulk"])
def test_a_lock_that_stays_is_the_outcome(
    hand: MakeHand, org: LocalOrg, stored: Stored, way: str
) -> None:
    accounts = hand()
    org.set_fault("row-lock", count=0, record="n2")
    done = accounts.write(INSERT, ROWS, options=[way])
    assert [one["error_code"] for one in done] == [None, None, "UNABLE_TO_LOCK_ROW", None, None]
    assert len(stored("Account", "Name")) == 4
    struck = org.org.faults.listed()[0]["struck"]
    assert TRIES < struck <= 2 * (TRIES + 1)


def test_a_chunk_that_is_written_whole_is_sent_whole_again(
    hand: MakeHand, org: LocalOrg, stored: Stored
) -> None:
    accounts = hand()
    org.set_fault("row-lock", count=1, record="n2")
    done = accounts.write(INSERT, ROWS, all_or_none=True)
    assert [one["success"] for one in done] == [True] * 5
    assert stored("Account", "Name") == [(f"n{i}",) for i in range(5)]


def test_a_lost_answer_while_locks_are_waited_for(
    hand: MakeHand, org: LocalOrg, stored: Stored
) -> None:
    """The second call's answer is lost: what the first one did is not looked for again."""
    accounts = hand()
    rows = [{"Name": "twin"} for _ in range(4)]
    org.set_fault("row-lock", count=2, record="twin")
    org.set_fault("lost-answer", nth=2, path="composite/sobjects$")
    done = accounts.write(INSERT, rows)
    assert [one["success"] for one in done] == [True] * 4
    assert sorted(i for (i,) in stored("Account", "Id")) == sorted(one["id"] for one in done)
