"""Bulk API 1.0 over a real socket, as a client without a library of its own would use it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from isthmus.localorg import LocalOrg
from isthmus.localorg.settings import Settings

SPACE = "{http://www.force.com/2009/06/asyncapi/dataload}"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TYPES = {"XML": "application/xml", "CSV": "text/csv", "JSON": "application/json"}


class Classic:
    """Calls below /services/async/60.0."""

    def __init__(self, org: LocalOrg) -> None:
        self.org = org

    def call(
        self, method: str, path: str, data: Any = None, kind: str = "application/json", **more: str
    ) -> requests.Response:
        headers = {"X-SFDC-Session": self.org.ready["access_token"], "Content-Type": kind, **more}
        url = f"{self.org.http}/services/async/60.0/{path}"
        return requests.request(method, url, data=data, headers=headers, timeout=30)

    def open(self, operation: str, name: str, content: str, **more: str) -> str:
        headers = {key: more.pop(key) for key in list(more) if key.startswith("Sforce")}
        body = {"operation": operation, "object": name, "contentType": content, **more}
        answer = self.call("POST", "job", json.dumps(body), **headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def add(self, job: str, content: str, data: str | bytes) -> dict[str, Any]:
        answer = self.call("POST", f"job/{job}/batch", data, TYPES[content])
        assert answer.status_code == 201, answer.text
        return told(answer)

    def run(self, operation: str, name: str, content: str, data: str | bytes, **more: str) -> str:
        """Run one batch to its end and give its address."""
        job = self.open(operation, name, content, **more)
        batch = self.add(job, content, data)["id"]
        self.call("POST", f"job/{job}", '{"state":"Closed"}')
        address = f"job/{job}/batch/{batch}"
        assert told(self.call("GET", address))["state"] == "Completed"
        return address

    def rows(self, soql: str, content: str, **more: str) -> requests.Response:
        name = soql.partition(" FROM ")[2].split()[0]
        address = self.run("query", name, content, soql, **more)
        answer = self.call("GET", address + "/result")
        found = answer.json() if content == "JSON" else texts(answer, "result")
        return self.call("GET", f"{address}/result/{found[0]}")


def told(answer: requests.Response) -> dict[str, Any]:
    """A job or batch, from JSON or XML."""
    if answer.headers["Content-Type"] == "application/json":
        return dict(answer.json())
    root = ElementTree.fromstring(answer.content)
    return {child.tag.removeprefix(SPACE): child.text for child in root}


def texts(answer: requests.Response, name: str) -> list[str | None]:
    return [one.text for one in ElementTree.fromstring(answer.content).iter(SPACE + name)]


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalOrg]:
    with LocalOrg("empty", settings=Settings(bulk_polls=0, bulk_hard_delete=True)) as org:
        yield org


@pytest.fixture
def classic(shared: LocalOrg) -> Iterator[Classic]:
    yield Classic(shared)
    shared.clear_faults()


@pytest.fixture
def count(shared: LocalOrg) -> Callable[[str], int]:
    def made(condition: str) -> int:
        with shared.store.cursor() as cursor:
            query = f"SELECT count(*) FROM {shared.store.table('Account')} WHERE {condition}"
            ((found,),) = cursor.execute(query).fetchall()
        return int(found)

    return made


def test_a_job_comes_as_it_is_asked_for(classic: Classic) -> None:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><jobInfo '
        'xmlns="http://www.force.com/2009/06/asyncapi/dataload"><operation>insert</operation>'
        "<object>account</object><contentType>CSV</contentType></jobInfo>"
    )
    answer = classic.call("POST", "job", body, "application/xml; charset=utf-8")
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/xml")
    job = told(answer)
    assert job["id"].startswith("750") and job["object"] == "Account"
    assert (job["state"], job["concurrencyMode"], job["apiVersion"]) == ("Open", "Parallel", "60.0")
    assert "externalIdFieldName" not in job
    as_json = classic.call("GET", f"job/{job['id']}").json()
    assert as_json["externalIdFieldName"] is None and as_json["numberBatchesTotal"] == 0
    assert told(classic.call("GET", f"job/{job['id']}", kind=""))["id"] == job["id"]
    closed = body.replace("<operation>insert</operation>", "<state>Closed</state>")
    assert told(classic.call("POST", f"job/{job['id']}", closed, "application/xml"))["state"] == (
        "Closed"
    )
    late = classic.call("POST", f"job/{job['id']}/batch", "Name\nx\n", "text/csv")
    assert (late.status_code, told(late)["exceptionCode"]) == (400, "InvalidJobState")


RECORDS = {
    "CSV": "Name,External_Id__c,Site\n{0} 1,{0}-1,\n,,x\n{0} 2,,#N/A\n",
    "JSON": '[{{"Name":"{0} 1","External_Id__c":"{0}-1"}},{{"Site":"x"}},'
    '{{"Name":"{0} 2","Site":null}}]',
    "XML": '<sObjects xmlns="http://www.force.com/2009/06/asyncapi/dataload" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<sObject><type>Account</type><Name>{0} 1</Name><External_Id__c>{0}-1</External_Id__c>"
    "<Site></Site></sObject><sObject><Site>x</Site></sObject>"
    '<sObject><Name>{0} 2</Name><Site xsi:nil="true"/></sObject></sObjects>',
}


def outcomes(answer: requests.Response, content: str) -> list[tuple[str | None, bool, bool, str]]:
    """Id, success, created and error code of each record, whatever the form."""
    if content == "JSON":
        return [
            (one["id"], one["success"], one["created"],
             one["errors"][0]["statusCode"] if one["errors"] else "")
            for one in answer.json()
        ]  # fmt: skip
    if content == "CSV":
        return [
            (row["Id"] or None, row["Success"] == "true", row["Created"] == "true",
             row["Error"].partition(":")[0])
            for row in csv.DictReader(io.StringIO(answer.text))
        ]  # fmt: skip
    made = []
    for one in ElementTree.fromstring(answer.content):
        given = {child.tag.removeprefix(SPACE): child.text for child in one.iter()}
        made.append(
            (given.get("id"), given["success"] == "true", given["created"] == "true",
             given.get("statusCode") or "")
        )  # fmt: skip
    return made


@pytest.mark.parametrize("content", TYPES)
def test_records_are_written_with_outcomes_in_order(
    classic: Classic, count: Any, content: str
) -> None:
    data = RECORDS[content].format(content)
    address = classic.run("insert", "Account", content, data)
    first, bad, last = outcomes(classic.call("GET", address + "/result"), content)
    assert first[1:] == (True, True, "") and last[1:] == (True, True, "")
    assert bad == (None, False, False, "REQUIRED_FIELD_MISSING")
    assert count(f"Name LIKE '{content} _'") == 2
    info = told(classic.call("GET", address))
    assert [int(info[f"numberRecords{what}"]) for what in ("Processed", "Failed")] == [3, 1]
    assert classic.call("GET", address + "/request").text == data

    address = classic.run("upsert", "Account", content, data, externalIdFieldName="External_Id__c")
    found = outcomes(classic.call("GET", address + "/result"), content)
    assert found[0] == (first[0], True, False, "")
    assert [one[3] for one in found[1:]] == ["MISSING_ARGUMENT"] * 2


def test_records_are_changed_and_deleted(classic: Classic, count: Any) -> None:
    made = classic.run("insert", "Account", "CSV", "Name\r\nGo 1\r\nGo 2\r\nGo 3\r\n")
    ids = [one[0] for one in outcomes(classic.call("GET", made + "/result"), "CSV")]
    data = json.dumps([{"Id": one, "Site": "s"} for one in ids])
    classic.run("update", "Account", "JSON", data)
    assert count("Site = 's'") == 3
    classic.run("delete", "Account", "CSV", f"Id\n{ids[0]}\n")
    classic.run("hardDelete", "Account", "CSV", f"Id\n{ids[1]}\n")
    assert (count("Site = 's'"), count("Site = 's' AND IsDeleted")) == (2, 1)


def test_a_parent_is_named_by_its_external_id(classic: Classic) -> None:
    classic.run("insert", "Account", "CSV", "Name,External_Id__c\nP,parent\n")
    for content, data in {
        "CSV": "LastName,Account.External_Id__c\nK,parent\n",
        "JSON": '[{"LastName":"K","Account":{"External_Id__c":"parent"}}]',
        "XML": "<sObjects><sObject><LastName>K</LastName><Account><sObject>"
        "<External_Id__c>parent</External_Id__c></sObject></Account></sObject></sObjects>",
    }.items():
        address = classic.run("insert", "Contact", content, data)
        assert outcomes(classic.call("GET", address + "/result"), content)[0][1], content
    soql = "SELECT LastName, Account.External_Id__c FROM Contact WHERE LastName = 'K'"
    rows = classic.rows(soql, "JSON").json()
    assert [row["Account"]["External_Id__c"] for row in rows] == ["parent"] * 3


def test_rows_are_read_in_each_form(classic: Classic) -> None:
    made = (
        "Name,NumberOfEmployees,AnnualRevenue,Description\n"
        '"Read, ""it""",7,12.0,"a\nb"\nRead bare,,,\n'
    )
    classic.run("insert", "Account", "CSV", made)
    soql = (
        "SELECT Id, Name, NumberOfEmployees, AnnualRevenue, Description, IsDeleted, CreatedDate"
        " FROM Account WHERE Name LIKE 'Read%' ORDER BY Name NULLS LAST"
    )
    as_csv = list(csv.DictReader(io.StringIO(classic.rows(soql, "CSV").text)))
    by_name = {row["Name"]: row for row in as_csv}
    assert by_name['Read, "it"']["Description"] == "a\nb"
    rows = {row["Name"]: row for row in classic.rows(soql, "JSON").json()}
    full, bare = rows['Read, "it"'], rows["Read bare"]
    assert full["attributes"]["type"] == "Account"
    assert full["attributes"]["url"] == f"/services/data/v60.0/sobjects/Account/{full['Id']}"
    assert (full["NumberOfEmployees"], full["AnnualRevenue"]) == (7, 12.0)
    assert (bare["NumberOfEmployees"], bare["Description"]) == (None, None)
    assert full["IsDeleted"] is False
    created = datetime.fromisoformat(by_name["Read bare"]["CreatedDate"])
    assert bare["CreatedDate"] == created.timestamp() * 1000
    answer = classic.rows(soql, "XML")
    assert answer.headers["Content-Type"] == "application/xml"
    assert texts(answer, "NumberOfEmployees") in (["7", None], [None, "7"])
    assert texts(answer, "type") == ["Account", "Account"]


def test_query_all_has_deleted_rows(classic: Classic) -> None:
    made = classic.run("insert", "Lead", "CSV", "LastName,Company\nOne,x\nTwo,x\n")
    ids = [one[0] for one in outcomes(classic.call("GET", made + "/result"), "CSV")]
    classic.run("delete", "Lead", "CSV", f"Id\n{ids[0]}\n")
    job = classic.open("queryAll", "Lead", "CSV")
    batch = classic.add(job, "CSV", "SELECT Id FROM Lead")["id"]
    classic.call("GET", f"job/{job}/batch/{batch}")
    (result,) = texts(classic.call("GET", f"job/{job}/batch/{batch}/result"), "result")
    text = classic.call("GET", f"job/{job}/batch/{batch}/result/{result}").text
    assert text.count("\n") == 3


def test_a_query_that_is_no_good_fails_its_batch(classic: Classic) -> None:
    for soql, message in {
        "SELECT Nope FROM Account": "InvalidBatch : INVALID_FIELD: ",
        "SELECT Id FROM Lead": "InvalidBatch : The query's object Lead",
        "SELECT COUNT() FROM Account": "InvalidBatch : API_ERROR: ",
    }.items():
        job = classic.open("query", "Account", "JSON")
        batch = classic.add(job, "JSON", soql)["id"]
        info = classic.call("GET", f"job/{job}/batch/{batch}").json()
        assert info["state"] == "Failed" and info["stateMessage"].startswith(message)
        answer = classic.call("GET", f"job/{job}/batch/{batch}/result")
        assert answer.json()["exceptionCode"] == "InvalidBatch"


def test_a_large_query_is_cut_by_keys(classic: Classic) -> None:
    rows = "".join(f"Cut {n}\n" for n in range(25))
    classic.run("insert", "Campaign", "CSV", "Name\n" + rows)
    job = classic.open(
        "query", "Campaign", "CSV", **{"Sforce-Enable-PKChunking": "chunkSize=10; parent=X"}
    )
    first = classic.add(job, "CSV", "SELECT Id, Name FROM Campaign WHERE Name != 'Cut 3'")
    assert first["state"] == "NotProcessed"
    answer = classic.call("GET", f"job/{job}/batch")
    states = texts(answer, "state")
    assert states == ["NotProcessed", "Completed", "Completed", "Completed"]
    names: list[str] = []
    for batch in texts(answer, "id")[1:]:
        (result,) = texts(classic.call("GET", f"job/{job}/batch/{batch}/result"), "result")
        text = classic.call("GET", f"job/{job}/batch/{batch}/result/{result}").text
        names += [row["Name"] for row in csv.DictReader(io.StringIO(text))]
    assert sorted(names) == sorted(f"Cut {n}" for n in range(25) if n != 3)
    info = classic.call("GET", f"job/{job}").json()
    assert (info["numberBatchesTotal"], info["numberRecordsProcessed"]) == (4, 24)


@pytest.mark.parametrize("header", ["chunkSize=0", "chunkSize=250001", "chunkSize=x"])
def test_a_chunk_has_a_size(classic: Classic, header: str) -> None:
    body = json.dumps({"operation": "query", "object": "Account", "contentType": "CSV"})
    answer = classic.call("POST", "job", body, **{"Sforce-Enable-PKChunking": header})
    assert (answer.status_code, answer.json()["exceptionCode"]) == (400, "InvalidJob")


def test_errors_are_objects_in_the_clients_form(classic: Classic) -> None:
    for kind in ("application/json", "application/xml"):
        answer = classic.call("GET", "job/750000000000001AAA", kind=kind)
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, kind)
        assert told(answer)["exceptionCode"] == "InvalidJob"
        headers = {"X-SFDC-Session": "no such", "Content-Type": kind}
        url = f"{classic.org.http}/services/async/60.0/job/x"
        lost = requests.get(url, headers=headers, timeout=10)
        assert (lost.status_code, told(lost)["exceptionCode"]) == (400, "InvalidSessionId")
    assert told(classic.call("DELETE", "job/x"))["exceptionCode"] == "InvalidUrl"
    assert told(classic.call("GET", "nothing"))["exceptionCode"] == "InvalidUrl"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"operation": "insert", "object": "Nope"}, "InvalidJob"),
        ({"operation": "read", "object": "Account"}, "InvalidJob"),
        ({"operation": "insert", "object": "Account", "contentType": "ZIP"}, "InvalidJob"),
        ({"operation": "insert", "object": "Account", "concurrencyMode": "x"}, "InvalidJob"),
        ({"operation": "upsert", "object": "Account"}, "InvalidJob"),
        ({"operation": "insert", "object": "Organization"}, "InvalidJob"),
    ],
)
def test_jobs_that_are_not_opened(classic: Classic, body: dict[str, str], code: str) -> None:
    answer = classic.call("POST", "job", json.dumps(body))
    assert (answer.status_code, answer.json()["exceptionCode"]) == (400, code)


@pytest.mark.parametrize(
    ("content", "data", "message"),
    [
        ("CSV", "Name,Nope\nx,y\n", "InvalidBatch : Field name not found : Nope"),
        ("CSV", "", "InvalidBatch : Unable to find any data"),
        ("JSON", "{}", "InvalidBatch : The JSON must be a list of objects"),
        ("JSON", "[", "InvalidBatch : Failed to parse the JSON"),
        ("XML", "<a>", "InvalidBatch : Unable to parse the XML"),
        ("XML", "<!DOCTYPE a><a/>", "InvalidBatch : DTDs are not allowed"),
        ("JSON", json.dumps([{"Name": "x"}] * 10_001), "InvalidBatch : Records exceed"),
    ],
)
def test_batches_that_fail_whole(classic: Classic, content: str, data: str, message: str) -> None:
    job = classic.open("insert", "Account", content)
    batch = classic.add(job, content, data)["id"]
    info = told(classic.call("GET", f"job/{job}/batch/{batch}"))
    assert info["state"] == "Failed" and info["stateMessage"].startswith(message)


def test_a_batch_takes_its_time_and_is_given_up() -> None:
    with LocalOrg("empty", settings=Settings(bulk_seconds=60), now=NOON) as org:
        classic = Classic(org)
        job = classic.open("insert", "Account", "CSV")
        first, second = (classic.add(job, "CSV", f"Name\nSlow {n}\n")["id"] for n in (1, 2))
        look = f"job/{job}/batch/{first}"
        assert [told(classic.call("GET", look))["state"] for _ in range(3)] == ["InProgress"] * 3
        org.clock.advance(60)
        assert told(classic.call("GET", look))["state"] == "Completed"
        classic.call("POST", f"job/{job}", '{"state":"Aborted"}')
        left = told(classic.call("GET", f"job/{job}/batch/{second}"))
        assert left["state"] == "NotProcessed"
        with org.store.cursor() as cursor:
            query = f"SELECT Name FROM {org.store.table('Account')}"
            assert cursor.execute(query).fetchall() == [("Slow 1",)]
        again = classic.call("POST", f"job/{job}", '{"state":"Aborted"}')
        assert again.json()["exceptionCode"] == "InvalidJobState"


def test_it_is_in_the_lists_of_the_other_api(classic: Classic) -> None:
    job = classic.open("insert", "Account", "XML")
    headers = {"Authorization": f"Bearer {classic.org.ready['access_token']}"}
    url = f"{classic.org.http}/services/data/v60.0/jobs/ingest?jobType=Classic"
    records = requests.get(url, headers=headers, timeout=10).json()["records"]
    assert job in [one["id"] for one in records]


def test_faults_strike_here_as_well(classic: Classic) -> None:
    classic.org.set_fault("request-limit", path="/async/")
    answer = classic.call("GET", "job/x")
    assert (answer.status_code, answer.json()["exceptionCode"]) == (400, "ExceededQuota")
    classic.org.set_fault("server-unavailable")
    assert classic.call("GET", "job/x").status_code == 503
