"""Faults at some requests of each write and sync; all are ``python -m tests.faults.writes``."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.write_trials import FAULTS, KINDS, LOCK, Place
from tests.kill.orgs import Orgs

TRIALS = 5
#: Requests of each of these trials, at the least: a description and two calls; the steps of a job.
REQUESTS, STEPS = 3, 7


@pytest.fixture(scope="module")
def orgs() -> Iterator[Orgs]:
    with Orgs() as orgs:
        yield orgs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.log_differs("a copy's reads are struck and asked for anew")
def test_a_fault_loses_nothing_and_doubles_nothing(kind: str, orgs: Orgs, tmp_path: Path) -> None:
    dice, place = random.Random(f"{kind} 4"), Place(orgs, kind, tmp_path / "trials")
    requests = STEPS if "Bulk" in kind else REQUESTS
    faults = [fault for fault in FAULTS if not (fault == LOCK and kind == "sync out")]
    struck = 0
    for fault in dice.sample(faults, TRIALS):
        nth, endless = dice.randint(1, requests), dice.random() < 0.5
        met = place.meet(fault, nth, endless=endless)
        assert met.wrong is None, f"{fault} at request {nth}, endless: {endless}: {met.wrong}"
        struck += met.struck
    assert struck >= TRIALS - 1, "the faults struck nothing"
