"""Writes: however the process dies, each key has one record and each row one outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import isthmus
from isthmus.localorg import LocalOrg
from tests.kill.harness import Scenario
from tests.kill.orgs import rows, source

ROWS = 450  # three chunks of Collections
KEY = "External_Id__c"
_FOUND = f'SELECT "{KEY}", "Name", "Description" FROM {{table}} WHERE NOT "IsDeleted"'


def act(arguments: Mapping[str, Any]) -> None:
    """Write, or go on with the write that is there."""
    project = {"sources": {"crm": arguments["crm"]}}
    with isthmus.connect(project, state=arguments["state"], allow_writes=True) as con:
        result = con.write(
            "crm.Account",
            pq.read_table(arguments["input"]),
            mode=arguments["mode"],
            key=arguments["key"],
            options=arguments["options"],
            write_id="the-write",
            outcomes=arguments["outcomes"],
        )
        pq.write_table(result.outcomes, arguments["result"])


def scenario(mode: str, *, bulk: bool = False) -> Callable[[LocalOrg], Scenario]:
    """A write of some kind, to records of its own."""

    def make(org: LocalOrg) -> Scenario:
        name = f"{mode} by Bulk" if bulk else mode
        crm = source(org)

        def prepare(trial: int, folder: Path) -> Mapping[str, Any]:
            prefix = f"{name}-{trial}-"
            before = _there(crm, folder, prefix, mode)
            pq.write_table(_input(prefix, mode, before), folder / "input.parquet")
            return {
                "crm": crm,
                "prefix": prefix,
                "mode": mode,
                "key": KEY if mode in ("upsert", "insert") else None,
                "options": ["bulk"] if bulk else [],
                "input": str(folder / "input.parquet"),
                "state": str(folder),
                "outcomes": str(folder / "outcomes.csv"),
                "result": str(folder / "result.parquet"),
                "there": len(before),
            }

        return Scenario(name, "tests.kill.writes:act", prepare, lambda a: _check(org, a))

    return make


def _there(crm: Mapping[str, Any], folder: Path, prefix: str, mode: str) -> dict[str, str]:
    """Make the records that are there before, and give their Ids by key."""
    count = {"insert": 0, "upsert": ROWS // 2}.get(mode, ROWS)
    if not count:
        return {}
    keys = [f"{prefix}{i:04}" for i in range(count)]
    made = pa.table({KEY: keys, "Name": [f"old {k}" for k in keys], "Description": ["old"] * count})
    with isthmus.connect({"sources": {"crm": crm}}, state=folder, allow_writes=True) as con:
        ids = con.write("crm.Account", made, mode="insert").outcomes["id"].to_pylist()
    return dict(zip(keys, ids, strict=True))


def _input(prefix: str, mode: str, before: Mapping[str, str]) -> pa.Table:
    keys = [f"{prefix}{i:04}" for i in range(ROWS)]
    if mode == "delete":
        return pa.table({"Id": [before[k] for k in keys]})
    values = {"Name": [f"new {k}" for k in keys], "Description": ["new"] * ROWS}
    if mode == "update":
        return pa.table({"Id": [before[k] for k in keys], **values})
    return pa.table({KEY: keys, **values})


def _check(org: LocalOrg, arguments: Mapping[str, Any]) -> None:
    prefix, mode = arguments["prefix"], arguments["mode"]
    table = org.store.table("Account")
    found = rows(org, f'{_FOUND.format(table=table)} AND starts_with("{KEY}", ?)', prefix)
    keys = [f"{prefix}{i:04}" for i in range(ROWS)]
    expected = [] if mode == "delete" else [(k, f"new {k}", "new") for k in keys]
    assert sorted(found) == expected, f"{len(found)} records, {len(set(found))} of them different"
    outcomes = pq.read_table(arguments["result"])
    assert outcomes["position"].to_pylist() == list(range(ROWS)), "an outcome for each row"
    assert all(outcomes["success"].to_pylist()), outcomes.filter(outcomes["success"]).num_rows
    if mode in ("insert", "upsert"):
        created = [i >= arguments["there"] for i in range(ROWS)]
        assert outcomes["created"].to_pylist() == created, "created is wrong"
    written = Path(arguments["outcomes"]).read_text().splitlines()
    assert len(written) == ROWS + 1, f"{len(written) - 1} outcomes in the file"
