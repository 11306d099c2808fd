"""`isthmus sync`, as its users type it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

import isthmus
from isthmus.engine.sync.result import SyncProgress
from isthmus.interfaces.cli.app import main
from isthmus.interfaces.sync_bar import SyncBar
from tests.sync.org import Crm, running_crm

PROJECT = """
[sources.crm]
kind = "salesforce"
ready_file = "org.json"

[syncs.accounts]
table = "crm.Account"
to = "duckdb:copy.duckdb#account"
mode = "incremental"

[syncs.names]
query = "SELECT Name, count(*) AS n FROM crm.Account GROUP BY Name"
to = "parquet:names"
"""


@pytest.fixture(scope="module")
def crm() -> Iterator[Crm]:
    with running_crm() as crm:
        yield crm


@pytest.fixture(autouse=True)
def project(crm: Crm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "isthmus.toml").write_text(PROJECT)
    (tmp_path / "org.json").write_text(json.dumps(crm.org.ready))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path / "state"))
    return tmp_path


def test_run_dry_and_real(crm: Crm, capsys: pytest.CaptureFixture[str]) -> None:
    crm.create()
    crm.pass_time(1)
    assert main(["sync", "run", "accounts", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "accounts: full into duckdb:" in said and "predicted:" in said and "FROM Account" in said
    assert not Path("copy.duckdb").exists()
    assert main(["sync", "run", "accounts"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("accounts: full, ") and "rows in" in told.out and told.err == ""
    assert main(["sync", "run", "accounts"]) == 0
    assert capsys.readouterr().out.startswith("accounts: incremental, 1 rows in")
    assert main(["sync", "run", "accounts", "--full"]) == 0
    assert capsys.readouterr().out.startswith("accounts: full, ")


def _listed(capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["sync", "list"]) == 0
    return capsys.readouterr().out


def test_list_tells_the_last_run_of_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync", "run", "names"]) == 0
    capsys.readouterr()
    lines = _listed(capsys).splitlines()
    assert lines[0].split()[:3] == ["accounts", "incremental", "crm.Account"]
    assert lines[0].endswith("never run")
    assert "a query" in lines[1] and "done 20" in lines[1]


def test_the_project_may_be_named_anywhere(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    for arguments in (
        ["--project", str(project), "sync", "list"],
        ["sync", "--project", str(project), "list"],
        ["sync", "list", "--project", str(project)],
    ):
        assert main(arguments) == 0
        assert "crm.Account" in capsys.readouterr().out


def test_what_goes_wrong_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sync", "run", "acounts"]) == 1
    assert "Did you mean accounts?" in capsys.readouterr().err
    assert main(["sync", "run", "accounts", "--max-calls", "0"]) == 1
    assert "max_calls" in capsys.readouterr().err


def test_a_bar_shows_rows_and_calls() -> None:
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100)
    with SyncBar("accounts", console=console) as bar:
        bar(SyncProgress("reading", 1_000, 2_000, 1, 3))
    assert "accounts: reading" in text.getvalue() and "1000/2000" in text.getvalue()
    assert "3 calls" in text.getvalue()
    silent = io.StringIO()
    with SyncBar("accounts", quiet=True, console=Console(file=silent)) as bar:
        bar(SyncProgress("reading", 1, None, 1, 1))
    assert silent.getvalue() == ""


def test_the_history_outlives_the_connection(crm: Crm) -> None:
    with isthmus.connect() as con:
        con.sync("names")
    with isthmus.connect() as con:
        assert con.sql("SELECT sync FROM isthmus.sync_runs").fetchall() == [("names",)]
