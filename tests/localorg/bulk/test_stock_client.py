"""Unmodified simple-salesforce reads whole objects by Bulk over HTTPS."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceOperationError

from isthmus.localorg import LocalOrg
from tests.localorg.server.conftest import trusting

SOQL = "SELECT Id, Name, Description, NumberOfEmployees FROM Account"
SOON = 0.01  # seconds before its first look and between looks; its own default is five


@pytest.fixture
def sf(org: LocalOrg) -> Iterator[Any]:
    with trusting(org) as session:
        yield Salesforce(
            session_id=org.ready["access_token"],
            instance_url=org.https,
            session=session,
            version="60.0",
        )


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("ask", ["query", "query_all"])
def test_pages_hold_what_rest_has(sf: Any, ask: str) -> None:
    pages = list(getattr(sf.bulk2.Account, ask)(SOQL, max_records=400, wait=SOON))
    found = [row for page in pages for row in rows(page)]
    rest = list(sf.query_all_iter(SOQL, include_deleted=ask == "query_all"))
    assert len(pages) == -(-len(rest) // 400) > 1
    # the client strips NULs; none are in these fields of the demo
    assert [(row["Id"], row["Name"]) for row in found] == [(r["Id"], r["Name"]) for r in rest]


def test_download_writes_the_same_to_files(sf: Any, tmp_path: Path) -> None:
    found = sf.bulk2.Account.download(SOQL, str(tmp_path), max_records=400, wait=SOON)
    read = [row for one in found for row in rows(Path(one["file"]).read_bytes().decode())]
    assert len(read) == sum(one["number_of_records"] for one in found)
    assert len({row["Id"] for row in read}) == len(read) > 900


def test_failures_reach_the_caller(sf: Any, org: LocalOrg) -> None:
    org.set_fault("failed-job")
    with pytest.raises(SalesforceOperationError, match="Retried more than fifteen times"):
        list(sf.bulk2.Account.query(SOQL, wait=SOON))
    with pytest.raises(SalesforceMalformedRequest, match="Aggregate functions"):
        list(sf.bulk2.Account.query("SELECT COUNT() FROM Account", wait=SOON))


def test_abort_and_delete(sf: Any) -> None:
    client = sf.bulk2.Account._client
    job = client.create_job("query", SOQL)["id"]
    assert client.abort_job(job, True)["state"] == "Aborted"
    with pytest.raises(ValueError):  # it reads JSON where a 204 has none; the job is gone
        client.delete_job(job, True)
    assert job not in [one["id"] for one in sf.restful("jobs/query")["records"]]


def test_records_are_written_and_their_outcomes_read(sf: Any) -> None:
    account = sf.bulk2.Account
    sent = [{"Name": f"Stock {n}", "External_Id__c": f"stock-{n}"} for n in range(3)]
    (told,) = account.insert(records=[*sent, {"Name": "", "External_Id__c": "x"}], wait=SOON)
    assert (told["numberRecordsTotal"], told["numberRecordsProcessed"]) == (4, 4)
    assert told["numberRecordsFailed"] == 1
    good = rows(account.get_successful_records(told["job_id"]))
    bad = rows(account.get_failed_records(told["job_id"]))
    assert {row["Name"] for row in good} == {one["Name"] for one in sent}
    assert bad[0]["sf__Error"].startswith("REQUIRED_FIELD_MISSING:")
    assert rows(account.get_unprocessed_records(told["job_id"])) == []

    changed = [{"External_Id__c": "stock-0", "Name": "A"}, {"External_Id__c": "new", "Name": "B"}]
    (told,) = account.upsert(records=changed, external_id_field="External_Id__c", wait=SOON)
    made = rows(account.get_successful_records(told["job_id"]))
    assert {row["Name"]: row["sf__Created"] for row in made} == {"A": "false", "B": "true"}
    (told,) = account.update(
        records=[{"Id": row["sf__Id"], "Site": "s"} for row in made], wait=SOON
    )
    assert told["numberRecordsFailed"] == 0
    gone = [{"Id": row["sf__Id"]} for row in [*good, *made]]
    (told,) = account.delete(records=[{"Id": i} for i in {one["Id"] for one in gone}], wait=SOON)
    assert told["numberRecordsFailed"] == 0
    assert sf.query("SELECT Id FROM Account WHERE External_Id__c LIKE 'stock%'")["records"] == []
