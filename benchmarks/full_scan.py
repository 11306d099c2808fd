"""A full scan of Opportunity: today's way, ours, and the floor, side by side in one run.

    python benchmarks/full_scan.py --rows 100000 1000000
    python benchmarks/full_scan.py --rows 1000000 --latency 150 --contenders baseline ours chains
    python benchmarks/full_scan.py --rows 1000000 --contenders baseline results their_results
    python benchmarks/full_scan.py --rows 1000000 5000000 --contenders ours --runs 1

Each contender is a process of its own against one local org (a third process). The baseline is
simple-salesforce's `query_all` into a pandas DataFrame; the floor fetches the same pages over
the same connection and decodes nothing; chains are eight ranges of Ids read side by side. Figures
are ratios to the first contender. With a latency, the org waits so many milliseconds before it
answers a query or gives a page. `bulk` and `their_bulk` include the job's own time and the waits
between looks at it; `results` and `their_results` read a job that is complete. Five million rows
are for the peak of memory: no baseline fits.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

COLUMNS = (
    *("Id", "Name", "AccountId", "StageName", "Amount", "Probability", "CloseDate"),
    *("IsClosed", "IsWon", "OwnerId", "CreatedDate", "SystemModstamp"),
)
SOQL = f"SELECT {', '.join(COLUMNS)} FROM Opportunity"
CHAINS = 8
ROWS_PER_SCALE = 980  # of 1,000, the demo has deleted 20


def baseline(ready: dict[str, Any]) -> int:
    import pandas
    import requests
    from simple_salesforce import Salesforce

    session = requests.Session()
    session.verify, session.trust_env = ready["ca_file"], False  # a CA of the environment would win
    org = Salesforce(instance_url=ready["https"], session_id=ready["access_token"], session=session)
    records = org.query_all(SOQL)["records"]
    frame = pandas.DataFrame(records).drop(columns="attributes")
    return len(frame)


def ours(ready: dict[str, Any], hint: str = "rest", **settings: Any) -> int:
    import isthmus

    source = {"kind": "salesforce", "ready_file": ready["ready_file"], **settings}
    sql = f"SELECT /*+ {hint} */ {', '.join(COLUMNS)} FROM crm.Opportunity"
    rows = 0
    with isthmus.connect({"sources": {"crm": source}}, time_zone="UTC") as con:
        for batch in con.sql(sql).reader():
            rows += batch.num_rows
    return rows


def chains(ready: dict[str, Any]) -> int:
    return ours(ready, "parallel", concurrency=CHAINS)


def bulk(ready: dict[str, Any]) -> int:
    return ours(ready, "bulk")


def their_bulk(ready: dict[str, Any]) -> int:
    """simple-salesforce's own reader of Bulk jobs, not waiting longer than ours, into pandas."""
    import io

    import pandas
    import requests
    from simple_salesforce import Salesforce

    session = requests.Session()
    session.verify, session.trust_env = ready["ca_file"], False
    org = Salesforce(instance_url=ready["https"], session_id=ready["access_token"], session=session)
    pages = org.bulk2.Opportunity.query(SOQL, wait=0)
    frames = [pandas.read_csv(io.StringIO(str(page))) for page in pages]
    return sum(len(frame) for frame in frames)


def results(ready: dict[str, Any]) -> Callable[[], int]:
    """The results of a job that is complete, read by ours."""
    from isthmus.connectors.contract import ReadContext, ScanRequest
    from isthmus.connectors.salesforce import Salesforce

    org = Salesforce("crm", {"kind": "salesforce", "ready_file": ready["ready_file"]})
    table = org.describe("Opportunity")
    assert table is not None
    fragment = org.plan(ScanRequest(table, COLUMNS, options=frozenset({"bulk"})))
    job = _complete_job(ready, fragment.text)
    batches = org.resume(fragment, job, ReadContext())
    return lambda: sum(batch.num_rows for batch in batches)


def their_results(ready: dict[str, Any]) -> Callable[[], int]:
    """The results of a job that is complete, read by simple-salesforce and pandas."""
    import io

    import pandas
    import requests
    from simple_salesforce import Salesforce

    session = requests.Session()
    session.verify, session.trust_env = ready["ca_file"], False
    org = Salesforce(instance_url=ready["https"], session_id=ready["access_token"], session=session)
    job, client = _complete_job(ready, SOQL, org.sf_version), org.bulk2.Opportunity._client

    def read() -> int:
        rows, locator = 0, ""
        while True:
            page = client.get_query_results(job, locator, 50_000)
            rows += len(pandas.read_csv(io.StringIO(page["records"])))
            locator = page["locator"]
            if not locator:
                return rows

    return read


def _complete_job(ready: dict[str, Any], soql: str, version: str = "62.0") -> str:
    """The id of a job whose results are there."""
    import urllib3

    pool = urllib3.PoolManager(ca_certs=ready["ca_file"])
    headers = {"Authorization": f"Bearer {ready['access_token']}"}
    root = f"{ready['https']}/services/data/v{version}/jobs/query"
    asked = {"operation": "query", "query": soql}
    job = pool.request("POST", root, json=asked, headers=headers).json()["id"]
    while pool.request("GET", f"{root}/{job}", headers=headers).json()["state"] != "JobComplete":
        time.sleep(0.1)
    return str(job)


def floor(ready: dict[str, Any], soql: str = SOQL) -> int:
    import urllib3

    pool = urllib3.PoolManager(ca_certs=ready["ca_file"])
    headers = {"Authorization": f"Bearer {ready['access_token']}", "Accept-Encoding": "gzip"}
    path = "/services/data/v62.0/query?" + urllib.parse.urlencode({"q": soql})
    total = 0
    while path:
        body = pool.request("GET", ready["https"] + path, headers=headers).data
        head = body[: body.find(b'"records"')]
        tail = body[body.rfind(b"]") :]
        total = int(_after(head, b'"totalSize":') or total)
        found = _after(head, b'"nextRecordsUrl":"') or _after(tail, b'"nextRecordsUrl":"')
        path = found.decode() if found else ""
    return total


def _after(text: bytes, key: bytes) -> bytes | None:
    at = text.find(key)
    if at < 0:
        return None
    rest = text[at + len(key) :]
    end = min(i for i in (rest.find(b","), rest.find(b'"'), rest.find(b"}")) if i >= 0)
    return rest[:end]


CONTENDERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "baseline": baseline,
    "ours": ours,
    "chains": chains,
    "bulk": bulk,
    "their_bulk": their_bulk,
    "results": results,
    "their_results": their_results,
    "floor": floor,
}
#: They prepare what is not compared, and give what is.
PREPARED = ("results", "their_results")
OURS = (
    *("duckdb", "pyarrow.json", "pyarrow.csv", "simple_salesforce", "isthmus.engine.connection"),
    "isthmus.connectors.salesforce.connector",
)

IMPORTS: dict[str, tuple[str, ...]] = {
    "baseline": ("pandas", "requests", "simple_salesforce"),
    "ours": OURS,
    "chains": OURS,
    "bulk": OURS,
    "their_bulk": ("pandas", "requests", "simple_salesforce"),
    "results": OURS,
    "their_results": ("pandas", "requests", "simple_salesforce"),
    "floor": ("urllib3",),
}


def contend(name: str, ready_file: str) -> None:
    """Run one contender in this process and print its figures as JSON."""
    ready = json.loads(Path(ready_file).read_text()) | {"ready_file": ready_file}
    for module in IMPORTS[name]:  # imports are not what is compared
        import_module(module)
    contender = CONTENDERS[name]
    read = contender(ready) if name in PREPARED else partial(contender, ready)
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    rows = read()
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        json.dumps(
            {
                "rows": rows,
                "seconds": seconds,
                "cpu": cpu,
                "peak_mb": (after.ru_maxrss - before.ru_maxrss) / 1024,
            }
        )
    )


@contextmanager
def local_org(scale: int, latency: int = 0) -> Iterator[tuple[str, Path]]:
    """A local org as a program; yields its ready file and its request log.

    Args:
        scale: of the demo's data.
        latency: milliseconds that it waits before each answer to a query.
    """
    with tempfile.TemporaryDirectory() as folder:
        ready, log = Path(folder, "ready.json"), Path(folder, "requests.jsonl")
        command = [sys.executable, "-m", "isthmus.localorg", "serve", "--scale", str(scale)]
        command += ["--http", "127.0.0.1:0", "--https", "127.0.0.1:0"]
        command += ["--ready-file", str(ready), "--request-log", str(log)]
        if latency:
            command += ["--fault", f"slow-page:count=0,delay={latency / 1000}"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 120
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the local org did not start")
                time.sleep(0.05)
            yield str(ready), log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def measured(name: str, ready: str, log: Path) -> dict[str, Any]:
    """One contender in a process of its own, with its calls and bytes from the request log."""
    start = log.stat().st_size if log.exists() else 0
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, __file__, "--contend", name, "--ready", ready],
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    with log.open("rb") as lines:
        lines.seek(start)
        requests = [json.loads(line) for line in lines]
    data = [r for r in requests if "/query" in r["path"]]
    figures["calls"], figures["bytes"] = len(data), sum(r["bytes"] for r in data)
    return figures


def table(rows: int, runs: int, contenders: list[str], latency: int) -> str:
    """Ratios at one size, as a Markdown table; medians of so many alternating runs."""
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    with local_org(max(rows // ROWS_PER_SCALE, 1), latency) as (ready, log):
        for _ in range(runs):
            for name in contenders:
                taken[name].append(measured(name, ready, log))
    middle = {
        name: {key: sorted(f[key] for f in figures)[len(figures) // 2] for key in figures[0]}
        for name, figures in taken.items()
    }
    counts = {m["rows"] for m in middle.values()}
    if len(counts) != 1:
        raise RuntimeError(f"the contenders disagree on the number of rows: {counts}")
    wait = f", {latency} ms a request" if latency else ""
    lines = [
        f"{counts.pop():,} rows x {len(COLUMNS)} columns{wait}, median of {runs}",
        "",
        "| | rows/s | CPU | peak memory over start | calls | bytes on the wire |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(
        [*lines, *(_line(name, m, middle[contenders[0]]) for name, m in middle.items())]
    )


def _line(name: str, m: dict[str, Any], base: dict[str, Any]) -> str:
    speed = (m["rows"] / m["seconds"]) / (base["rows"] / base["seconds"])
    return (
        f"| {name} | x {speed:.1f} | x {m['cpu'] / base['cpu']:.2f} "
        f"| x {m['peak_mb'] / base['peak_mb']:.2f} ({m['peak_mb']:.0f} MB) "
        f"| {m['calls']} | x {m['bytes'] / base['bytes']:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--latency", type=int, default=0, help="milliseconds before each answer")
    parser.add_argument(
        "--contenders",
        nargs="+",
        choices=sorted(CONTENDERS),
        default=["baseline", "ours", "floor"],
        help="the first is what the others are compared with",
    )
    parser.add_argument("--contend", choices=sorted(CONTENDERS), help=argparse.SUPPRESS)
    parser.add_argument("--ready", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contend:
        contend(options.contend, options.ready)
        return
    for rows in options.rows:
        found = table(rows, options.runs, options.contenders, options.latency)
        print(found, end="\n\n", flush=True)


if __name__ == "__main__":
    main()
