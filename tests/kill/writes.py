"""Writes: however the process dies, each key has one record and each row one outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from isthmus.localorg import LocalOrg
from tests.kill.harness import Scenario
from tests.kill.orgs import Orgs, aged, connected, rows, source

__all__ = ["KEY", "PLACES", "Strike", "scenario"]

ROWS = 220  # two chunks of Collections
KEY = "External_Id__c"
PLACES = ("/engine/writes/", "/salesforce/writing/")


@dataclass(frozen=True)
class Strike:
    """A fault that the writing calls of each trial meet.

    Attributes:
        words: what to call it.
        name: of the fault.
        arguments: of it.
        among: part of the name of each moment at which it is worth while to kill.
    """

    words: str
    name: str
    arguments: Mapping[str, Any]
    among: str = ""


LOST = Strike("answers lost", "lost-answer", {"count": 2, "path": "/composite|/jobs/ingest"})
#: The org has written the records, and the process dies before it hears of it.
LATE = Strike(
    "answers late",
    "slow-page",
    {"count": 0, "path": "/composite|/jobs/ingest", "delay": 0.1},
    " ms into P",
)


def act(arguments: Mapping[str, Any]) -> None:
    """Write, or go on with the write that is there."""
    project = {"sources": {"crm": arguments["crm"]}}
    with connected(project, arguments["state"], allow_writes=True) as con:
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


def scenario(
    mode: str, *, bulk: bool = False, keyed: bool = True, strike: Strike | None = None
) -> Callable[[Orgs], Scenario]:
    """A write of some kind, to records of its own.

    Args:
        mode: of `Connection.write`.
        bulk: by jobs, not by Collections.
        keyed: whether rows have a unique key; an insert can do without, and then has equal rows.
        strike: what else goes wrong.
    """
    name = mode + (" by Bulk" if bulk else "") + ("" if keyed else " without a key")
    if strike is not None:
        name += f", {strike.words}"

    def make(orgs: Orgs) -> Scenario:
        org = orgs.demo

        def prepare(trial: int, folder: Path) -> Mapping[str, Any]:
            org.clear_faults()
            prefix, crm = f"{name}-{trial}-", source(org, folder)
            before = _there(crm, folder, prefix, mode)
            aged(org, prefix)
            given = _input(prefix, mode, before) if keyed else _equal_rows(prefix)
            pq.write_table(given, folder / "input.parquet")
            if strike is not None:
                org.set_fault(strike.name, **strike.arguments)
            return {
                "crm": crm,
                "prefix": prefix,
                "mode": mode,
                "key": KEY if mode == "upsert" else None,
                "options": ["bulk" if bulk else "collections"],
                "input": str(folder / "input.parquet"),
                "state": str(folder),
                "outcomes": str(folder / "outcomes.csv"),
                "result": str(folder / "result.parquet"),
                "there": len(before),
            }

        def check(arguments: Mapping[str, Any]) -> None:
            org.clear_faults()
            _check_records(org, arguments, keyed)
            _check_outcomes(org, arguments)

        among = "" if strike is None else strike.among
        return Scenario(name, "tests.kill.writes:act", prepare, check, PLACES, among)

    return make


def _there(crm: Mapping[str, Any], folder: Path, prefix: str, mode: str) -> dict[str, str]:
    """Make the records that are there before, and give their Ids by key."""
    count = {"insert": 0, "upsert": ROWS // 2}.get(mode, ROWS)
    if not count:
        return {}
    keys = _keys(prefix)[:count]
    made = pa.table({KEY: keys, "Name": [f"old {k}" for k in keys], "Description": ["old"] * count})
    with connected({"sources": {"crm": crm}}, folder, allow_writes=True) as con:
        ids = con.write("crm.Account", made, mode="insert").outcomes["id"].to_pylist()
    return dict(zip(keys, ids, strict=True))


def _keys(prefix: str) -> list[str]:
    return [f"{prefix}{i:04}" for i in range(ROWS)]


def _input(prefix: str, mode: str, before: Mapping[str, str]) -> pa.Table:
    keys = _keys(prefix)
    if mode == "delete":
        return pa.table({"Id": [before[k] for k in keys]})
    values = {"Name": [f"new {k}" for k in keys], "Description": ["new"] * ROWS}
    if mode == "update":
        return pa.table({"Id": [before[k] for k in keys], **values})
    return pa.table({KEY: keys, **values})


def _equal_rows(prefix: str) -> pa.Table:
    """Each row twice, so that two chunks have equal ones."""
    keys = _keys(prefix)[: ROWS // 2] * 2
    return pa.table({"Name": [f"new {key}" for key in keys], "Description": keys})


def _check_records(org: LocalOrg, arguments: Mapping[str, Any], keyed: bool) -> None:
    prefix, mode = arguments["prefix"], arguments["mode"]
    table = org.store.table("Account")
    found = rows(
        org,
        f'SELECT "Name", "Description", "{KEY}" FROM {table} WHERE NOT "IsDeleted" '
        f'AND (starts_with("{KEY}", ?) OR starts_with("Name", ?))',
        prefix,
        f"new {prefix}",
    )
    keys = _keys(prefix)
    expected: list[tuple[str, str, str | None]]
    if mode == "delete":
        expected = []
    elif keyed:
        expected = [(f"new {k}", "new", k) for k in keys]
    else:
        expected = [(f"new {k}", k, None) for k in keys[: ROWS // 2] for _ in range(2)]
    assert sorted(found) == expected, f"{len(found)} records, {len(set(found))} of them different"


def _check_outcomes(org: LocalOrg, arguments: Mapping[str, Any]) -> None:
    mode = arguments["mode"]
    outcomes = pq.read_table(arguments["result"])
    assert outcomes["position"].to_pylist() == list(range(ROWS)), "an outcome for each row"
    bad = [row for row in outcomes.to_pylist() if not row["success"]]
    assert not bad, f"{len(bad)} rows are told to have failed, as {bad[0]}"
    if mode in ("insert", "upsert"):
        created = [i >= arguments["there"] for i in range(ROWS)]
        assert outcomes["created"].to_pylist() == created, "created is wrong"
    assert outcomes["id"].null_count == 0, "a record's Id is missing"
    assert len(set(outcomes["id"].to_pylist())) == ROWS, "two rows are told to be one record"
    written = Path(arguments["outcomes"]).read_text().splitlines()
    assert len(written) == ROWS + 1, f"{len(written) - 1} outcomes in the file"
    assert len(set(written)) == len(written), "an outcome is in the file twice"
