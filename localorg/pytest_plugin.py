"""A pytest fixture: `pytest_plugins = ["isthmus.localorg.pytest_plugin"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from isthmus.localorg.inprocess import LocalOrg


@pytest.fixture
def local_org() -> Iterator[LocalOrg]:
    """A local org with demo data, its own for each test."""
    with LocalOrg() as org:
        yield org
