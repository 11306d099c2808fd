"""Queries that try to get past a budget: by threads, faults and retries. The org's log is counted.

    python -m tests.faults.budget_trials --runs 1000 --seed 1

prints how many runs there were, how they ended, and how many passed their budget: none may.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from isthmus.catalog.project import load_project
from isthmus.connectors.kinds import KINDS
from isthmus.connectors.salesforce.connector import Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.engine.connection import Connection
from isthmus.errors import BudgetExceeded, IsthmusError
from isthmus.localorg import LocalOrg

__all__ = ["Trial", "open_org", "run_trial"]

#: Predicted at pages of 2,000, they are let begin; the org sends pages of 60.
QUERIES = (
    "SELECT Id, Name FROM crm.Account",
    "SELECT Id, Name, Number_18_8__c FROM crm.Trap__c WHERE Checkbox__c",
    "SELECT t.Id, a.Name FROM crm.Trap__c t LEFT JOIN crm.Account a ON t.Account__c = a.Id",
    "SELECT StageName, sum(Amount) FROM crm.Opportunity GROUP BY 1",
    "SELECT count(*) FROM crm.Contact WHERE length(LastName) > 3",
    "SELECT Id FROM crm.Account UNION ALL SELECT Id FROM crm.Contact",
)
FAULTS = (
    ("server-unavailable", {"probability": 0.3}),
    ("drop-connection", {"probability": 0.2}),
    ("too-many-requests", {"probability": 0.3, "retry_after": 0}),
    ("lost-locator", {"probability": 0.3}),
    ("malformed-json", {"probability": 0.2}),
    ("expired-session", {"nth": 3}),
)
IMPATIENT = Policy(repeats=3, slow_repeats=2, base=0.001, cap=0.004)
KINDS_OF_BUDGET = ("query", "connection", "day", "reserve", "rows")


@dataclass(frozen=True)
class Trial:
    """How one run went.

    Attributes:
        kind: which budget it had.
        most: how much that was.
        spent: how much the org's log says it was.
        ends: how each query ended.
    """

    kind: str
    most: int
    spent: int
    ends: Counter[str] = field(default_factory=Counter)

    @property
    def kept(self) -> bool:
        """Whether the budget was kept."""
        return self.spent <= self.most


def open_org() -> LocalOrg:
    """An org of small pages whose clock stands."""
    now = datetime(2025, 6, 1, tzinfo=UTC)
    return LocalOrg(scale=0.2, switches={"page-size": 60}, now=now)


def run_trial(org: LocalOrg, seed: int) -> Trial:
    """One run: a budget, a fault or none, one to four threads, and queries until they end."""
    dice = random.Random(seed)
    kind = dice.choice(KINDS_OF_BUDGET)
    most = dice.randint(60, 900) if kind == "rows" else dice.randint(1, 14)
    org.clear_faults()
    org.clear_requests()
    used = org.org.usage.used(org.clock.now())
    source, connection, query = _budgets(org, kind, most, used)
    if dice.random() < 0.8:
        name, arguments = dice.choice(FAULTS)
        org.set_fault(name, **arguments, **({"seed": seed} if "probability" in arguments else {}))
    threads = dice.randint(1, 4)
    texts = [dice.choice(QUERIES) for _ in range(1 if kind in ("query", "rows") else threads * 2)]
    ends: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as state, _connected(org, source, connection, state) as con:
        _run(con, texts, threads, query, ends)
    org.clear_faults()
    return Trial(kind, most, _spent(org, kind, used), ends)


def _budgets(
    org: LocalOrg, kind: str, most: int, used: int
) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """The budgets of the source, the connection and the query."""
    allowed = org.org.settings.daily_requests
    match kind:
        case "day":
            return {"calls_per_day": most}, {}, {}
        case "reserve":
            return {"reserve": allowed - used - most}, {}, {}
        case "connection":
            return {}, {"max_calls": most}, {}
        case "rows":
            return {}, {}, {"max_rows": most}
        case _:
            return {}, {}, {"max_calls": most}


@contextmanager
def _connected(
    org: LocalOrg, source: dict[str, int], connection: dict[str, int], state: str
) -> Iterator[Connection]:
    crm: dict[str, Any] = {
        "kind": "salesforce",
        "auth": "password",
        "login_url": org.https,
        "budget": source,
        **{k: org.ready[k] for k in ("username", "password", "security_token", "ca_file")},
    }
    project = load_project({"sources": {"crm": crm}}, kinds=KINDS)
    reader = Salesforce("crm", project.sources[0].options, policy=IMPATIENT)
    with Connection(
        project,
        time_zone="UTC",
        connectors={"crm": reader},
        state=Path(state),
        budget=dict(connection),
    ) as con:
        yield con


def _run(
    con: Connection, texts: list[str], threads: int, query: dict[str, int], ends: Counter[str]
) -> None:
    left, lock = list(texts), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not left:
                    return
                text = left.pop()
            end = _end(con, text, query)
            with lock:
                ends[end] += 1

    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def _end(con: Connection, text: str, query: dict[str, int]) -> str:
    try:
        con.sql(text, timeout=30, **query).arrow()  # type: ignore[arg-type]
    except BudgetExceeded as error:
        return "refused" if "nothing was read" in str(error) else "stopped"
    except IsthmusError as error:
        return type(error).__name__
    return "answered"


def _spent(org: LocalOrg, kind: str, used: int) -> int:
    """What the org says was spent, of what the budget bounds."""
    if kind == "reserve":
        return org.org.usage.used(org.clock.now()) - used
    calls = [r for r in org.requests() if r["api"] == "rest"]
    if kind == "day":
        return len(calls)
    data = [r for r in calls if "/query" in r["path"]]
    if kind == "rows":  # what came broken brought no rows; its call and its bytes count
        return sum(r["rows"] or 0 for r in data if not r["fault"])
    return len(data)


def main() -> None:
    """Run many trials and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    ends: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    passed: list[tuple[int, Trial]] = []
    with open_org() as org:
        for seed in range(given.seed, given.seed + given.runs):
            trial = run_trial(org, seed)
            ends += trial.ends
            kinds[trial.kind] += 1
            if not trial.kept:
                passed.append((seed, trial))
                print(f"seed {seed}: {trial}", flush=True)
    print(f"{given.runs} runs from seed {given.seed}: {dict(kinds)}")
    print(f"queries: {dict(ends)}")
    print(f"budgets passed: {len(passed)}")
    raise SystemExit(bool(passed))


if __name__ == "__main__":
    main()
