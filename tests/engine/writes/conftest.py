"""A small org that the tests of writes share; each test makes records of its own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import isthmus
from isthmus.engine.connection import Connection
from isthmus.localorg import LocalOrg

MakeConnection = Callable[..., Connection]


@pytest.fixture(scope="session")
def write_org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=0.05, seed=7) as org:
        yield org


@pytest.fixture
def org(write_org: LocalOrg) -> Iterator[LocalOrg]:
    write_org.clear_requests()
    yield write_org
    write_org.clear_faults()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def connect(org: LocalOrg, state: Path, tmp_path: Path) -> Iterator[MakeConnection]:
    """Open connections that may write everything; they are closed when the test ends."""
    opened: list[Connection] = []
    ready = tmp_path / "org.json"
    ready.write_text(json.dumps({**org.ready, "access_token": None}))

    def make(source: dict[str, Any] | None = None, **options: Any) -> Connection:
        options.setdefault("state", state)
        options.setdefault("allow_writes", True)
        crm = {"kind": "salesforce", "ready_file": str(ready), **(source or {})}
        opened.append(isthmus.connect({"sources": {"crm": crm}}, **options))
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def con(connect: MakeConnection) -> Connection:
    return connect()


@pytest.fixture
def mark() -> str:
    """A text that no other test's records have."""
    return uuid.uuid4().hex[:8]


def writing_calls(org: LocalOrg) -> list[str]:
    """The requests that could change a record."""
    return [
        f"{r['method']} {r['path']}"
        for r in org.requests()
        if r["method"] in ("POST", "PATCH", "PUT", "DELETE")
        and "/data/v" in r["path"]
        and "/jobs/query" not in r["path"]
    ]
