"""`isthmus jobs` and `isthmus worker`, as scripts meet them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.interfaces.cli.app import main
from isthmus.localorg import LocalOrg


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=0.05) as running:
        yield running


@pytest.fixture(autouse=True)
def here(org: LocalOrg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org.json").write_text(json.dumps(org.ready))
    (tmp_path / "isthmus.toml").write_text(
        '[sources.crm]\nkind = "salesforce"\nready_file = "org.json"\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISTHMUS_PROJECT", raising=False)
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path / "state"))


def said(capsysbinary: pytest.CaptureFixture[bytes]) -> str:
    return capsysbinary.readouterr().out.decode()


def submitted(capsysbinary: pytest.CaptureFixture[bytes], *arguments: str) -> str:
    assert main(["jobs", "submit", *arguments]) == 0
    return said(capsysbinary).strip()


def work(*options: str) -> None:
    """A worker of its own process, which ends when all is done."""
    command = [sys.executable, "-m", "isthmus", "worker", "--until-idle", *options]
    assert subprocess.run(command, timeout=60, stderr=subprocess.DEVNULL).returncode == 0


def test_a_job_goes_from_one_process_to_another(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    job = submitted(capsysbinary, "SELECT count(*) AS n FROM crm.Account")
    assert main(["jobs", "list", "--format", "jsonl"]) == 0
    listed = json.loads(said(capsysbinary))
    assert (listed["id"], listed["state"]) == (job, "queued")
    work()
    assert main(["jobs", "wait", job]) == 0
    assert said(capsysbinary) == "done\n"
    assert main(["jobs", "result", job, "--format", "csv"]) == 0
    assert said(capsysbinary).startswith("n\n")
    assert main(["jobs", "result", job]) == 0
    assert said(capsysbinary).endswith("(1 row)\n")
    assert main(["jobs", "show", job]) == 0
    shown = said(capsysbinary)
    assert "state     done" in shown and "queued\n" in shown


def test_a_failure_is_an_exit_code(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    job = submitted(capsysbinary, "SELECT CAST(Name AS INT) FROM crm.Account")
    work()
    assert main(["jobs", "wait", job]) == 1
    assert main(["jobs", "result", job]) == 1
    assert "Could not convert" in capsysbinary.readouterr().err.decode()


def test_a_waiting_job_is_cancelled_once(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    job = submitted(capsysbinary, "SELECT 1")
    assert main(["jobs", "cancel", job]) == 0
    assert main(["jobs", "cancel", job]) == 1
    assert "it is cancelled" in capsysbinary.readouterr().err.decode()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["jobs", "show", "job-none"], 1, "isthmus jobs list"),
        (["jobs", "submit", "SELECT Nmae FROM crm.Account"], 1, "Nmae"),
        (["jobs", "submit", "SELECT 1", "--callback", "nowhere"], 1, "no URL"),
        (["jobs", "submit", "SELECT 1", "--callback-secret", "env:A"], 2, "--callback"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str], code: int, words: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(arguments) == code
    assert words in capsysbinary.readouterr().err.decode()


def test_a_worker_that_is_told_to_stop_gives_its_job_back(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    job = submitted(capsysbinary, "SELECT count(*) FROM range(100000000) a, range(10000) b")
    command = [sys.executable, "-m", "isthmus", "worker"]
    worker = subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.DEVNULL)

    def state() -> str:
        main(["jobs", "list", "--format", "jsonl"])
        found = json.loads(said(capsysbinary))
        assert found["id"] == job
        return str(found["state"])

    end = time.monotonic() + 20
    while state() != "running" and time.monotonic() < end:
        time.sleep(0.1)
    worker.send_signal(signal.SIGINT)
    assert worker.wait(20) == 0
    assert state() == "queued"
