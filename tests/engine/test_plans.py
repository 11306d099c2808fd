"""Golden plans: what is sent to the org and to the files for a query, with every promise.

Each file of `plans/` holds cases: a title line (``# ...``), the query, a blank line, the plan.
``UPDATE_PLANS=1 pytest tests/engine/test_plans.py`` rewrites the plans; review the diff as code.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import isthmus
from isthmus.engine.connection import Connection
from isthmus.engine.plan import Plan
from isthmus.localorg import LocalOrg

FOLDER = Path(__file__).with_name("plans")
CASE = re.compile(
    r"^# (?P<title>[^\n]+)\n(?P<query>.+?)\n\n(?P<plan>.+?)\n(?:\n+(?=# )|\Z)", re.M | re.S
)


def cases(file: Path) -> list[tuple[str, str, str]]:
    return [(m["title"], m["query"], m["plan"]) for m in CASE.finditer(file.read_text())]


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=5, seed=7, now=datetime(2026, 6, 15, 12, tzinfo=UTC)) as org:
        yield org


@pytest.fixture(scope="module")
def con(org: LocalOrg, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    root = tmp_path_factory.mktemp("lake")
    ready_file = tmp_path_factory.mktemp("org") / "ready.json"
    ready_file.write_text(json.dumps(org.ready))
    for year in (2024, 2025):
        folder = root / "orders" / f"year={year}"
        folder.mkdir(parents=True)
        table = pa.table({"account": ["ACC-000001", "ACC-000002"], "total": [1.5, 2.5]})
        pq.write_table(table, folder / "part.parquet")
    project = {
        "sources": {
            "crm": {"kind": "salesforce", "ready_file": str(ready_file)},
            "lake": {"kind": "files", "root": str(root)},
        },
        "views": {
            "sql": {"open_deals": "SELECT Id, Name, Amount FROM Opportunity WHERE NOT IsClosed"}
        },
    }
    with isthmus.connect(project, time_zone="UTC") as con:
        yield con


def rendered(con: Connection, query: str) -> str:
    lines = str(con.explain(query)).split("\n")
    # Predictions depend on the amount of demo data; the bill has tests of its own.
    return "\n".join(line for line in lines if "predicted:" not in line)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.txt")), ids=lambda f: f.stem)
def test_plans(file: Path, con: Connection) -> None:
    found = [(title, query, rendered(con, query)) for title, query, _ in cases(file)]
    if os.environ.get("UPDATE_PLANS"):
        file.write_text("\n\n".join(f"# {t}\n{q}\n\n{p}" for t, q, p in found) + "\n")
    assert found == cases(file)


def test_what_explain_shows_is_what_the_org_gets(con: Connection, org: LocalOrg) -> None:
    for file in sorted(FOLDER.glob("*.txt")):
        for title, query, _ in cases(file):
            plan = con.explain(query)
            assert isinstance(plan, Plan)
            start = len(org.requests())
            with con.sql(query) as result:
                result.arrow()
                ran = result.plan
            sent = [r["soql"] for r in org.requests()[start:] if r.get("soql")]
            assert sorted(sent) == sorted(texts(ran)), f"{file.stem}: {title}"
            if not any(s.keys for s in plan.scans):  # keys show at run time only
                assert texts(plan) == texts(ran), f"{file.stem}: {title}"


def test_pushed_keys_are_told_by_the_names_that_are_sent(con: Connection) -> None:
    found = set[str]()
    for _, query, plan in cases(FOLDER / "keys.txt"):
        told = re.findall(r"push_keys: (\S+) IN \(the keys", plan)
        with con.sql(query) as result:
            result.arrow()
            sent = "\n".join(texts(result.plan))
        used = [scan for scan in result.plan.scans if scan.keys and " IN (" in scan.fragment.text]
        for name in told if len(used) == len(told) else ():
            assert re.search(rf"(WHERE|AND) {re.escape(name)} (IN \(|= )", sent), sent
            found.add(name)
    assert {"Account.AccountNumber", "Account.Owner.LastName", "LastName"} <= found


def test_a_dot_in_a_column_s_name_is_no_path(tmp_path: Path) -> None:
    keys = pa.array(map(str, range(200_000)))
    big = pa.table({"a.b": keys, "v": keys})
    pq.write_table(big, tmp_path / "big.parquet", row_group_size=1_000)
    pq.write_table(pa.table({"k": ["5"]}), tmp_path / "small.parquet")
    with isthmus.connect({"sources": {"lake": {"kind": "files", "root": str(tmp_path)}}}) as con:
        query = 'SELECT v FROM lake.big b JOIN lake.small s ON s.k = b."a.b"'
        assert "push_keys: a.b IN (the keys of lake.small.k)" in str(con.explain(query))
        assert con.sql(query).fetchall() == [("5",)]


def texts(plan: Plan) -> list[str]:
    return [
        text
        for s in plan.scans
        if s.fragment.source == "crm" and s.fed is None
        for text in s.fragment.statements or (s.fragment.text,)
        if text.startswith("SELECT")
    ]
