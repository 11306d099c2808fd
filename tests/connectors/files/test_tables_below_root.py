"""Which tables lie below a root, and what they are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus.connectors.files import Files
from isthmus.errors import ConfigError, DataError, SourceError

Ask = Callable[..., list[dict[str, Any]]]


def write(path: Path, text: str = "n\n1\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def names(files: Files) -> list[str]:
    return [t.name for t in files.tables()]


def lake(root: Path, **config: Any) -> Files:
    return Files("lake", {"root": str(root), **config})


def test_each_file_and_each_folder_is_a_table(tmp_path: Path) -> None:
    for path in ("rates.csv", "order/a.csv", "order/deep/b.csv", "a.b.jsonl", "packed.csv.gz"):
        write(tmp_path / path)
    assert names(lake(tmp_path)) == ["a.b", "order", "packed", "rates"]


def test_what_is_no_data_is_no_table(tmp_path: Path) -> None:
    for path in (".hidden.csv", "_tmp.csv", "README.md", "notes/a.txt", ".git/a.csv", "ok.csv"):
        write(tmp_path / path)
    assert names(lake(tmp_path)) == ["ok"]


def test_marks_and_hidden_files_in_a_folder_are_skipped(tmp_path: Path, ask: Ask) -> None:
    for path in ("t/a.csv", "t/.b.csv", "t/_SUCCESS", "t/_delta_log/c.csv", "t/notes.txt"):
        write(tmp_path / path)
    assert ask(lake(tmp_path), "t") == [{"n": 1}]


def test_a_folder_of_the_table_s_own_name_is_part_of_it(tmp_path: Path, ask: Ask) -> None:
    write(tmp_path / "t/t/a.csv")
    write(tmp_path / "t/b.csv", "n\n2\n")
    assert ask(lake(tmp_path), "t") == [{"n": 2}, {"n": 1}]


def test_the_exact_spelling_wins_over_another(tmp_path: Path, ask: Ask) -> None:
    write(tmp_path / "Rates.csv", "n\n1\n")
    write(tmp_path / "rates.csv", "n\n2\n")
    files = lake(tmp_path)
    assert ask(files, "Rates") == [{"n": 1}]
    assert ask(files, "rates") == [{"n": 2}]
    assert ask(files, "RATES") == [{"n": 1}]


def test_two_files_of_one_name_are_an_error_that_names_both(tmp_path: Path) -> None:
    write(tmp_path / "x.csv")
    write(tmp_path / "x.jsonl", "{}")
    write(tmp_path / "y.csv")
    files = lake(tmp_path)
    with pytest.raises(ConfigError, match=r"lake\.x could be .*x\.csv or .*x\.jsonl"):
        files.describe("x")
    assert files.describe("y") is not None
    assert [f.subject for f in files.check() if not f.ok] == ["lake.x"]


def test_mixed_formats_in_a_folder_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / "t/a.csv")
    write(tmp_path / "t/b.jsonl", "{}")
    with pytest.raises(DataError, match=r"mixes formats: .*a\.csv and .*b\.jsonl"):
        lake(tmp_path).describe("t")


def test_a_file_that_comes_later_is_seen_by_the_next_question(tmp_path: Path, ask: Ask) -> None:
    write(tmp_path / "t/a.csv")
    files = lake(tmp_path)
    assert len(ask(files, "t")) == 1
    write(tmp_path / "t/b.csv", "n\n5\n6\n")
    write(tmp_path / "u.csv")
    assert len(ask(files, "t")) == 3
    assert names(files) == ["t", "u"]


def test_refresh_keeps_a_listing(tmp_path: Path, ask: Ask) -> None:
    write(tmp_path / "t/a.csv")
    files = lake(tmp_path, refresh=3600)
    assert len(ask(files, "t")) == 1
    write(tmp_path / "t/b.csv", "n\n5\n6\n")
    assert len(ask(files, "t")) == 1


def test_a_table_may_have_a_place_and_a_format_of_its_own(tmp_path: Path, ask: Ask) -> None:
    write(tmp_path / "elsewhere/export.txt", "n;m\n1;2\n")
    settings = {
        "url": str(tmp_path / "elsewhere/export.txt"),
        "format": "csv",
        "delimiter": ";",
        "columns": {"m": "decimal(5,2)"},
    }
    files = Files("lake", {"tables": {"Export": settings}})
    assert names(files) == ["Export"]
    [row] = ask(files, "export")
    assert (row["n"], str(row["m"])) == (1, "2.00")


def test_hive_partitions_come_last_and_typed(tmp_path: Path, ask: Ask) -> None:
    for folder in ("y=2024/d=2024-01-01/k=a%2Fb", "y=2025/d=2025-01-01/k=1"):
        path = tmp_path / "t" / folder / "x.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"y": ["in the file"], "n": [1]}), path)
    write(tmp_path / "u/k=__HIVE_DEFAULT_PARTITION__/a.csv")
    write(tmp_path / "u/k=7/a.csv")
    files = lake(tmp_path)
    table = files.describe("t")
    assert table is not None
    expected = [("n", pa.int64()), ("y", pa.int64()), ("d", pa.date32()), ("k", pa.string())]
    assert table.schema == pa.schema(expected)
    assert [r["k"] for r in ask(files, "t")] == ["a/b", "1"]
    assert [r["k"] for r in ask(files, "u")] == [7, None]


def test_a_file_that_changes_between_plan_and_read_is_an_error(tmp_path: Path) -> None:
    from isthmus.connectors.contract import ReadContext, ScanRequest
    from isthmus.errors import SourceUnavailable

    write(tmp_path / "t.csv")
    files = lake(tmp_path)
    table = files.describe("t")
    assert table is not None
    fragment = files.plan(ScanRequest(table, ("n",)))
    write(tmp_path / "t.csv", "n\n1\n2\n")
    with pytest.raises(SourceUnavailable, match=r"t\.csv was changed"):
        list(files.open(fragment, ReadContext()))
    (tmp_path / "t.csv").unlink()
    with pytest.raises(SourceError, match=r"t\.csv is not there"):
        list(files.open(fragment, ReadContext()))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"root": "/no/such/folder"}, "/no/such/folder does not exist"),
        ({"root": "nosuch://x"}, "nosuch://x can't be opened"),
        ({}, "lake has no root"),
    ],
)
def test_a_wrong_root_is_a_config_error(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        list(Files("lake", config).tables())
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"columns": {"n": "vachar"}}, r"tables\.t\.columns\.n is 'vachar'"),
        ({"columns": {"m": "int"}}, r"declares 'm'"),
        ({"delimiter": ";;"}, r"tables\.t\.delimiter is ';;'"),
        ({"format": "xls"}, r"tables\.t\.format is 'xls'"),
    ],
)
def test_wrong_settings_are_config_errors(
    tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    write(tmp_path / "t.csv")
    with pytest.raises(ConfigError, match=words):
        lake(tmp_path, tables={"t": settings}).describe("t")


def test_a_listed_folder_without_data_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    settings = {"url": str(tmp_path / "empty")}
    with pytest.raises(SourceError, match="holds no data file"):
        Files("lake", {"tables": {"t": settings}}).describe("t")
