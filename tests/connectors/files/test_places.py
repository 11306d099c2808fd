"""Filesystems: archives, memory, patterns, and those whose package is missing."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from isthmus.connectors.files import Files
from isthmus.errors import MissingExtra

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("inner.csv", "a,b\n1,2\n")
        file.writestr("many/x.jsonl", '{"q":1}\n')
    return path


def test_a_chained_url_is_one_file(archive: Path, ask: Ask) -> None:
    files = Files("z", {"root": f"zip://inner.csv::file://{archive}"})
    assert [t.name for t in files.tables()] == ["inner"]
    assert ask(files, "inner") == [{"a": 1, "b": 2}]


def test_an_archive_is_a_folder(archive: Path, ask: Ask) -> None:
    files = Files("z", {"root": f"zip://::file://{archive}"})
    assert [t.name for t in files.tables()] == ["inner", "many"]
    assert ask(files, "many") == [{"q": 1}]


def test_a_file_url_and_a_path_mean_the_same(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "t.csv").write_text("n\n1\n")
    for root in (str(tmp_path), tmp_path.as_uri(), f"{tmp_path}/", f"{tmp_path}/t.csv"):
        assert ask(Files("f", {"root": root}), "t") == [{"n": 1}]


def test_a_pattern_picks_files(tmp_path: Path, ask: Ask) -> None:
    for year in (2023, 2024):
        folder = tmp_path / f"y={year}"
        folder.mkdir()
        (folder / "good.csv").write_text("n\n1\n")
        (folder / "bad.csv").write_text("n\nx\n")
    files = Files("f", {"tables": {"t": {"url": f"{tmp_path}/*/good.csv"}}})
    assert ask(files, "t") == [{"n": 1, "y": 2023}, {"n": 1, "y": 2024}]


@pytest.mark.parametrize("ending", ["arrow", "feather", "ipc"])
@pytest.mark.parametrize("stream", [False, True])
def test_arrow_is_read_as_file_and_as_stream(
    tmp_path: Path, ask: Ask, ending: str, stream: bool
) -> None:
    data = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"], "c": [1.5, 2.5, None]})
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(tmp_path / f"t.{ending}", data.schema) as writer:
        writer.write_table(data, max_chunksize=2)
    files = Files("f", {"root": str(tmp_path)})
    assert ask(files, "t") == data.to_pylist()
    assert ask(files, "t", ("c", "a")) == data.select(["c", "a"]).to_pylist()


def test_secrets_in_storage_options_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from isthmus.connectors.files.settings import settings

    monkeypatch.setenv("LAKE_KEY", "k1")
    read = settings(
        "f", {"root": "s3://b", "storage_options": {"key": "env:LAKE_KEY", "anon": False}}
    )
    assert read.storage_options == {"key": "k1", "anon": False}


def test_a_missing_package_is_named() -> None:
    pytest.importorskip("fsspec")
    try:
        import s3fs  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtra, match="s3fs"):
            list(Files("f", {"root": "s3://bucket/x"}).tables())
