"""TPC-H with customer, orders and nation in an org, as custom objects; the rest stays Parquet.

Keys are external ids, choices are picklists, texts are texts: what an administrator would make of
these tables. The views give the columns back their names, so that the 22 texts run as they are.
"""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from isthmus.localorg import LocalOrg
from isthmus.localorg.describes.definitions import (
    NAME_FIELD,
    REQUIRED,
    Json,
    field,
    number,
    picklist,
    record_id,
    sobject,
    system,
    text,
    whole,
)

__all__ = ["LAKE", "OBJECTS", "TABLES", "describes", "generate", "open_org", "project", "trimmed"]

OBJECTS = ("customer", "nation", "orders")
LAKE = ("lineitem", "part", "partsupp", "region", "supplier")
TABLES = tuple(sorted((*OBJECTS, *LAKE)))
_KEY: Json = {"externalId": True, "unique": True, "idLookup": True}
_SEGMENTS = "AUTOMOBILE|BUILDING|FURNITURE|HOUSEHOLD|MACHINERY"
_PRIORITIES = "1-URGENT|2-HIGH|3-MEDIUM|4-NOT SPECIFIED|5-LOW"


def generate(root: Path, scale: str, *options: str) -> None:
    """Write all tables as Parquet, by the generator's own seed."""
    program = Path(sysconfig.get_path("scripts")) / "tpchgen-cli"
    command = [str(program), "parquet", "-s", scale, "--output-dir", str(root), "-q"]
    subprocess.run([*command, "-T", ",".join(TABLES), *options], check=True)


def describes() -> list[Json]:
    """The three objects, in the form of a recorded describe."""
    customer = [
        whole("C_Custkey__c", 9, REQUIRED, _KEY),
        text("C_Name__c", 25, REQUIRED),
        text("C_Address__c", 40, REQUIRED),
        whole("C_Nationkey__c", 9, REQUIRED),
        field("C_Phone__c", "phone", REQUIRED),
        number("C_Acctbal__c", "currency", 15, 2, REQUIRED),
        picklist("C_Mktsegment__c", _SEGMENTS, REQUIRED),
        text("C_Comment__c", 117, REQUIRED),
    ]
    nation = [
        whole("N_Nationkey__c", 9, REQUIRED, _KEY),
        text("N_Name__c", 25, REQUIRED),
        whole("N_Regionkey__c", 9, REQUIRED),
        text("N_Comment__c", 152, REQUIRED),
    ]
    orders = [
        whole("O_Orderkey__c", 9, REQUIRED, _KEY),
        whole("O_Custkey__c", 9, REQUIRED),
        picklist("O_Orderstatus__c", "F|O|P", REQUIRED),
        number("O_Totalprice__c", "currency", 15, 2, REQUIRED),
        field("O_Orderdate__c", "date", REQUIRED),
        picklist("O_Orderpriority__c", _PRIORITIES, REQUIRED),
        text("O_Clerk__c", 15, REQUIRED),
        whole("O_Shippriority__c", 9, REQUIRED),
        text("O_Comment__c", 79, REQUIRED),
    ]
    return [
        _object("Customer__c", "a10", customer),
        _object("Nation__c", "a11", nation),
        _object("Orders__c", "a12", orders),
    ]


def _object(name: str, prefix: str, fields: list[Json]) -> Json:
    label = name.removesuffix("__c")
    named = text("Name", 80, NAME_FIELD, label=f"{label} Name", idLookup=True)
    return sobject(name, prefix, label, [record_id(label), named, *system(), *fields])


def trimmed(root: Path) -> dict[str, str]:
    """The three tables as SQL over the files, texts without outer blanks: an org keeps none."""
    made = {}
    for table in OBJECTS:
        files = f"read_parquet('{root / table}.parquet')"
        kinds = duckdb.execute(f"DESCRIBE FROM {files}").fetchall()
        items = (f"trim({c}) AS {c}" if kind == "VARCHAR" else c for c, kind, *_ in kinds)
        made[table] = f"SELECT {', '.join(items)} FROM {files}"
    return made


@contextmanager
def open_org(root: Path, folder: Path, **options: Any) -> Iterator[LocalOrg]:
    """An org that has the rows of three tables.

    Args:
        root: where `generate` wrote; the files of the three tables are read when it opens.
        folder: an empty one, for describes and rows in the org's own names.
        options: for `LocalOrg`.
    """
    shapes, rows = folder / "describes", folder / "rows"
    shapes.mkdir()
    rows.mkdir()
    for describe in describes():
        (shapes / f"{describe['name']}.json").write_text(json.dumps(describe))
    for table, sql in trimmed(root).items():
        columns = [row[0] for row in duckdb.execute(f"DESCRIBE {sql}").fetchall()]
        items = ", ".join(f"{c} AS {_field(c)}" for c in columns)
        target = rows / f"{table.capitalize()}__c.parquet"
        duckdb.execute(f"COPY (SELECT {items} FROM ({sql})) TO '{target}' (FORMAT parquet)")
    with ExitStack() as stack:
        yield stack.enter_context(LocalOrg(rows, describes=shapes, **options))


def _field(column: str) -> str:
    """The API name of a column: o_custkey is O_Custkey__c."""
    prefix, name = column.split("_", 1)
    return f"{prefix.upper()}_{name.capitalize()}__c"


def project(org: LocalOrg, lake: Path) -> dict[str, Any]:
    """A project over the org and a folder that holds the files of `LAKE` alone."""
    views = {}
    for describe in describes():
        names = [f["name"] for f in describe["fields"] if f["name"].endswith("__c")]
        items = ", ".join(_column(name) for name in names)
        table = describe["name"]
        views[table.removesuffix("__c").lower()] = f"SELECT {items} FROM crm.{table}"
    token = org.ready["access_token"]
    crm = {"kind": "salesforce", "instance_url": org.http, "access_token": token}
    lake_source = {"kind": "files", "root": lake.as_uri()}
    return {"sources": {"crm": crm, "lake": lake_source}, "views": {"sql": views}}


def _column(name: str) -> str:
    """A field under its old name; an org's whole numbers are BIGINT, one of these is not."""
    cast = "::INTEGER" if name == "O_Shippriority__c" else ""
    return f"{name}{cast} AS {name.removesuffix('__c').lower()}"
