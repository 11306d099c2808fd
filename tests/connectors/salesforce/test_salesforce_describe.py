"""Recorded describes of real orgs as tables."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pytest

from isthmus.connectors.salesforce.describe import table_of
from isthmus.connectors.salesforce.length import STATEMENT_BYTES
from isthmus.connectors.salesforce.soql import Statement, encoded
from isthmus.connectors.salesforce.types import LOOSE, OMITTED

RECORDED = sorted(
    (entry for entry in files("isthmus.localorg").joinpath("describes/recorded").iterdir()),
    key=lambda entry: entry.name,
)


def describes() -> list[Any]:
    found = []
    for entry in RECORDED:
        if entry.name.endswith(".json") and not entry.name.startswith("_"):
            described = json.loads(entry.read_text(encoding="utf-8"))
            if isinstance(described, dict) and "fields" in described and "name" in described:
                found.append(pytest.param(described, id=entry.name))
    return found


@pytest.mark.parametrize("described", describes())
def test_every_field_is_a_column_or_is_left_out_with_a_reason(described: Any) -> None:
    table = table_of("crm", described, {})
    names = [field["name"] for field in described["fields"]]
    left_out = {name for name, reason in table.omitted if reason}
    assert [c.name for c in table.columns] == [n for n in names if n not in left_out]
    assert left_out == {f["name"] for f in described["fields"] if f["type"] in OMITTED}
    assert not any(column.properties[LOOSE] for column in table.columns)  # each type is known


@pytest.mark.parametrize("described", describes())
def test_numbers_have_room_for_what_is_described(described: Any) -> None:
    table = table_of("crm", described, {})
    fields = {field["name"]: field for field in described["fields"]}
    for column in table.columns:
        field = fields[column.name]
        if field["type"] in ("currency", "percent", "double") and field["precision"]:
            assert column.type == pa.decimal128(field["precision"], field["scale"])


@pytest.mark.parametrize("described", describes())
def test_all_columns_fit_into_one_statement(described: Any) -> None:
    table = table_of("crm", described, {})
    statement = Statement(table.name, tuple(column.name for column in table.columns), by_id=True)
    assert len(encoded(statement.text)) < STATEMENT_BYTES
