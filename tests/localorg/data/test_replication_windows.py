from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from isthmus.localorg import replication
from isthmus.localorg.demo import ADMIN_ID
from isthmus.localorg.errors import OrgError
from isthmus.localorg.records import Records
from isthmus.localorg.schema import Schema, SObject
from isthmus.localorg.store import Store

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)


@pytest.fixture
def account(schema: Schema) -> SObject:
    made = schema.get("Account")
    assert made is not None
    return made


def write(records: Records, **payload: Any) -> str:
    return records.create("Account", payload, now=NOW, user_id=ADMIN_ID)


def test_updated_gives_what_changed_in_the_window(
    records: Records, store: Store, account: SObject
) -> None:
    made = write(records, Name="x")
    body = replication.updated(store, account, NOW, SOON, now=NOW)
    assert body == {"ids": [made], "latestDateCovered": "2026-11-24T12:00:00.000+0000"}
    later = replication.updated(store, account, NOW + timedelta(minutes=1), SOON, now=SOON)
    assert later["ids"] == []


def test_the_start_is_in_the_window_and_the_end_is_not(
    records: Records, store: Store, account: SObject
) -> None:
    made = write(records, Name="x")
    before = replication.updated(store, account, NOW - timedelta(minutes=1), NOW, now=NOW)
    assert made not in before["ids"]


def test_deleted_gives_ids_and_moments(records: Records, store: Store, account: SObject) -> None:
    made = write(records, Name="x")
    records.delete("Account", made, now=NOW, user_id=ADMIN_ID)
    body = replication.deleted(store, account, NOW, SOON, now=SOON)
    assert body == {
        "deletedRecords": [{"deletedDate": "2026-11-24T12:00:00.000+0000", "id": made}],
        "earliestDateAvailable": "2026-11-09T12:05:00.000+0000",
        "latestDateCovered": "2026-11-24T12:05:00.000+0000",
    }
    assert made not in replication.updated(store, account, NOW, SOON, now=SOON)["ids"]
    records.undelete("Account", made, now=SOON, user_id=ADMIN_ID)
    assert replication.deleted(store, account, NOW, SOON, now=SOON)["deletedRecords"] == []


def test_the_demo_has_deletions_in_reach(demo: Store, account: SObject) -> None:
    body = replication.deleted(demo, account, NOW - timedelta(days=15), NOW, now=NOW)
    assert len(body["deletedRecords"]) > 5


@pytest.mark.parametrize(("call", "days"), [(replication.updated, 30), (replication.deleted, 15)])
def test_how_far_back(store: Store, account: SObject, call: Any, days: int) -> None:
    call(store, account, NOW - timedelta(days=days), NOW, now=NOW)
    with pytest.raises(OrgError) as caught:
        call(store, account, NOW - timedelta(days=days, minutes=1), NOW, now=NOW)
    assert caught.value.code == "INVALID_REPLICATION_DATE"


def test_a_window_is_a_minute_at_least(store: Store, account: SObject) -> None:
    with pytest.raises(OrgError, match="one minute"):
        replication.updated(store, account, NOW, NOW + timedelta(seconds=59), now=NOW)


def test_too_many_ids(
    store: Store, account: SObject, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(records, Name="x")
    write(records, Name="y")
    monkeypatch.setattr(replication, "MOST_IDS", 1)
    with pytest.raises(OrgError) as caught:
        replication.updated(store, account, NOW, SOON, now=SOON)
    assert caught.value.code == "EXCEEDED_ID_LIMIT"


@pytest.mark.parametrize(
    "text",
    ["2026-11-24T12:00:00+00:00", "2026-11-24T12:00:00 00:00", "2026-11-24T13:00:00+01:00",
     "2026-11-24T12:00:00Z", "2026-11-24T12:00:00.000+0000"],
)  # fmt: skip
def test_moments(text: str) -> None:
    assert replication.moment(text) == NOW


def test_a_moment_that_is_none() -> None:
    with pytest.raises(OrgError, match="start and end"):
        replication.moment("yesterday")
