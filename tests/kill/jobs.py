"""A query as a job: however its process dies, it is done once and its result is whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

import isthmus
from isthmus.localorg import LocalOrg
from tests.kill.harness import Scenario
from tests.kill.orgs import source

TEXT = "SELECT Id, Name, range AS n FROM crm.Account, range(250) ORDER BY Id, n"


def act(arguments: Mapping[str, Any]) -> None:
    """Submit the job unless it is there, and work until it is done."""
    with isthmus.connect({"sources": {"crm": arguments["crm"]}}, state=arguments["state"]) as con:
        con.start_worker(lease=0.5)
        known = con.jobs().arrow()["id"].to_pylist()
        job = con.job(known[0]) if known else con.submit(TEXT)
        job.result(timeout=30)


def scenario(org: LocalOrg) -> Scenario:
    crm = source(org)

    def prepare(trial: int, folder: Path) -> Mapping[str, Any]:
        return {"crm": crm, "state": str(folder)}

    def check(arguments: Mapping[str, Any]) -> None:
        with isthmus.connect({"sources": {"crm": crm}}, state=arguments["state"]) as con:
            jobs = con.jobs().arrow()
            assert jobs["state"].to_pylist() == ["done"], f"{jobs['state']}"
            result = con.job(jobs["id"][0].as_py()).result().arrow()
            expected: pa.Table = con.sql(TEXT).arrow()
            assert result.equals(expected), f"{result.num_rows} of {expected.num_rows} rows"
            attempts = list((Path(arguments["state"]) / "jobs").glob("*/attempt-*"))
            assert len(attempts) == 1, f"pages of {len(attempts)} attempts are left"

    return Scenario("job", "tests.kill.jobs:act", prepare, check)
