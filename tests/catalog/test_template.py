"""What `isthmus init` writes is a project that loads, also with each of its comments taken up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from isthmus.catalog.project import load_project
from isthmus.catalog.syncs import SyncSpec
from isthmus.catalog.template import TEMPLATE, template_files
from isthmus.connectors.kinds import KINDS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in template_files().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_as_it_is(folder: Path) -> None:
    project = load_project(folder, kinds=KINDS)
    assert [s.name for s in project.sources] == ["crm"]
    assert project.views[0].description == "Accounts with more than a thousand employees."


def test_with_every_choice_made(folder: Path) -> None:
    text = re.sub(r"^# (?=\[|\w+ = )", "", TEMPLATE, flags=re.MULTILINE)
    (folder / "isthmus.toml").write_text(text)
    project = load_project(folder, kinds=KINDS)
    crm, lake = project.sources
    assert crm.options["auth"] == "client_credentials"
    assert crm.plain_secrets == ()
    assert set(lake.options["tables"]) == {"rates"}
    assert project.settings.time_zone == "Europe/Berlin"
    assert project.settings.threads == 4
    (accounts,) = project.syncs
    assert isinstance(accounts, SyncSpec)
    assert (accounts.table, accounts.mode) == ("crm.Account", "incremental")
    assert accounts.to.kind == "duckdb" and accounts.schedule is not None
    assert (project.jobs.running, project.jobs.queued) == (2, 1000)
    assert crm.writes == ("Account", "Contact")
