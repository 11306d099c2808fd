"""One org, one folder and one set of views, asked three ways."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from isthmus.catalog.project import load_project
from isthmus.connectors.kinds import KINDS
from isthmus.connectors.salesforce.connector import Salesforce
from isthmus.engine.connection import Connection
from isthmus.localorg import LocalOrg
from isthmus.localorg.switches import CHOICES
from tests.differential.lake import TABLES, write_lake
from tests.differential.relations import Relation, read_relations

__all__ = ["Setting", "World", "random_setting", "world"]

OBJECTS = ("Account", "Contact", "Opportunity", "Case", "User", "Trap__c")
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
VIEWS = {
    "pipeline": """-- Open opportunities with their accounts
        SELECT o.Id, o.Name AS deal, o.Amount, o.CloseDate, o.StageName, o.AccountId,
          a.Name AS account, a.Industry, year(o.CloseDate) AS y
        FROM crm.Opportunity o LEFT JOIN crm.Account a ON o.AccountId = a.Id
        WHERE NOT o.IsClosed""",
    "texts": """SELECT Name AS t FROM crm.Account UNION ALL SELECT Text__c FROM crm.Trap__c
        UNION ALL SELECT customer FROM lake.orders UNION ALL SELECT deal FROM pipeline""",
}
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia")


@dataclass(frozen=True)
class Setting:
    """What a block of queries runs under; no part of it may change an answer."""

    switches: Mapping[str, str | int]
    time_zone: str = "UTC"
    threads: int = 2

    def __str__(self) -> str:
        shown = [f"{k}={v}" for k, v in self.switches.items()]
        return ", ".join([*shown, f"TimeZone={self.time_zone}", f"threads={self.threads}"])


def random_setting(seed: int | str, block: int) -> Setting:
    """Every switch in a position drawn from the seed; mostly large pages, for speed."""
    dice = Random(f"{seed}/block {block}")
    switches: dict[str, str | int] = {n: dice.choice(p) for n, p in CHOICES.items()}
    page = dice.choice([None, None, None, 300, 90, 40])
    if page is not None:
        switches["page-size"] = page
    return Setting(switches, dice.choice(ZONES), dice.choice([1, 2, 4]))


@dataclass(frozen=True, repr=False)  # Hypothesis shows what failed, and this is long
class World:
    """The three who answer, and what the generator knows."""

    pushed: Connection
    unpushed: Connection
    reference: duckdb.DuckDBPyConnection
    relations: tuple[Relation, ...]
    org: LocalOrg


@contextmanager
def world(
    setting: Setting, *, scale: float = 0.1, crm: type[Salesforce] = Salesforce
) -> Iterator[World]:
    """Open an org under a setting, with connections and a full copy of its rows."""
    with ExitStack() as stack:
        org = stack.enter_context(
            LocalOrg(data="demo", scale=scale, seed=7, switches=setting.switches, now=NOW)
        )
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reference = stack.enter_context(duckdb.connect(":memory:"))
        reference.execute(f"SET TimeZone = '{setting.time_zone}'")
        copy_org(org, reference)
        accounts = reference.execute("SELECT Id, Name FROM crm.Account ORDER BY Id").fetchall()
        write_lake(folder, reference, accounts, 150)
        reference.execute("SET search_path = 'main,crm,lake'")
        for name, text in VIEWS.items():
            reference.execute(f"CREATE VIEW main.{name} AS {text}")
        project = project_of(org, folder)
        opened = [
            stack.enter_context(connect(project, setting, pushdown, crm))
            for pushdown in (True, False)
        ]
        yield World(opened[0], opened[1], reference, read_relations(reference), org)


def project_of(org: LocalOrg, folder: Path) -> dict[str, Any]:
    ready = org.ready
    return {
        "sources": {
            "crm": {
                "kind": "salesforce",
                "instance_url": org.http,
                "access_token": ready["access_token"],
            },
            "lake": {"kind": "files", "root": str(folder), "tables": TABLES},
        },
        "views": {"sql": VIEWS},
    }


def connect(
    shape: Mapping[str, Any], setting: Setting, pushdown: bool, crm: type[Salesforce]
) -> Connection:
    project = load_project(shape, kinds=KINDS)
    connectors = {s.name: crm(s.name, s.options) for s in project.sources if s.name == "crm"}
    return Connection(
        project,
        time_zone=setting.time_zone,
        threads=setting.threads,
        pushdown=pushdown,
        connectors=connectors,
    )


def copy_org(org: LocalOrg, reference: duckdb.DuckDBPyConnection) -> None:
    """Copy what `/query` may show of each object: live rows, every simple field, by its type."""
    reference.execute("CREATE SCHEMA crm")
    for name in OBJECTS:
        sobject = org.org.schema.get(name)
        assert sobject is not None
        fields = [f for f in sobject.fields if f.type not in ("address", "location", "base64")]
        columns = [
            f'"{f.name}"::{_type(f.type, f.precision, f.scale)} AS "{f.name}"'
            if f.type != "datetime"
            else f'"{f.name}" AT TIME ZONE \'UTC\' AS "{f.name}"'
            for f in fields
        ]
        with org.store.cursor() as cursor:
            rows = cursor.sql(
                f'SELECT * FROM {org.store.table(name)} WHERE NOT "IsDeleted" ORDER BY "Id"'
            ).to_arrow_table()
        reference.register("copied", rows)
        reference.execute(f'CREATE TABLE crm."{name}" AS SELECT {", ".join(columns)} FROM copied')
        reference.unregister("copied")


def _type(kind: str, precision: int, scale: int) -> str:
    """The documented type of a field (the table in the Salesforce connector's types)."""
    if kind in ("double", "currency", "percent"):
        return f"DECIMAL({precision},{scale})" if precision else "DOUBLE"
    fixed = {"boolean": "BOOLEAN", "int": "BIGINT", "long": "BIGINT", "date": "DATE"}
    return {**fixed, "time": "TIME"}.get(kind, "VARCHAR")
