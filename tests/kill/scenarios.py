"""Every scenario by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from isthmus.localorg import LocalOrg
from tests.kill import jobs, writes
from tests.kill.harness import Scenario

__all__ = ["SCENARIOS"]

SCENARIOS: Mapping[str, Callable[[LocalOrg], Scenario]] = {
    "insert": writes.scenario("insert"),
    "upsert": writes.scenario("upsert"),
    "update": writes.scenario("update"),
    "delete": writes.scenario("delete"),
    "insert by Bulk": writes.scenario("insert", bulk=True),
    "upsert by Bulk": writes.scenario("upsert", bulk=True),
    "update by Bulk": writes.scenario("update", bulk=True),
    "delete by Bulk": writes.scenario("delete", bulk=True),
    "job": jobs.scenario,
}
