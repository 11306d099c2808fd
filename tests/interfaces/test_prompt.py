"""The prompt, driven through a terminal as a person does."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

import isthmus
from isthmus.interfaces.prompt.completion import NameCompleter
from isthmus.localorg import LocalOrg

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo") as running:
        yield running


@pytest.fixture
def project(org: LocalOrg, tmp_path: Path) -> Path:
    (tmp_path / "org.json").write_text(json.dumps(org.ready))
    (tmp_path / "isthmus.toml").write_text(
        '[sources.crm]\nkind = "salesforce"\nready_file = "org.json"\n'
        '[views.sql]\nenergy = "SELECT Id, Name AS company FROM crm.Account"\n'
    )
    return tmp_path


@pytest.fixture
def terminal(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("XDG_STATE_HOME", str(project / "state"))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("PROMPT_TOOLKIT_NO_CPR", "1")
    child = pexpect.spawn(
        sys.executable, ["-m", "isthmus"], cwd=str(project), timeout=30, dimensions=(40, 120)
    )
    child.logfile_read = io.BytesIO()
    child.expect("isthmus> *")
    child.expect(r"\x1b\[\?25h")  # the cursor is shown: it listens
    yield child
    child.close(force=True)


def test_it_answers_until_ctrl_d(terminal: Any, project: Path) -> None:
    terminal.send("SELECT 40 + 2 AS answer;\r")
    terminal.expect("42")
    terminal.expect("0 calls, 0 rows and 0 bytes")
    terminal.send("\x04")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0
    assert "SELECT 40 + 2 AS answer;" in (project / "state/isthmus/history").read_text()


def test_a_query_ends_with_a_semicolon(terminal: Any) -> None:
    terminal.send("SELECT 1\r")
    terminal.expect(re.escape("...>"))
    terminal.send("+ 6 AS seven;\r")
    terminal.expect("seven")
    terminal.expect(r"7")
    terminal.expect(re.escape("(1 row)"))


def test_an_error_is_told_and_the_prompt_goes_on(terminal: Any) -> None:
    terminal.send("SELECT Nmae FROM crm.Account;\r")
    terminal.expect("error: .*Nmae")
    terminal.send("SELECT 'still' || ' here' AS x;\r")
    terminal.expect("still here")


def test_ctrl_c_stops_the_query_and_not_the_prompt(terminal: Any, org: LocalOrg) -> None:
    org.set_fault("slow-page", delay=30)
    try:
        terminal.send("SELECT count(Email) FROM crm.Contact;\r")
        terminal.expect("calls so far")  # after two seconds, the line of progress
        terminal.send("\x03")
        terminal.expect("cancelled", timeout=5)
    finally:
        org.clear_faults()
    terminal.send("SELECT 'and' || ' on' AS x;\r")
    terminal.expect("and on")


def test_dot_commands(terminal: Any) -> None:
    terminal.send(".tables crm.Opportunity\r")
    terminal.expect("CloseDate")
    terminal.send(".explain SELECT Id FROM crm.Account\r")
    terminal.expect("SELECT Id FROM Account")
    terminal.send(".quit\r")
    terminal.expect(pexpect.EOF)


@pytest.fixture
def connection(project: Path) -> Iterator[isthmus.Connection]:
    with isthmus.connect(project) as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("SELECT * FROM cr", "crm"),
        ("SELECT * FROM crm.Acc", "Account"),
        ("SELECT * FROM crm.acc", "Account"),
        ("SELECT * FROM ener", "energy"),
        ("SELECT x FROM crm.Account a WHERE a.Annu", "AnnualRevenue"),
        ("SELECT x FROM crm.Account WHERE Annu", "AnnualRevenue"),
        ("SELECT x FROM energy e WHERE e.comp", "company"),
        ("SEL", "select"),
    ],
)
def test_names_in_reach_are_completed(
    text: str, offered: str, connection: isthmus.Connection
) -> None:
    document = Document(text, len(text))
    found = NameCompleter(connection).get_completions(document, CompleteEvent(True))
    assert offered in [completion.text for completion in found]


def test_a_source_that_is_down_offers_nothing(tmp_path: Path) -> None:
    project = {"sources": {"crm": {"kind": "salesforce", "ready_file": str(tmp_path / "none")}}}
    with isthmus.connect(project) as connection:
        document = Document("SELECT * FROM crm.A")
        assert not list(NameCompleter(connection).get_completions(document, CompleteEvent(True)))
