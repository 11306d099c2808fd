"""Files that break or vanish while they are known: a clear error, never fewer rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import isthmus
from isthmus.errors import IsthmusError

ROWS = 3000


def write_parquet(folder: Path) -> list[Path]:
    files = []
    for part in range(3):
        rows = {"n": list(range(part * 1000, part * 1000 + 1000)), "t": ["x" * 20] * 1000}
        files.append(folder / "big" / f"{part}.parquet")
        files[-1].parent.mkdir(exist_ok=True)
        pq.write_table(pa.table(rows), files[-1], row_group_size=100, compression="none")
    return files


def write_text(suffix: str, line: str) -> Callable[[Path], list[Path]]:
    def write(folder: Path) -> list[Path]:
        files = []
        for part in range(3):
            files.append(folder / "big" / f"{part}.{suffix}")
            files[-1].parent.mkdir(exist_ok=True)
            head = "n,t\n" if suffix == "csv" else ""
            lines = (line.format(n=n) for n in range(part * 1000, part * 1000 + 1000))
            files[-1].write_text(head + "".join(lines))
        return files

    return write


FORMATS = {
    "parquet": write_parquet,
    "csv": write_text("csv", '{n},"text {n}"\n'),
    "jsonl": write_text("jsonl", '{{"n": {n}, "t": "text {n}"}}\n'),
}


@pytest.fixture(params=FORMATS)
def lake(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[isthmus.Connection, list[Path]]]:
    files = FORMATS[request.param](tmp_path)
    project = {"sources": {"lake": {"kind": "files", "root": str(tmp_path)}}}
    with isthmus.connect(project, time_zone="UTC") as con:
        assert count(con) == ROWS
        yield con, files


def count(con: isthmus.Connection) -> int:
    """Rows that were really read: a count alone may come from metadata."""
    return len(con.sql("SELECT t, n FROM lake.big WHERE length(t) > 0", timeout=20).fetchall())


def cut(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2 - 3])


def garble(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = b'\xff"\x00,' * 10
    file.write_bytes(bytes(data))


def test_a_file_cut_in_the_middle_is_an_error(
    lake: tuple[isthmus.Connection, list[Path]],
) -> None:
    con, files = lake
    result = con.sql("SELECT t, n FROM lake.big WHERE length(t) > 0")
    cut(files[1])
    with pytest.raises(IsthmusError, match=r"1\.(parquet|csv|jsonl)"):
        result.arrow()


def test_a_garbled_file_is_an_error(lake: tuple[isthmus.Connection, list[Path]]) -> None:
    con, files = lake
    result = con.sql("SELECT t, n FROM lake.big WHERE length(t) > 0")
    garble(files[1])
    try:
        assert result.arrow().num_rows == ROWS, "bytes in a text may change, rows may not go"
    except IsthmusError as error:
        assert files[1].name in str(error)


def test_a_file_that_vanishes_is_an_error(lake: tuple[isthmus.Connection, list[Path]]) -> None:
    con, files = lake
    result = con.sql("SELECT t, n FROM lake.big WHERE length(t) > 0")
    files[1].unlink()
    with pytest.raises(IsthmusError, match=r"1\.(parquet|csv|jsonl)"):
        result.arrow()
    assert count(con) == ROWS - 1000, "the next query sees the folder as it is"


def test_a_file_that_is_added_or_replaced_is_seen_by_the_next_query(
    lake: tuple[isthmus.Connection, list[Path]],
) -> None:
    con, files = lake
    added = files[0].with_stem("9")
    added.write_bytes(files[2].read_bytes())
    assert count(con) == ROWS + 1000
    files[1].write_bytes(files[0].read_bytes())
    numbers = con.sql("SELECT count(*), count(DISTINCT n) FROM lake.big WHERE t <> ''").fetchall()
    assert numbers == [(ROWS + 1000, 2000)]
