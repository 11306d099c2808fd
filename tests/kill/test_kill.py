"""A few moments of each scenario; all of them are one command: ``python -m tests.kill``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.localorg import LocalOrg
from tests.kill.harness import Killer, kill_everywhere, spread
from tests.kill.scenarios import SCENARIOS

MOMENTS = 4


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=0.05) as org:
        yield org


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with Killer() as killer:
        yield killer


@pytest.mark.parametrize("name", SCENARIOS)
def test_nothing_is_lost_and_nothing_done_twice(
    name: str, org: LocalOrg, killer: Killer, tmp_path: Path
) -> None:
    findings = kill_everywhere(killer, SCENARIOS[name](org), spread(MOMENTS, seed=7), tmp_path)
    assert findings.wrong == []
    assert findings.killed >= MOMENTS // 2, "the process was hardly ever killed"
