"""The committed matrix is one of these clients in these versions, and the page shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.clients.clients import CLIENTS, HERE, NODE, Client
from tests.clients.matrix import BEGIN, END, PAGE, kept, table, with_table
from tests.clients.run import Outcome


def test_the_page_has_the_table_of_the_pinned_versions() -> None:
    text = PAGE.read_text("utf-8")
    assert with_table(text, table(kept())) == text
    for client in CLIENTS:
        assert f"| {client.name} | {client.version} |" in text


def test_the_matrix_has_every_client_and_no_failure() -> None:
    results = kept()
    assert list(results) == [client.name for client in CLIENTS]
    failed = [one for outcomes in results.values() for one in outcomes if one.result == "fails"]
    assert failed == []


def test_what_is_blocked_says_where_in_the_client() -> None:
    blocked = [one for found in kept().values() for one in found if one.result == "blocked"]
    for one in blocked:
        assert re.search(r"\w+\.(py|js) line \d+", one.why), one


def test_a_table_names_what_does_not_pass() -> None:
    client = CLIENTS[0]
    outcomes = [Outcome("a|b", "passes", ""), Outcome("c", "blocked", "x.py line 1")]
    lines = table({client.name: outcomes}).splitlines()
    assert f"| {client.name} | {client.version} | 1 of 2 | a/b |" in lines
    assert f"- {client.name}, c: by the client's own defect: x.py line 1" in lines
    with pytest.raises(ValueError, match="has no"):
        with_table(f"{BEGIN} and no end", "")
    assert with_table(f"a{BEGIN}old{END}b", "new") == f"a{BEGIN}\nnew\n{END}b"


@pytest.mark.parametrize("client", [*CLIENTS, NODE], ids=lambda client: client.name)
def test_pins_are_exact_and_carry_no_address(client: Client) -> None:
    assert client.version
    if not client.is_node:
        for line in client.pins.read_text("utf-8").splitlines():
            assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9._+!]+", line)
        return
    told = json.loads(client.pins.read_text("utf-8"))
    pins = {**told.get("dependencies", {}), **told.get("optionalDependencies", {})}
    assert all(re.fullmatch(r"[0-9.]+", version) for version in pins.values())


def test_locks_carry_no_registry() -> None:
    locks: list[Path] = sorted(HERE.glob("*/package-lock.json"))
    assert locks
    for lock in locks:
        packages = json.loads(lock.read_text("utf-8"))["packages"]
        assert not any("resolved" in package for package in packages.values())
