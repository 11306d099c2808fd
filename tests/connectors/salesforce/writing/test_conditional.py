"""Rows that carry their stamp: what somebody else has changed is not written."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest

from isthmus.connectors.writing import WriteKind
from isthmus.localorg import LocalOrg, routes
from tests.connectors.salesforce.writing.hand import Hand, Notebook

INSERT, UPDATE, UPSERT, DELETE = WriteKind
KEY = "External_Id__c"
STAMP = "SystemModstamp"
Stored = Callable[..., list[tuple[Any, ...]]]
MakeHand = Callable[..., Hand]


@pytest.fixture
def read(hand: MakeHand, org: LocalOrg, stored: Stored) -> tuple[Hand, list[dict[str, Any]]]:
    """Three accounts with their stamps; the second has changed since it was read."""
    accounts = hand()
    accounts.write(INSERT, [{"Name": f"old {i}", KEY: f"k{i}"} for i in range(3)])
    found = stored("Account", KEY, "Id", STAMP)
    rows = [{"Id": i, KEY: key, STAMP: _utc(stamp)} for key, i, stamp in found]
    rows[1][STAMP] -= timedelta(seconds=1)
    org.clear_requests()
    return accounts, rows


def _utc(stamp: Any) -> Any:
    return stamp.replace(tzinfo=UTC)


def test_what_was_changed_is_not_updated(
    read: tuple[Hand, list[dict[str, Any]]], org: LocalOrg, stored: Stored
) -> None:
    accounts, rows = read
    given = [{"Id": row["Id"], "Name": "new", STAMP: row[STAMP]} for row in rows]
    given.append({"Id": "001000000000001AAA", "Name": "new", STAMP: rows[0][STAMP]})
    done = accounts.write(UPDATE, given, "Id", if_unmodified=True)
    assert [one["error_code"] for one in done] == [None, "ROW_CHANGED", None, "ROW_CHANGED"]
    assert done[1]["error_field"] == STAMP and done[1]["id"] == rows[1]["Id"]
    assert stored("Account", "Name") == [("new",), ("new",), ("old 1",)]
    assert accounts.bill.calls == 2 == accounts.plan(
        UPDATE, given, "Id", if_unmodified=True
    ).estimate.calls  # fmt: skip


def test_what_was_changed_is_not_deleted(
    read: tuple[Hand, list[dict[str, Any]]], stored: Stored
) -> None:
    accounts, rows = read
    given = [{"Id": row["Id"], STAMP: row[STAMP]} for row in rows]
    done = accounts.write(DELETE, given, "Id", if_unmodified=True)
    assert [one["error_code"] for one in done] == [None, "ROW_CHANGED", None]
    assert stored("Account", "Name") == [("old 1",)]


def test_an_upsert_by_key_looks_as_well(
    read: tuple[Hand, list[dict[str, Any]]], stored: Stored
) -> None:
    accounts, rows = read
    given = [{KEY: row[KEY], "Name": "new", STAMP: row[STAMP]} for row in rows]
    given += [
        {KEY: "k9", "Name": "made", STAMP: None},
        {KEY: "k0", "Name": "late", STAMP: None},
        {KEY: "k8", "Name": "gone", STAMP: rows[0][STAMP]},
    ]
    done = accounts.write(UPSERT, given, KEY, if_unmodified=True)
    assert [one["error_code"] for one in done] == [
        None, "ROW_CHANGED", None, None, "ROW_CHANGED", "ROW_CHANGED",
    ]  # fmt: skip
    assert [one["created"] for one in done] == [False, None, False, True, None, None]
    assert stored("Account", KEY, "Name") == [
        ("k0", "new"), ("k1", "old 1"), ("k2", "new"), ("k9", "made"),
    ]  # fmt: skip


def test_all_or_none_is_none_where_one_has_changed(
    read: tuple[Hand, list[dict[str, Any]]], org: LocalOrg, stored: Stored
) -> None:
    accounts, rows = read
    given = [{"Id": row["Id"], "Name": "new", STAMP: row[STAMP]} for row in rows]
    done = accounts.write(UPDATE, given, "Id", if_unmodified=True, all_or_none=True)
    assert [one["success"] for one in done] == [False] * 3
    assert done[1]["error_code"] == "ROW_CHANGED"
    assert not any("composite" in r["path"] for r in org.requests())


def test_what_changes_between_the_look_and_the_call_is_seen_by_the_org(
    read: tuple[Hand, list[dict[str, Any]]],
    org: LocalOrg,
    stored: Stored,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts, rows = read
    find = routes.find

    def meddling(path: str, method: str) -> Any:
        if path == "composite":
            with org.store.writing() as cursor:
                cursor.execute(
                    f"""UPDATE {org.store.table("Account")} SET Name = 'theirs',
                      SystemModstamp = SystemModstamp + INTERVAL 5 SECOND,
                      LastModifiedDate = LastModifiedDate + INTERVAL 5 SECOND WHERE Id = ?""",
                    [rows[0]["Id"]],
                )
        return find(path, method)

    monkeypatch.setattr(routes, "find", meddling)
    given = [{"Id": row["Id"], "Name": "ours", STAMP: row[STAMP]} for row in rows]
    done = accounts.write(UPDATE, given, "Id", if_unmodified=True)
    assert [one["error_code"] for one in done] == ["ROW_CHANGED", "ROW_CHANGED", None]
    assert stored("Account", "Name") == [("old 1",), ("ours",), ("theirs",)]


@pytest.mark.parametrize("name", ["lost-answer", "lost-request", "malformed-json"])
def test_a_lost_answer_is_no_change_by_others(
    read: tuple[Hand, list[dict[str, Any]]], org: LocalOrg, stored: Stored, name: str
) -> None:
    accounts, rows = read
    org.set_fault(name, path="/composite$")
    given = [{"Id": row["Id"], "Name": "new", STAMP: row[STAMP]} for row in rows]
    done = accounts.write(UPDATE, given, "Id", if_unmodified=True, notes=Notebook())
    assert [one["success"] for one in done] == [True, False, True]
    assert done[1]["error_code"] == "ROW_CHANGED"
