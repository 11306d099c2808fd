"""The connector contract on local Parquet, CSV, JSON lines and Arrow, and on other filesystems."""

from __future__ import annotations

import io
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from isthmus.connectors.contract import Connector
from isthmus.connectors.files import Files
from isthmus.connectors.testing import ConnectorContract

gate = threading.Event()


class FarFileSystem(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A filesystem that is not this machine's: it answers only while the gate is open."""

    protocol = "far"

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        return MemoryFileSystem().ls(path.removeprefix("far://"), detail=detail)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        gate.wait(20)
        return io.BytesIO(MemoryFileSystem().cat_file(path.removeprefix("far://")))


fsspec.register_implementation("far", FarFileSystem, clobber=True)


@pytest.fixture
def far_lake(types_lake: Path) -> Iterator[str]:
    gate.set()
    folder = f"/{uuid.uuid4().hex}"
    MemoryFileSystem().put(str(types_lake), folder, recursive=True)
    yield folder
    gate.set()
    MemoryFileSystem().rm(folder, recursive=True)


class TestLocalFiles(ConnectorContract):
    tables = ("every", "cooked", "people", "events")

    @pytest.fixture
    def connector(self, types_lake: Path) -> Connector:
        return Files("lake", {"root": str(types_lake)})


class TestMemoryFiles(ConnectorContract):
    tables = ("every", "people")
    most_predicates = 60

    @pytest.fixture
    def connector(self, far_lake: str) -> Connector:
        return Files("lake", {"root": f"memory:/{far_lake}"})


class TestFarFiles(ConnectorContract):
    tables = ("every", "cooked", "people", "events")
    most_predicates = 30

    @pytest.fixture
    def connector(self, far_lake: str) -> Connector:
        return Files("lake", {"root": f"far:/{far_lake}"})

    @pytest.fixture
    def blocked(self, connector: Connector) -> tuple[Connector, str]:
        connector.describe("every")
        gate.clear()
        return connector, "every"
