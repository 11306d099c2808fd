from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from isthmus.localorg.errors import OrgError
from isthmus.localorg.ids import make
from isthmus.localorg.schema import Schema
from isthmus.localorg.soql import query as soql
from isthmus.localorg.soql.cursors import Cursors
from isthmus.localorg.store import Store, quoted
from isthmus.localorg.switches import Switches

NOW = datetime(2024, 5, 15, 12, 0, 0, tzinfo=UTC)  # a Wednesday
RATES = {"USD": Decimal(1), "EUR": Decimal("0.5"), "GBP": Decimal("0.8")}
BASE = "/services/data/v59.0"


class Bench:
    """A small org to ask: `add` rows, then `ask`, `ids`, `names` or `refusal`."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.store = Store(schema)
        self.cursors = Cursors()
        self.user = soql.UserContext(make("005", 1), "America/Los_Angeles", "en_US", "USD")
        self.org = soql.OrgContext("USD", RATES, 1)
        self._numbers: dict[str, int] = {}

    def add(self, name: str, **values: Any) -> str:
        """Insert a record; gives its Id."""
        target = self.schema.get(name)
        assert target is not None and target.key_prefix is not None
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        row: dict[str, Any] = {f.name: False for f in target.fields if f.type == "boolean"}
        row |= {"Id": make(target.key_prefix, number), "IsDeleted": False}
        row |= {"SystemModstamp": datetime(2024, 1, 1), **values}
        if target.field("CurrencyIsoCode"):
            row.setdefault("CurrencyIsoCode", "USD")
        table = self.store.table(name)
        columns, marks = ", ".join(map(quoted, row)), ", ".join("?" * len(row))
        with self.store.writing() as cursor:
            cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", [*row.values()])
        return str(row["Id"])

    def add_many(self, name: str, count: int, columns: str = "'x' AS \"Name\"") -> None:
        """Insert records made from the number `n`, from 0."""
        target = self.schema.get(name)
        assert target is not None and target.key_prefix is not None
        flags = [f"FALSE AS {quoted(f.name)}" for f in target.fields if f.type == "boolean"]
        given = [flag for flag in flags if flag.split(" AS ")[1] not in columns]
        number = "lpad(n::VARCHAR, 12, '0')"
        table = self.store.table(name)
        with self.store.writing() as cursor:
            cursor.execute(
                f"INSERT INTO {table} BY NAME SELECT '{target.key_prefix}' || {number} || 'AAA' "
                f'AS "Id", TIMESTAMP \'2024-01-01\' AS "SystemModstamp", {", ".join(given)}, '
                f"{columns} FROM range({count}) r(n)"
            )

    def run(self, text: str, **options: Any) -> soql.QueryAnswer:
        switches = Switches.parse(options.pop("switches", {}))
        given: dict[str, Any] = {
            "schema": self.schema, "store": self.store, "cursors": self.cursors,
            "switches": switches, "now": NOW, "user": self.user, "api_version": 59.0,
            "base_path": BASE, "org": self.org,
        }  # fmt: skip
        return soql.run(text, **(given | options))

    def more(self, url: str) -> soql.QueryAnswer:
        locator = url.removeprefix(f"{BASE}/query/")
        return soql.more(locator, cursors=self.cursors, base_path=BASE)

    def ask(self, text: str, **options: Any) -> list[dict[str, Any]]:
        """Give all records of a query, without attributes."""
        answer = self.run(text, **options)
        body = json.loads(answer.body)
        records = list(body["records"])
        assert body["done"] is answer.done
        while not body["done"]:
            body = json.loads(self.more(body["nextRecordsUrl"]).body)
            records += body["records"]
        assert body["totalSize"] == answer.total
        return [bare(record) for record in records]

    def value(self, text: str, **options: Any) -> Any:
        """Give the one value of a query that has one."""
        (record,) = self.ask(text, **options)
        (found,) = record.values()
        return found

    def column(self, text: str, **options: Any) -> list[Any]:
        """Give the last selected value of each record, in order."""
        return [list(record.values())[-1] for record in self.ask(text, **options)]

    def refusal(self, text: str, **options: Any) -> OrgError:
        with pytest.raises(OrgError) as caught:
            self.run(text, **options)
        assert caught.value.status == 400
        return caught.value

    def close(self) -> None:
        """Drop everything, as an org that closes does."""
        self.cursors.drop()
        self.store.close()

    def in_zone(self, time_zone: str, locale: str = "en_US") -> None:
        self.user = replace(self.user, time_zone=time_zone, locale=locale)


def bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items() if key != "attributes"}
    return [bare(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema.load()


@pytest.fixture
def org(schema: Schema) -> Iterator[Bench]:
    made = Bench(schema)
    yield made
    made.close()


@pytest.fixture(scope="session")
def empty(schema: Schema) -> Iterator[Bench]:
    """An org without rows, for tests that add none."""
    made = Bench(schema)
    yield made
    made.close()
