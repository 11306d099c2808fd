"""Is the local org ever the bottleneck? Rows it serves a second, against rows a client decodes.

    python benchmarks/serving.py

Served: a client fetches every page over TLS and throws it away (seconds on the clock). Decoded:
the processor seconds that simple-salesforce's `query_all` itself takes for the same pages.
"""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Any

from full_scan import COLUMNS, SOQL, floor, local_org


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


def main() -> None:
    with local_org(100) as (ready_file, _):
        ready = json.loads(Path(ready_file).read_text())
        floor(ready)  # the first scan makes the table
        first, again = [], []
        for turn in range(1, 4):
            # The org keeps what it rendered, by columns and rows: another order is rendered anew.
            turned = (*COLUMNS[turn:], *COLUMNS[:turn])
            unseen = f"SELECT {', '.join(turned)} FROM Opportunity"
            rows, seconds = decode(ready)
            for soql, ratios in ((unseen, first), (SOQL, again)):
                began = time.perf_counter()
                served = floor(ready, soql) / (time.perf_counter() - began)
                ratios.append(served / (rows / seconds))
    print("rows served per row that simple-salesforce can decode, median of 3:")
    print(f"  a query asked for the first time: x {sorted(first)[1]:.1f}")
    print(f"  a query asked again (its pages are kept): x {sorted(again)[1]:.1f}")


if __name__ == "__main__":
    main()
