"""Every example of the README and of the documentation runs, over a local org and real files.

A page's Python shares one namespace. A block that can't run says why in a comment above it.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from isthmus.interfaces.demo.project import write_project
from isthmus.localorg import LocalOrg

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n+)?```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
#: Pages whose reader has a state folder, as by default; others show what is predicted without one.
_KEEP_STATE = frozenset({"README.md", "cli.md", "python.md"})
_RUN = frozenset({"python", "sql", "console"})
_ELLIPSIS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Example:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    body: str
    reason: str | None


def examples(page: Path) -> Iterator[Example]:
    """The blocks of a page that are to run, or say why not."""
    text = page.read_text("utf-8")
    for found in _FENCE.finditer(text):
        if found["language"] in _RUN:
            line = text[: found.start("body")].count("\n") + 1
            yield Example(page, line, found["language"], found["body"], found["reason"])


def run(example: Example, folder: Path, namespace: dict[str, Any]) -> None:
    """Run one block, the current folder being `folder`; raises if it does not do as it says."""
    if example.language == "python":
        _python(example, namespace)
    elif example.language == "sql":
        _sql(example, namespace)
    else:
        for command, expected in _commands(example.body):
            _console(example, command, expected, folder)


def _python(example: Example, namespace: dict[str, Any]) -> None:
    if ">>>" not in example.body:
        source = "\n" * (example.line - 1) + example.body
        exec(compile(source, str(example.page), "exec"), namespace)
        return
    parsed = doctest.DocTestParser().get_doctest(
        example.body, namespace, example.page.name, str(example.page), example.line - 1
    )
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=_ELLIPSIS)
    failed = runner.run(parsed, out=said.append, clear_globs=False).failed
    namespace.update(parsed.globs)
    assert not failed, "".join(said)


def _sql(example: Example, namespace: dict[str, Any]) -> None:
    import isthmus

    con = namespace.get("con") or namespace.setdefault("con", isthmus.connect())
    for statement in example.body.split(";\n"):
        if statement.strip():
            con.sql(statement).arrow()


def _commands(body: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield command, expected


def _console(example: Example, command: str, expected: str, folder: Path) -> None:
    binaries = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    where = f"{example.page.name}, line {example.line}: $ {command}"
    got = done.stdout
    checker = doctest.OutputChecker()
    assert checker.check_output(expected, got, _ELLIPSIS), f"{where}\n{got}"
    assert done.returncode == 0 or "error:" in expected, f"{where}\nexit {done.returncode}\n{got}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("docs")
    with LocalOrg(data="demo", scale=10, seed=7) as org:
        write_project(folder, accounts=10_000, today=date.today())
        (folder / "org.json").write_text(json.dumps(org.ready))
        yield folder


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_examples_of_a_page_run(
    page: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    if page.name in _KEEP_STATE:
        monkeypatch.setenv("ISTHMUS_STATE", str(project / f"state of {page.name}"))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    try:
        for example in examples(page):
            if example.reason is None:
                run(example, project, namespace)
    finally:
        for value in namespace.values():
            if type(value).__name__ == "Connection":
                value.close()


def test_what_is_not_run_says_why() -> None:
    reasons = [e.reason for page in PAGES for e in examples(page) if e.reason]
    assert all(len(reason) > 10 for reason in reasons)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda p: p.name
)
def test_links_to_our_own_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text("utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []
