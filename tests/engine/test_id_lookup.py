"""Keys of a file that are Ids: the rows come by a retrieve, and are those of DuckDB's own join."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import isthmus
from isthmus.engine.connection import Connection
from isthmus.localorg import LocalOrg
from isthmus.localorg.ids import make


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=5, seed=7) as org:
        yield org


@pytest.fixture(scope="module")
def con(org: LocalOrg, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    root = tmp_path_factory.mktemp("lake")
    (root / "org.json").write_text(json.dumps(org.ready))
    crm = {"kind": "salesforce", "ready_file": str(root / "org.json")}
    lake = {"kind": "files", "root": str(root)}
    with isthmus.connect({"sources": {"crm": crm, "lake": lake}}) as con:
        there = con.sql("SELECT Id FROM crm.Contact").arrow().column("Id").to_pylist()[::9]
        ids = [*there, *(make("003", n) for n in range(10**6, 10**6 + 900)), "nonsense", None]
        pq.write_table(pa.table({"id": ids, "n": range(len(ids))}), root / "picked.parquet")
        yield con


def rows(con: Connection, sql: str) -> tuple[list[tuple[object, ...]], str, int]:
    with con.sql(sql) as result:
        found = result.arrow()
        scan = next(s for s in result.plan.scans if s.fragment.source == "crm")
        calls = sum(b.actual.calls for b in result.bill.fragments if b.fragment.source == "crm")
        return (
            sorted(map(tuple, map(dict.values, found.to_pylist()))),
            (scan.fragment.access_path),
            calls,
        )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT c.Id, p.n FROM lake.picked p JOIN crm.Contact c ON c.Id = p.id",
        "SELECT Id, Email FROM crm.Contact WHERE Id IN (SELECT id FROM lake.picked)",
        "SELECT p.n, c.LastName FROM lake.picked p LEFT JOIN crm.Contact c ON c.Id = p.id "
        "AND c.Email IS NOT NULL AND c.LastName < 'M' WHERE p.n < 3000",
    ],
)
def test_a_thousand_ids_of_a_file_are_one_call(org: LocalOrg, con: Connection, sql: str) -> None:
    picked = f"WITH one AS MATERIALIZED (SELECT * FROM crm.Contact /*+ rest */) {sql}"
    whole = picked.replace("crm.Contact c", "one c").replace(
        "FROM crm.Contact WHERE", "FROM one WHERE"
    )
    org.clear_requests()
    found, path, calls = rows(con, sql)
    assert path == "Id lookup" and calls == 1
    posted = [e for e in org.requests() if e["method"] == "POST"]
    assert [e["path"].split("/", 4)[4] for e in posted] == ["composite/sobjects/Contact"]
    assert found == rows(con, whole)[0] and found


def test_a_query_that_says_so_keeps_to_pages(con: Connection) -> None:
    sql = "SELECT Id FROM crm.Contact /*+ rest */ WHERE Id IN (SELECT id FROM lake.picked)"
    _, path, calls = rows(con, sql)
    assert path == "REST query" and calls > 1
