"""Unmodified simple-salesforce writes and reads by Bulk API 1.0 over HTTPS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from simple_salesforce.api import Salesforce

from isthmus.localorg import LocalOrg
from isthmus.localorg.settings import Settings
from tests.localorg.server.conftest import trusting


@pytest.fixture(scope="module")
def sf() -> Iterator[Any]:
    settings = Settings(bulk_polls=0, bulk_hard_delete=True)
    with LocalOrg("empty", settings=settings) as org, trusting(org) as session:
        token = org.ready["access_token"]
        yield Salesforce(session_id=token, instance_url=org.https, session=session, version="60.0")


def test_records_go_in_and_come_out(sf: Any) -> None:
    account = sf.bulk.Account
    sent = [{"Name": f"Classic {n}", "External_Id__c": f"c{n}"} for n in range(5)]
    made = account.insert([*sent, {"Site": "nameless"}], batch_size=2)
    assert [one["success"] for one in made] == [True] * 5 + [False]
    assert made[5]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    rows = account.query("SELECT Id, Name FROM Account ORDER BY Name")
    assert [row["Name"] for row in rows] == [one["Name"] for one in sent]
    changed = account.update([{"Id": one["id"], "Site": "s"} for one in made[:5]])
    assert all(one["success"] and not one["created"] for one in changed)
    put = account.upsert(
        [{"External_Id__c": "c0", "Name": "A"}, {"External_Id__c": "c9", "Name": "B"}],
        "External_Id__c",
    )
    assert [one["created"] for one in put] == [False, True]
    gone = account.delete([{"Id": made[0]["id"]}])
    erased = account.hard_delete([{"Id": made[1]["id"]}])
    assert gone[0]["success"] and erased[0]["success"]
    every = account.query_all("SELECT Name, IsDeleted FROM Account")
    assert sorted((row["Name"], row["IsDeleted"]) for row in every) == [
        ("A", True), ("B", False), *((f"Classic {n}", False) for n in (2, 3, 4)),
    ]  # fmt: skip


def test_jobs_may_be_run_one_batch_after_another(sf: Any) -> None:
    lead = sf.bulk.Lead
    made = lead.insert([{"LastName": "x", "Company": "y"}] * 3, use_serial=True, batch_size=1)
    assert [one["success"] for one in made] == [True] * 3
