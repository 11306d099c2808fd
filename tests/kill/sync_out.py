"""Copies: however a run dies, the next one makes the copy what an unbroken run would have made."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.kill.harness import Scenario
from tests.kill.orgs import Orgs, connected, source
from tests.sync.org import Crm, accounts

__all__ = ["first", "later"]

ROWS = 60
PART = 20
PLACES = ("/engine/sync/", "/connectors/targets/")
_NAMES = {
    "sqlite": "SQLite",
    "duckdb": "DuckDB",
    "parquet": "Parquet",
    "delta": "Delta",
    "postgres": "PostgreSQL",
}


def act(arguments: Mapping[str, Any]) -> None:
    """Run the sync."""
    with connected(arguments["project"], arguments["state"]) as con:
        con.sync("accounts")


def first(kind: str, *, access: str = "auto") -> Callable[[Orgs], Scenario]:
    """The run that makes the copy."""
    by = "" if access == "auto" else " by Bulk"

    def make(orgs: Orgs) -> Scenario:
        name = f"sync out{by} to {_NAMES[kind]}, first run"
        return _scenario(orgs, name, kind, access=access)

    return make


def later(kind: str) -> Callable[[Orgs], Scenario]:
    """A run that brings a copy up to date."""

    def make(orgs: Orgs) -> Scenario:
        crm, name = orgs.copied, f"sync out to {_NAMES[kind]}, later run"

        def before(arguments: Mapping[str, Any]) -> None:
            act(arguments)
            _change(crm)

        return _scenario(orgs, name, kind, before)

    return make


def _scenario(
    orgs: Orgs,
    name: str,
    kind: str,
    before: Callable[[Mapping[str, Any]], None] | None = None,
    *,
    access: str = "auto",
) -> Scenario:
    crm = orgs.copied

    def place(trial: int, folder: Path) -> Any:
        if kind == "postgres":
            table = f"{'first' if before is None else 'later'}_{trial}"
            return {"kind": kind, "url": orgs.postgres, "table": table}
        table = "" if kind in ("parquet", "delta") else "#account"
        return f"{kind}:{folder / 'copy'}{table}"

    def prepare(trial: int, folder: Path) -> Mapping[str, Any]:
        to = place(trial, folder)
        sync = {"table": "crm.Account", "to": to, "mode": "incremental", "rows_per_part": PART}
        sources = {"crm": {**source(crm.org, folder), "access": access}}
        project = {"sources": sources, "syncs": {"accounts": sync}}
        arguments = {"project": project, "state": str(folder / "state"), "to": to}
        _fill(crm)
        if before is not None:
            before(arguments)
        return arguments

    def check(arguments: Mapping[str, Any]) -> None:
        with connected(arguments["project"], arguments["state"]) as con:
            con.sync("accounts")  # it sees what has changed since an unbroken run's moment
            assert accounts(con, arguments["to"]) == crm.live()
            runs = con.sql("SELECT state FROM isthmus.sync_runs ORDER BY started").fetchall()
            states = [state for (state,) in runs]
            assert states[-1] == "done" and set(states) <= {"done", "broken off"}, f"{states}"

    return Scenario(
        name, "tests.kill.sync_out:act", prepare, check, PLACES, meanwhile=lambda _: _change(crm)
    )


def _fill(crm: Crm) -> None:
    """Let there be as many rows as always, none of them of this moment."""
    for number in range(ROWS - len(crm.live())):
        crm.create(Name=f"a{number}")
    crm.pass_time(60)


def _change(crm: Crm) -> None:
    """Some rows change, some come and some go."""
    ids, dice = sorted(crm.live()), random.Random(crm.now.timestamp())
    gone = dice.sample(ids, 4)
    for id in gone:
        crm.delete(id)
    for id in dice.sample(sorted(set(ids) - set(gone)), 12):
        crm.update(id, Name=f"changed {crm.now}")
    crm.create(Name=f"new {crm.now}")
    crm.pass_time(1)
