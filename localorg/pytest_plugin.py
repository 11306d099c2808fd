"""A pytest fixture: `pytest_plugins = ["isthmus.localorg.pytest_plugin"]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from isthmus.localorg.inprocess import LocalOrg


@pytest.fixture
def local_org() -> Iterator[LocalOrg]:
    """Run a local org with demo data, its own for each test."""
    from isthmus.localorg.inprocess import LocalOrg

    with LocalOrg() as org:
        yield org
