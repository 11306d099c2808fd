"""The org as a program: ready file, signals, refusals."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from isthmus.localorg.cli import org

KEYS = {
    "http", "https", "ca_file", "username", "password", "security_token", "client_id",
    "client_secret", "refresh_token", "jwt_key_file", "access_token", "request_log", "pid",
}  # fmt: skip
SERVE = [sys.executable, "-m", "isthmus.localorg", "serve"]


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    ready = folder / "org.json"
    command = [*SERVE, "--ready-file", str(ready), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            while not ready.exists():
                assert child.poll() is None
                time.sleep(0.01)
            yield child, json.loads(ready.read_text("utf-8"))
        finally:
            child.kill()


def ask(ready: dict[str, Any], path: str, **kwargs: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {ready['access_token']}"}
    with requests.Session() as session:
        session.trust_env = False
        url = ready["https"] + "/services/data/v60.0/" + path
        return session.get(url, headers=headers, verify=ready["ca_file"], timeout=20, **kwargs)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_works_at_once_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path, "--request-log", str(tmp_path / "log.jsonl")) as (child, ready):
        assert set(ready) == KEYS
        assert ready["pid"] == child.pid
        assert stat.S_IMODE(os.stat(tmp_path / "org.json").st_mode) == 0o600
        assert ask(ready, "query?q=SELECT Id FROM Account LIMIT 1").json()["totalSize"] == 1
        began = time.monotonic()
        child.send_signal(number)
        assert child.wait(10) == 0
        assert time.monotonic() - began < 2.0
        told = child.stdout.read() if child.stdout else ""
    assert ready["https"] in told
    assert told.endswith("stopped\n")
    assert not Path(ready["ca_file"]).parent.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_stops_although_a_page_is_slow(tmp_path: Path) -> None:
    with serving(tmp_path, "--fault", "slow-page:delay=60") as (child, ready):
        with requests.Session() as session:
            url = ready["http"] + "/services/data/v60.0/query?q=SELECT Id FROM Account"
            headers = {"Authorization": f"Bearer {ready['access_token']}"}
            with pytest.raises(requests.exceptions.Timeout):
                session.get(url, headers=headers, timeout=0.5)
        child.terminate()
        assert child.wait(5) == 0


def test_options_reach_the_org(tmp_path: Path) -> None:
    options = ["--switch", "page-size=3", "--now", "2026-01-31T09:00:00Z", "--scale", "0.1"]
    with serving(tmp_path, *options) as (_, ready):
        page = ask(ready, "query?q=SELECT Id FROM Account").json()
        assert (len(page["records"]), page["done"]) == (3, False)
        line = Path(ready["request_log"]).read_text("utf-8").splitlines()[-1]
        assert json.loads(line)["time"] == "2026-01-31T09:00:00.000+00:00"


def test_rules_and_permissions_reach_the_org(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[[Lead]]\nname='n'\nwhen=\"LastName = 'x'\"\nmessage='not x'\n", "utf-8")
    options = ["--rules", str(rules), "--bulk-hard-delete", "--data", "empty"]
    with serving(tmp_path, *options) as (_, ready):
        headers = {"Authorization": f"Bearer {ready['access_token']}"}
        url = ready["http"] + "/services/data/v60.0/"
        lead = {"LastName": "x", "Company": "y"}
        refused = requests.post(url + "sobjects/Lead", json=lead, headers=headers, timeout=20)
        assert refused.json()[0]["message"] == "not x"
        job = {"object": "Lead", "operation": "hardDelete"}
        made = requests.post(url + "jobs/ingest", json=job, headers=headers, timeout=20)
        assert made.status_code == 200


def test_rules_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    for text, words in (
        ("[[Lead]]\nname='n'", "rule 1 of Lead needs"),
        ("[[Lead]]\nname='n'\nwhen='Nope = 1'\nmessage='m'", "rule n of Lead: INVALID_FIELD"),
    ):
        rules.write_text(text, "utf-8")
        done = CliRunner().invoke(org, ["serve", "--rules", str(rules)])
        assert (done.exit_code, words in done.output) == (1, True), done.output


def test_rows_from_a_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "Account.csv").write_text("Name\nnull\nNA\n", "utf-8")
    with serving(tmp_path, "--data", str(data)) as (_, ready):
        page = ask(ready, "query?q=SELECT Name FROM Account").json()
        assert [row["Name"] for row in page["records"]] == ["null", "NA"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--http", "0.0.0.0:0"], "say --allow-remote"),
        (["--http", "here"], "write HOST:PORT"),
        (["--fault", "nonsense"], "there is no fault 'nonsense'"),
        (["--switch", "nonsense=1"], "there is no switch 'nonsense'"),
        (["--switch", "nonsense"], "write NAME=VALUE"),
        (["--now", "noon"], "write a time such as"),
        (["--data", "/nowhere"], "no folder /nowhere"),
    ],
)
def test_a_wrong_option_is_refused(options: list[str], words: str) -> None:
    done = CliRunner().invoke(org, ["serve", *options])
    assert done.exit_code == 1
    assert words in done.output
    assert "Traceback" not in done.output


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, ready):
        taken = ready["http"].removeprefix("http://")
        done = CliRunner().invoke(org, ["serve", "--http", taken])
        assert done.exit_code == 1
        assert f"cannot listen on {taken}" in done.output
