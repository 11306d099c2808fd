"""Syncs into an org: however a run dies, the next one leaves what the query says, told as it is."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from isthmus.localorg import LocalOrg
from tests.kill.harness import Scenario
from tests.kill.orgs import Orgs, connected, rows, source
from tests.kill.writes import KEY

__all__ = ["first", "later"]

ROWS = 220
#: Their names are null, which the org does not take.
BAD = (7, 150)
PLACES = ("/engine/sync/", "/engine/writes/")


def act(arguments: Mapping[str, Any]) -> None:
    """Run the sync."""
    with connected(arguments["project"], arguments["state"], allow_writes=True) as con:
        con.sync("shop")


def first(orgs: Orgs) -> Scenario:
    """The run that sends all."""
    org = orgs.demo

    def prepare(trial: int, folder: Path) -> Mapping[str, Any]:
        arguments = _arguments(org, folder, f"first-{trial}-")
        _put(arguments, range(ROWS), "first")
        return arguments

    return Scenario("sync in, first run", "tests.kill.sync_in:act", prepare, _check(org), PLACES)


def later(orgs: Orgs) -> Scenario:
    """A run that sends what is new and what is different, and deletes what is gone."""
    org = orgs.demo

    def prepare(trial: int, folder: Path) -> Mapping[str, Any]:
        arguments = _arguments(org, folder, f"later-{trial}-")
        _put(arguments, range(ROWS), "first")
        act(arguments)
        _put(arguments, range(30, ROWS + 20), "second")
        return arguments

    def meanwhile(arguments: Mapping[str, Any]) -> None:
        _put(arguments, range(35, ROWS + 25), "third")

    return Scenario(
        "sync in, later run",
        "tests.kill.sync_in:act",
        prepare,
        _check(org),
        PLACES,
        meanwhile=meanwhile,
    )


def _arguments(org: LocalOrg, folder: Path, prefix: str) -> dict[str, Any]:
    (folder / "lake").mkdir()
    sync = {
        "direction": "in",
        "query": f"SELECT key AS {KEY}, name AS Name FROM lake.shop",
        "to": "crm.Account",
        "key": KEY,
        "deletes": "apply",
    }
    lake = {"kind": "files", "root": str(folder / "lake")}
    sources = {"crm": source(org, folder), "lake": lake}
    return {
        "project": {"sources": sources, "syncs": {"shop": sync}},
        "state": str(folder / "state"),
        "lake": str(folder / "lake" / "shop.parquet"),
        "prefix": prefix,
    }


def _put(arguments: Mapping[str, Any], numbers: range, word: str) -> None:
    """Let the query give these rows; every fifth of them keeps its name for ever."""
    names = [None if i in BAD else f"name {i}" if i % 5 == 0 else f"{word} {i}" for i in numbers]
    keys = [f"{arguments['prefix']}{i:04}" for i in numbers]
    table = pa.table({"key": keys, "name": pa.array(names, pa.string())})
    pq.write_table(table, arguments["lake"])


def _check(org: LocalOrg) -> Any:
    def check(arguments: Mapping[str, Any]) -> None:
        given = pq.read_table(arguments["lake"]).to_pylist()
        good = sorted((row["key"], row["name"]) for row in given if row["name"] is not None)
        bad = [row["key"] for row in given if row["name"] is None]
        table = org.store.table("Account")
        found = rows(
            org,
            f'SELECT "{KEY}", "Name", "IsDeleted" FROM {table} WHERE starts_with("{KEY}", ?)',
            arguments["prefix"],
        )
        live = sorted((key, name) for key, name, deleted in found if not deleted)
        assert live == good, f"{len(live)} records, not {len(good)}"
        keys = [key for key, _, _ in found]
        assert len(keys) == len(set(keys)), "a record was made, deleted and made again"
        with (Path(arguments["state"]) / "syncs/shop/rejected.csv").open() as file:
            rejected = [(row[KEY], row["error_code"]) for row in csv.DictReader(file)]
        assert rejected == [(key, "REQUIRED_FIELD_MISSING") for key in bad], f"{rejected}"
        with connected(arguments["project"], arguments["state"], allow_writes=True) as con:
            again = con.sync("shop")
            told = (again.rows_in, again.rows_out, again.deleted, again.failed, again.resumed)
            assert told == (len(given), 0, 0, len(bad), False), f"it still had to do: {told}"
            states = con.sql("SELECT DISTINCT state FROM isthmus.sync_runs").fetchall()
            assert {state for (state,) in states} <= {"done", "broken off"}, f"{states}"

    return check
