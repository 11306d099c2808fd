"""Targets of every kind; the PostgreSQL is a real server, started once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus.catalog.syncs import read_sync
from isthmus.catalog.targets import TargetConfig
from isthmus.connectors.targets.contract import Target
from isthmus.engine.sync.targets import make
from tests.sync.postgres import running_postgres

KINDS = ("parquet", "delta", "duckdb", "sqlite", "postgres")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """The `to` of a sync for a kind; a table of its own in PostgreSQL."""

    def to(kind: str) -> dict[str, Any]:
        if kind == "postgres":
            url = request.getfixturevalue("postgres_url")
            table = tmp_path.name.lower().replace("-", "_")[-60:]
            return {"kind": kind, "url": url, "table": table}
        named = {} if kind in ("parquet", "delta") else {"table": "copy"}
        return {"kind": kind, "path": str(tmp_path / f"copy.{kind}"), **named}

    return to


@pytest.fixture
def config(kind: str, place: Callable[[str], dict[str, Any]]) -> TargetConfig:
    return read_sync("x", {"table": "t", "to": place(kind)}).to


@pytest.fixture
def target(config: TargetConfig) -> Iterator[Target]:
    made = make(config)
    yield made
    made.close()
