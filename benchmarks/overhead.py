"""What a query costs beside its rows: planning over a source of one row, explaining, importing.

    python -m benchmarks.overhead

Medians, on the clock and of the processor. The source is a Parquet file of one row; the query
filters, so that every stage from text to answer has something to do.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

QUERY = "SELECT o.id, o.name FROM lake.one o WHERE o.id > 0 AND o.name LIKE 'A%'"
_IMPORT = """
import json, sys, time
began = time.perf_counter()
import isthmus
first = time.perf_counter() - began
isthmus.connect  # what is imported when it is first needed
print(json.dumps([first, time.perf_counter() - began, "pandas" in sys.modules]))
"""


def timed(work: Callable[[], object], times: int) -> tuple[float, float]:
    """Median milliseconds on the clock, and mean ones of the processor, after a warm-up."""
    for _ in range(5):
        work()
    clock, used = [], time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        work()
        clock.append(time.perf_counter() - began)
    return 1000 * median(clock), 1000 * (time.process_time() - used) / times


def imported(times: int) -> tuple[float, float, bool]:
    """Median seconds to import isthmus, and to have `connect` too; whether pandas came along."""
    found = []
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout))
    first, ready, pandas = zip(*found, strict=True)
    return median(first), median(ready), any(pandas)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    given = parser.parse_args()
    first, ready, pandas = imported(5)
    import isthmus

    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(pa.table({"id": [1], "name": ["Acme"]}), Path(folder, "one.parquet"))
        sources = {"lake": {"kind": "files", "root": folder}}
        with isthmus.connect({"sources": sources}, time_zone="UTC") as con:
            assert con.sql(QUERY).fetchall() == [(1, "Acme")]
            asked = timed(lambda: con.sql(QUERY).arrow(), given.times)
            explained = timed(lambda: str(con.explain(QUERY)), given.times)
    print("| | on the clock | of the processor |\n|---|---|---|")
    print(f"| a query over one row | {asked[0]:.1f} ms | {asked[1]:.1f} ms |")
    print(f"| EXPLAIN of it | {explained[0]:.1f} ms | {explained[1]:.1f} ms |")
    print(f"| import isthmus {'WITH' if pandas else 'without'} pandas | {first:.2f} s | |")
    print(f"| the same with `isthmus.connect` in hand | {ready:.2f} s | |")


if __name__ == "__main__":
    main()
