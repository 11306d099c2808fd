from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import pytest

from isthmus.localorg.schema import Schema
from isthmus.localorg.store import Store, columns


def test_each_object_has_the_columns_every_table_needs(schema: Schema) -> None:
    store = Store(schema)
    for sobject in schema.objects:
        with store.cursor() as cursor:
            found = cursor.execute(f"DESCRIBE {store.table(sobject.name)}").fetchall()
        assert tuple(row[0] for row in found) == columns(sobject)
        assert {"Id", "IsDeleted", "SystemModstamp"} <= {row[0] for row in found}


def test_types_hold_every_value(schema: Schema) -> None:
    store = Store(schema)
    with store.cursor() as cursor:
        found = cursor.execute(f"DESCRIBE {store.table('trap__c')}").fetchall()
    types = {row[0]: row[1] for row in found}
    assert types["Currency_18_2__c"] == "DECIMAL(18,2)"
    assert types["Number_18_8__c"] == "DECIMAL(18,8)"
    assert types["Datetime__c"] == "TIMESTAMP"
    assert types["Checkbox__c"] == "BOOLEAN"
    assert types["Int__c"] == "BIGINT"
    assert "Place__c" not in types and "Place__Latitude__s" in types


def test_a_table_is_filled_once_though_many_ask(schema: Schema) -> None:
    store, calls = Store(schema), []

    def fill(cursor: duckdb.DuckDBPyConnection) -> None:
        calls.append(1)
        cursor.execute('INSERT INTO "Account" (Id, IsDeleted, IsPartner, IsCustomerPortal)'
                       " VALUES ('x', false, false, false)")  # fmt: skip

    store.fill_later("Account", fill)
    found: list[object] = []

    def read() -> None:
        table = store.table("Account")
        with store.cursor() as cursor:
            found.append(cursor.execute(f"SELECT Id FROM {table}").fetchall())

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]
    assert found == [[("x",)]] * 8
    with pytest.raises(ValueError, match="before its first use"):
        store.fill_later("Account", fill)


def test_an_error_rolls_a_write_back_with_the_tables_made_for_it(schema: Schema) -> None:
    store = Store(schema)
    with pytest.raises(RuntimeError), store.writing() as cursor:
        cursor.execute(f"INSERT INTO {store.table('RecordType')} (Id, IsDeleted, IsActive)"
                       " VALUES ('x', false, true)")  # fmt: skip
        raise RuntimeError
    with store.cursor() as reader:
        assert reader.execute(f"SELECT Id FROM {store.table('RecordType')}").fetchall() == []


def test_an_object_that_is_not_there(schema: Schema) -> None:
    with pytest.raises(KeyError, match="Nope"):
        Store(schema).table("Nope")


def test_shipped_describes_name_their_source() -> None:
    import isthmus.localorg.describes as shipped

    text = (Path(shipped.__file__ or "").parent / "SOURCES.md").read_text("utf-8")
    recorded = (Path(shipped.__file__ or "").parent / "recorded").glob("*.json")
    assert "BSD-3-Clause" in text
    for file in recorded:
        assert file.name in text or file.stem in text
