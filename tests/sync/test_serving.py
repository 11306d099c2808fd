"""`isthmus sync serve`: runs come at their times, go on after a stop, and leave a history."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import isthmus
from isthmus.errors import ConfigError
from isthmus.localorg import LocalOrg


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=0.05) as org:
        yield org


def write_project(org: LocalOrg, folder: Path, schedule: str) -> None:
    (folder / "org.json").write_text(json.dumps(org.ready))
    (folder / "isthmus.toml").write_text(
        '[sources.crm]\nkind = "salesforce"\nready_file = "org.json"\n'
        '[syncs.accounts]\ntable = "crm.Account"\nmode = "incremental"\n'
        f'to = "sqlite:copy.sqlite#account"\nschedule = {schedule}\n'
    )


def runs(folder: Path) -> list[dict[str, Any]]:
    with isthmus.connect(folder, state=folder / "state") as con:
        found: list[dict[str, Any]] = (
            con.sql("SELECT * FROM isthmus.sync_runs ORDER BY started").arrow().to_pylist()
        )
        return found


def serve(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "ISTHMUS_STATE": str(folder / "state")}
    command = [sys.executable, "-m", "isthmus", "sync", "serve", "--project", str(folder)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_runs_come_one_after_the_other(org: LocalOrg, tmp_path: Path) -> None:
    write_project(org, tmp_path, '"every 1 second"')
    server = serve(tmp_path)
    _until(lambda: sum(r["state"] == "done" for r in runs(tmp_path)) >= 3)
    server.send_signal(signal.SIGTERM)
    _, said = server.communicate(timeout=20)
    assert server.returncode == 0, said
    assert "accounts: next at" in said and "accounts: begun" in said
    done = [r for r in runs(tmp_path) if r["state"] == "done"]
    assert done[0]["rows_in"] > done[1]["rows_in"], "the second reads what has changed"


def test_a_days_calls_bound_the_runs_and_what_is_left_out_is_in_the_history(
    org: LocalOrg, tmp_path: Path
) -> None:
    write_project(org, tmp_path, '{ every = "1 second", calls_per_day = 1 }')
    server = serve(tmp_path)
    spent = "its 1 calls of the day are spent"
    _until(lambda: any((r["state"], r["error"]) == ("left out", spent) for r in runs(tmp_path)))
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=20)
    assert server.returncode == 0
    assert sum(r["calls"] or 0 for r in runs(tmp_path)) <= 1


def test_without_a_schedule_there_is_nothing_to_serve(org: LocalOrg, tmp_path: Path) -> None:
    write_project(org, tmp_path, '"every 1 hour"')
    text = (tmp_path / "isthmus.toml").read_text().replace("schedule", "# schedule")
    (tmp_path / "isthmus.toml").write_text(text)
    with (
        isthmus.connect(tmp_path, state=tmp_path / "state") as con,
        pytest.raises(ConfigError, match=r"no sync of the project has a schedule\n.*every 15"),
    ):
        con.serve_syncs()


def _until(true: Callable[[], bool], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.3)
