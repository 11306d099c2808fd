"""Writes and syncs that try to get past a budget: by threads, faults, retries and going on.

The org's log is counted. ``python -m tests.faults.budget_writes --runs 300 --seed 1`` prints how
many runs there were, how they ended, and how many passed their budget: none may.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from isthmus.catalog.project import load_project
from isthmus.connectors.kinds import KINDS
from isthmus.connectors.salesforce.connector import Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.engine.connection import Connection
from isthmus.errors import BudgetExceeded, IsthmusError
from isthmus.localorg import LocalOrg
from tests.faults.budget_trials import Trial

__all__ = ["open_org", "run_trial"]

ROWS = 450  # three calls of Collections
KEY = "External_Id__c"
IMPATIENT = Policy(repeats=3, slow_repeats=2, base=0.001, cap=0.004)
KINDS_OF_BUDGET = ("one", "connection", "day", "reserve")
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("server-unavailable", {"probability": 0.3}),
    ("drop-connection", {"probability": 0.2}),
    ("lost-answer", {"probability": 0.3}),
    ("lost-request", {"probability": 0.3}),
    ("too-many-requests", {"probability": 0.3, "retry_after": 0}),
    ("malformed-json", {"probability": 0.2}),
    ("row-lock", {"probability": 0.01}),
    ("expired-session", {"nth": 3}),
)
_METADATA = re.compile(r"^/services/data(/v[\d.]+(/limits.*|/sobjects/\w+/describe)?)?$")


def open_org() -> LocalOrg:
    """An org of small pages."""
    return LocalOrg(data="demo", scale=0.05, switches={"page-size": 60})


def run_trial(org: LocalOrg, seed: int) -> Trial:
    """One run: a budget, a fault or none, one to three threads that each write or copy something.

    What is broken off is gone on with once: that has the same budget left, or none.
    """
    dice = random.Random(seed)
    kind, most = dice.choice(KINDS_OF_BUDGET), dice.randint(2, 24)
    org.clear_faults()
    org.clear_requests()
    used = org.org.usage.used(org.clock.now())
    if dice.random() < 0.85:
        name, arguments = dice.choice(FAULTS)
        org.set_fault(name, **arguments, **({"seed": seed} if "probability" in arguments else {}))
    works = [dice.choice(WORKS) for _ in range(1 if kind == "one" else dice.randint(1, 3))]
    if _either_way in works:
        most = dice.randint(9, 12)  # often nine calls are left once the table is described
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as state:
        project, connection = _project(org, Path(state), kind, most, used)
        bound = {"max_calls": most} if kind == "one" else {}
        with _connected(project, Path(state), connection) as con:

            def work(number: int) -> None:
                name = f"budget-{seed}-{number}"
                end = _end(works[number], con, name, bound)
                if end not in ("done", "refused") and kind != "one":
                    end = f"{end}, then {_end(works[number], con, name, bound)}"
                ends[end] += 1

            threads = [threading.Thread(target=work, args=(n,)) for n in range(len(works))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    org.clear_faults()
    return Trial(kind, most, _spent(org, kind, used), ends)


def _project(
    org: LocalOrg, folder: Path, kind: str, most: int, used: int
) -> tuple[dict[str, Any], dict[str, int]]:
    """A project whose source has a budget, or else a budget of the connection's."""
    budget: dict[str, int] = {}
    if kind == "day":
        budget = {"calls_per_day": most}
    elif kind == "reserve":
        budget = {"reserve": org.org.settings.daily_requests - used - most}
    ready = folder / "org.json"
    ready.write_text(json.dumps({**org.ready, "access_token": None, "https": None}))
    lake = folder / "lake"
    lake.mkdir()
    crm = {"kind": "salesforce", "ready_file": str(ready), "budget": budget}
    files = {"kind": "files", "root": str(lake)}
    connection = {"max_calls": most} if kind == "connection" else {}
    return {"sources": {"crm": crm, "lake": files}}, connection


def _connected(project: dict[str, Any], state: Path, budget: dict[str, int]) -> Connection:
    loaded = load_project(project, kinds=KINDS)
    options = next(one.options for one in loaded.sources if one.name == "crm")
    crm = Salesforce("crm", options, policy=IMPATIENT)
    return Connection(
        loaded,
        time_zone="UTC",
        connectors={"crm": crm},
        state=state,
        budget=budget,
        allow_writes=True,
    )


def _end(work: Callable[..., Any], con: Connection, name: str, bound: Mapping[str, Any]) -> str:
    try:
        work(con, name, **bound)
    except BudgetExceeded as error:
        return "refused" if "nothing was" in str(error) else "stopped"
    except IsthmusError as error:
        return type(error).__name__
    return "done"


# --- what is done: under a name that tells its records, its journal and its state from others'


def _rows(name: str) -> pa.Table:
    keys = [f"{name}-{i}" for i in range(ROWS)]
    return pa.table({KEY: keys, "Name": keys})


def _insert(con: Connection, name: str, **bound: Any) -> None:
    con.write("crm.Account", _rows(name), options=["collections"], write_id=name, **bound)


def _by_bulk(con: Connection, name: str, **bound: Any) -> None:
    rows = _rows(name)
    con.write("crm.Account", rows, mode="upsert", key=KEY, options=["bulk"], write_id=name, **bound)


def _either_way(con: Connection, name: str, **bound: Any) -> None:
    """By Collections, or where only nine calls are left, by a job."""
    keys = [f"{name}-{i}" for i in range(1_900)]
    rows = pa.table({KEY: keys, "Name": keys})
    con.write("crm.Account", rows, mode="upsert", key=KEY, write_id=name, **bound)


def _update(con: Connection, name: str, **bound: Any) -> None:
    text = "UPDATE crm.Contact SET Description = ? WHERE LastName > 'M'"
    con.sql(text, [name], write_id=name, on_error="continue", **bound)


def _sync_out(con: Connection, name: str, **bound: Any) -> None:
    to = f"sqlite:{con._folder}/{name}.sqlite#opportunity"
    con.sync("crm.Opportunity", to=to, mode="incremental", name=name, **bound)


def _sync_in(con: Connection, name: str, **bound: Any) -> None:
    lake = Path(con.project.sources[1].options["root"])
    pq.write_table(_rows(name), lake / f"{name}.parquet")
    text = f'SELECT * FROM lake."{name}"'
    con.sync(text, to="crm.Account", key=KEY, direction="in", name=name, **bound)


WORKS = (_insert, _by_bulk, _either_way, _update, _sync_out, _sync_in)


def _spent(org: LocalOrg, kind: str, used: int) -> int:
    """What the org says was spent, of what the budget bounds."""
    if kind == "reserve":
        return org.org.usage.used(org.clock.now()) - used
    calls = [r for r in org.requests() if r["api"] in ("rest", "bulk2")]
    if kind == "day":
        return len(calls)
    return sum(_METADATA.search(r["path"]) is None for r in calls)


def main() -> None:
    """Run many trials and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    ends: Counter[str] = Counter()
    passed = 0
    with open_org() as org:
        for seed in range(given.seed, given.seed + given.runs):
            trial = run_trial(org, seed)
            ends += trial.ends
            if not trial.kept:
                passed += 1
                print(f"seed {seed}: {trial}", flush=True)
    print(f"{given.runs} runs from seed {given.seed}")
    print(f"writes and syncs: {dict(ends)}")
    print(f"budgets passed: {passed}")
    raise SystemExit(bool(passed))


if __name__ == "__main__":
    main()
