"""`isthmus write`, `isthmus writes` and statements that write, as scripts meet them."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import isthmus
from isthmus.interfaces.cli.app import main
from isthmus.localorg import LocalOrg

Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=0.05) as running:
        yield running


@pytest.fixture(autouse=True)
def here(org: LocalOrg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "org.json").write_text(json.dumps({**org.ready, "access_token": None}))
    (tmp_path / "isthmus.toml").write_text(
        '[sources.crm]\nkind = "salesforce"\nready_file = "org.json"\nwrites = ["Lead"]\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ISTHMUS_PROJECT", raising=False)
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path / "state"))


def asked(text: str) -> list[tuple[object, ...]]:
    with isthmus.connect(state=None) as con:
        return con.sql(text).fetchall()


def test_nothing_is_written_unless_it_is_allowed(capsys: Said) -> None:
    insert = "INSERT INTO crm.Account (Name) VALUES ('never')"
    assert main(["sql", insert]) == 1
    told = capsys.readouterr().err
    assert "writing to crm.Account is not allowed" in told
    assert "--allow-writes" in told
    assert 'writes = ["Account"]' in told
    assert asked("SELECT count(*) FROM crm.Account WHERE Name = 'never'") == [(0,)]
    assert main(["sql", insert, "--allow-writes"]) == 0


def test_the_project_file_allows_a_table(capsys: Said) -> None:
    assert main(["sql", "INSERT INTO crm.Lead (LastName, Company) VALUES ('l', 'c')"]) == 0
    assert "true" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "parquet", "arrow", "-", "sql"])
def test_rows_come_from_files_pipes_and_queries(
    form: str, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"LastName": form, "Company": "a"}, {"LastName": form, "Company": "b"}]
    file = f"rows.{form}"
    if form == "csv":
        Path(file).write_text(f"lastname,company\n{form},a\n{form},b\n")
    elif form == "jsonl":
        Path(file).write_text("\n".join(map(json.dumps, rows)))
    elif form == "json":
        Path(file).write_text(json.dumps(rows))
    elif form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    elif form == "arrow":
        table = pa.Table.from_pylist(rows)
        with pa.OSFile(file, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    elif form == "-":
        monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(json.dumps, rows))))
        file = "-"
    else:
        file = "SELECT 'sql' AS LastName, c AS Company FROM (VALUES ('a'), ('b')) v(c)"
    assert main(["write", "crm.Lead", file]) == 0
    assert "insert crm.Lead: 2 rows, 2 succeeded (2 created), 0 failed" in capsys.readouterr().out
    found = asked(f"SELECT Company FROM crm.Lead WHERE LastName = '{form}' ORDER BY 1")
    assert found == [("a",), ("b",)]


def test_an_empty_cell_leaves_alone_and_its_word_is_null(capsys: Said) -> None:
    Path("new.csv").write_text(
        "Name,External_Id__c,Site,Industry\nx,cli-1,s,Energy\ny,cli-2,s,Energy\n"
    )
    upsert = ["--mode", "upsert", "--key", "External_Id__c", "--allow-writes"]
    assert main(["write", "crm.Account", "new.csv", *upsert]) == 0
    Path("more.csv").write_text("External_Id__c,Site,Industry\ncli-1,,#N/A\ncli-2,#N/A,\n")
    assert main(["write", "crm.Account", "more.csv", *upsert]) == 0
    found = asked(
        "SELECT Name, Site, Industry FROM crm.Account WHERE External_Id__c LIKE 'cli-%' ORDER BY 1"
    )
    assert found == [("x", "s", None), ("y", None, "Energy")]


def test_a_dry_run_writes_nothing_and_tells(capsys: Said, org: LocalOrg) -> None:
    Path("bad.csv").write_text("LastName,Company,NumberOfEmployees\ndry,c,x\ndry,c,5\n,c,5\n")
    org.clear_requests()
    assert main(["write", "crm.Lead", "bad.csv", "--dry-run"]) == 1
    told = capsys.readouterr().out
    assert "problems: 2 rows" in told
    assert "row 0: VALUE_DOES_NOT_FIT" in told
    assert "row 2: REQUIRED_FIELD_MISSING" in told
    assert asked("SELECT count(*) FROM crm.Lead WHERE LastName = 'dry'") == [(0,)]
    Path("good.csv").write_text("LastName,Company\ndry,c\n")
    assert main(["write", "crm.Lead", "good.csv", "--dry-run"]) == 0


def test_failed_rows_are_told_listed_and_change_the_exit_code(capsys: Said) -> None:
    Path("bad.csv").write_text("LastName,Company\nfail,c\n,c\n")
    arguments = ["write", "crm.Lead", "bad.csv", "--on-error", "continue", "--outcomes", "o.csv"]
    assert main(arguments) == 1
    told = capsys.readouterr()
    assert "2 rows, 1 succeeded (1 created), 1 failed" in told.out
    assert "row 1: REQUIRED_FIELD_MISSING" in told.err
    assert len(Path("o.csv").read_text().splitlines()) == 3
    insert = "INSERT INTO crm.Lead (LastName, Company) VALUES (NULL, 'c')"
    assert main(["sql", insert]) == 1
    assert main(["sql", insert, "--on-error", "continue", "--format", "csv"]) == 1
    assert "REQUIRED_FIELD_MISSING" in capsys.readouterr().out


def test_a_write_that_was_broken_off_is_listed_and_resumed(capsys: Said, org: LocalOrg) -> None:
    Path("rows.csv").write_text("Name,External_Id__c\nr,resume-1\n")
    org.set_fault("server-unavailable", path="/sobjects/Account/External", count=0)
    arguments = ["write", "crm.Account", "rows.csv", "--mode", "upsert", "--key", "External_Id__c"]
    assert main([*arguments, "--write-id", "w-cli", "--timeout", "0.5", "--allow-writes"]) == 1
    assert "isthmus writes resume w-cli" in capsys.readouterr().err
    org.clear_faults()
    assert main(["writes", "list"]) == 0
    assert "unfinished" in capsys.readouterr().out
    assert main(["writes", "resume", "w-cli"]) == 1  # a connection may no more than its project
    assert "not allowed" in capsys.readouterr().err
    assert main(["writes", "resume", "w-cli", "--allow-writes"]) == 0
    assert "1 rows, 1 succeeded" in capsys.readouterr().out


def test_an_interrupted_write_says_how_it_goes_on(org: LocalOrg) -> None:
    lines = "".join(f"s,stop-{i}\n" for i in range(600))
    Path("many.csv").write_text("Name,External_Id__c\n" + lines)
    org.clear_requests()
    org.set_fault("server-unavailable", path="/composite/sobjects", nth=2, count=0)
    command = [sys.executable, "-m", "isthmus", "write", "crm.Account", "many.csv"]
    command += ["--mode", "upsert", "--key", "External_Id__c", "--write-id", "w-stopped"]
    process = subprocess.Popen([*command, "--allow-writes"], stderr=subprocess.PIPE, text=True)
    give_up = time.monotonic() + 30
    while not any(r["fault"] for r in org.requests()) and time.monotonic() < give_up:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "isthmus writes resume w-stopped" in err
    org.clear_faults()
    assert main(["writes", "resume", "w-stopped", "--allow-writes"]) == 0
    assert asked("SELECT count(*) FROM crm.Account WHERE Name = 's'") == [(600,)]


@pytest.mark.parametrize(
    ("rows", "text", "words"),
    [
        ("missing.csv", "", "there is no file"),
        ("rows.txt", "x", "none of"),
        ("rows.csv", "a,b\n1\n", "line 2"),
        ("rows.jsonl", "[1]", "JSON object"),
        ("rows.jsonl", "{", "not JSON"),
        ("rows.json", "{}", "array"),
        ("rows.parquet", "x", "can't be read"),
    ],
)
def test_rows_that_can_not_be_read_are_wrong_usage(
    rows: str, text: str, words: str, capsys: Said
) -> None:
    if text:
        Path(rows).write_text(text)
    assert main(["write", "crm.Lead", rows]) == 2
    assert words in capsys.readouterr().err
