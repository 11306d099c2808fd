"""What is loaded into a client's environment: the runner of its checks, and the way to the org."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.clients import environments
from tests.clients.clients import CLIENTS, HERE

PYTHON = """
from checks import Check, main

def wrong():
    raise ValueError("it became 2")

main([
    Check("right", lambda: None),
    Check("wrong", wrong),
    Check("its own defect", wrong, blocked="a.py line 1", fails_with="became 2"),
    Check("another defect", wrong, blocked="a.py line 1", fails_with="became 3"),
    Check("mended", lambda: None, blocked="a.py line 1", fails_with="became 2"),
])
"""
NODE = """
import { main } from './checks.mjs'
const wrong = () => { throw new Error('it became 2') }
await main([
  { name: 'right', run: () => {} },
  { name: 'wrong', run: wrong },
  { name: 'its own defect', run: wrong, blocked: 'a.js line 1', failsWith: 'became 2' },
  { name: 'another defect', run: wrong, blocked: 'a.js line 1', failsWith: 'became 3' },
  { name: 'mended', run: () => {}, blocked: 'a.js line 1', failsWith: 'became 2' },
])
"""
WANTED = {
    "right": "passes",
    "wrong": "fails",
    "its own defect": "blocked",
    "another defect": "fails",
    "mended": "fails",  # a gap that closes has to be seen
}


def results(command: list[str]) -> dict[str, str]:
    environment = {**os.environ, "LOCAL_ORG": "{}", "PYTHONPATH": str(HERE / "in_client")}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=True,
        cwd=HERE / "in_client",
    )  # fmt: skip
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["check"]: one["result"] for one in told}


def test_python_checks_tell_how_they_went() -> None:
    assert results([sys.executable, "-c", PYTHON]) == WANTED


def test_node_checks_tell_how_they_went() -> None:
    client = next(client for client in CLIENTS if client.is_node)
    if not environments.is_made(client):
        pytest.skip("its environment is made by test_clients.py or make clients")
    node = str(environments.interpreter(client))
    assert results([node, "--input-type=module", "-e", NODE]) == WANTED


def test_a_login_host_is_led_to_the_org() -> None:
    look = "import socket; print(socket.getaddrinfo('login.salesforce.com', 443)[0][4])"
    environment = {
        **os.environ,
        "LOCAL_ORG_HOSTS": "login.salesforce.com=127.0.0.1:4321",
        "PYTHONPATH": str(HERE / "in_client"),
    }
    found = subprocess.run(
        [sys.executable, "-c", look], env=environment, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert found.stdout.strip() == "('127.0.0.1', 4321)"
