"""Is the local org ever the bottleneck? Rows it serves a second, against rows a client decodes.

    python benchmarks/serving.py

Served: a client fetches every page over TLS, inflates it and throws it away. Decoded: the
processor seconds that simple-salesforce's `query_all` itself takes for the same pages. On the
clock the org shares its cores with the client and whatever else runs; the processor seconds of
the org alone (Linux only) hardly depend on that.
"""

from __future__ import annotations

import json
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from full_scan import COLUMNS, SOQL, floor, local_org

ROUNDS = 5
PAGE = 2000


@dataclass(frozen=True)
class Served:
    """What one scan took for each row, in microseconds: on the clock, and of the org's time."""

    clock: float
    org: float


def decode(ready: dict[str, Any]) -> tuple[int, float]:
    """Rows, and this process's processor seconds for simple-salesforce to get them."""
    import requests
    from simple_salesforce import Salesforce

    session = requests.Session()
    session.verify, session.trust_env = ready["ca_file"], False  # a CA of the environment would win
    org = Salesforce(instance_url=ready["https"], session_id=ready["access_token"], session=session)
    before = resource.getrusage(resource.RUSAGE_SELF)
    rows = len(org.query_all(SOQL)["records"])
    after = resource.getrusage(resource.RUSAGE_SELF)
    return rows, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def served(ready: dict[str, Any], soql: str, times: int) -> Served:
    """Fetch and throw away all pages of a query, so many times."""
    began, busy = time.perf_counter(), processor_seconds(ready["pid"])
    rows = sum(floor(ready, soql) for _ in range(times))
    clock, org = time.perf_counter() - began, processor_seconds(ready["pid"]) - busy
    return Served(clock / rows * 1e6, org / rows * 1e6)


def processor_seconds(pid: int) -> float:
    """The processor time of a process so far; NaN where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    with local_org(100) as (ready_file, _):
        ready = json.loads(Path(ready_file).read_text())
        floor(ready)  # the first scan makes the table
        first, again, decoded = [], [], []
        for turn in range(1, ROUNDS + 1):
            # The org keeps what it rendered, by columns and rows: another order is rendered anew.
            turned = (*COLUMNS[turn:], *COLUMNS[:turn])
            rows, seconds = decode(ready)
            decoded.append(seconds / rows * 1e6)
            first.append(served(ready, f"SELECT {', '.join(turned)} FROM Opportunity", 1))
            again.append(served(ready, SOQL, 5))
    base = median(decoded)
    print(f"simple-salesforce decodes a row in {base:.1f} us of processor time; the org serves one")
    print("| a query asked | on the clock | its own processor time | latency of a page |")
    print("|---|---|---|---|")
    for name, taken in (("for the first time", first), ("again: its pages are kept", again)):
        clock, org = median(s.clock for s in taken), median(s.org for s in taken)
        print(
            f"| {name} | x {base / clock:.1f} | x {base / org:.1f} ({org:.2f} us a row) "
            f"| {clock * PAGE / 1000:.1f} ms |"
        )


if __name__ == "__main__":
    main()
