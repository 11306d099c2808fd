"""All 22 queries of TPC-H over the files connector, equal to native DuckDB over the same files.

The queries are those of the TPC-H specification, revision 3, section 2.4, with the validation
parameters. Each finds rows at scale factor 0.01.
"""

from __future__ import annotations

import math
import subprocess
import sysconfig
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import isthmus

QUERIES = sorted((Path(__file__).parent / "queries").glob("q*.sql"))
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tpch")
    program = Path(sysconfig.get_path("scripts")) / "tpchgen-cli"

    def run(*options: str) -> None:
        command = [str(program), "parquet", "-s", "0.01", "--output-dir", str(root), "-q"]
        subprocess.run([*command, *options], check=True)

    run("-T", ",".join(TABLES))
    # The two big tables come as folders of several files, to be pruned by file and row group.
    for table in ("orders", "lineitem"):
        (root / f"{table}.parquet").unlink()
    run("-T", "orders,lineitem", "--parts", "3")
    assert len(list((root / "lineitem").iterdir())) == 3
    return root


@pytest.fixture(scope="session")
def ours(lake: Path) -> Iterator[isthmus.Connection]:
    sources = {"tpch": {"kind": "files", "root": lake.as_uri()}}
    with isthmus.connect({"sources": sources}) as connection:
        yield connection


@pytest.fixture(scope="session")
def native(lake: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for table in TABLES:
            folder = lake / table
            files = f"{folder}/*.parquet" if folder.is_dir() else f"{folder}.parquet"
            connection.execute(f"create view {table} as from read_parquet('{files}')")
        yield connection


@pytest.mark.parametrize("query", QUERIES, ids=lambda q: q.stem)
def test_query_equals_native(
    query: Path, ours: isthmus.Connection, native: duckdb.DuckDBPyConnection
) -> None:
    text = query.read_text()
    wanted = native.sql(text).to_arrow_table()
    found = ours.sql(text).arrow()
    assert found.schema.names == wanted.schema.names
    assert found.schema.types == wanted.schema.types
    assert wanted.num_rows
    assert same(found, wanted)


def test_there_are_22_queries() -> None:
    assert [q.stem for q in QUERIES] == [f"q{n:02}" for n in range(1, 23)]


def same(a: pa.Table, b: pa.Table) -> bool:
    """Equal rows in any order; doubles to 1e-9, for they are summed in any order."""
    rows = zip(ordered(a), ordered(b), strict=True)
    return all(all(map(alike, x, y)) for x, y in rows)


def ordered(table: pa.Table) -> list[tuple[Any, ...]]:
    # Text and decimals first, so that a double's last digit never decides the order.
    return sorted((tuple(r.values()) for r in table.to_pylist()), key=sort_key)


def sort_key(row: tuple[Any, ...]) -> list[str]:
    exact = [repr(v) for v in row if not isinstance(v, float)]
    return exact + [f"{v:.6g}" for v in row if isinstance(v, float)]


def alike(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9) or (math.isnan(a) and math.isnan(b))
    assert not isinstance(a, Decimal) or isinstance(b, Decimal)
    return bool(a == b)
