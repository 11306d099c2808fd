"""Keys of a file joined with a million accounts of an org: keys pushed, or all fetched and merged.

    python -m benchmarks.key_join --rows 1000000

Keys are Ids, or external ids (texts, which Salesforce compares without case). For 500 and 5,000 of
them: rows fetched against rows that match, calls against the fewest that could hold the keys, and
the time against today's way: simple-salesforce's `query_all` into pandas, then `merge`. The org
lets each request for rows wait `--wait` milliseconds.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.served import Served, served_org

COLUMNS = ("Id", "Name", "Industry", "External_Id__c", "AnnualRevenue", "OwnerId", "CreatedDate")
KEY_COLUMNS = {"id": "Id", "ext": "External_Id__c"}
#: The server refuses an address with its headers from so many bytes on.
ADDRESS = 16_384
#: Bytes of the path, the token and the other headers that no client can leave out.
HEADERS = 450


def extract_and_merge(ready: dict[str, Any], keys: list[Path]) -> list[tuple[str, int, float]]:
    """Today's way: one extract, and a merge for each file of keys that is given its time too."""
    import pandas
    import requests
    from simple_salesforce import Salesforce

    session = requests.Session()
    session.verify, session.trust_env = ready["ca_file"], False  # a CA of the environment would win
    began = time.perf_counter()
    org = Salesforce(instance_url=ready["https"], session_id=ready["access_token"], session=session)
    records = org.query_all(f"SELECT {', '.join(COLUMNS)} FROM Account")["records"]
    frame = pandas.DataFrame(records).drop(columns="attributes")
    extracted = time.perf_counter() - began
    made = []
    for path in keys:
        began = time.perf_counter()
        column = path.stem.split("_")[0]
        found = pandas.read_parquet(path).merge(frame, left_on="key", right_on=KEY_COLUMNS[column])
        made.append((path.stem, len(found), extracted + time.perf_counter() - began))
    return made


def pushed(ready_file: Path, path: Path, served: Served) -> dict[str, Any]:
    """Our way, connecting included: seconds, rows found, rows fetched, calls."""
    import isthmus

    column = KEY_COLUMNS[path.stem.split("_")[0]]
    items = ", ".join(f"a.{name}" for name in COLUMNS)
    text = f"SELECT k.n, {items} FROM lake.{path.stem} k JOIN crm.Account a ON a.{column} = k.key"
    sources = {
        "crm": {"kind": "salesforce", "ready_file": str(ready_file)},
        "lake": {"kind": "files", "root": str(path.parent)},
    }
    start, began = served.logged, time.perf_counter()
    with isthmus.connect({"sources": sources}, time_zone="UTC") as con:
        rows = con.sql(text).arrow().num_rows
    seconds = time.perf_counter() - began
    sent = served.requests(start)
    return {
        "seconds": seconds,
        "rows": rows,
        "fetched": sum(r["rows"] or 0 for r in sent),
        "calls": len(sent),
    }


def fewest(column: str, keys: list[str]) -> int:
    """How many GETs hold the keys at the best: each address filled to the server's limit."""
    head = f"SELECT {','.join(COLUMNS)} FROM Account WHERE {column} IN ()"
    room = ADDRESS - HEADERS - len(quote(head, safe="(),'="))
    size = sum(len(quote(f"'{key}',", safe="(),'=")) for key in keys)
    pages = math.ceil(len(keys) / 2000)
    return max(math.ceil(size / room), pages)


def fewest_for(path: Path) -> int:
    """The same for a file of keys."""
    return fewest(KEY_COLUMNS[path.stem.split("_")[0]], pq.read_table(path)["key"].to_pylist())


def write_keys(folder: Path, rows: int) -> list[Path]:
    """Files of distinct keys that the org has; the ids are those of its demo."""
    from isthmus.localorg import ids

    paths, dice = [], Random(5)
    for count in (500, 5000):
        # Of the demo's accounts some are deleted: only rows that a query may see are matched.
        numbers = sorted(dice.sample(range(rows), min(count, rows // 2)))
        for column in KEY_COLUMNS:
            keys = [
                ids.make("001", n + 1) if column == "id" else f"ACC-{n + 1:06d}" for n in numbers
            ]
            path = folder / f"{column}_{count}.parquet"
            pq.write_table(pa.table({"key": keys, "n": range(len(keys))}), path)
            paths.append(path)
    return paths


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--wait", type=int, default=150, help="milliseconds a request")
    parser.add_argument("--extract", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.extract:
        ready, *keys = given.extract
        print(
            json.dumps(extract_and_merge(json.loads(Path(ready).read_text()), [*map(Path, keys)]))
        )
        return
    slow = f"slow-page:count=1000000,delay={given.wait / 1000}"
    with (
        tempfile.TemporaryDirectory() as temporary,
        served_org(given.rows / 1000, ["--fault", slow]) as served,
    ):
        keys = write_keys(Path(temporary), given.rows)
        pushed(served.ready_file, keys[0], served)  # the first query makes the org's table
        ours = {path.stem: pushed(served.ready_file, path, served) for path in keys}
        command = [sys.executable, "-m", "benchmarks.key_join", "--extract"]
        done = subprocess.run(
            [*command, str(served.ready_file), *map(str, keys)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        least = {path.stem: fewest_for(path) for path in keys}
        theirs = {stem: (rows, s) for stem, rows, s in json.loads(done.stdout.splitlines()[-1])}
    print("| keys | found | fetched / found | calls / fewest | s | extract and merge, s | times |")
    print("|---|---|---|---|---|---|---|")
    for path in keys:
        mine, (rows, seconds) = ours[path.stem], theirs[path.stem]
        assert mine["rows"] == rows, f"{path.stem}: {mine['rows']} rows, but {rows} by the merge"
        column, count = path.stem.split("_")
        print(
            f"| {count} by {KEY_COLUMNS[column]} | {rows} | {mine['fetched'] / max(rows, 1):.3f} "
            f"| {mine['calls']} / {least[path.stem]} | {mine['seconds']:.2f} | {seconds:.1f} "
            f"| x {seconds / mine['seconds']:.0f} |"
        )


if __name__ == "__main__":
    main()
