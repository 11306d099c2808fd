"""Every stored value of the demo org, as its JSON says it: nothing lost, nothing changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from isthmus.localorg.demo import generate
from isthmus.localorg.schema import Field, Schema
from isthmus.localorg.store import quoted

NOW = datetime.fromisoformat("2026-11-24T12:00:00+00:00")


@pytest.fixture(scope="module")
def demo(empty: Any) -> Iterator[Any]:
    bench = type(empty)(empty.schema)
    generate(bench.store, bench.schema, 0.1, 7, NOW)
    yield bench
    bench.close()


def expected(field: Field, value: Any, url: str) -> Any:
    """Give a stored value as JSON has it; numbers by their exact text."""
    if value is None:
        return None
    match value:
        case datetime():
            return value.strftime("%Y-%m-%dT%H:%M:%S.000+0000")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("milliseconds") + "Z"
        case bool() | int():
            return value
        case float() | Decimal():
            return Decimal(str(value))
    return f"{url}/{field.name}" if field.type == "base64" else value


@pytest.mark.parametrize("name", [made.name for made in Schema.load().objects])
def test_every_value(demo: Any, name: str) -> None:
    target = demo.schema.get(name)
    fields = [field for field in target.fields if field.stored]
    text = f"SELECT {', '.join(field.name for field in fields)} FROM {name} ORDER BY Id"
    answer = demo.run(text, include_deleted=True, switches={"page-size": 100_000})
    records = json.loads(answer.body, parse_float=Decimal)["records"]
    columns = ", ".join(quoted(field.name) for field in fields)
    with demo.store.cursor() as cursor:
        rows = cursor.execute(
            f'SELECT {columns} FROM {demo.store.table(name)} ORDER BY "Id"'
        ).fetchall()
    assert len(records) == len(rows)
    for record, row in zip(records, rows, strict=True):
        url = record["attributes"]["url"]
        assert list(record)[1:] == [field.name for field in fields]
        for field, value in zip(fields, row, strict=True):
            assert record[field.name] == expected(field, value, url), (field.name, record["Id"])


def test_children_and_parents_agree(demo: Any) -> None:
    """The contacts below accounts are the contacts with accounts, each once."""
    below = [
        (child["Id"], account["Name"])
        for account in demo.ask("SELECT Name, (SELECT Id FROM Contacts) FROM Account")
        if account["Contacts"]
        for child in account["Contacts"]["records"]
    ]
    beside = [
        (row["Id"], row["Account"]["Name"])
        for row in demo.ask("SELECT Id, Account.Name FROM Contact")
        if row["Account"]
    ]
    assert len(below) > 50
    assert sorted(below) == sorted(beside)
