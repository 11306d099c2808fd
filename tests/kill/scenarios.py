"""Every scenario by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from isthmus.localorg import LocalOrg
from tests.kill import jobs
from tests.kill.harness import Scenario

__all__ = ["SCENARIOS"]

SCENARIOS: Mapping[str, Callable[[LocalOrg], Scenario]] = {
    "job": jobs.scenario,
}
