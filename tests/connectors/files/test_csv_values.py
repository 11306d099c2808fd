"""CSV: nothing is guessed to be null, and no text is lost to a number."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from isthmus.connectors.files import Files
from isthmus.errors import DataError

PAD = "x" * 100 + "\n"
"""Makes a file bigger than what types are inferred from."""

Ask = Callable[..., list[dict[str, Any]]]


def source(tmp_path: Path, text: str | bytes, name: str = "t.csv", **settings: Any) -> Files:
    data = text.encode() if isinstance(text, str) else text
    (tmp_path / name).write_bytes(data)
    return Files("lake", {"root": str(tmp_path), "tables": {"t": settings}})


def types(files: Files) -> dict[str, pa.DataType]:
    table = files.describe("t")
    assert table is not None
    return {c.name: c.type for c in table.columns}


def test_only_an_empty_value_without_quotes_is_null(tmp_path: Path, ask: Ask) -> None:
    files = source(tmp_path, 'k,v\n1,\n2,""\n3,null\n4,NA\n5,N/A\n6,NaN\n7,\\N\n')
    values = [r["v"] for r in ask(files, "t")]
    assert values == [None, "", "null", "NA", "N/A", "NaN", "\\N"]


def test_a_number_column_with_na_is_text_unless_na_is_said_to_be_null(
    tmp_path: Path, ask: Ask
) -> None:
    assert types(source(tmp_path, "n\n1\nN/A\n"))["n"] == pa.string()
    files = source(tmp_path, "n\n1\nN/A\n", null_values=["N/A"])
    assert types(files)["n"] == pa.int64()
    assert [r["n"] for r in ask(files, "t")] == [1, None]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", Decimal(2**63)),
        ("1.5", 1.5),
        ("-1e-3", -0.001),
        ("true", True),
        ("2024-02-29", date(2024, 2, 29)),
        ("2024-02-29 01:02:03.000004", datetime(2024, 2, 29, 1, 2, 3, 4)),
        ("2024-02-29T01:02:03+01:00", datetime(2024, 2, 29, 0, 2, 3, tzinfo=UTC)),
        ("23:59:59.5", time(23, 59, 59, 500000)),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("+1", "+1"),
        (" 1", " 1"),
        ("1e999", "1e999"),
        ("NaN", "NaN"),
        ("2024-02-30", "2024-02-30"),
        ("2024-01-01 00:00:00.1234567", "2024-01-01 00:00:00.1234567"),
        ("1 000", "1 000"),
    ],
)
def test_a_value_gets_a_type_only_if_nothing_of_it_is_lost(
    tmp_path: Path, ask: Ask, text: str, value: object
) -> None:
    [row] = ask(source(tmp_path, f"v\n{text}\n"), "t")
    assert row["v"] == value
    assert type(row["v"]) is type(value)


def test_types_are_the_widest_of_all_files(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t/1.csv").write_text("a,b,c\n1,2024-01-01,1\n")
    (tmp_path / "t/2.csv").write_text("c,a,b\nx,2.5,2024-01-01 10:00:00\n")
    files = Files("lake", {"root": str(tmp_path)})
    assert types(files) == {"a": pa.float64(), "b": pa.timestamp("us"), "c": pa.string()}
    assert [r["c"] for r in ask(files, "t")] == ["1", "x"]


@pytest.mark.parametrize("late", ["007", "x", "1.5", "0x10", '""'])
def test_a_late_value_that_does_not_fit_is_an_error_with_its_place(
    tmp_path: Path, ask: Ask, late: str
) -> None:
    rows = 30_000
    files = source(tmp_path, f"n,pad\n{f'1,{PAD}' * rows}{late},\n")
    with pytest.raises(DataError) as caught:
        ask(files, "t")
    told = str(caught.value)
    assert "t.csv" in told and "'n'" in told and f"record {rows + 1}" in told
    assert 'columns = {n = "varchar"}' in told


def test_a_late_nan_does_not_become_a_number(tmp_path: Path, ask: Ask) -> None:
    with pytest.raises(DataError, match="'NaN' does not fit"):
        ask(source(tmp_path, f"n,pad\n{f'1.5,{PAD}' * 30_000}NaN,\n"), "t")


def test_declared_types_are_kept_to(tmp_path: Path, ask: Ask) -> None:
    text = "a,b,c\n1,2.5,007\n"
    files = source(tmp_path, text, columns={"a": "varchar", "b": "decimal(18,2)", "c": "integer"})
    assert ask(files, "t") == [{"a": "1", "b": Decimal("2.50"), "c": 7}]
    with pytest.raises(DataError, match=r"'b', record 1: '2\.5' does not fit the type decimal128"):
        ask(source(tmp_path, text, columns={"b": "decimal(18,0)"}), "t")


def test_quotes_line_breaks_and_delimiters(tmp_path: Path, ask: Ask) -> None:
    files = source(tmp_path, 'a,b\n1,"x\ny"\n2,"q""r, s"\n')
    assert [r["b"] for r in ask(files, "t")] == ["x\ny", 'q"r, s']
    files = source(tmp_path, "a;b\n1;'x;y'\n", delimiter=";", quote="'")
    assert ask(files, "t") == [{"a": 1, "b": "x;y"}]


def test_a_file_without_header(tmp_path: Path, ask: Ask) -> None:
    assert ask(source(tmp_path, "1,x\n2,y\n", header=False), "t") == [
        {"column0": 1, "column1": "x"},
        {"column0": 2, "column1": "y"},
    ]


def test_column_names_are_made_unique_and_never_empty(tmp_path: Path) -> None:
    assert list(types(source(tmp_path, "x,x,,x\n1,2,3,4\n"))) == ["x", "x_1", "column2", "x_2"]


def test_a_column_of_its_own_keeps_its_nulls(tmp_path: Path, ask: Ask) -> None:
    assert [r["n"] for r in ask(source(tmp_path, "n\n1\n\n3\n"), "t")] == [1, None, 3]


def test_other_encodings_and_packed_files(tmp_path: Path, ask: Ask) -> None:
    assert ask(source(tmp_path, "\ufeffä\nö\n"), "t") == [{"ä": "ö"}]
    latin = source(tmp_path, "ä\nö\n".encode("latin-1"), encoding="latin-1")
    assert ask(latin, "t") == [{"ä": "ö"}]
    (tmp_path / "t.csv").unlink()
    packed = gzip.compress(b"a\n1\n") + gzip.compress(b"2\n")
    assert ask(source(tmp_path, packed, "t.csv.gz"), "t") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("text", ["a,b\n1,2\n1,2,3\n", b"a\n\xff\n", ""])
def test_a_broken_file_is_a_data_error_that_names_it(
    tmp_path: Path, ask: Ask, text: str | bytes
) -> None:
    with pytest.raises(DataError, match=r"t\.csv"):
        ask(source(tmp_path, text), "t")


def test_the_row_count_of_a_big_file_is_estimated(tmp_path: Path) -> None:
    files = source(tmp_path, "n,text\n" + "".join(f"{i},abcdefgh\n" for i in range(300_000)))
    table = files.describe("t")
    assert table is not None
    count = files.row_count(table)
    assert count is not None and not count.exact
    assert 250_000 < count.rows < 350_000
