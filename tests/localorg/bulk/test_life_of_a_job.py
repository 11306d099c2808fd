"""A job's states, its list, its end: by polls, by the org's clock, by its client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from isthmus.localorg import LocalOrg
from isthmus.localorg.bulk.jobs import GAVE_UP
from isthmus.localorg.settings import Settings
from tests.localorg.bulk.conftest import Client, refused

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
SOQL = "SELECT Id, Name FROM Account"


def test_a_new_job_tells_what_it_is(bulk: Client) -> None:
    made = bulk.post(SOQL, columnDelimiter="CARET", lineEnding="CRLF").json()
    assert made["id"].startswith("750") and len(made["id"]) == 18
    assert made["apiVersion"] == 60.0 and isinstance(made["apiVersion"], float)
    assert made["createdDate"].endswith("+0000")
    told = {"operation", "object", "state", "contentType", "columnDelimiter", "lineEnding"}
    assert {name: made[name] for name in told} == {
        "operation": "query",
        "object": "Account",
        "state": "UploadComplete",
        "contentType": "CSV",
        "columnDelimiter": "CARET",
        "lineEnding": "CRLF",
    }


def test_a_poll_finds_it_in_progress_before_it_is_complete(bulk: Client) -> None:
    job = bulk.create(SOQL)
    assert bulk.get(f"jobs/query/{job}").json()["state"] == "InProgress"
    info = bulk.wait(job)
    assert info["state"] == "JobComplete" and info["jobType"] == "V2Query"
    assert (
        info["numberRecordsProcessed"]
        == bulk.get("query?q=SELECT+COUNT()+FROM+Account").json()["totalSize"]
    )
    assert info["retries"] == 0 and info["totalProcessingTime"] >= 1
    assert info["isPkChunkingSupported"] is True and "errorMessage" not in info


@pytest.mark.parametrize("polls", [0, 3])
def test_the_org_says_how_many_polls_find_it_in_progress(open_client: Any, polls: int) -> None:
    with LocalOrg(settings=Settings(bulk_polls=polls)) as org:
        bulk = open_client(org)
        job = bulk.create("SELECT Id FROM Account LIMIT 1")
        for _ in range(polls):
            assert bulk.get(f"jobs/query/{job}").json()["state"] == "InProgress"
        assert bulk.wait(job)["state"] == "JobComplete"


def test_a_job_takes_its_time_by_the_orgs_clock(open_client: Any) -> None:
    with LocalOrg(settings=Settings(bulk_seconds=60), now=NOON) as org:
        bulk = open_client(org)
        job = bulk.create(SOQL)
        states = [bulk.get(f"jobs/query/{job}").json()["state"] for _ in range(5)]
        assert states == ["InProgress"] * 5
        org.clock.advance(60)
        info = bulk.wait(job)
        assert info["state"] == "JobComplete"
        assert info["createdDate"] == "2026-01-31T12:00:00.000+0000"
        assert info["systemModstamp"] == "2026-01-31T12:01:00.000+0000"


def test_results_before_the_end_are_refused(open_client: Any) -> None:
    with LocalOrg(settings=Settings(bulk_seconds=60), now=NOON) as org:
        bulk = open_client(org)
        job = bulk.create(SOQL)
        for path in ("results", "resultPages"):
            answer = bulk.get(f"jobs/query/{job}/{path}")
            assert refused(answer) == (400, "INVALIDJOBSTATE")


def test_a_job_reads_the_rows_of_its_moment(open_client: Any) -> None:
    with LocalOrg("empty", settings=Settings(bulk_seconds=60)) as org:
        bulk = open_client(org)
        write: dict[str, Any] = {"now": org.clock.now(), "user_id": org.org.settings.user.id}
        org.org.records.create("Account", {"Name": "before"}, **write)
        job = bulk.create("SELECT Name FROM Account")
        org.org.records.create("Account", {"Name": "after"}, **write)
        org.clock.advance(61)
        bulk.wait(job)
        pages = [bulk.get(f"jobs/query/{job}/results").data for _ in range(2)]
        assert pages == [b'"Name"\n"before"\n'] * 2


def test_query_all_has_the_deleted_rows(bulk: Client) -> None:
    soql = "SELECT Id, IsDeleted FROM Account"
    live = bulk.rows(soql)
    every = bulk.rows(soql, operation="queryAll")
    assert {row["IsDeleted"] for row in live} == {"false"}
    assert {row["IsDeleted"] for row in every} == {"false", "true"}
    assert len(every) > len(live)


def test_abort_ends_a_job_that_runs(open_client: Any) -> None:
    with LocalOrg(settings=Settings(bulk_seconds=60)) as org:
        bulk = open_client(org)
        job = bulk.create(SOQL)
        aborted = bulk.call("PATCH", f"jobs/query/{job}", json={"state": "Aborted"})
        assert (aborted.status, aborted.json()["state"]) == (200, "Aborted")
        assert refused(bulk.get(f"jobs/query/{job}/results")) == (400, "INVALIDJOBSTATE")
        org.clock.advance(61)
        assert bulk.wait(job)["state"] == "Aborted"
        assert bulk.call("DELETE", f"jobs/query/{job}").status == 204


def test_a_complete_job_cannot_be_aborted(bulk: Client) -> None:
    job = bulk.run(SOQL)
    answer = bulk.call("PATCH", f"jobs/query/{job}", json={"state": "Aborted"})
    assert refused(answer) == (400, "INVALIDJOBSTATE")
    assert answer.json()[0]["message"] == "Aborting already Completed Job not allowed"


def test_delete_wants_a_job_that_has_ended(bulk: Client) -> None:
    job = bulk.create(SOQL)
    answer = bulk.call("DELETE", f"jobs/query/{job}")
    assert refused(answer) == (400, "API_ERROR")
    assert answer.json()[0]["message"] == (
        "Error encountered when deleting the job because the job is not terminated"
    )
    bulk.wait(job)
    gone = bulk.call("DELETE", f"jobs/query/{job}")
    assert (gone.status, gone.data) == (204, b"")
    for path in (f"jobs/query/{job}", f"jobs/query/{job}/results", "jobs/query/750000000000001"):
        assert refused(bulk.get(path)) == (404, "NOT_FOUND")


def test_a_job_that_ended_is_kept_seven_days(open_client: Any) -> None:
    with LocalOrg(now=NOON, settings=Settings(session_seconds=1e9)) as org:
        bulk = open_client(org)
        job = bulk.run(SOQL)
        org.clock.advance(7 * 86_400 - 1)
        assert bulk.get(f"jobs/query/{job}/results").status == 200
        org.clock.advance(1)
        assert refused(bulk.get(f"jobs/query/{job}/results")) == (404, "NOT_FOUND")
        assert bulk.get("jobs/query").json()["records"] == []


def test_the_list_comes_in_pages_and_by_filters(open_client: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("isthmus.localorg.resources.bulk_list.LISTED", 2)
    with LocalOrg() as org:
        bulk = open_client(org)
        jobs = [bulk.create(f"SELECT Id FROM {name} LIMIT 1") for name in ("Account", "Lead")]
        jobs.append(bulk.create("SELECT Id FROM OpportunityContactRole LIMIT 1"))
        first = bulk.get("jobs/query").json()
        assert [one["id"] for one in first["records"]] == jobs[:2] and first["done"] is False
        second = bulk.get(first["nextRecordsUrl"]).json()
        assert [one["id"] for one in second["records"]] == jobs[2:]
        assert (second["done"], second["nextRecordsUrl"]) == (True, None)
        unchunked = bulk.get("jobs/query?isPkChunkingEnabled=false").json()["records"]
        assert [one["id"] for one in unchunked] == jobs[2:]
        assert bulk.get("jobs/query?jobType=Classic").json()["records"] == []
        assert bulk.get("jobs/query?concurrencyMode=Serial").json()["records"] == []


def test_a_job_fails_where_it_is_told_to(bulk: Client, org: LocalOrg) -> None:
    org.set_fault("failed-job", soql="from account")
    failed = bulk.wait(bulk.create(SOQL))
    assert (failed["state"], failed["errorMessage"]) == ("Failed", GAVE_UP)
    assert failed["retries"] == 15
    assert refused(bulk.get(f"jobs/query/{failed['id']}/results")) == (400, "INVALIDJOBSTATE")
    assert bulk.wait(bulk.create(SOQL))["state"] == "JobComplete"


def test_a_job_that_cannot_be_worked_out_fails(bulk: Client, monkeypatch: Any) -> None:
    from isthmus.localorg.bulk import statement

    prepare = statement.prepare

    def broken(*args: Any, **kwargs: Any) -> statement.Statement:
        made = prepare(*args, **kwargs)
        spoilt = 'SELECT (t0."Name"::INTEGER)::VARCHAR ||'
        return replace(made, sql=made.sql.replace("SELECT", spoilt, 1))

    monkeypatch.setattr("isthmus.localorg.resources.bulk_query.prepare", broken)
    failed = bulk.wait(bulk.create(SOQL))
    assert failed["state"] == "Failed" and "Conversion Error" in failed["errorMessage"]
    assert refused(bulk.get(f"jobs/query/{failed['id']}/results")) == (400, "INVALIDJOBSTATE")


def test_the_days_jobs_are_counted(open_client: Callable[..., Client]) -> None:
    settings = Settings(allowances={"DailyBulkV2QueryJobs": 2}, session_seconds=1e9)
    with LocalOrg(settings=settings, now=NOON) as org:
        bulk = open_client(org)
        assert [bulk.post(SOQL).status for _ in range(2)] == [200, 200]
        assert refused(bulk.post(SOQL)) == (400, "LIMIT_EXCEEDED")
        told = bulk.get("limits").json()["DailyBulkV2QueryJobs"]
        assert told == {"Max": 2, "Remaining": 0}
        org.clock.advance(86_400)
        assert bulk.post(SOQL).status == 200


def test_nothing_is_left_behind(open_client: Callable[..., Client]) -> None:
    org = LocalOrg().start()
    open_client(org).run(SOQL)
    folder = org.org.bulk._folder
    assert folder is not None and folder.exists()
    org.stop()
    assert not folder.exists()


def test_the_same_job_is_done_once_until_something_is_written(open_client: Any) -> None:
    with LocalOrg() as org:
        bulk, now = open_client(org), org.clock.now()

        def results(soql: str) -> Any:
            return org.org.bulk.find(bulk.run(soql), now).results(now)

        first = results(SOQL)
        gone = bulk.run(SOQL)
        bulk.call("DELETE", f"jobs/query/{gone}")
        assert results(SOQL) is first  # whatever became of another job that had them
        assert results(f"{SOQL} LIMIT 3") is not first
        org.org.records.create("Account", {"Name": "x"}, now=now, user_id=org.org.settings.user.id)
        again = results(SOQL)
        assert (again is first, again.rows) == (False, first.rows + 1)
