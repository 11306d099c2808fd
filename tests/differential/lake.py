"""A folder of files with traps, and the same rows as DuckDB's own readers see them."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tests.differential.lake_keys import write_keys

__all__ = ["TABLES", "write_lake"]

#: What the project file says of the files: a CSV's columns are text unless told otherwise.
TABLES = {"notes": {"columns": {"line": "bigint", "day": "date", "amount": "decimal(12,2)"}}}

_NOTES = pa.schema(
    [
        ("line", pa.int64()),
        ("account", pa.string()),
        ("text", pa.string()),
        ("day", pa.date32()),
        ("amount", pa.decimal128(12, 2)),
    ]
)
_ORDERS = pa.schema(
    [
        ("order_id", pa.int64()),
        ("account_id", pa.string()),
        ("customer", pa.string()),
        ("amount", pa.decimal128(18, 2)),
        ("qty", pa.int32()),
        ("weight", pa.float64()),
        ("express", pa.bool_()),
        ("placed", pa.timestamp("us")),
        ("paid", pa.timestamp("us", "UTC")),
        ("shipped", pa.date32()),
        ("slot", pa.time64("us")),
    ]
)
_ODD = (
    "null", "NULL", "NA", "N/A", "n/a", "None", "nan", "", " blanks ", "a,b", 'say "x"',
    "line\nbreak",
    "Müller", "İstanbul", "100%", "a_b", "back\\slash", "'", "😀", "true", "1", "2024-01-01",
)  # fmt: skip


def write_lake(
    folder: Path, reference: duckdb.DuckDBPyConnection, accounts: list[tuple[str, str]], rows: int
) -> None:
    """Write the files, and fill the reference's schema ``lake`` with the same rows.

    Args:
        folder: where the files go.
        reference: has the org's rows in its schema ``crm`` already.
        accounts: Ids and names that orders and notes are about.
        rows: how many orders.
    """
    dice = Random(11)
    reference.execute("CREATE SCHEMA lake")
    _orders(folder, reference, dice, accounts, rows)
    _notes(folder, reference, dice, accounts)
    _order(folder, reference)
    write_keys(folder, reference)


def _orders(
    folder: Path,
    reference: duckdb.DuckDBPyConnection,
    dice: Random,
    accounts: list[tuple[str, str]],
    rows: int,
) -> None:
    made = [_order_row(dice, n, accounts) for n in range(rows)]
    for year in (2023, 2024, 2025):
        part = [r for r in made if r["order_id"] % 3 == year % 3]
        where = folder / "orders" / f"year={year}"
        where.mkdir(parents=True)
        table = pa.Table.from_pylist(part, _ORDERS)
        pq.write_table(table, where / "part.parquet", row_group_size=16)
    pattern = str(folder / "orders" / "*" / "*.parquet").replace("'", "''")
    reference.execute(
        f"CREATE TABLE lake.orders AS FROM read_parquet('{pattern}', hive_partitioning = true)"
    )


def _order_row(dice: Random, number: int, accounts: list[tuple[str, str]]) -> dict[str, Any]:
    def some(value: Any, percent: int = 85) -> Any:
        return value if dice.random() * 100 < percent else None

    account, name = dice.choice(accounts[: max(len(accounts) // 2, 1)])
    moment = datetime(2024, 12, 31, 23, 59, 59) + timedelta(
        seconds=dice.randrange(-(10**7), 10**6), microseconds=dice.choice([0, 0, 1, 500_000])
    )
    weight = dice.choice([dice.random() * 10, 0.1, -0.0, 0.0, math.nan, math.inf, 1e300])
    return {
        "order_id": number,
        "account_id": some(account),
        "customer": some(dice.choice([name, name.upper(), dice.choice(_ODD)])),
        "amount": some(Decimal(dice.randrange(-10_000, 10**7)).scaleb(-2)),
        "qty": some(dice.choice([0, 1, -1, 2**31 - 1, dice.randrange(50)])),
        "weight": some(weight, 70),
        "express": some(dice.random() < 0.5),
        "placed": some(dice.choice([moment, datetime(1700, 1, 1), datetime(2025, 1, 1)])),
        "paid": some(moment.replace(tzinfo=UTC)),
        "shipped": some(dice.choice([moment.date(), date(2024, 2, 29), date(1, 1, 1)])),
        "slot": some(dice.choice([time(0), time(23, 59, 59, 999_999), time(12, 30)]), 60),
    }


def _notes(
    folder: Path,
    reference: duckdb.DuckDBPyConnection,
    dice: Random,
    accounts: list[tuple[str, str]],
) -> None:
    rows = []
    for line in range(60):
        text = dice.choice(_ODD) if dice.random() < 0.8 else None
        account = dice.choice(accounts)[1] if dice.random() < 0.8 else None
        day = date(2024, 12, 30) + timedelta(days=line % 4) if line % 5 else None
        amount = Decimal(dice.randrange(-500, 500)).scaleb(-2) if line % 7 else None
        rows.append({"line": line, "account": account, "text": text, "day": day, "amount": amount})
    with (folder / "notes.csv").open("w", newline="", encoding="utf-8") as file:
        # An empty field is null; an empty text stands in quotes.
        file.write("line,account,text,day,amount\r\n")
        for row in rows:
            file.write(",".join(_csv_field(v) for v in row.values()) + "\r\n")
    table = pa.Table.from_pylist(rows, _NOTES)
    reference.register("notes_rows", table)
    reference.execute("CREATE TABLE lake.notes AS FROM notes_rows")
    reference.unregister("notes_rows")


def _csv_field(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return str(value)


def _order(folder: Path, reference: duckdb.DuckDBPyConnection) -> None:
    rows = [{"n": n, "what": w} for n, w in enumerate([*_ODD, None])]
    lines = [json.dumps(r, ensure_ascii=n % 2 == 0) for n, r in enumerate(rows)]
    (folder / "order.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = pa.Table.from_pylist(rows, pa.schema([("n", pa.int64()), ("what", pa.string())]))
    reference.register("order_rows", table)
    reference.execute('CREATE TABLE lake."order" AS FROM order_rows')
    reference.unregister("order_rows")
