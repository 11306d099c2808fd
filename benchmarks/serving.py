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

from full_scan import SOQL, floor, local_org


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
        ratios = []
        for _ in range(3):
            began = time.perf_counter()
            served = floor(ready) / (time.perf_counter() - began)
            rows, seconds = decode(ready)
            ratios.append(served / (rows / seconds))
    print(f"rows served per row that simple-salesforce can decode: x {sorted(ratios)[1]:.1f}")


if __name__ == "__main__":
    main()
