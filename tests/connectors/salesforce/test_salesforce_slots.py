"""Requests of all scans of a source share its slots: never more, never stuck, always stoppable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import isthmus
from isthmus.connectors.contract import ReadContext, ScanRequest
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.slots import Slots
from isthmus.connectors.salesforce.transport import HttpTransport, Stop
from isthmus.errors import Cancelled
from isthmus.localorg import LocalOrg


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """The most requests that have been under way at a time."""
    lock, counts = threading.Lock(), {"now": 0, "most": 0}
    send = HttpTransport.send

    def counted(*args: Any, **more: Any) -> Any:
        with lock:
            counts["now"] += 1
            counts["most"] = max(counts["most"], counts["now"])
        try:
            return send(*args, **more)
        finally:
            with lock:
                counts["now"] -= 1

    monkeypatch.setattr(HttpTransport, "send", counted)
    yield lambda: counts["most"]
    assert counts["now"] == 0


def rows(crm: Salesforce, name: str, context: ReadContext | None = None) -> int:
    found = crm.describe(name)
    assert found is not None
    fragment = crm.plan(ScanRequest(found, ("Id",)))
    return sum(batch.num_rows for batch in crm.open(fragment, context or ReadContext()))


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_scans_side_by_side_keep_within_the_slots(
    org: LocalOrg, connect: Callable[..., Salesforce], most: Callable[[], int], slots: int
) -> None:
    crm = connect(concurrency=slots)
    names = ["Contact", "Opportunity", "Case", "Account", "Task"]
    alone = [rows(crm, name) for name in names]
    org.set_fault("slow-page", count=0, delay=0.02)
    with ThreadPoolExecutor(len(names)) as pool:
        assert list(pool.map(lambda name: rows(crm, name), names)) == alone
    assert most() == slots


def test_one_slot_is_enough_for_a_query_whose_scans_wait_for_each_other(
    org: LocalOrg, ready_file: Any, most: Callable[[], int]
) -> None:
    crm = {"kind": "salesforce", "ready_file": str(ready_file), "concurrency": 1}
    sql = (
        "SELECT count(*) FROM crm.Account a JOIN crm.Opportunity o ON o.AccountId = a.Id "
        "JOIN crm.Contact c ON c.AccountId = a.Id JOIN crm.Case k ON k.ContactId = c.Id "
        "JOIN crm.Task t ON t.WhoId = c.Id WHERE a.NumberOfEmployees > 100 "
        "AND o.Id IN (SELECT WhatId FROM crm.Task)"
    )
    with isthmus.connect({"sources": {"crm": crm}}) as con, con.sql(sql) as result:
        found = result.arrow().to_pylist()
    assert most() == 1 and found
    other = {**crm, "concurrency": 8}
    with isthmus.connect({"sources": {"crm": other}}) as con, con.sql(sql) as result:
        assert result.arrow().to_pylist() == found


def test_who_waits_for_a_slot_can_be_cancelled(
    org: LocalOrg, connect: Callable[..., Salesforce]
) -> None:
    crm = connect(concurrency=1)
    rows(crm, "Account")
    org.set_fault("slow-page", count=0, delay=3)
    first, second = ReadContext(), ReadContext()
    with ThreadPoolExecutor(2) as pool:
        reads = [pool.submit(rows, crm, "Contact", first)]
        time.sleep(0.3)
        reads.append(pool.submit(rows, crm, "Case", second))
        time.sleep(0.3)
        start = time.monotonic()
        second.cancelled.set()
        with pytest.raises(Cancelled):
            reads[1].result(2)
        assert time.monotonic() - start < 1
        assert second.meter.bill.calls == 0  # nothing was sent, nothing is billed
        first.cancelled.set()
        with pytest.raises(Cancelled):
            reads[0].result(2)
    org.clear_faults()
    assert rows(crm, "Account")  # its slot is free again


def test_a_slot_comes_back_whatever_happens() -> None:
    slots, stop = Slots(1), Stop()
    for _ in range(3):
        with pytest.raises(KeyError), slots.one(stop) as taken:
            assert taken
            raise KeyError
    with slots.one(stop) as first:
        stop.fire()
        with slots.one(stop) as second:
            assert first and not second
    with slots.one(Stop()) as taken:
        assert taken
