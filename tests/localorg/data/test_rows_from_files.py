from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from isthmus.localorg.demo import ADMIN_ID, load
from isthmus.localorg.schema import Schema
from isthmus.localorg.store import Store

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def rows(store: Store, name: str, columns: str) -> list[Any]:
    with store.cursor() as cursor:
        table = store.table(name)
        return cursor.execute(f"SELECT {columns} FROM {table} ORDER BY Id").fetchall()


def test_csv_keeps_null_and_na_as_texts(schema: Schema, tmp_path: Path) -> None:
    (tmp_path / "Account.csv").write_text(
        'name,AnnualRevenue,Description,Site\nnull,5,"a\nb",\nNA,," x ",""\n007,1,,s\n', "utf-8"
    )
    store = Store(schema)
    load(store, schema, tmp_path, 7, NOW)
    assert rows(store, "Account", "Name, AnnualRevenue, Description, Site") == [
        ("null", Decimal(5), "a\nb", None),
        ("NA", None, "x", None),
        ("007", Decimal(1), None, "s"),
    ]
    assert rows(store, "Account", "OwnerId, IsDeleted, SystemModstamp")[0] == (
        ADMIN_ID, False, datetime(2026, 11, 24, 12),
    )  # fmt: skip
    assert rows(store, "Account", "Id")[0] == ("001Ib0000000001IAA",)
    assert len(rows(store, "User", "Id")) == 20
    assert rows(store, "Contact", "Id") == []


def test_json_lines_keep_every_digit_and_instant(schema: Schema, tmp_path: Path) -> None:
    (tmp_path / "Trap__c.jsonl").write_text(
        '{"Id": "a00Ib0000000009IAA", "Currency_18_2__c": 1234567890123456.78,'
        ' "Datetime__c": "2024-12-31T23:59:59.000+0100", "Checkbox__c": true}\n'
        '{"Id": "a00Ib000000000AIAQ", "Number_18_0__c": 9007199254740993,'
        ' "Time__c": "17:30:00Z"}\n',
        "utf-8",
    )
    store = Store(schema)
    load(store, schema, tmp_path, 7, NOW)
    columns = "Currency_18_2__c, Datetime__c, Checkbox__c, Number_18_0__c"
    assert rows(store, "Trap__c", columns) == [
        (Decimal("1234567890123456.78"), datetime(2024, 12, 31, 22, 59, 59), True, None),
        (None, None, False, Decimal(9007199254740993)),
    ]


def test_parquet(schema: Schema, tmp_path: Path) -> None:
    query = "SELECT 'x' AS LastName, DATE '1970-01-01' AS Birthdate"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{tmp_path}/Contact.parquet'")
    store = Store(schema)
    load(store, schema, tmp_path, 7, NOW)
    assert str(rows(store, "Contact", "LastName, Birthdate")) == (
        "[('x', datetime.date(1970, 1, 1))]"
    )


def test_mistakes_are_named(schema: Schema, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--data"):
        load(Store(schema), schema, tmp_path / "nowhere", 7, NOW)
    (tmp_path / "Lead.csv").write_text("LastName,Nope\nx,y\n", "utf-8")
    store = Store(schema)
    load(store, schema, tmp_path, 7, NOW)
    with pytest.raises(ValueError, match=r"Lead.csv: Lead has no field Nope"):
        store.table("Lead")
    (tmp_path / "Nothing.csv").write_text("a\n1\n", "utf-8")
    with pytest.raises(ValueError, match="no object Nothing"):
        load(Store(schema), schema, tmp_path, 7, NOW)
