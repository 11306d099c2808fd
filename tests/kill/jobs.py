"""Jobs: however the process dies, a job is done once and its result is whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from isthmus.engine.connection import Connection
from tests.kill.harness import Scenario
from tests.kill.orgs import Orgs, aged, connected, rows, source
from tests.kill.writes import KEY

__all__ = ["asking", "writing"]

TEXT = "SELECT Id, Name, range AS n FROM crm.Contact, range(100) ORDER BY Id, n"
ROWS = 220
MERGE = f"""
MERGE INTO crm.Account AS a
USING (SELECT '{{prefix}}' || range AS key, 'new ' || range AS name FROM range({ROWS})) AS s
ON a.{KEY} = s.key
WHEN MATCHED THEN UPDATE SET Name = s.name
WHEN NOT MATCHED THEN INSERT ({KEY}, Name) VALUES (s.key, s.name)"""
PLACES = ("/engine/jobs/",)
#: Short, since what a dead worker had waits for its end.
LEASE = 0.5


def act(arguments: Mapping[str, Any]) -> None:
    """Submit the job unless it is there, and work until it is done."""
    with _open(arguments) as con:
        con.start_worker(lease=LEASE)
        known = con.jobs().arrow()["id"].to_pylist()
        job = con.job(known[0]) if known else con.submit(arguments["text"])
        job.result(timeout=30)


def asking(orgs: Orgs) -> Scenario:
    """A query."""

    def prepare(trial: int, folder: Path) -> Mapping[str, Any]:
        return {"crm": source(orgs.demo, folder), "state": str(folder), "text": TEXT}

    def check(arguments: Mapping[str, Any]) -> None:
        with _open(arguments) as con:
            expected: pa.Table = con.sql(TEXT).arrow()
            result = _result(con, arguments)
            assert result.equals(expected), f"{result.num_rows} of {expected.num_rows} rows"

    return Scenario("job that asks", "tests.kill.jobs:act", prepare, check, PLACES)


def writing(orgs: Orgs) -> Scenario:
    """A statement that writes; half of the records are there before."""
    org = orgs.demo

    def prepare(trial: int, folder: Path) -> Mapping[str, Any]:
        prefix, crm = f"job-{trial}-", source(org, folder)
        there = [{KEY: f"{prefix}{i}", "Name": "old"} for i in range(0, ROWS, 2)]
        with connected({"sources": {"crm": crm}}, None, allow_writes=True) as con:
            con.write("crm.Account", there)
        aged(org, prefix)
        text = MERGE.format(prefix=prefix)
        return {"crm": crm, "state": str(folder), "text": text, "prefix": prefix}

    def check(arguments: Mapping[str, Any]) -> None:
        prefix, table = arguments["prefix"], org.store.table("Account")
        found = rows(
            org, f'SELECT "{KEY}", "Name" FROM {table} WHERE starts_with("{KEY}", ?)', prefix
        )
        expected = sorted((f"{prefix}{i}", f"new {i}") for i in range(ROWS))
        assert sorted(found) == expected, f"{len(found)} records of {ROWS}"
        with _open(arguments) as con:
            told = _result(con, arguments)
            assert told["position"].to_pylist() == list(range(ROWS)), "an outcome for each row"
            assert all(told["success"].to_pylist()), "a row is told to have failed"
            created = [i % 2 == 1 for i in range(ROWS)]
            assert told["created"].to_pylist() == created, "created is wrong"
            writes = con.writes().arrow()
            assert writes["state"].to_pylist() == ["done"], "one write, and it has ended"

    places = (*PLACES, "/engine/writes/")
    return Scenario("job that writes", "tests.kill.jobs:act", prepare, check, places)


def _open(arguments: Mapping[str, Any]) -> Connection:
    project = {"sources": {"crm": arguments["crm"]}}
    return connected(project, arguments["state"], allow_writes=True)


def _result(con: Connection, arguments: Mapping[str, Any]) -> pa.Table:
    """The result of the only job."""
    jobs = con.jobs().arrow()
    assert jobs["state"].to_pylist() == ["done"], f"{jobs['state']}"
    attempts = list((Path(arguments["state"]) / "jobs").glob("*/attempt-*"))
    assert len(attempts) == 1, f"pages of {len(attempts)} attempts are left"
    result: pa.Table = con.job(jobs["id"][0].as_py()).result().arrow()
    return result
