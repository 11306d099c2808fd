"""Cells on their way: what is read from what was written is what was given, whatever it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.catalog.model import Column
from isthmus.connectors.salesforce.types import column_of
from isthmus.connectors.salesforce.writing.columns import Target
from isthmus.connectors.salesforce.writing.encode import (
    csv_cells,
    json_members,
    texts_of,
    unsayable,
)
from isthmus.connectors.salesforce.writing.ingestcsv import cut, document, results_of
from tests.connectors.salesforce.writing.hand import in_columns

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


def target(kind: str, **more: Any) -> Target:
    column: Column = column_of({"name": "F__c", "type": kind, **more})
    return Target("F__c", column, column)


def json_value(made: Target, array: pa.Array) -> list[Any]:
    members = json_members(made, array, None)
    return [json.loads(f"{{{m}}}", parse_float=Decimal)["F__c"] for m in members if m]


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), TEXTS), max_size=5))
def test_texts_in_json_come_back(texts: list[str | None]) -> None:
    assert json_value(target("string"), pa.array(texts, pa.string())) == texts


@settings(deadline=None)
@given(st.lists(st.decimals(-(10**9), 10**9, places=8), max_size=5))
def test_decimals_keep_their_digits(numbers: list[Decimal]) -> None:
    made = target("double", precision=18, scale=8)
    array = pa.array(numbers, made.column.type)
    assert json_value(made, array) == numbers
    cells = csv_cells(array, None).to_pylist()
    assert [Decimal(cell) for cell in cells] == numbers
    assert not any("E" in cell for cell in cells)


@settings(deadline=None)
@given(st.data(), st.integers(0, 12))
def test_a_decimal_is_written_with_the_places_of_its_field(
    data: st.DataObject, places: int
) -> None:
    numbers = data.draw(st.lists(st.decimals(-(10**9), 10**9, places=places), max_size=5))
    array = pa.array(numbers, pa.decimal128(24, places))
    assert texts_of(array).to_pylist() == [format(number, "f") for number in array.to_pylist()]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_a_csv_comes_back_as_it_was_written(lines: list[tuple[str, str]]) -> None:
    header = ("A", "B")
    body = document(in_columns(header, lines))
    assert [result.line for result in results_of(body, header)] == lines
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines]
    assert body.decode() == "".join(f"{line}\n" for line in ['"A","B"', *quoted])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(TEXTS, st.sampled_from(["", '"', "x\ny"])), max_size=12),
    st.integers(1, 90),
)
def test_a_document_has_as_many_rows_as_fit(lines: list[tuple[str, str]], most: int) -> None:
    cells = in_columns(("A", "B"), lines)
    parts = cut(cells, most=most)
    assert [row for part in parts for row in part] == list(range(len(lines)))
    for part in parts:
        assert len(document(cells.slice(part.start, len(part)))) <= most or len(part) == 1
        if part.stop < len(lines):
            longer = document(cells.slice(part.start, len(part) + 1))
            assert len(longer) > most, "the next row would not have fitted"


@pytest.mark.parametrize(
    ("kind", "arrow", "value", "text"),
    [
        ("boolean", pa.bool_(), True, "true"),
        ("int", pa.int64(), -5, "-5"),
        ("double", pa.float64(), 0.1, "0.1"),
        ("date", pa.date32(), date(1700, 1, 2), "1700-01-02"),
        ("datetime", pa.timestamp("ms", "UTC"),
         datetime(2024, 2, 29, 23, 59, 59, 7_000, tzinfo=UTC), "2024-02-29T23:59:59.007Z"),
        ("time", pa.time32("ms"), time(1, 2, 3, 4_000), "01:02:03.004Z"),
        ("string", pa.string(), "a,\"b\"\n", "a,\"b\"\n"),
    ],
)  # fmt: skip
def test_each_type_has_its_text(kind: str, arrow: pa.DataType, value: Any, text: str) -> None:
    array = pa.array([value, None], arrow)
    assert csv_cells(array, None).to_pylist() == [text, "#N/A"]
    member, nothing = json_members(target(kind), array, None)
    bare = kind in ("boolean", "int", "double")
    assert member == f'"F__c":{text}' if bare else json.loads(f"{{{member}}}") == {"F__c": text}
    assert nothing == '"F__c":null'


@pytest.mark.parametrize(
    "cells",
    [
        lambda a, g: csv_cells(a, g).to_pylist(),
        lambda a, g: json_members(target("string"), a, g),
    ],
)
def test_what_is_left_alone_is_neither_null_nor_empty(cells: Callable[..., list[Any]]) -> None:
    array = pa.array(["x", None, "", "z"])
    alone = cells(array, pa.array([True, True, True, False]))
    assert alone[3] in ("", None)
    assert alone[3] not in alone[:3], "an empty text is null, and is said"


def test_a_text_of_blanks_is_said_as_null_in_a_csv() -> None:
    blanks = [chr(c) for c in range(0x3001) if chr(c).isspace()]
    cells = csv_cells(pa.array(["", *blanks, "x", " x ", None]), None).to_pylist()
    assert cells == ["#N/A"] * (1 + len(blanks)) + ["x", " x ", "#N/A"]


def test_only_texts_that_a_csv_takes_for_null_can_not_be_said() -> None:
    assert unsayable(pa.array(["#N/A", " #N/A ", "#n/a", "N/A", None, ""])) == [0, 1]
    assert unsayable(pa.array([1, 2])) == []
