"""JSON lines: typed as JSON is, dates by their form, mixed values as their text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from isthmus.connectors.files import Files
from isthmus.errors import DataError

PAD = '"pad":"' + "x" * 100 + '"'
"""Makes a file bigger than what types are inferred from."""

Ask = Callable[..., list[dict[str, Any]]]


def source(tmp_path: Path, text: str, **settings: Any) -> Files:
    (tmp_path / "t.jsonl").write_text(text)
    return Files("lake", {"root": str(tmp_path), "tables": {"t": settings}})


def test_values_keep_their_kind(tmp_path: Path, ask: Ask) -> None:
    text = '{"i":1,"s":"1","d":"2024-01-01","b":true,"n":null,"z":"007"}\n\n{"i":-2,"x":0.5}\n'
    assert ask(source(tmp_path, text), "t") == [
        {"i": 1, "s": "1", "d": date(2024, 1, 1), "b": True, "n": None, "z": "007", "x": None},
        {"i": -2, "s": None, "d": None, "b": None, "n": None, "z": None, "x": 0.5},
    ]


def test_nested_values_are_lists_and_structs(tmp_path: Path, ask: Ask) -> None:
    text = '{"v":[{"x":1},{"y":"s"}]}\n{"v":[]}\n{"v":null}\n'
    values = [r["v"] for r in ask(source(tmp_path, text), "t")]
    assert values == [[{"x": 1, "y": None}, {"x": None, "y": "s"}], [], None]


def test_a_column_of_several_kinds_is_text(tmp_path: Path, ask: Ask) -> None:
    text = '{"v":1}\n{"v":"x"}\n{"v":1.50}\n{"v":{"k":[1]}}\n{"v":null}\n'
    values = [r["v"] for r in ask(source(tmp_path, text), "t")]
    assert values == ["1", "x", "1.50", '{"k": [1]}', None]


def test_a_big_integer_is_exact(tmp_path: Path, ask: Ask) -> None:
    [row] = ask(source(tmp_path, '{"v":12345678901234567890}\n'), "t")
    assert row["v"] == Decimal("12345678901234567890")


@pytest.mark.parametrize("late", ['"x"', "1.5", "[1]", "9223372036854775808"])
def test_a_late_value_that_does_not_fit_is_an_error_with_its_place(
    tmp_path: Path, ask: Ask, late: str
) -> None:
    rows = 30_000
    text = f'{{"v":1,{PAD}}}\n' * rows + f'{{"v":{late}}}\n'
    with pytest.raises(DataError) as caught:
        ask(source(tmp_path, text), "t")
    told = str(caught.value)
    assert "t.jsonl" in told and "'v'" in told and f"record {rows + 1}" in told
    assert 'columns = {v = "varchar"}' in told


def test_the_remedy_of_that_error_helps(tmp_path: Path, ask: Ask) -> None:
    text = f'{{"v":1,{PAD}}}\n' * 30_000 + '{"v":"x"}\n'
    rows = ask(source(tmp_path, text, columns={"v": "varchar"}), "t")
    assert (rows[0]["v"], rows[-1]["v"], len(rows)) == ("1", "x", 30_001)


def test_a_late_number_in_a_text_column_is_an_error(tmp_path: Path, ask: Ask) -> None:
    with pytest.raises(DataError, match=r'v = "varchar"'):
        ask(source(tmp_path, f'{{"v":"x",{PAD}}}\n' * 30_000 + '{"v":5}\n'), "t")


def test_declared_types_are_kept_to(tmp_path: Path, ask: Ask) -> None:
    files = source(tmp_path, '{"v":2.5}\n{"v":"1.25"}\n', columns={"v": "decimal(9,2)"})
    assert [str(r["v"]) for r in ask(files, "t")] == ["2.50", "1.25"]


@pytest.mark.parametrize(
    ("text", "words"),
    [('[{"a":1}]', "one JSON array"), ('{"a":1}\n{"a":', "not JSON lines"), ("5\n", "no JSON obj")],
)
def test_what_is_not_json_lines_is_an_error(
    tmp_path: Path, ask: Ask, text: str, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        ask(source(tmp_path, text), "t")
