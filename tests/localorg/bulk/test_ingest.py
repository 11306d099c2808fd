"""Ingest jobs: what each operation does with each row, and how its client hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from isthmus.localorg import LocalOrg
from isthmus.localorg.settings import Settings
from tests.localorg.bulk.conftest import Client, refused
from tests.localorg.bulk.ingest_client import Ingest, table

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg("empty") as org:
        yield org


@pytest.fixture
def ingest(bulk: Client) -> Ingest:
    return Ingest(bulk)


# The life of a job


def test_a_new_job_waits_for_its_rows(ingest: Ingest) -> None:
    body = {"operation": "insert", "object": "contact", "columnDelimiter": "TAB"}
    made = ingest.client.call("POST", "jobs/ingest", json=body).json()
    job = made["id"]
    assert job.startswith("750") and made["apiVersion"] == 60.0
    told = {"state", "object", "operation", "contentType", "columnDelimiter", "lineEnding"}
    assert {name: made[name] for name in told} == {
        "state": "Open", "object": "Contact", "operation": "insert", "contentType": "CSV",
        "columnDelimiter": "TAB", "lineEnding": "LF",
    }  # fmt: skip
    assert made["contentUrl"] == f"services/data/v60.0/jobs/ingest/{job}/batches"
    assert ingest.info(job)["numberRecordsProcessed"] == 0
    assert ingest.info(job)["state"] == "Open"  # however often one looks


def test_a_job_runs_from_open_to_complete(ingest: Ingest) -> None:
    job = ingest.open("insert", "Account")
    answer = ingest.put(job, "Name\nRun 1\nRun 2\n")
    assert (answer.status, answer.data) == (201, b"")
    assert ingest.say(job, "UploadComplete").json()["state"] == "UploadComplete"
    states = [ingest.info(job)["state"]]
    info = ingest.wait(job)
    assert (states[0], info["state"]) == ("InProgress", "JobComplete")
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (2, 0)
    assert info["jobType"] == "V2Ingest" and info["retries"] == 0
    assert info["totalProcessingTime"] >= 1 and "errorMessage" not in info
    assert "contentUrl" not in info


def test_a_second_upload_is_refused(ingest: Ingest) -> None:
    job = ingest.open("insert", "Account")
    assert ingest.put(job, "Name\nOnce\n").status == 201
    assert refused(ingest.put(job, "Name\nTwice\n")) == (400, "CLIENTINPUTERROR")
    ingest.say(job, "UploadComplete")
    assert refused(ingest.put(job, "Name\nLate\n")) == (400, "INVALIDJOBSTATE")
    ingest.wait(job)
    found = ingest.soql("SELECT Name FROM Account WHERE Name IN ('Once', 'Twice', 'Late')")
    assert found == [{"Name": "Once"}]


def test_results_want_a_job_that_has_ended(ingest: Ingest) -> None:
    job = ingest.open("insert", "Account")
    for kind in ("successfulResults", "failedResults", "unprocessedrecords"):
        answer = ingest.client.get(f"jobs/ingest/{job}/{kind}")
        assert refused(answer) == (400, "INVALIDJOBSTATE")


def test_aborting_an_open_job_leaves_its_rows_unprocessed(ingest: Ingest) -> None:
    job = ingest.open("insert", "Account")
    ingest.put(job, "Name\nNever\n")
    assert ingest.say(job, "Aborted").json()["state"] == "Aborted"
    assert (ingest.good(job), ingest.bad(job)) == ([], [])
    assert ingest.left(job) == [{"Name": "Never"}]
    assert refused(ingest.say(job, "UploadComplete")) == (400, "INVALIDJOBSTATE")
    assert refused(ingest.say(job, "Aborted")) == (400, "INVALIDJOBSTATE")
    assert ingest.soql("SELECT Id FROM Account WHERE Name = 'Never'") == []


def test_an_abort_half_way_parts_the_rows(open_client: Callable[..., Client]) -> None:
    settings = Settings(bulk_seconds=60, session_seconds=1e9)
    with LocalOrg("empty", settings=settings, now=NOON) as org:
        ingest = Ingest(open_client(org))
        rows = [{"Name": f"Row {n}"} for n in range(1000)]
        job = ingest.start("insert", "Account", table(rows))
        org.clock.advance(25)  # two of five chunks are due after 24 seconds
        for _ in range(2000):
            if ingest.info(job)["numberRecordsProcessed"] >= 600:
                break
        assert ingest.info(job)["state"] == "InProgress"
        ingest.say(job, "Aborted")
        org.clock.advance(60)
        info = ingest.info(job)
        assert (info["state"], info["numberRecordsProcessed"]) == ("Aborted", 600)
        done, left = ingest.good(job), ingest.left(job)
        assert (len(done), len(left)) == (600, 400)
        names = {row["Name"] for row in ingest.soql("SELECT Name FROM Account")}
        assert names == {row["Name"] for row in done}
        assert {row["Name"] for row in left} == {row["Name"] for row in rows} - names


def test_delete_wants_a_job_that_has_ended(ingest: Ingest) -> None:
    job = ingest.open("insert", "Account")
    gone = ingest.client.call("DELETE", f"jobs/ingest/{job}")
    assert refused(gone) == (400, "API_ERROR")
    ingest.say(job, "Aborted")
    assert ingest.client.call("DELETE", f"jobs/ingest/{job}").status == 204
    assert refused(ingest.client.get(f"jobs/ingest/{job}")) == (404, "NOT_FOUND")


def test_jobs_of_every_kind_are_listed(ingest: Ingest) -> None:
    query = ingest.client.create("SELECT Id FROM Account")
    job = ingest.run("insert", "Account", "Name\nListed\n")
    for kind in ("query", "ingest"):
        records = ingest.client.get(f"jobs/{kind}").json()["records"]
        assert {query, job} <= {one["id"] for one in records}
    only = ingest.client.get("jobs/ingest?jobType=V2Ingest").json()["records"]
    assert job in [one["id"] for one in only] and query not in [one["id"] for one in only]


def test_an_open_job_is_given_up_after_a_day(open_client: Callable[..., Client]) -> None:
    with LocalOrg("empty", settings=Settings(session_seconds=1e9), now=NOON) as org:
        ingest = Ingest(open_client(org))
        job = ingest.open("insert", "Account")
        org.clock.advance(86_399)
        assert ingest.info(job)["state"] == "Open"
        org.clock.advance(1)
        assert ingest.info(job)["state"] == "Aborted"
        assert refused(ingest.put(job, "Name\nLate\n")) == (400, "INVALIDJOBSTATE")
        org.clock.advance(7 * 86_400)
        assert refused(ingest.client.get(f"jobs/ingest/{job}")) == (404, "NOT_FOUND")


def test_a_job_may_come_with_its_rows(ingest: Ingest) -> None:
    content = 'Name,Description\nTogether,"a\r\n--b\n"\n'
    fields = {
        "job": (None, '{"object":"Account","operation":"insert"}', "application/json"),
        "content": ("content", content, "text/csv"),
    }
    made = ingest.client.call("POST", "jobs/ingest", fields=fields).json()
    assert made["state"] == "UploadComplete"
    assert ingest.wait(made["id"])["numberRecordsProcessed"] == 1
    (found,) = ingest.soql("SELECT Description FROM Account WHERE Name = 'Together'")
    assert found["Description"] == "a\r\n--b"  # texts are trimmed at their ends
    fields["content"] = ("content", "Name\n" + "x" * 100_000, "text/csv")
    assert refused(ingest.client.call("POST", "jobs/ingest", fields=fields)) == (
        400,
        "INVALIDREQUEST",
    )


# Operations


def test_insert(ingest: Ingest) -> None:
    rows: list[dict[str, Any]]
    rows = [{"Name": f"In {n}", "NumberOfEmployees": n} for n in range(450)]
    job = ingest.run("insert", "Account", table(rows))
    good = ingest.good(job)
    assert list(good[0]) == ["sf__Id", "sf__Created", "Name", "NumberOfEmployees"]
    assert {row["sf__Created"] for row in good} == {"true"}
    assert ingest.bad(job) == ingest.left(job) == []
    order = [row["Name"] for row in good]
    assert order != [row["Name"] for row in rows] and sorted(order) == sorted(
        row["Name"] for row in rows
    )
    found = ingest.soql("SELECT Id, Name FROM Account WHERE Name LIKE 'In %'")
    assert {(row["Id"], row["Name"]) for row in found} == {
        (row["sf__Id"], row["Name"]) for row in good
    }


def test_each_row_fails_for_itself(ingest: Ingest) -> None:
    text = "LastName,FirstName,Birthdate\nGood,,\n,Nameless,\nLong," + "y" * 41
    job = ingest.run("insert", "Contact", text + ",\nBad,,soon\n")
    assert [row["LastName"] for row in ingest.good(job)] == ["Good"]
    bad = {row["LastName"]: row for row in ingest.bad(job)}
    assert list(bad[""]) == ["sf__Id", "sf__Error", "LastName", "FirstName", "Birthdate"]
    assert bad[""] == {
        "sf__Id": "",
        "sf__Error": "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
        "LastName": "",
        "FirstName": "Nameless",
        "Birthdate": "",
    }
    assert bad["Long"]["sf__Error"].startswith("STRING_TOO_LONG:First Name: data value too large")
    assert bad["Bad"]["sf__Error"] == (
        "INVALID_TYPE_ON_FIELD_IN_RECORD:Birthdate: value not of required type: soon:Birthdate --"
    )
    info = ingest.info(job)
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (4, 3)


def made(ingest: Ingest, *names: str, **fields: Any) -> list[str]:
    """Accounts of these names, in order."""
    job = ingest.run("insert", "Account", table([{"Name": name, **fields} for name in names]))
    ids = {row["Name"]: row["sf__Id"] for row in ingest.good(job)}
    return [ids[name] for name in names]


def test_update_tells_empty_from_null(ingest: Ingest) -> None:
    first, second = made(ingest, "Up 1", "Up 2", Site="old", Phone="1")
    text = f"id,SITE,Phone\n{first},,#N/A\n{second[:15]},new,2\n,x,x\n001Ib00000zzzzz,x,x\n"
    job = ingest.run("update", "Account", text)
    assert {row["sf__Created"] for row in ingest.good(job)} == {"false"}
    found = ingest.soql("SELECT Site, Phone FROM Account WHERE Name LIKE 'Up _' ORDER BY Name")
    assert found == [{"Site": "old", "Phone": None}, {"Site": "new", "Phone": "2"}]
    errors = {row["id"]: row for row in ingest.bad(job)}
    assert errors[""]["sf__Error"] == "MISSING_ARGUMENT:Id not specified in an update call:--"
    assert errors["001Ib00000zzzzz"]["sf__Id"] == "001Ib00000zzzzz"


def test_upsert_by_external_id(ingest: Ingest) -> None:
    made(ingest, "There", External_Id__c="up-1")
    text = "External_Id__c,Name\nUP-1,There 2\nup-2,New\n,Keyless\n"
    job = ingest.run("upsert", "Account", text, externalIdFieldName="External_Id__c")
    assert ingest.info(job)["externalIdFieldName"] == "External_Id__c"
    assert {row["Name"]: row["sf__Created"] for row in ingest.good(job)} == {
        "There 2": "false", "New": "true",
    }  # fmt: skip
    (bad,) = ingest.bad(job)
    assert bad["sf__Error"] == "MISSING_ARGUMENT:External_Id__c not specified:--"
    found = ingest.soql(
        "SELECT Name, External_Id__c FROM Account WHERE External_Id__c LIKE 'up-_' ORDER BY Name"
    )
    assert found == [
        {"Name": "New", "External_Id__c": "up-2"},
        {"Name": "There 2", "External_Id__c": "up-1"},
    ]


def test_delete_puts_into_the_recycle_bin(ingest: Ingest) -> None:
    first, second = made(ingest, "Del 1", "Del 2")
    job = ingest.run("delete", "Account", f"Id\n{first}\n{second}\n001Ib00000zzzzz\n")
    assert {row["sf__Id"] for row in ingest.good(job)} == {first, second}
    assert (
        ingest.bad(job)[0]["sf__Error"]
        == "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"
    )
    every = ingest.client.get(
        "queryAll", fields={"q": "SELECT IsDeleted FROM Account WHERE Name LIKE 'Del _'"}
    ).json()["records"]
    assert [row["IsDeleted"] for row in every] == [True, True]
    again = ingest.run("delete", "Account", f"Id\n{first}\n")
    assert ingest.bad(again)[0]["sf__Error"] == "ENTITY_IS_DELETED:entity is deleted:--"


def test_hard_delete_wants_its_permission(ingest: Ingest) -> None:
    body = {"operation": "hardDelete", "object": "Account"}
    answer = ingest.client.call("POST", "jobs/ingest", json=body)
    assert refused(answer) == (400, "FEATURENOTENABLED")


def test_hard_delete_leaves_nothing(open_client: Callable[..., Client]) -> None:
    with LocalOrg("empty", settings=Settings(bulk_hard_delete=True)) as org:
        ingest = Ingest(open_client(org))
        (account,) = made(ingest, "Hard")
        ingest.run("insert", "Contact", f"LastName,AccountId\nChild,{account}\n")
        job = ingest.run("hardDelete", "Account", f"Id\n{account}\n")
        assert [row["sf__Id"] for row in ingest.good(job)] == [account]
        for name in ("Account", "Contact"):
            query = f"SELECT COUNT() FROM {name}"
            found = ingest.client.get("queryAll", fields={"q": query}).json()
            assert found["totalSize"] == 0, name


# Columns and cells


def test_a_parent_is_named_by_its_external_id(ingest: Ingest) -> None:
    (parent,) = made(ingest, "Parent", External_Id__c="p-1")
    text = "LastName,Account.External_Id__c\nKid,P-1\nLost,p-0\nFree,#N/A\nBare,\n"
    job = ingest.run("insert", "Contact", text)
    (bad,) = ingest.bad(job)
    assert bad["sf__Error"] == (
        "INVALID_FIELD:Foreign key external ID: p-0 not found for field External_Id__c in entity"
        " Account:--"
    )
    found = ingest.soql(
        "SELECT LastName, AccountId FROM Contact WHERE LastName IN ('Kid','Free','Bare')"
        " ORDER BY LastName"
    )
    assert [row["AccountId"] for row in found] == [None, None, parent]
    kid = next(row for row in ingest.good(job) if row["LastName"] == "Kid")
    clear = f"Id,Account.External_Id__c\n{kid['sf__Id']},#N/A\n"
    ingest.run("update", "Contact", clear)
    (cleared,) = ingest.soql("SELECT AccountId FROM Contact WHERE LastName = 'Kid'")
    assert cleared["AccountId"] is None


def test_a_parent_of_several_types_is_named_with_its_type(ingest: Ingest) -> None:
    ingest.run("insert", "Lead", "LastName,Company,Email\nL,C,who@x.example\n")
    ingest.run("insert", "Contact", "LastName,Email\nC,who@x.example\n")
    ingest.run("insert", "Task", "Subject,Lead:Who.Email\nCall,who@x.example\n")
    (task,) = ingest.soql("SELECT WhoId FROM Task")
    assert task["WhoId"].startswith("00Q")
    for header in ("Who.Email", "Account:Who.Name", "Lead:Who.Company", "Lead:Nobody.Email"):
        info = ingest.wait(ingest.start("insert", "Task", f"Subject,{header}\nx,y\n"))
        assert info["state"] == "Failed" and info["errorMessage"].startswith("InvalidBatch : ")
        assert header in info["errorMessage"]


@pytest.mark.parametrize(
    ("delimiter", "sign"),
    [("BACKQUOTE", "`"), ("CARET", "^"), ("PIPE", "|"), ("SEMICOLON", ";"), ("TAB", "\t")],
)
@pytest.mark.parametrize(("ending", "end"), [("LF", "\n"), ("CRLF", "\r\n")])
def test_delimiters_and_line_endings(
    ingest: Ingest, delimiter: str, sign: str, ending: str, end: str
) -> None:
    name = f"{delimiter} {ending}"
    lines = [f"Name{sign}Site{sign}Description", f'"{name}"{sign}a,b{sign}"q""{sign}{end}z"']
    job = ingest.run(
        "insert", "Account", end.join(lines) + end, columnDelimiter=delimiter, lineEnding=ending
    )
    text = ingest.text(job, "successfulResults")
    assert text.startswith(f'"sf__Id"{sign}"sf__Created"{sign}"Name"{sign}"Site"{sign}')
    assert text.endswith(f'{sign}"q""{sign}{end}z"{end}')
    (found,) = ingest.soql(f"SELECT Site, Description FROM Account WHERE Name = '{name}'")
    assert found == {"Site": "a,b", "Description": f'q"{sign}{end}z'}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "InvalidBatch : Unable to find any data"),
        (b"\nx\n", "InvalidBatch : Unable to find any data"),
        (b"Name,Nope\nx,y\n", "InvalidBatch : Field name not found : Nope"),
        (b"Name,BillingAddress\nx,y\n", "InvalidBatch : Field name not found : BillingAddress"),
        (b"Name,name\nx,y\n", "InvalidBatch : Duplicate field name : name"),
        (b"Name\r\nx\r\n", "ClientInputError : LineEnding is invalid on user data."),
        (b"Name\nM\xfcller\n", "InvalidBatch : The data is not UTF-8"),
        (b'"Name"x\ny\n', "InvalidBatch : Failed to parse the header row"),
        (b"Name," + b"x" * 32_000 + b"\n", "InvalidBatch : The header row has more than 32000"),
    ],
)
def test_uploads_that_fail_as_a_whole(ingest: Ingest, text: bytes, message: str) -> None:
    info = ingest.wait(ingest.start("insert", "Account", text))
    assert info["state"] == "Failed" and info["errorMessage"].startswith(message)
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (0, 0)
    assert ingest.good(info["id"]) == ingest.bad(info["id"]) == []


def test_the_rows_of_an_upload_that_fails_are_unprocessed(ingest: Ingest) -> None:
    info = ingest.wait(ingest.start("insert", "Account", "Name,Nope\nx,y\nz,\n"))
    assert sorted(row["Name"] for row in ingest.left(info["id"])) == ["x", "z"]


def test_rows_that_are_no_csv_fail_alone(ingest: Ingest) -> None:
    rows = [
        'good,"a"',
        'spaced, "b"',
        'after,"c" ',
        "short",
        "long,d,e",
        "plain, f ",
        "wide," + "w" * 131_073,
    ]
    job = ingest.run("insert", "Account", "Name,Site\n" + "\n".join(rows) + "\n\n")
    bad = {row["Name"]: row["sf__Error"] for row in ingest.bad(job)}
    assert set(bad) == {"spaced", "after", "short", "long", "wide"}
    assert all(text.startswith("INVALID_CSV:") for text in bad.values())
    good = {row["Name"]: row["Site"] for row in ingest.good(job)}
    assert good == {"good": "a", "plain": " f "}  # as it was sent


def test_a_byte_order_mark_is_no_part_of_the_header(ingest: Ingest) -> None:
    job = ingest.run("insert", "Account", b"\xef\xbb\xbfName\nMarked\n")
    assert ingest.info(job)["numberRecordsFailed"] == 0


def test_a_delete_takes_ids_alone(ingest: Ingest) -> None:
    info = ingest.wait(ingest.start("delete", "Account", "Id,Name\nx,y\n"))
    assert info["errorMessage"] == "InvalidBatch : The 'delete' batch must contain only ids"
    for operation, fields in (
        ("update", {}),
        ("upsert", {"externalIdFieldName": "External_Id__c"}),
    ):
        info = ingest.wait(ingest.start(operation, "Account", "Name\nx\n", **fields))
        assert info["errorMessage"].startswith("InvalidBatch : Field name not found : ")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"operation": "insert"}, "INVALIDJOB"),
        ({"object": "Account"}, "INVALIDJOB"),
        ({"object": "Account", "operation": "query"}, "INVALIDJOB"),
        ({"object": "Nowhere__c", "operation": "insert"}, "INVALIDJOB"),
        ({"object": "Account", "operation": "upsert"}, "INVALIDJOB"),
        (
            {"object": "Account", "operation": "upsert", "externalIdFieldName": "Site"},
            "INVALIDJOB",
        ),
        ({"object": "Account", "operation": "insert", "contentType": "JSON"}, "INVALIDJOB"),
        ({"object": "Account", "operation": "insert", "lineEnding": "CR"}, "INVALIDJOB"),
        ({"object": "Organization", "operation": "insert"}, "INVALIDENTITY"),
        ({"object": "CaseStatus", "operation": "insert"}, "INVALIDENTITY"),
    ],
)
def test_jobs_that_are_not_opened(ingest: Ingest, body: dict[str, Any], code: str) -> None:
    assert refused(ingest.client.call("POST", "jobs/ingest", json=body)) == (400, code)


# Limits and mishaps


def test_an_upload_has_a_limit(ingest: Ingest, monkeypatch: Any) -> None:
    monkeypatch.setattr("isthmus.localorg.bulk.ingest.MAX_BYTES", 10)
    job = ingest.open("insert", "Account")
    assert refused(ingest.put(job, "Name\nEleven\n")) == (413, "CLIENTINPUTERROR")


def test_the_days_batches_are_counted(open_client: Callable[..., Client], monkeypatch: Any) -> None:
    monkeypatch.setattr("isthmus.localorg.bulk.ingest.BATCH", 200)
    settings = Settings(allowances={"DailyBulkApiBatches": 2})
    with LocalOrg("empty", settings=settings) as org:
        ingest = Ingest(open_client(org))
        rows = table([{"Name": f"n{n}"} for n in range(500)])
        info = ingest.wait(ingest.start("insert", "Account", rows))
        assert info["state"] == "Failed" and info["errorMessage"].startswith("LIMIT_EXCEEDED")
        job = info["id"]
        assert (len(ingest.good(job)), len(ingest.left(job))) == (400, 100)


@pytest.mark.parametrize(("keep", "done"), [(-1, 250), (0, 0), (300, 300)])
def test_a_job_fails_where_it_is_told_to(
    ingest: Ingest, org: LocalOrg, keep: int, done: int
) -> None:
    org.set_fault("failed-job", keep=keep)
    rows = table([{"Name": f"Fail {keep} {n}"} for n in range(500)])
    info = ingest.wait(ingest.start("insert", "Account", rows))
    assert (info["state"], info["retries"]) == ("Failed", 20)
    assert info["numberRecordsProcessed"] == done
    assert (len(ingest.good(info["id"])), len(ingest.left(info["id"]))) == (done, 500 - done)
    found = ingest.client.get(
        "query", fields={"q": f"SELECT COUNT() FROM Account WHERE Name LIKE 'Fail {keep} %'"}
    ).json()
    assert found["totalSize"] == done


def test_a_batch_may_be_tried_again(ingest: Ingest, org: LocalOrg) -> None:
    org.set_fault("batch-retry")
    job = ingest.run("insert", "Account", "Name\nRetried\n")
    assert ingest.info(job)["retries"] == 1
    assert len(ingest.soql("SELECT Id FROM Account WHERE Name = 'Retried'")) == 1
