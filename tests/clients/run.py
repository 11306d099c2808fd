"""Runs a client's program in its environment against a local org over TLS."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from isthmus.localorg import LocalOrg
from isthmus.localorg.settings import Settings
from tests.clients import environments
from tests.clients.clients import HERE, Client

#: Hosts that clients have written in them.
LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com", "local-org.my.salesforce.com")
_PATIENCE = 900  # seconds for all checks of one client
_SCALE = 0.5  # thousands of accounts in the org
_PAGE = 300  # rows of a page, so that these have several
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")  # what a client gets of our own environment


@dataclass(frozen=True)
class Outcome:
    """How a check went: `passes`, `fails`, or `blocked` by the client's own defect; and why."""

    check: str
    result: str
    why: str


def run(client: Client) -> list[Outcome]:
    """Run all checks of a client; RuntimeError when its program does not come to its end."""
    settings = Settings(bulk_hard_delete=True, bulk_polls=client.polls)
    with (
        LocalOrg(scale=_SCALE, switches={"page-size": _PAGE}, settings=settings) as org,
        tempfile.TemporaryDirectory(prefix="isthmus-client-") as home,
    ):
        done = subprocess.run(
            [str(environments.interpreter(client)), str(_program(client))],
            env=_environment(client, org, home),
            cwd=home,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    outcomes = [_read(line) for line in done.stdout.splitlines() if line.startswith('{"check"')]
    if done.returncode or not outcomes:
        raise RuntimeError(f"{client.name} ended with {done.returncode}:\n{done.stderr[-20_000:]}")
    failed = [one for one in outcomes if one.result == "fails"]
    if failed:  # pytest shows it beside the failure
        print(done.stderr[-20_000:])
    return outcomes


def _read(line: str) -> Outcome:
    told = json.loads(line)
    return Outcome(told["check"], told["result"], told["why"])


def _program(client: Client) -> Path:
    if not client.is_node:
        return client.program
    # Node looks for packages beside the file that asks for them.
    for file in (client.program, HERE / "in_client" / "checks.mjs"):
        (environments.folder(client) / file.name).write_text(file.read_text("utf-8"), "utf-8")
    return environments.folder(client) / client.program.name


def _environment(client: Client, org: LocalOrg, home: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    place = environments.folder(client)
    binaries = [environments.interpreter(client).parent]
    if client.is_node:
        binaries.append(place / "node_modules" / ".bin")
    address = org.https.removeprefix("https://")
    trusted = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    return {
        **kept,
        **dict.fromkeys(trusted, org.ca_file),
        "PATH": ":".join([*map(str, binaries), kept.get("PATH", "")]),
        "HOME": home,
        "PYTHONPATH": str(HERE / "in_client"),
        "PYTHONUTF8": "1",
        "NO_PROXY": "*",
        "LOCAL_ORG": json.dumps(org.ready),
        "LOCAL_ORG_HOSTS": ",".join(f"{host}={address}" for host in LOGIN_HOSTS)
        if client.by_hosts
        else "",
    }
