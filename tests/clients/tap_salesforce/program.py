"""What tap-salesforce does against a local org: syncs as a Singer target sees them."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

from checks import ORG, Check, asked, count, forget, main, rest, rows

HERE = Path.cwd()
START = "2000-01-01T00:00:00Z"


def tap(*arguments: str, api: str = "REST") -> str:
    """Run the tap and give what it prints; it fails when the tap does."""
    config = HERE / "config.json"
    told = {
        "client_id": ORG["client_id"],
        "client_secret": ORG["client_secret"],
        "refresh_token": ORG["refresh_token"],
        "start_date": START,
        "api_type": api,
        "select_fields_by_default": True,
    }
    config.write_text(json.dumps(told), "utf-8")
    command = ["tap-salesforce", "--config", str(config), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise AssertionError(
            f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr[-3000:]}"
        )
    return done.stdout


def catalog(api: str = "REST") -> dict[str, Any]:
    return dict(json.loads(tap("--discover", api=api)))


def sync(
    *objects: str, api: str = "REST", state: dict[str, Any] | None = None, full: bool = False
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """The records by object, and the last state, of a sync."""
    chosen = catalog(api)
    chosen["streams"] = [one for one in chosen["streams"] if one["stream"] in objects]
    assert len(chosen["streams"]) == len(objects)
    for stream in chosen["streams"]:
        (about,) = (one["metadata"] for one in stream["metadata"] if one["breadcrumb"] == [])
        about["selected"] = True
        if not full:
            about["replication-method"] = "INCREMENTAL"
            about["replication-key"] = about["valid-replication-keys"][0]
        else:
            about["replication-method"] = "FULL_TABLE"
    (HERE / "catalog.json").write_text(json.dumps(chosen), "utf-8")
    (HERE / "state.json").write_text(json.dumps(state or {}), "utf-8")
    text = tap("--properties", "catalog.json", "--state", "state.json", api=api)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in objects}
    last: dict[str, Any] = {}
    for line in text.splitlines():
        message = json.loads(line)
        if message["type"] == "RECORD":
            found[message["stream"]].append(message["record"])
        elif message["type"] == "STATE":
            last = message["value"]
    return found, last


def discover() -> None:
    streams = {one["stream"]: one for one in catalog()["streams"]}
    assert {"Account", "Contact", "Opportunity", "Trap__c"} <= streams.keys()
    fields = streams["Account"]["schema"]["properties"]
    assert fields["NumberOfEmployees"] == {"type": ["null", "integer"]}
    assert fields["AnnualRevenue"] == {"type": ["null", "number"]}
    assert {"Id", "Name", "BillingAddress"} <= fields.keys()


def _ids(sobject: str) -> set[str]:
    found: list[dict[str, Any]] = []
    answer = rest(f"queryAll?q=SELECT+Id+FROM+{sobject}")
    while True:
        found += answer["records"]
        if answer["done"]:
            return {row["Id"] for row in found}
        answer = rest(answer["nextRecordsUrl"].partition("/v60.0/")[2])


def _same_as_org(found: list[dict[str, Any]], sobject: str) -> None:
    ids = [row["Id"] for row in found]
    assert len(ids) == len(set(ids)), "a record came twice"
    assert set(ids) == _ids(sobject)


def full_by_rest() -> None:
    forget()
    found, _ = sync("Contact", full=True)
    _same_as_org(found["Contact"], "Contact")
    assert asked("GET", "/query") > 1


def traps_by_rest() -> None:
    found, _ = sync("Trap__c", full=True)
    by_id = {row["Id"]: row for row in found["Trap__c"]}
    wanted = rows("SELECT Id, Text__c, Number_18_8__c, Checkbox__c FROM Trap__c LIMIT 200")
    assert wanted
    for row in wanted:
        got = by_id[row["Id"]]
        assert (got["Text__c"], got["Checkbox__c"]) == (row["Text__c"], row["Checkbox__c"])
        assert got["Number_18_8__c"] == row["Number_18_8__c"]


def _incremental(api: str) -> None:
    first, state = sync("Account", api=api)
    _same_as_org(first["Account"], "Account")
    key = "SystemModstamp"
    stamp = state["bookmarks"]["Account"][key]
    newest = max(datetime.fromisoformat(row[key]) for row in first["Account"])
    assert datetime.fromisoformat(stamp) == newest
    made = rest("sobjects/Account", "POST", {"Name": "after the first sync"})["id"]
    second, _ = sync("Account", api=api, state=state)
    again = {row["Id"] for row in second["Account"]}
    assert made in again
    assert len(again) <= 1 + count("Account", f"{key} >= {stamp.replace('.000000', '')}")


def incremental_by_rest() -> None:
    _incremental("REST")


def several_by_rest() -> None:
    names = ("Account", "Contact", "Opportunity", "Lead", "Case", "Task", "User")
    found, state = sync(*names)
    for name in names:
        assert len(found[name]) == len(_ids(name)), name
    assert set(names) <= state["bookmarks"].keys()


def full_by_bulk() -> None:
    forget()
    found, _ = sync("Contact", api="BULK", full=True)
    _same_as_org(found["Contact"], "Contact")
    assert asked("POST", "/services/async/") > 0


def incremental_by_bulk() -> None:
    _incremental("BULK")


main(
    [
        Check("login by refresh token, discover", discover),
        Check("REST: full table", full_by_rest),
        Check("REST: difficult values", traps_by_rest),
        Check("REST: incremental", incremental_by_rest),
        Check("REST: several objects", several_by_rest),
        Check("Bulk 1.0: full table", full_by_bulk),
        Check("Bulk 1.0: incremental", incremental_by_bulk),
    ]
)
