"""Every scenario by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.kill import jobs, sync_in, sync_out, writes
from tests.kill.harness import Scenario
from tests.kill.orgs import Orgs
from tests.kill.writes import LATE, LOST

__all__ = ["SCENARIOS"]

SCENARIOS: Mapping[str, Callable[[Orgs], Scenario]] = {
    "insert": writes.scenario("insert"),
    "insert without a key": writes.scenario("insert", keyed=False),
    "upsert": writes.scenario("upsert"),
    "update": writes.scenario("update"),
    "delete": writes.scenario("delete"),
    "insert by Bulk": writes.scenario("insert", bulk=True),
    "insert by Bulk without a key": writes.scenario("insert", bulk=True, keyed=False),
    "upsert by Bulk": writes.scenario("upsert", bulk=True),
    "update by Bulk": writes.scenario("update", bulk=True),
    "delete by Bulk": writes.scenario("delete", bulk=True),
    "insert, answers lost": writes.scenario("insert", strike=LOST),
    "insert without a key, answers lost": writes.scenario("insert", keyed=False, strike=LOST),
    "upsert, answers lost": writes.scenario("upsert", strike=LOST),
    "upsert by Bulk, answers lost": writes.scenario("upsert", bulk=True, strike=LOST),
    "insert, answers late": writes.scenario("insert", strike=LATE),
    "insert without a key, answers late": writes.scenario("insert", keyed=False, strike=LATE),
    "upsert, answers late": writes.scenario("upsert", strike=LATE),
    "insert by Bulk, answers late": writes.scenario("insert", bulk=True, strike=LATE),
    "sync out to SQLite, first run": sync_out.first("sqlite"),
    "sync out by Bulk to SQLite, first run": sync_out.first("sqlite", access="bulk"),
    "sync out to SQLite, later run": sync_out.later("sqlite"),
    "sync out to DuckDB, first run": sync_out.first("duckdb"),
    "sync out to DuckDB, later run": sync_out.later("duckdb"),
    "sync out to Parquet, first run": sync_out.first("parquet"),
    "sync out to Parquet, later run": sync_out.later("parquet"),
    "sync out to Delta, first run": sync_out.first("delta"),
    "sync out to Delta, later run": sync_out.later("delta"),
    "sync out to PostgreSQL, first run": sync_out.first("postgres"),
    "sync out to PostgreSQL, later run": sync_out.later("postgres"),
    "sync in, first run": sync_in.first,
    "sync in, later run": sync_in.later,
    "job that asks": jobs.asking,
    "job that writes": jobs.writing,
}
