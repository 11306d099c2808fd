"""Jobs over a local org: results, failures, cancelling, messages, and workers that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import isthmus
from isthmus.engine.jobs.model import Callback, Retry
from isthmus.engine.jobs.webhook import signature
from isthmus.errors import (
    Cancelled,
    ConfigError,
    DataError,
    DeadlineExceeded,
    JobFailed,
    ParameterError,
    UnknownName,
)
from isthmus.localorg import LocalOrg


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=0.05) as org:
        yield org


@pytest.fixture
def project(org: LocalOrg, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "org.json").write_text(json.dumps(org.ready))
    (folder / "isthmus.toml").write_text(
        '[sources.crm]\nkind = "salesforce"\nready_file = "org.json"\n'
    )
    return folder


@pytest.fixture
def con(project: Path, tmp_path: Path) -> Iterator[isthmus.Connection]:
    with isthmus.connect(project, state=tmp_path / "state") as con:
        yield con


def test_a_jobs_result_is_the_querys(con: isthmus.Connection) -> None:
    text = "SELECT Name, Industry FROM crm.Account WHERE AnnualRevenue > $least ORDER BY Id"
    job = con.submit(text, {"least": Decimal(1000)})
    result = job.result(timeout=30)
    assert result.arrow().equals(con.sql(text, {"least": Decimal(1000)}).arrow())
    assert result.rows == result.arrow().num_rows > 0
    assert result.bill["calls"] >= 1
    assert job.state == "done"
    assert [line.text.split(":")[0] for line in job.log][-1] == "done"


def test_a_result_has_every_form(con: isthmus.Connection) -> None:
    result = con.submit("SELECT 1::HUGEINT AS a, 'x' AS b").result(timeout=30)
    assert result.df().columns.tolist() == ["a", "b"]
    assert result.pl().columns == ["a", "b"]
    assert result.page(1).num_rows == 1
    with pytest.raises(DataError, match=r"has no page 2\n.*1 to 1"):
        result.page(2)


def test_a_long_result_comes_in_pages(con: isthmus.Connection) -> None:
    result = con.submit("SELECT range AS n FROM range(120000)").result(timeout=60)
    assert (result.rows, result.pages) == (120_000, 3)
    assert result.page(2)["n"][0].as_py() == 50_000
    assert sum(b.num_rows for b in result.reader()) == 120_000


def test_an_empty_result_has_its_columns(con: isthmus.Connection) -> None:
    result = con.submit("SELECT Id FROM crm.Account WHERE Name = 'nobody at all'").result(30)
    assert result.arrow().schema.names == ["Id"]
    assert (result.rows, result.pages) == (0, 1)


def test_mistakes_show_before_anything_is_queued(con: isthmus.Connection) -> None:
    with pytest.raises(UnknownName):
        con.submit("SELECT Nmae FROM crm.Account")
    with pytest.raises(ParameterError, match="object"):
        con.submit("SELECT $1", [object()])
    with pytest.raises(ConfigError, match=r"written down.*\n.*env:NAME"):
        con.submit("SELECT 1", callback=Callback("http://localhost/", secret="hunter2"))
    with pytest.raises(ConfigError, match="no URL"):
        con.submit("SELECT 1", callback="ftp://localhost/")
    assert con.jobs().arrow().num_rows == 0


def test_a_final_error_fails_the_job_at_once(con: isthmus.Connection) -> None:
    job = con.submit("SELECT CAST(Name AS INT) FROM crm.Account")
    with pytest.raises(JobFailed, match="Could not convert"):
        job.result(timeout=30)
    assert job.status.attempt == 1


def test_a_retryable_error_is_tried_again(con: isthmus.Connection, org: LocalOrg) -> None:
    con.sql("SELECT Id FROM crm.Account LIMIT 1").arrow()
    org.set_fault("server-unavailable", count=0, path="/query")
    job = con.submit("SELECT Id FROM crm.Account", retry=Retry(attempts=2, wait=0.1))
    deadline = time.monotonic() + 60
    while job.status.attempt < 2 and not job.status.ended and time.monotonic() < deadline:
        time.sleep(0.05)
    org.clear_faults()
    assert job.result(timeout=60).rows > 0
    assert job.status.attempt == 2


def test_waiting_has_an_end_and_the_job_goes_on(con: isthmus.Connection) -> None:
    job = con.submit("SELECT count(*) FROM range(100000000) a, range(100) b", here=False)
    with pytest.raises(DeadlineExceeded, match=r"still queued.*\n.*isthmus worker"):
        job.wait(timeout=0.2)
    assert job.cancel()
    with pytest.raises(Cancelled):
        job.result()


def test_a_running_job_is_cancelled(con: isthmus.Connection) -> None:
    job = con.submit("SELECT count(*) FROM range(100000000) a, range(10000) b")
    _until(lambda: job.state == "running")
    started = time.monotonic()
    assert job.cancel()
    assert job.wait(timeout=15).state.value == "cancelled"
    assert time.monotonic() - started < 10
    assert not job.cancel()


def test_a_closed_connection_gives_its_job_back(project: Path, tmp_path: Path) -> None:
    with isthmus.connect(project, state=tmp_path / "state") as con:
        job = con.submit("SELECT count(*) FROM range(100000000) a, range(10000) b")
        _until(lambda: job.state == "running")
        id = job.id
    with isthmus.connect(project, state=tmp_path / "state") as con:
        assert con.job(id).state == "queued"
        con.job(id).cancel()


def test_a_killed_workers_job_is_done_by_the_next(project: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with isthmus.connect(project, state=state) as con:
        job = con.submit("SELECT range AS n FROM range(200000)", here=False)
        # It is killed while it waits for a row that never comes: its statement is huge.
        slow = con.submit(
            "SELECT count(*) AS n FROM range(100000000) a, range(10000) b", priority=1, here=False
        )
        worker = _worker(project, state, "--lease", "1")
        _until(lambda: slow.state == "running")
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        assert slow.state == "running", "nobody knows yet"
        slow.cancel()
        second = _worker(project, state, "--lease", "1")
        try:
            assert job.wait(timeout=60).rows == 200_000
            assert slow.wait(timeout=30).state.value == "cancelled"
        finally:
            second.send_signal(signal.SIGTERM)
            assert second.wait(20) == 0


def test_results_expire_and_say_so(con: isthmus.Connection, tmp_path: Path) -> None:
    job = con.submit("SELECT 1 AS a", keep=0.0)
    job.wait(timeout=30)
    con.start_worker().sweep()
    with pytest.raises(DataError, match=r"kept for 0 s and is gone\n.*keep="):
        job.result()
    assert not (tmp_path / "state" / "jobs" / job.id).exists()


class _Receiver:
    """A server that refuses a message the first time."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], str]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                headers = {k.lower(): v for k, v in self.headers.items()}
                receiver.seen.append((headers, body))
                self.send_response(503 if len(receiver.seen) == 1 else 204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return None

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/told"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_a_callback_is_signed_and_sent_until_it_is_received(
    con: isthmus.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOLD_KEY", "hunter2")
    monkeypatch.setattr("isthmus.engine.jobs.webhook._PAUSES", (0.1, 0.1))
    receiver = _Receiver()
    callback = Callback(receiver.url, secret="env:TOLD_KEY")
    job = con.submit("SELECT 'private' AS word", callback=callback)
    job.wait(timeout=30)
    _until(lambda: len(receiver.seen) == 2)
    (first, body), (second, again) = receiver.seen
    receiver.server.shutdown()
    receiver.server.server_close()
    assert body == again and first["webhook-id"] == second["webhook-id"]
    stamp = int(second["webhook-timestamp"])
    expected = signature(b"hunter2", second["webhook-id"], stamp, again)
    assert second["webhook-signature"] == expected
    told = json.loads(again)
    assert (told["type"], told["data"]["id"], told["data"]["rows"]) == ("job.done", job.id, 1)
    assert "private" not in again
    _until(lambda: job.log[-1].text.startswith("told"))


def test_no_state_folder_no_jobs(project: Path) -> None:
    with (
        isthmus.connect(project, state=None) as con,
        pytest.raises(ConfigError, match=r"state folder"),
    ):
        con.submit("SELECT 1")


def test_parameters_keep_their_types(con: isthmus.Connection) -> None:
    values = [Decimal("1.50"), None, b"\x00", "é", 2**40, [1, 2]]
    text = "SELECT $1 AS a, $2 AS b, $3 AS c, $4 AS d, $5 AS e, $6 AS f"
    got = con.submit(text, values).result(30).arrow()
    assert got.equals(con.sql(text, values).arrow())
    assert pa.types.is_decimal(got.schema.field("a").type)


def _until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def _worker(project: Path, state: Path, *options: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "ISTHMUS_STATE": str(state)}
    command = [sys.executable, "-m", "isthmus", "worker", "--project", str(project), *options]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)


def test_a_statement_that_writes_is_a_job_too(project: Path, tmp_path: Path) -> None:
    text = (
        "INSERT INTO crm.Account (Name, External_Id__c) "
        "SELECT 'job ' || n, 'job-' || n FROM range(5) t(n)"
    )
    with isthmus.connect(project, state=tmp_path / "state", allow_writes=True) as con:
        job = con.submit(text)
        result = job.result(timeout=60)
        assert result.arrow()["success"].to_pylist() == [True] * 5
        assert con.writes().arrow()["id"].to_pylist() == [job.id]
        found = con.sql("SELECT count(*) FROM crm.Account WHERE External_Id__c LIKE 'job-%'")
        assert found.fetchall() == [(5,)]


def test_a_worker_that_may_not_write_does_not(project: Path, tmp_path: Path) -> None:
    with isthmus.connect(project, state=tmp_path / "state") as con:
        job = con.submit("INSERT INTO crm.Account (Name) VALUES ('no')")
        with pytest.raises(JobFailed, match="allow_writes"):
            job.result(timeout=30)


def test_rows_of_python_are_written_by_a_job(project: Path, tmp_path: Path) -> None:
    rows = [{"Name": f"row {n}", "External_Id__c": f"write-job-{n}"} for n in range(7)]
    with isthmus.connect(project, state=tmp_path / "state", allow_writes=True) as con:
        work = isthmus.WriteJob("crm.Account", iter(rows), mode="upsert", key="External_Id__c")
        job = con.submit(work, here=False)
        rows.clear()  # they are on disk
        assert con.writes().arrow()["id"].to_pylist() == [job.id]
        con.start_worker()
        assert job.result(timeout=60).arrow()["success"].to_pylist() == [True] * 7
        found = con.sql("SELECT count(*) FROM crm.Account WHERE External_Id__c LIKE 'write-job-%'")
        assert found.fetchall() == [(7,)]


def test_rows_that_can_not_be_written_are_refused_when_they_are_submitted(
    project: Path, tmp_path: Path
) -> None:
    bad = [{"Name": "good"}, {"Name": "bad", "NumberOfEmployees": "many"}]
    with isthmus.connect(project, state=tmp_path / "state", allow_writes=True) as con:
        with pytest.raises(DataError, match=r"the first is row 1.*\n.*on_error='continue'"):
            con.submit(isthmus.WriteJob("crm.Account", bad), here=False)
        job = con.submit(isthmus.WriteJob("crm.Account", bad), on_error="continue")
        assert job.result(timeout=60).arrow()["success"].to_pylist() == [True, False]


def test_a_sync_is_run_by_a_job(project: Path, tmp_path: Path) -> None:
    text = '[syncs.accounts]\ntable = "crm.Account"\nto = "sqlite:copy.sqlite#account"\n'
    with (project / "isthmus.toml").open("a") as file:
        file.write(text)
    with isthmus.connect(project, state=tmp_path / "state") as con:
        with pytest.raises(UnknownName, match="acounts"):
            con.submit(isthmus.SyncJob("acounts"))
        with pytest.raises(ParameterError, match="a sync has no timeout"):
            con.submit(isthmus.SyncJob("accounts"), timeout=5)
        result = con.submit(isthmus.SyncJob("accounts")).result(timeout=60).arrow()
        assert (
            result["rows_out"].to_pylist()
            == con.sql("SELECT count(*) FROM crm.Account").arrow()[0].to_pylist()
        )
