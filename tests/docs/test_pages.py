"""Every example of the README and of the documentation runs, over a local org and real files."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from isthmus.interfaces.demo.project import write_project
from isthmus.localorg import LocalOrg

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_spec = importlib.util.spec_from_file_location("examples", Path(__file__).parent / "examples.py")
assert _spec and _spec.loader
_module = importlib.util.module_from_spec(_spec)
__import__("sys").modules["examples"] = _module
_spec.loader.exec_module(_module)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("docs")
    with LocalOrg(data="demo", scale=1, seed=7) as org:
        write_project(folder, accounts=1000, today=date.today())
        (folder / "org.json").write_text(json.dumps(org.ready))
        yield folder


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_examples_of_a_page_run(
    page: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    try:
        for example in _module.examples(page):
            if example.reason is None:
                _module.run(example, project, namespace)
    finally:
        for value in namespace.values():
            if type(value).__name__ == "Connection":
                value.close()


def test_what_is_not_run_says_why() -> None:
    reasons = [e.reason for page in PAGES for e in _module.examples(page) if e.reason]
    assert all(len(reason) > 10 for reason in reasons)
