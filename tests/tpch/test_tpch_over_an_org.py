"""All 22 queries of TPC-H with three tables in an org: equal to native DuckDB over the files.

`python -m benchmarks.tpch` asks the same at scale 0.1, and compares with a full extract.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import isthmus
from isthmus.localorg import LocalOrg
from tests.differential.planlog import PlanLog
from tests.tpch.org import LAKE, OBJECTS, generate, open_org, project, trimmed
from tests.tpch.test_tpch import QUERIES, same


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tpch")
    generate(root, "0.01")
    return root


@pytest.fixture(scope="module")
def org(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalOrg]:
    with open_org(root, tmp_path_factory.mktemp("org")) as org:
        yield org


@pytest.fixture(scope="module")
def ours(org: LocalOrg, root: Path) -> Iterator[isthmus.Connection]:
    lake = root / "lake"
    lake.mkdir()
    for table in LAKE:
        (root / f"{table}.parquet").rename(lake / f"{table}.parquet")
    with isthmus.connect(project(org, lake)) as connection:
        yield connection


@pytest.fixture(scope="module")
def native(ours: isthmus.Connection, root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for table, sql in trimmed(root).items():
            connection.execute(f"CREATE VIEW {table} AS {sql}")
        for table in LAKE:
            connection.execute(f"CREATE VIEW {table} AS FROM '{root}/lake/{table}.parquet'")
        yield connection


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: q.stem)
def test_query_equals_native_and_its_plan_is_the_log(
    query: Path, ours: isthmus.Connection, native: duckdb.DuckDBPyConnection, org: LocalOrg
) -> None:
    text = query.read_text()
    wanted = native.sql(text).to_arrow_table()
    log = PlanLog({"crm": org}, "62.0")
    log.clear()
    with ours.sql(text) as result:
        found = result.arrow()
        assert log.differences(result) == []
    assert found.schema.names == wanted.schema.names
    assert found.schema.types == wanted.schema.types
    assert wanted.num_rows
    assert same(found, wanted)


def test_the_org_has_every_row(org: LocalOrg, native: duckdb.DuckDBPyConnection) -> None:
    for table in OBJECTS:
        with org.store.cursor() as cursor:
            there = cursor.execute(f"SELECT count(*) FROM {org.store.table(table + '__c')}")
            assert there.fetchone() == native.execute(f"SELECT count(*) FROM {table}").fetchone()
