"""After each run a copy is what the org holds; see `tests.sync.model`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sync.model import SHARED, Copying, often
from tests.sync.org import running_crm


@pytest.fixture(scope="module", autouse=True)
def shared() -> Iterator[None]:
    with running_crm() as crm:
        SHARED.append(crm)
        yield
        SHARED.clear()


class TestCopying(Copying.TestCase):  # type: ignore[valid-type,misc]
    settings = often(10, 12)
