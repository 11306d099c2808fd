"""A few moments of each scenario; all of them are one command: ``python -m tests.kill``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kill.harness import Killer, kill_everywhere, spread
from tests.kill.orgs import Orgs
from tests.kill.scenarios import SCENARIOS

MOMENTS = 2


@pytest.fixture(scope="module")
def orgs() -> Iterator[Orgs]:
    with Orgs() as orgs:
        yield orgs


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer() as killer:
        yield killer


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_lost_and_nothing_done_twice(
    name: str, orgs: Orgs, killer: Killer, tmp_path: Path
) -> None:
    findings = kill_everywhere(killer, SCENARIOS[name](orgs), spread(MOMENTS, seed=7), tmp_path)
    assert findings.wrong == []
    assert findings.killed >= MOMENTS // 2, "the process was not killed"
