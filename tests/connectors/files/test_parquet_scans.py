"""Parquet: what is skipped, what is counted, and files that differ from each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus.connectors.contract import Aggregate, Fragment, Promise, ReadContext, ScanRequest
from isthmus.connectors.files import Files
from isthmus.connectors.predicates import And, Compare, In, Or, Predicate
from isthmus.connectors.testing import read
from isthmus.errors import DataError

Ask = Callable[..., list[dict[str, Any]]]


def write(path: Path, **columns: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, row_group_size=10)


@pytest.fixture
def orders(tmp_path: Path) -> Files:
    for year in (2023, 2024, 2025):
        ids = range(year * 100, year * 100 + 30)
        write(tmp_path / f"orders/year={year}/x.parquet", id=ids, pad=["x" * 50] * 30)
    return Files("lake", {"root": str(tmp_path)})


def plan(files: Files, columns: tuple[str, ...], *predicates: Predicate) -> Fragment:
    table = files.describe("orders")
    assert table is not None
    return files.plan(ScanRequest(table, columns, predicates))


def test_a_partition_filter_reads_only_its_files(orders: Files) -> None:
    fragment = plan(orders, ("id", "year"), Compare("year", "=", 2024))
    assert fragment.text == "orders: 1 of 3 files, columns id, year, filter (year = 2024)"
    assert fragment.access_path == "local Parquet files"
    assert fragment.judgements[0].promise is Promise.EXACT
    assert fragment.estimate.rows == 30


def test_statistics_skip_row_groups(orders: Files) -> None:
    fragment = plan(orders, ("id",), Compare("id", ">=", 202420), Compare("year", "<", 2025))
    assert "1 of 3 files (1 of 3 row groups)" in fragment.text
    assert fragment.estimate.rows == 10
    context = ReadContext()
    assert read(orders, fragment, context).num_rows == 10
    assert context.meter.bill.bytes == fragment.estimate.bytes


def test_a_filter_over_files_and_folders_together(orders: Files) -> None:
    both = Or((Compare("year", "=", 2023), And((Compare("id", "=", 202501),))))
    found = read(orders, plan(orders, ("id",), both))
    assert found.column("id").to_pylist() == [*range(202300, 202330), 202501]


def test_the_estimate_counts_the_bytes_of_the_wanted_columns(orders: Files) -> None:
    narrow, wide = plan(orders, ("id",)), plan(orders, ("id", "pad"))
    assert 0 < narrow.estimate.bytes < wide.estimate.bytes
    assert narrow.estimate.basis == "Parquet footers"
    assert plan(orders, ()).estimate.bytes == 0


def test_floats_stay_with_the_engine(tmp_path: Path) -> None:
    write(tmp_path / "orders.parquet", f=[1.0, float("nan")])
    files = Files("lake", {"root": str(tmp_path)})
    [judgement] = plan(files, ("f",), Compare("f", ">", 1.0)).judgements
    assert judgement.promise is Promise.LOCAL
    assert "f" in judgement.reason


def test_files_that_differ_are_one_table(tmp_path: Path, ask: Ask) -> None:
    money = [Decimal("1.25")]
    write(tmp_path / "t/1.parquet", i=pa.array([1], pa.int8()), d=pa.array(money), only1=["a"])
    write(tmp_path / "t/2.parquet", d=pa.array([7], pa.int32()), i=pa.array([2**40]), only2=[True])
    files = Files("lake", {"root": str(tmp_path)})
    assert ask(files, "t") == [
        {"i": 1, "d": Decimal("1.25"), "only1": "a", "only2": None},
        {"i": 2**40, "d": Decimal(7), "only1": None, "only2": True},
    ]
    assert len(ask(files, "t", ("i",), Compare("i", ">", 200))) == 1
    assert len(ask(files, "t", ("i",), Compare("only2", "=", True))) == 1


def test_files_that_can_t_be_one_table_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / "t/1.parquet", c=[1])
    write(tmp_path / "t/2.parquet", c=["z"])
    with pytest.raises(DataError, match=r"'c' is string in .*2\.par.*, but int64 in .*1\.par"):
        Files("lake", {"root": str(tmp_path)}).describe("t")


def test_a_rounded_integer_is_an_error_not_a_value(tmp_path: Path, ask: Ask) -> None:
    write(tmp_path / "t/1.parquet", c=[2**53 + 1])
    write(tmp_path / "t/2.parquet", c=[0.5])
    with pytest.raises(DataError, match=r"1\.parquet: column 'c'"):
        ask(Files("lake", {"root": str(tmp_path)}), "t")


def test_encoded_columns_have_their_plain_type(tmp_path: Path, ask: Ask) -> None:
    words = pa.array(["x", "y", None]).dictionary_encode()
    write(tmp_path / "t.parquet", w=words, big=pa.array([1, 2, 3], pa.decimal256(50, 0)))
    files = Files("lake", {"root": str(tmp_path)})
    table = files.describe("t")
    assert table is not None
    assert table.schema == pa.schema([("w", pa.string())])
    assert [name for name, _ in table.omitted] == ["big"]
    assert ask(files, "t", None, Compare("w", "=", "y")) == [{"w": "y"}]


@pytest.mark.parametrize("data", [b"", b"PAR1 no parquet PAR1"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.parquet").write_bytes(data)
    with pytest.raises(DataError, match=r"t\.parquet"):
        Files("lake", {"root": str(tmp_path)}).describe("t")


def test_damage_in_the_middle_is_an_error_not_fewer_rows(tmp_path: Path, ask: Ask) -> None:
    path = tmp_path / "t.parquet"
    table = pa.table({"c": [str(i) * 9 for i in range(5000)]})
    pq.write_table(table, path, write_page_checksum=True)
    data = bytearray(path.read_bytes())
    data[200:400] = b"\xff" * 200
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"t\.parquet"):
        ask(Files("lake", {"root": str(tmp_path)}), "t")


def test_a_limit_reads_no_further_than_it_must(tmp_path: Path, ask: Ask) -> None:
    for number in range(5):
        write(tmp_path / f"t/{number}.parquet", c=range(100))
    context = ReadContext()
    files = Files("lake", {"root": str(tmp_path)})
    assert len(ask(files, "t", limit=15, context=context)) == 15
    whole = ReadContext()
    ask(files, "t", context=whole)
    assert context.meter.bill.bytes < whole.meter.bill.bytes / 10


def test_rows_are_counted_from_the_footers(orders: Files) -> None:
    counted = plan(orders, ())
    asked = replace(counted.request, aggregates=(Aggregate("count"),))
    assert orders.can(asked).able
    context = ReadContext()
    assert counted_rows(orders, asked, context) == [{"count(*)": 90}]
    assert context.meter.bill.bytes == 0


def test_rows_are_counted_where_whole_row_groups_pass(orders: Files) -> None:
    whole = plan(orders, (), Compare("year", "=", 2024), Compare("id", ">=", 202410))
    asked = replace(whole.request, aggregates=(Aggregate("count"),))
    assert orders.can(asked).able
    assert counted_rows(orders, asked, ReadContext()) == [{"count(*)": 20}]


def test_rows_that_must_be_looked_at_are_not_counted_unread(orders: Files) -> None:
    part = plan(orders, (), Compare("id", ">=", 202415))
    assert not orders.can(replace(part.request, aggregates=(Aggregate("count"),))).able
    grouped = replace(plan(orders, ("year",)).request, aggregates=(Aggregate("count"),))
    assert not orders.can(grouped).able


def test_keys_skip_row_groups(orders: Files) -> None:
    whole = plan(orders, ("id",))
    few = orders.estimate_keys(whole.request, "id", 2)
    assert few is not None and few.bytes < whole.estimate.bytes
    assert orders.estimate_keys(whole.request, "pad", 2) is not None
    keys = tuple(range(202400, 202425))  # a list long enough to be looked up in order
    fragment = plan(orders, ("id",), In("id", keys))
    assert "1 of 3 files" in fragment.text
    assert read(orders, fragment, ReadContext()).num_rows == 25


def counted_rows(files: Files, request: ScanRequest, context: ReadContext) -> list[dict[str, Any]]:
    return [r for batch in files.open(files.plan(request), context) for r in batch.to_pylist()]


def test_a_filter_within_row_groups_is_guessed_to_drop_rows(orders: Files) -> None:
    whole, part = plan(orders, ("id",)), plan(orders, ("id",), Compare("id", ">=", 202415))
    assert 0 < part.estimate.rows <= whole.estimate.rows / 2
