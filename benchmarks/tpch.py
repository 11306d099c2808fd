"""TPC-H, three of its tables in an org: are the answers DuckDB's, and what do they cost?

    python -m benchmarks.tpch --scale 0.1

`customer`, `orders` and `nation` are custom objects of a local org, the rest is Parquet. Each of
the 22 answers is compared with native DuckDB over the files; the calls and rows that it took are
set against a full extract of the tables that it names.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path

import duckdb

import isthmus
from isthmus.connectors.contract import Bill
from tests.tpch.org import LAKE, OBJECTS, generate, open_org, project, trimmed
from tests.tpch.test_tpch import QUERIES, same


def extracts(con: isthmus.Connection) -> dict[str, Bill]:
    """What it costs to read each of the three tables whole."""
    bills = {}
    for table in OBJECTS:
        with con.sql(f"SELECT * FROM {table}") as result:
            for _ in result.reader():
                pass
            bills[table] = result.bill.actual
    return bills


def of_org(result: isthmus.Result) -> Bill:
    """The part of the bill that the org had."""
    return sum((b.actual for b in result.bill.fragments if b.fragment.source == "crm"), Bill())


def predicted(result: isthmus.Result) -> int:
    """The calls to the org that were predicted."""
    return sum(s.fragment.estimate.calls for s in result.plan.scans if s.fragment.source == "crm")


def main() -> int:
    """Print the table; returns 1 if an answer differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", default="0.1")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root, folder, lake = (Path(temporary, name) for name in ("tpch", "org", "lake"))
        folder.mkdir()
        lake.mkdir()
        generate(root, given.scale)
        for table in LAKE:
            (root / f"{table}.parquet").rename(lake / f"{table}.parquet")
        with open_org(root, folder) as org, isthmus.connect(project(org, lake)) as con:
            return compare(con, root, lake)


def compare(con: isthmus.Connection, root: Path, lake: Path) -> int:
    whole = extracts(con)
    native = duckdb.connect()
    for table, sql in trimmed(root).items():
        native.execute(f"CREATE TABLE {table} AS {sql}")
    for table in LAKE:
        native.execute(f"CREATE VIEW {table} AS FROM '{lake / table}.parquet'")
    print("| query | calls | predicted | full extract | rows | full extract | seconds | equal |")
    print("|---|---|---|---|---|---|---|---|")
    equal, calls, rows, all_calls, all_rows = 0, 0, 0, 0, 0
    for query in QUERIES:
        text = query.read_text()
        expected = predicted(con.sql(text))
        began = time.perf_counter()
        with con.sql(text) as result:
            found = result.arrow()
            bill = of_org(result)
        seconds = time.perf_counter() - began
        right = same(found, native.sql(text).to_arrow_table())
        needed = [whole[t] for t in OBJECTS if re.search(rf"\b{t}\b", text)]
        full = sum(needed, Bill())
        equal, calls, rows = equal + right, calls + bill.calls, rows + bill.rows
        all_calls, all_rows = all_calls + full.calls, all_rows + full.rows
        print(
            f"| {query.stem} | {bill.calls} | {expected} | {full.calls} | {bill.rows:,} "
            f"| {full.rows:,} | {seconds:.2f} | {'yes' if right else 'NO'} |",
            flush=True,
        )
    print(f"| all | {calls} | | {all_calls} | {rows:,} | {all_rows:,} | | {equal} of 22 |")
    return 0 if equal == len(QUERIES) else 1


if __name__ == "__main__":
    sys.exit(main())
