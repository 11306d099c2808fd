"""Files of keys that the orgs have too: null, double, in another case, of every type."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["write_keys"]

ROWS = 90
#: Which column of the first org each column of keys is drawn from.
_DRAWN = {
    "account_id": ("Account", "Id"),
    "contact_id": ("Contact", "Id"),
    "ext": ("Account", "External_Id__c"),
    "contact_ext": ("Contact", "External_Id__c"),
    "name": ("Account", "Name"),
    "code": ("Trap__c", "Unique_Case_Sensitive__c"),
    "num": ("Trap__c", "Int__c"),
    "amount": ("Opportunity", "Amount"),
    "day": ("Opportunity", "CloseDate"),
    "made_at": ("Account", "CreatedDate"),
}
_SCHEMA = pa.schema(
    [
        ("key_id", pa.int64()),
        ("account_id", pa.string()),
        ("contact_id", pa.string()),
        ("ext", pa.string()),
        ("contact_ext", pa.string()),
        ("name", pa.string()),
        ("code", pa.string()),
        ("num", pa.int64()),
        ("amount", pa.decimal128(18, 2)),
        ("day", pa.date32()),
        ("made_at", pa.timestamp("us", "UTC")),
        ("grp", pa.string()),
        ("unit", pa.int32()),
    ]
)
_TEXT_KEYS = ("ext", "contact_ext", "name", "code")


def write_keys(folder: Path, reference: duckdb.DuckDBPyConnection) -> None:
    """Write ``keys`` (sorted by account, in small row groups) and ``calendar`` (without a gap)."""
    dice = Random(13)
    stored = {name: _stored(reference, *place) for name, place in _DRAWN.items()}
    rows = [_row(dice, stored) for _ in range(ROWS)]
    rows.sort(key=lambda r: r["account_id"] or "")
    made = [{"key_id": n, **row} for n, row in enumerate(rows)]
    _write(folder, reference, "keys", pa.Table.from_pylist(made, _SCHEMA))
    start = date(2025, 5, 1)
    days = [{"day": start + timedelta(n), "n": n, "month": f"M{n // 30}"} for n in range(60)]
    kinds = pa.schema([("day", pa.date32()), ("n", pa.int64()), ("month", pa.string())])
    _write(folder, reference, "calendar", pa.Table.from_pylist(days, kinds))


def _stored(reference: duckdb.DuckDBPyConnection, table: str, column: str) -> list[Any]:
    """The values of a few rows, so that many keys are double."""
    rows = reference.sql(
        f'SELECT DISTINCT "{column}" AS v FROM crm."{table}" WHERE v IS NOT NULL '
        "ORDER BY hash(v), v LIMIT 40"
    ).to_arrow_table()
    values: list[Any] = rows["v"].to_pylist()
    return values


def _row(dice: Random, stored: dict[str, list[Any]]) -> dict[str, Any]:
    row = {name: dice.choice(values) for name, values in stored.items()}
    for name in _TEXT_KEYS:
        if dice.random() < 0.25:  # a twin that Salesforce takes for the same
            row[name] = dice.choice([str.lower, str.upper, str.swapcase])(row[name])
        if dice.random() < 0.08:
            row[name] = dice.choice(["", " ", "no such key", "ACC-999999", row[name] + " "])
    if dice.random() < 0.1:
        row["account_id"] = dice.choice([row["account_id"][:15], "001000000000001AAA", "x"])
    for name in stored:
        if dice.random() < 0.12:
            row[name] = None
    return {**row, "grp": dice.choice(["a", "b", "b", None]), "unit": 1}


def _write(folder: Path, reference: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    pq.write_table(table, folder / f"{name}.parquet", row_group_size=12)
    reference.register("rows_now", table)
    reference.execute(f"CREATE TABLE lake.{name} AS FROM rows_now")
    reference.unregister("rows_now")
