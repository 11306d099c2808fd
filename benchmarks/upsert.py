"""An upsert by external id, half of its records there before: ours, simple-salesforce's, the floor.

    python -m benchmarks.upsert --rows 100000 --runs 3

Rows come from a Parquet file. *Ours* is `con.write`, with a state folder, and gives an outcome for
each row. *bulk2* is simple-salesforce's `sf.bulk2.Account.upsert` and its files of results, *bulk1*
its `sf.bulk.Account.upsert`, both from the records of a pandas DataFrame. The floor sends a CSV
that is ready, and reads no outcome. Each run is a process of its own against an org of its own
that ends a job before the first look at it (`--bulk-polls 0`): how long clients wait between looks
is not compared. Calls are all API calls, describes included; what the org holds is checked.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.contest import contended, measured, medians, session_of
from benchmarks.served import Served, served_org

KEY = "External_Id__c"
INDUSTRIES = ("Energy", "Banking", "Media", "Retail")
VERSION = "v62.0"


def rows_of(count: int) -> dict[str, list[Any]]:
    """The columns of the input."""
    numbers = range(count)
    return {
        KEY: [f"UPSERT-{n:07d}" for n in numbers],
        "Name": [f"New name of {n}" for n in numbers],
        "Industry": [INDUSTRIES[n % len(INDUSTRIES)] for n in numbers],
        "AnnualRevenue": [n * 10.25 for n in numbers],
        "NumberOfEmployees": [n % 5_000 for n in numbers],
        "Phone": [f"+49 30 {n:07d}" for n in numbers],
        "Website": [f"https://{n}.example.com" for n in numbers],
        "BillingCity": [f"City, {n % 997}" for n in numbers],
    }


def ours(ready: dict[str, Any], data: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    import isthmus

    source = {"kind": "salesforce", "ready_file": ready["ready_file"]}
    with (
        tempfile.TemporaryDirectory() as state,
        isthmus.connect(
            {"sources": {"crm": source}}, state=state, allow_writes=["crm.Account"]
        ) as con,
    ):
        done = con.write("crm.Account", pq.read_table(data), mode="upsert", key=KEY)
        return {"rows": done.succeeded, "created": done.created}


def bulk2(ready: dict[str, Any], data: Path) -> dict[str, Any]:
    import pandas
    from simple_salesforce import Salesforce

    org = Salesforce(
        instance_url=ready["https"], session_id=ready["access_token"], session=session_of(ready)
    )
    accounts = org.bulk2.Account
    records = pandas.read_parquet(data).to_dict("records")
    told = accounts.upsert(records=records, external_id_field=KEY, wait=0)
    texts = [accounts.get_successful_records(one["job_id"]) for one in told]
    found = pandas.concat([pandas.read_csv(io.StringIO(text)) for text in texts])
    return {"rows": len(found), "created": int(found["sf__Created"].sum())}


def bulk1(ready: dict[str, Any], data: Path) -> dict[str, Any]:
    import pandas
    from simple_salesforce import Salesforce

    org = Salesforce(
        instance_url=ready["https"], session_id=ready["access_token"], session=session_of(ready)
    )
    records = pandas.read_parquet(data).to_dict("records")
    told = org.bulk.Account.upsert(records, KEY)
    return {
        "rows": sum(one["success"] for one in told),
        "created": sum(one["created"] for one in told),
    }


def floor(ready: dict[str, Any], data: Path) -> dict[str, Any]:
    info = loaded(ready, data.with_suffix(".csv").read_bytes())
    good = info["numberRecordsProcessed"] - info["numberRecordsFailed"]
    return {"rows": good, "created": good // 2}


def loaded(ready: dict[str, Any], document: bytes) -> dict[str, Any]:
    """What the org says of a job that has upserted a CSV."""
    import urllib3

    pool = urllib3.PoolManager(ca_certs=ready["ca_file"])
    headers = {"Authorization": f"Bearer {ready['access_token']}"}
    root = f"{ready['https']}/services/data/{VERSION}/jobs/ingest"
    asked = {"object": "Account", "operation": "upsert", "externalIdFieldName": KEY}
    place = f"{root}/{pool.request('POST', root, json=asked, headers=headers).json()['id']}"
    as_csv = headers | {"Content-Type": "text/csv"}
    pool.request("PUT", f"{place}/batches", body=document, headers=as_csv)
    pool.request("PATCH", place, json={"state": "UploadComplete"}, headers=headers)
    while True:
        info: dict[str, Any] = pool.request("GET", place, headers=headers).json()
        if info["state"] in ("JobComplete", "Failed", "Aborted"):
            return info
        time.sleep(0.5)


def count(ready: dict[str, Any], condition: str) -> int:
    """How many accounts the org has, by its own word."""
    import urllib3

    soql = quote(f"SELECT COUNT() FROM Account WHERE {condition}")
    answer = urllib3.PoolManager(ca_certs=ready["ca_file"]).request(
        "GET",
        f"{ready['https']}/services/data/{VERSION}/query?q={soql}",
        headers={"Authorization": f"Bearer {ready['access_token']}"},
    )
    return int(answer.json()["totalSize"])


THEIRS = ("pandas", "pyarrow.parquet", "requests", "simple_salesforce")
CONTENDERS: dict[str, tuple[Callable[..., dict[str, Any]], tuple[str, ...]]] = {
    "bulk2": (bulk2, THEIRS),
    "bulk1": (bulk1, THEIRS),
    "ours": (
        ours,
        (
            *("duckdb", "pandas", "pyarrow.dataset", "pyarrow.parquet", "simple_salesforce"),
            "isthmus.engine.connection",
            *("isthmus.connectors.salesforce.connector", "isthmus.engine.writes.room"),
            "isthmus.connectors.salesforce.writing.writer",
        ),
    ),
    "floor": (floor, ("urllib3",)),
}


def write_input(folder: Path, rows: int) -> tuple[Path, bytes]:
    """A Parquet file and a CSV beside it; gives the first and what the org is to hold before."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = rows_of(rows)
    path = folder / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    path.with_suffix(".csv").write_bytes(_csv(list(columns), zip(*columns.values(), strict=True)))
    before = ((key, "Old name") for key in columns[KEY][: rows // 2])
    return path, _csv([KEY, "Name"], before)


def _csv(header: list[str], lines: Any) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue().encode()


def run(name: str, rows: int, data: Path, before: bytes) -> dict[str, Any]:
    """One run of a contender against a new org.

    Raises:
        RuntimeError: the org does not hold what it should afterwards.
    """
    with served_org(0, ("--bulk-polls", "0")) as served:
        loaded(served.ready, before)
        arguments = ("--contend", name, "--ready", str(served.ready_file), "--data", str(data))
        figures = measured("benchmarks.upsert", arguments, served)
        _check(name, rows, figures, served)
    return figures


def _check(name: str, rows: int, figures: dict[str, Any], served: Served) -> None:
    new = count(served.ready, "Name LIKE 'New name of %'")
    all_of_them = count(served.ready, f"{KEY} LIKE 'UPSERT-%'")
    if {figures["rows"], new, all_of_them} != {rows} or figures["created"] != rows - rows // 2:
        raise RuntimeError(f"{name}: {figures}; the org has {all_of_them}, of which {new} are new")


def table(taken: dict[str, list[dict[str, Any]]], rows: int, runs: int) -> str:
    """The medians, and their ratios to the first contender's, as a Markdown table."""
    middle = {name: medians(figures) for name, figures in taken.items()}
    base = middle[next(iter(middle))]
    lines = [
        f"{rows:,} rows x {len(rows_of(0))} columns, median of {runs}",
        "",
        "| | s | CPU s | peak memory over start | calls | MB sent | MB received |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, m in middle.items():
        lines.append(
            f"| {name} | {m['seconds']:.1f} (x {m['seconds'] / base['seconds']:.2f}) "
            f"| {m['cpu']:.1f} (x {m['cpu'] / base['cpu']:.2f}) "
            f"| {m['peak_mb']:.0f} MB (x {m['peak_mb'] / base['peak_mb']:.2f}) "
            f"| {m['calls']} | {m['sent'] / 1e6:.1f} | {m['received'] / 1e6:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=sorted(CONTENDERS),
        default=list(CONTENDERS),
        help="the first is what the others are compared with",
    )
    parser.add_argument("--contend", choices=sorted(CONTENDERS), help=argparse.SUPPRESS)
    parser.add_argument("--ready", help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contend:
        ready = json.loads(Path(options.ready).read_text()) | {"ready_file": options.ready}
        contender, modules = CONTENDERS[options.contend]
        contended(partial(contender, ready, Path(options.data)), modules)
        return
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in options.contenders}
    with tempfile.TemporaryDirectory() as folder:
        data, before = write_input(Path(folder), options.rows)
        for _ in range(options.runs):
            for name in options.contenders:
                taken[name].append(run(name, options.rows, data, before))
    print(table(taken, options.rows, options.runs))


if __name__ == "__main__":
    main()
