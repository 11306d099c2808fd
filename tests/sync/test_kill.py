"""A run that is killed and run again leaves what an unbroken one leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sync.kill_trials import trials


@pytest.mark.parametrize(("kind", "points"), [("sqlite", 9), ("parquet", 6)])
def test_a_killed_run_is_made_good(tmp_path: Path, kind: str, points: int) -> None:
    done = dict(trials(tmp_path, kind, points))
    assert done == {"first runs": points // 3, "later runs": points - points // 3}
