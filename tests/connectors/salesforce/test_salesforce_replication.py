"""The org's time, and what it tells of deletions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce import Salesforce
from isthmus.errors import Cancelled, SourceUnavailable
from isthmus.localorg import LocalOrg
from isthmus.localorg.demo import ADMIN_ID

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="empty", now=NOW) as org:
        yield org


def made(org: LocalOrg, name: str) -> str:
    payload = {"Name": name}
    return org.org.records.create("Account", payload, now=org.clock.now(), user_id=USER)


def gone(org: LocalOrg, id: str) -> None:
    org.org.records.delete("Account", id, now=org.clock.now(), user_id=USER)


USER = ADMIN_ID


def told(crm: Salesforce, start: datetime, end: datetime) -> tuple[set[str], datetime | None]:
    table = crm.describe("Account")
    assert table is not None
    found = crm.replicator().deleted(table, start, end, ReadContext())
    return set(found.keys.to_pylist()), found.since


def test_now_is_the_org_s_own_and_costs_no_data_call(crm: Salesforce, org: LocalOrg) -> None:
    context = ReadContext()
    assert crm.replicator().now(context) == NOW
    org.clock.advance(90)
    assert crm.replicator().now(context) == NOW + timedelta(seconds=90)
    assert (context.meter.bill.calls, context.meter.bill.metadata_calls) == (0, 2)


def test_deletions_of_a_window_of_any_length(crm: Salesforce, org: LocalOrg) -> None:
    early, late = made(org, "a"), made(org, "b")
    org.clock.advance(3600)
    gone(org, early)
    org.clock.advance(3600)
    gone(org, late)
    now = org.clock.now()
    assert told(crm, NOW, now + timedelta(seconds=1))[0] == {early, late}
    # the org wants a minute at least, and ignores seconds
    assert late in told(crm, now, now + timedelta(seconds=1))[0]
    assert told(crm, NOW, NOW + timedelta(minutes=30)) == (set(), None)


def test_a_window_that_begins_too_early_has_a_hole(crm: Salesforce, org: LocalOrg) -> None:
    one = made(org, "a")
    org.clock.advance(86_400 * 20)
    gone(org, one)
    now = org.clock.now()
    keys, since = told(crm, NOW, now + timedelta(seconds=1))
    assert keys == {one}
    assert since is not None and now - timedelta(days=15) < since < now - timedelta(days=14)
    assert told(crm, now - timedelta(days=14), now)[1] is None


def test_a_broken_answer_is_asked_for_again(crm: Salesforce, org: LocalOrg) -> None:
    one = made(org, "a")
    gone(org, one)
    later = NOW + timedelta(seconds=1)
    told(crm, NOW, later)
    org.set_fault("malformed-json", path="/deleted")
    assert told(crm, NOW, later)[0] == {one}
    org.set_fault("malformed-json", path="/deleted", count=0)
    with pytest.raises(SourceUnavailable, match="source crm, asking what was deleted of Account"):
        told(crm, NOW, later)


def test_too_many_ids_halve_the_window(
    crm: Salesforce, org: LocalOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isthmus.localorg import replication

    monkeypatch.setattr(replication, "MOST_IDS", 2)
    ids = []
    for _ in range(5):
        ids.append(made(org, "x"))
        org.clock.advance(600)
        gone(org, ids[-1])
    assert told(crm, NOW, org.clock.now() + timedelta(seconds=1))[0] == set(ids)


def test_the_columns_that_move_no_stamp_are_named(crm: Salesforce, org: LocalOrg) -> None:
    table = crm.describe("Trap__c")
    assert table is not None
    found = crm.replicator().of(table)
    assert found is not None and found.cursor == "SystemModstamp" and found.deleted == "IsDeleted"
    assert found.tells_deletions
    calculated = {c.name for c in table.columns if c.properties["calculated"]}
    assert set(found.untracked) == calculated and calculated


def test_a_wait_for_the_time_ends_with_the_query(
    connect: Callable[..., Salesforce], org: LocalOrg
) -> None:
    context = ReadContext()
    context.cancelled.set()
    with pytest.raises(Cancelled):
        connect().replicator().now(context)
