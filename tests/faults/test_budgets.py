"""No budget is passed, whatever fails and however many threads and processes try: the org counts.

`budget_trials` makes the runs; a thousand of them are one command. Here are some, and the cases
that deserve a name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import isthmus
from isthmus.catalog.project import Project
from isthmus.engine.connection import Connection
from isthmus.errors import BudgetExceeded
from isthmus.localorg import LocalOrg
from tests.faults import budget_writes
from tests.faults.budget_trials import open_org, run_trial

ACCOUNTS = "SELECT Id, Name FROM crm.Account"


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with open_org() as org:
        yield org


def project(org: LocalOrg, **budget: Any) -> dict[str, Any]:
    org.clear_faults()
    org.clear_requests()
    token = org.ready["access_token"]
    crm = {"kind": "salesforce", "instance_url": org.https, "access_token": token}
    return {"sources": {"crm": {**crm, "ca_file": org.ca_file, "budget": budget}}}


def data_calls(org: LocalOrg) -> int:
    return sum("/query" in r["path"] for r in org.requests())


def test_budgets_hold_in_runs_of_every_kind(org: LocalOrg) -> None:
    ends: Counter[str] = Counter()
    for seed in range(5_000, 5_030):
        trial = run_trial(org, seed)
        assert trial.kept, f"seed {seed}: {trial}"
        ends += trial.ends
    assert ends["stopped"] >= 5 and ends["answered"] >= 5, f"the runs try nothing: {ends}"


@pytest.mark.log_differs("a copy reads, beside the queries of writes")
def test_budgets_hold_for_writes_and_syncs() -> None:
    ends: Counter[str] = Counter()
    with budget_writes.open_org() as org:
        for seed in range(2_000, 2_040):
            trial = budget_writes.run_trial(org, seed)
            assert trial.kept, f"seed {seed}: {trial}"
            ends += trial.ends
    stopped = sum(count for end, count in ends.items() if "stopped" in end)
    assert stopped >= 10 and ends["done"] >= 10, f"the runs try nothing: {ends}"


def test_rows_that_were_read_ahead_and_thrown_away_count(org: LocalOrg) -> None:
    # the first page comes broken while the next ones come whole, and are asked for anew
    for _ in range(4):
        trial = run_trial(org, 10_359)
        assert trial.kind == "rows" and trial.kept, trial


def test_a_page_that_would_pass_the_rows_is_not_asked_for(org: LocalOrg) -> None:
    with isthmus.connect(project(org), state=None) as con:
        count = con.explain(ACCOUNTS).estimate.rows
        con.sql(ACCOUNTS, max_rows=count).arrow()
        org.clear_requests()
        # two thirds of the rows are predicted, and all of them come
        text = "SELECT Id FROM crm.Account WHERE NOT IsDeleted"
        result = con.sql(text, max_rows=count - 61)
        with pytest.raises(BudgetExceeded, match="the next page has"):
            result.arrow()
    sent = sum(r["rows"] or 0 for r in org.requests() if "/query" in r["path"])
    assert count - 121 <= sent <= count - 61


def test_a_query_predicted_over_budget_makes_no_data_call(org: LocalOrg) -> None:
    with isthmus.connect(project(org), state=None) as con:
        with pytest.raises(BudgetExceeded) as caught:
            con.sql(ACCOUNTS, max_rows=10)
        assert "SELECT Id, Name FROM Account" in str(caught.value), "the plan is in the message"
        assert caught.value.plan is not None
        assert con.explain(ACCOUNTS).estimate.rows > 10, "EXPLAIN is never refused"
    assert data_calls(org) == 0


def test_a_stopped_query_keeps_its_bill_and_its_plan(org: LocalOrg) -> None:
    with isthmus.connect(project(org), state=None) as con:
        result = con.sql(ACCOUNTS, max_calls=2)
        with pytest.raises(BudgetExceeded, match="2 calls would be passed") as caught:
            result.arrow()
        assert result.bill.actual.calls == data_calls(org) == 2
        assert caught.value.plan is not None
        assert con.sql("SELECT 1").fetchone() == (1,), "the connection goes on"


def test_retries_count(org: LocalOrg) -> None:
    made = project(org)
    with isthmus.connect(made, state=None) as con:
        result = con.sql("SELECT Id FROM crm.Account LIMIT 3", max_calls=2)
        org.set_fault("drop-connection", count=0, path="/query")
        with pytest.raises(BudgetExceeded):
            result.arrow()
    assert data_calls(org) == 2
    org.clear_faults()


def test_the_budget_of_the_connection_is_all_its_queries(org: LocalOrg) -> None:
    with isthmus.connect(project(org), state=None, budget={"max_calls": 3}) as con:
        for _ in range(3):
            con.sql("SELECT Id FROM crm.Account LIMIT 1").fetchall()
        with pytest.raises(BudgetExceeded, match="connection's budget has 0 left"):
            con.sql("SELECT Id FROM crm.Account LIMIT 1")
    assert data_calls(org) == 3


def test_the_project_s_budget_holds_for_each_query(org: LocalOrg) -> None:
    made = project(org) | {"budget": {"max_calls": 1}}
    with isthmus.connect(made, state=None) as con:
        for _ in range(2):
            con.sql("SELECT Id FROM crm.Account LIMIT 1", max_calls=5).fetchall()
        with pytest.raises(BudgetExceeded):
            con.sql(ACCOUNTS).fetchall()


def test_a_day_is_counted_from_connection_to_connection(org: LocalOrg, tmp_path: Path) -> None:
    made = project(org, calls_per_day=6)
    with pytest.raises(BudgetExceeded, match="6 calls a day"):
        for _ in range(6):
            with isthmus.connect(made, state=tmp_path) as con:
                con.sql("SELECT Id FROM crm.Account LIMIT 1").fetchall()
    assert len(org.requests()) == 6, "descriptions and counts are among them"


def test_a_day_needs_a_state_folder(org: LocalOrg) -> None:
    with pytest.raises(isthmus.errors.ConfigError, match="no state folder"):
        isthmus.connect(project(org, calls_per_day=6), state=None)


def test_the_reserve_is_left(org: LocalOrg) -> None:
    allowed, used = org.org.settings.daily_requests, org.org.usage.used(org.clock.now())
    made = project(org, reserve=allowed - used - 4)
    with (
        isthmus.connect(made, state=None) as con,
        pytest.raises(BudgetExceeded, match="would touch the reserve"),
    ):
        con.sql(ACCOUNTS).fetchall()
    assert org.org.usage.used(org.clock.now()) == used + 4


def test_seconds_are_a_budget_too(org: LocalOrg) -> None:
    with isthmus.connect(project(org), state=None) as con:
        result = con.sql("SELECT Id FROM crm.Account LIMIT 3", max_seconds=0.5)
        org.set_fault("slow-page", nth=1, delay=20)
        with pytest.raises(BudgetExceeded, match=r"0\.5 seconds is spent"):
            result.arrow()
        with pytest.raises(BudgetExceeded, match=r"need .* seconds"):
            con.sql(ACCOUNTS, max_seconds=0.01)
    org.clear_faults()


def test_a_connection_has_no_seconds() -> None:
    with pytest.raises(isthmus.errors.ConfigError, match="max_seconds"):
        Connection(Project(), budget={"max_seconds": 3})


_PROCESS = """
import json, sys
import isthmus
from isthmus.errors import BudgetExceeded
made = json.loads(sys.argv[1])
answered = 0
try:
    with isthmus.connect(made, state=sys.argv[2]) as con:
        for _ in range(20):
            con.sql("SELECT Id FROM crm.Account LIMIT 1").fetchall()
            answered += 1
except BudgetExceeded:
    pass
print(answered)
"""


def test_processes_share_a_day(org: LocalOrg, tmp_path: Path) -> None:
    import json

    made = json.dumps(project(org, calls_per_day=25))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, made, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        for _ in range(3)
    ]
    answered = [int(process.communicate(timeout=90)[0]) for process in running]
    assert len(org.requests()) == 25, "all that the day had, and no more"
    assert 18 <= sum(answered) < 25
