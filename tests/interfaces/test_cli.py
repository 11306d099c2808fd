"""The `isthmus` command, as scripts meet it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus.interfaces.cli.app import main
from isthmus.localorg import LocalOrg

COMMAND = [sys.executable, "-m", "isthmus"]
ENERGY = "SELECT Id FROM crm.Account WHERE Industry = 'Energy' ORDER BY Id"


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo") as running:
        yield running


@pytest.fixture(scope="module")
def project(org: LocalOrg, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "org.json").write_text(json.dumps(org.ready))
    (folder / "isthmus.toml").write_text(
        '[sources.crm]\nkind = "salesforce"\nready_file = "org.json"\n'
        "[views.sql]\nenergy = \"SELECT * FROM crm.Account WHERE Industry = 'Energy'\"\n"
    )
    return folder


@pytest.fixture(autouse=True)
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.delenv("ISTHMUS_PROJECT", raising=False)


def said(capsysbinary: pytest.CaptureFixture[bytes]) -> tuple[str, str]:
    out, err = capsysbinary.readouterr()
    return out.decode(), err.decode()


def test_a_query_is_a_table_by_default(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["sql", "SELECT 1 AS a, NULL AS b, 'x' AS c"]) == 0
    assert said(capsysbinary) == ("a  b     c\n-  ----  -\n1  NULL  x\n(1 row)\n", "")


@pytest.mark.parametrize("way", ["@q.sql", "q.sql", "-", None])
def test_the_text_comes_from_a_file_or_a_pipe(
    way: str | None, project: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: object
) -> None:
    (project / "q.sql").write_text("SELECT 7 AS seven;\n")
    stdin = io.TextIOWrapper(io.BytesIO(b"SELECT 7 AS seven;\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    arguments = ["sql", "--format", "csv", "--output", "seven.csv", *([way] if way else [])]
    assert main(arguments) == 0
    assert (project / "seven.csv").read_text() == "seven\n7\n"


def test_the_ending_of_the_output_chooses_the_format(project: Path) -> None:
    assert main(["sql", ENERGY, "--output", "energy.parquet"]) == 0
    assert pq.read_table(project / "energy.parquet").schema.names == ["Id"]
    assert main(["sql", ENERGY, "--output", "energy.arrow"]) == 0
    assert pa.ipc.open_file(project / "energy.arrow").read_all().num_rows > 10


def test_arrow_in_a_pipe_is_a_stream(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["sql", "SELECT 1 AS a", "--format", "arrow"]) == 0
    out, _ = capsysbinary.readouterr()
    assert pa.ipc.open_stream(out).read_all().to_pydict() == {"a": [1]}


def test_parameters_are_typed(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    query = "SELECT typeof($n) AS n, typeof($t) AS t, $d AS d, $x AS x"
    given = ["n:=9007199254740993", "t=1", "d:=0.10", "x:=null"]
    arguments = [a for g in given for a in ("--param", g)]
    assert main(["sql", query, "--format", "jsonl", *arguments]) == 0
    out, _ = said(capsysbinary)
    assert json.loads(out) == {"n": "BIGINT", "t": "VARCHAR", "d": 0.1, "x": None}
    assert '"d":0.1' in out


def test_a_table_stops_reading_behind_its_rows(
    org: LocalOrg, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["sql", "FROM range(1000)", "--rows", "3"]) == 0
    assert said(capsysbinary)[0].endswith("(the first 3 rows; there are more)\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["sql", "SELECT Nmae FROM crm.Account"], 1, "Nmae"),
        (["sql", "SELECT FROM WHERE"], 1, "line 1"),
        (["sql", "DELETE FROM crm.Account WHERE true"], 1, "not allowed"),
        (["sql", "SELECT 1", "--project", "nowhere"], 1, "nowhere"),
        (["sql", "SELECT 1", "--output", "no/such/folder.csv"], 1, "folder.csv"),
        (["sql", "SELECT 1", "--format", "xml"], 2, "xml"),
        (["sql", "@missing.sql"], 2, "missing.sql"),
        (["sql", "SELECT ?", "--param", "2=a"], 2, "begin with 1"),
        (["sql", "SELECT $a", "--param", "a:=b"], 2, "not JSON"),
        (["catalog", "crm.Acount"], 1, "Account"),
        (["nonsense"], 2, "nonsense"),
    ],
)
def test_a_failure_is_one_message_and_a_code(
    arguments: list[str], code: int, words: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(arguments) == code
    out, err = said(capsysbinary)
    assert out == ""
    assert words in err
    assert "Traceback" not in err


def test_the_project_may_stand_before_or_behind_the_command(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sql", "SELECT 1"]) == 1  # there is none here
    assert main(["--project", str(project), "sql", "SELECT 1"]) == 0
    assert main(["sql", "--project", str(project / "isthmus.toml"), "SELECT 1"]) == 0
    monkeypatch.setenv("ISTHMUS_PROJECT", str(project))
    assert main(["sql", "SELECT 1"]) == 0


def test_explain_tells_text_promise_and_bill(
    capsysbinary: pytest.CaptureFixture[bytes], org: LocalOrg
) -> None:
    assert main(["explain", ENERGY]) == 0
    text, _ = said(capsysbinary)
    assert "FROM Account WHERE Industry = 'Energy'" in text
    assert "SUPERSET" in text
    assert main(["explain", ENERGY, "--analyze", "--format", "json"]) == 0
    plan = json.loads(said(capsysbinary)[0])
    assert plan["actual"]["calls"] == 1
    assert plan["fragments"][0]["text"] in [entry.get("soql") for entry in org.requests()]
    assert main(["explain", ENERGY, "--format", "html"]) == 0
    assert "<table>" in said(capsysbinary)[0]


def test_catalog_shows_all_or_one(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["catalog"]) == 0
    out, _ = said(capsysbinary)
    assert "Account" in out
    assert "energy" in out
    assert main(["catalog", "crm.account"]) == 0
    assert "AnnualRevenue" in said(capsysbinary)[0]


def test_check_says_what_is_wrong_and_how_to_mend_it(
    project: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["check"]) == 0
    assert said(capsysbinary)[0].startswith("ok ")
    spoilt = json.loads((project / "org.json").read_text())
    spoilt["http"] = spoilt["https"] = "http://127.0.0.1:9"
    (tmp_path / "org.json").write_text(json.dumps(spoilt))
    (tmp_path / "isthmus.toml").write_text((project / "isthmus.toml").read_text())
    assert main(["check", "--project", str(tmp_path)]) == 1
    out, err = said(capsysbinary)
    assert "FAIL crm: " in out
    assert "failed" in err


def test_init_writes_a_project_that_loads_and_overwrites_nothing(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    folder = tmp_path / "new"
    assert main(["init", str(folder)]) == 0
    assert (folder / "isthmus.toml").is_file()
    assert main(["sql", "SELECT 1", "--project", str(folder)]) in (0, 1)
    said(capsysbinary)
    assert main(["init", str(folder)]) == 1
    assert "there already" in said(capsysbinary)[1]


def test_without_a_terminal_there_is_no_prompt_but_help() -> None:
    done = subprocess.run(COMMAND, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert done.returncode == 0
    assert b"Commands:" in done.stdout


def test_a_pipe_that_closes_early_is_no_failure(project: Path) -> None:
    script = (
        '"$0" -m isthmus sql "FROM range(3000000)" --format csv | head -n 2; exit ${PIPESTATUS[0]}'
    )
    done = subprocess.run(["bash", "-c", script, sys.executable], capture_output=True, timeout=60)
    assert done.stdout == b"range\n0\n"
    assert done.stderr == b""
    assert done.returncode == 0


def test_a_pipe_gets_neither_colours_nor_progress(org: LocalOrg) -> None:
    org.set_fault("slow-page", delay=3)
    try:
        done = subprocess.run(
            [*COMMAND, "sql", "SELECT NULL AS a, Id FROM crm.Contact LIMIT 1"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
    finally:
        org.clear_faults()
    assert b"\x1b" not in done.stdout
    assert done.stderr == b""


def test_ctrl_c_stops_the_query_within_a_second(org: LocalOrg) -> None:
    org.clear_requests()
    org.set_fault("slow-page", delay=30)
    try:
        running = subprocess.Popen(
            [*COMMAND, "sql", "SELECT * FROM crm.Contact", "--format", "csv", "--output", "x.csv"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        _wait_for_query(org)
        began = time.monotonic()
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=20)
        took = time.monotonic() - began
    finally:
        org.clear_faults()
    assert running.returncode == 130
    assert err == b"interrupted\n"
    assert took < 2.0
    assert not [name for name in os.listdir() if name.startswith("x.csv")]


def _wait_for_query(org: LocalOrg) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        time.sleep(0.05)
        if any("describe" in str(entry.get("path")) for entry in org.requests()):
            time.sleep(0.7)
            return
    raise AssertionError("the query never reached the org")


def test_a_timeout_is_our_error(org: LocalOrg, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    org.set_fault("slow-page", delay=5)
    try:
        assert main(["sql", "SELECT Name FROM crm.Contact", "--timeout", "0.5"]) == 1
    finally:
        org.clear_faults()
    assert "timeout of 0.5 s" in said(capsysbinary)[1]


def test_a_query_over_its_budget_is_refused_with_its_plan(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    assert main(["sql", "SELECT Id FROM crm.Account", "--max-rows", "10"]) == 1
    _, error = said(capsysbinary)
    assert "query's budget has 10 left" in error and "SELECT Id FROM Account" in error
    assert main(["sql", "SELECT Id FROM crm.Account LIMIT 1", "--max-calls", "1"]) == 0
    assert main(["sql", "SELECT 1", "--max-calls", "-1"]) == 2
