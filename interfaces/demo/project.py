"""The demo's project folder: its file, views, a statement, the ECB's rates, orders, visits."""

from __future__ import annotations

import random
import zipfile
from datetime import date, timedelta
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["MERGE", "PROJECT", "SYNC", "write_project"]

#: The project file; `org.json` is written by the local org when it is ready.
PROJECT = """\
# The demo's project. The org:
#   isthmus org serve --ready-file org.json --data demo
[sources.crm]
kind = "salesforce"
ready_file = "org.json"

# Euro reference rates of the European Central Bank: ecb/rates.csv is ecb.rates
[sources.ecb]
kind = "files"
root = "ecb"

# The orders of a web shop, lake/orders/year=2026/part-0.parquet and so on, are lake.orders;
# who came to the booth at a fair, lake/visits.parquet, is lake.visits
[sources.lake]
kind = "files"
root = "lake"

[views]
folder = "views"

# A copy of the accounts: isthmus sync run accounts
[syncs.accounts]
table = "crm.Account"
to = "duckdb:copy.duckdb#account"
mode = "incremental"
"""

#: The sync of the project, and the file with the statement that writes.
SYNC, MERGE = "accounts", "merge_orders.sql"

_YEARS = 5
_ORDERS_PER_ACCOUNT = 4
_CHANNELS = ("web", "app", "marketplace")
_VISITS = 60
_INTERESTS = ("demo", "pricing", "support")


def write_project(folder: Path, *, accounts: int, today: date, seed: int = 7) -> None:
    """Write the project's files into a folder, which is made if need be.

    Args:
        folder: where to.
        accounts: how many accounts the org has; orders go to ``ACC-000001`` and on.
        today: the last day with orders.
        seed: of orders and visits; the same arguments give the same files.
    """
    for name in ("ecb", "lake/orders", "views"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "isthmus.toml").write_text(PROJECT, "utf-8")
    home = files("isthmus.interfaces.demo")
    (folder / MERGE).write_text(home.joinpath(MERGE).read_text("utf-8"), "utf-8")
    for view in ("day_rates.sql", "pipeline_360.sql", "visitors_deals.sql"):
        text = home.joinpath("views", view).read_text("utf-8")
        (folder / "views" / view).write_text(text, "utf-8")
    _write_rates(folder / "ecb" / "rates.csv")
    _write_orders(folder / "lake" / "orders", accounts, today, random.Random(seed))
    _write_visits(folder / "lake" / "visits.parquet", accounts, today, random.Random(seed))


def _write_rates(path: Path) -> None:
    packed = files("isthmus.interfaces.demo").joinpath("data", "eurofxref-hist.zip")
    with packed.open("rb") as file, zipfile.ZipFile(file) as archive:
        text = archive.read("eurofxref-hist.csv").decode()
    path.write_text("".join(f"{line.rstrip(',')}\n" for line in text.splitlines()), "utf-8")


def _write_orders(folder: Path, accounts: int, today: date, dice: random.Random) -> None:
    number = 0
    for year in range(today.year - _YEARS + 1, today.year + 1):
        first, last = date(year, 1, 1), min(date(year, 12, 31), today)
        days = (last - first).days
        rows = []
        for _ in range(accounts * _ORDERS_PER_ACCOUNT * (days + 1) // (_YEARS * 365)):
            number += 1
            rows.append(_order(number, accounts, first, days, dice))
        path = folder / f"year={year}" / "part-0.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(_orders_table(rows), path)


_Order = tuple[int, str, date, str, int, Decimal]


def _order(number: int, accounts: int, first: date, days: int, dice: random.Random) -> _Order:
    # Squared, so that few accounts order much; a few orders are of accounts the org has not.
    account = 1 + int(accounts * 1.02 * dice.random() ** 2)
    items = 1 + int(9 * dice.random() ** 3)
    cents = items * dice.randrange(500, 50_000)
    return (
        number,
        f"ACC-{account:06d}",
        first + timedelta(days=dice.randrange(days + 1)),
        dice.choice(_CHANNELS),
        items,
        Decimal(cents).scaleb(-2),
    )


def _orders_table(rows: list[_Order]) -> pa.Table:
    schema = pa.schema(
        [
            ("order_id", pa.int64()),
            ("account_number", pa.string()),
            ("ordered_on", pa.date32()),
            ("channel", pa.string()),
            ("items", pa.int32()),
            ("amount_eur", pa.decimal128(12, 2)),
        ]
    )
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema)


def _write_visits(path: Path, accounts: int, today: date, dice: random.Random) -> None:
    """The badges that were scanned: a few accounts of many, some of them twice."""
    rows = [
        (
            f"ACC-{dice.randrange(1, accounts + 1):06d}",
            today - timedelta(days=dice.randrange(1, 4)),
            dice.choice(_INTERESTS),
        )
        for _ in range(_VISITS)
    ]
    schema = pa.schema(
        [("account_number", pa.string()), ("visited_on", pa.date32()), ("interest", pa.string())]
    )
    columns = zip(*rows, strict=True)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    pq.write_table(pa.table(arrays, schema), path)
