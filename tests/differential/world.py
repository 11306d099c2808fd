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
from tests.differential.planlog import PlanLog
from tests.differential.read_once import ReadOnce
from tests.differential.relations import Relation, read_relations

__all__ = ["Setting", "World", "random_setting", "world"]

#: What is asked of each org. The second is smaller; Ids, names and external keys overlap.
OBJECTS = {
    "crm": (
        *("Account", "Contact", "Opportunity", "Case", "User", "Trap__c"),
        *("Task", "Campaign", "OpportunityLineItem"),
    ),
    "crm2": ("Account", "Contact", "Opportunity", "Trap__c", "User"),
}
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
#: A view over both orgs and a file, where there are two.
VIEW_OF_BOTH = """SELECT 'one' AS org, Id, Name, External_Id__c AS ext, AnnualRevenue
    FROM crm.Account UNION ALL SELECT 'two', Id, Name, External_Id__c, AnnualRevenue
    FROM crm2.Account UNION ALL SELECT 'file', account_id, name, ext, amount FROM lake.keys"""
ZONES = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Apia")


@dataclass(frozen=True)
class Setting:
    """What a block of queries runs under; no part of it may change an answer."""

    switches: Mapping[str, str | int]
    time_zone: str = "UTC"
    threads: int = 2
    orgs: tuple[str, ...] = ("crm",)
    #: Which steps a plan takes whatever they cost; None: what it would take for its user.
    prefer: str | None = None

    def __str__(self) -> str:
        shown = [f"{k}={v}" for k, v in self.switches.items()]
        rest = [f"TimeZone={self.time_zone}", f"threads={self.threads}", "+".join(self.orgs)]
        rest += [f"prefer={self.prefer}"] if self.prefer else []
        return ", ".join([*shown, *rest])


def random_setting(seed: int | str, block: int) -> Setting:
    """Every switch in a position drawn from the seed; mostly large pages, for speed."""
    dice = Random(f"{seed}/block {block}")
    switches: dict[str, str | int] = {n: dice.choice(p) for n, p in CHOICES.items()}
    page = dice.choice([None, None, None, 300, 90, 40])
    if page is not None:
        switches["page-size"] = page
    orgs = dice.choice([("crm",), ("crm", "crm2"), ("crm", "crm2"), ("crm", "crm2")])
    zone, threads = dice.choice(ZONES), dice.choice([1, 2, 4])
    prefer = dice.choice([None, "keys", "keys", "lookups"])
    below = dice.choice([None, None, None, 30, 5])
    if below is not None:
        switches["child-page"] = below
        prefer = dice.choice([prefer, "children"])
    return Setting(switches, zone, threads, orgs, prefer)


@dataclass(frozen=True, repr=False)  # Hypothesis shows what failed, and this is long
class World:
    """The three who answer, and what the generator knows.

    Attributes:
        orgs: by the name of the source.
        log: what the orgs were sent by the connection that pushes.
    """

    pushed: Connection
    unpushed: Connection
    reference: duckdb.DuckDBPyConnection
    relations: tuple[Relation, ...]
    orgs: Mapping[str, LocalOrg]
    log: PlanLog


@contextmanager
def world(
    setting: Setting, *, scale: float = 0.1, crm: type[Salesforce] = Salesforce
) -> Iterator[World]:
    """Open orgs under a setting, with connections and a full copy of their rows."""
    with ExitStack() as stack:
        orgs = {
            name: stack.enter_context(
                LocalOrg("demo", scale=size, seed=seed, switches=setting.switches, now=NOW)
            )
            for name, size, seed in (("crm", scale, 7), ("crm2", scale / 2, 9))
            if name in setting.orgs
        }
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reference = stack.enter_context(duckdb.connect(":memory:"))
        reference.execute(f"SET TimeZone = '{setting.time_zone}'")
        for name, org in orgs.items():
            copy_org(name, org, reference)
        accounts = reference.execute("SELECT Id, Name FROM crm.Account ORDER BY Id").fetchall()
        write_lake(folder, reference, accounts, 150)
        reference.execute("SET search_path = 'main,crm,lake'")
        views = VIEWS | ({"everyone": VIEW_OF_BOTH} if len(orgs) > 1 else {})
        for name, text in views.items():
            reference.execute(f"CREATE VIEW main.{name} AS {text}")
        opened = [
            stack.enter_context(
                connect(
                    project_of(orgs, folder, views, version),
                    setting,
                    pushdown,
                    crm if pushdown else ReadOnce,
                )
            )
            for pushdown, version in VERSIONS.items()
        ]
        relations, log = read_relations(reference), PlanLog(orgs, VERSIONS[True])
        yield World(opened[0], opened[1], reference, relations, orgs, log)


#: Who pushes speaks another version than who does not: the request log tells them apart.
VERSIONS = {True: "62.0", False: "61.0"}


def project_of(
    orgs: Mapping[str, LocalOrg], folder: Path, views: Mapping[str, str], version: str
) -> dict[str, Any]:
    sources: dict[str, Any] = {
        name: {
            "kind": "salesforce",
            "instance_url": org.http,
            "access_token": org.ready["access_token"],
            "api_version": version,
        }
        for name, org in orgs.items()
    }
    sources["lake"] = {"kind": "files", "root": str(folder), "tables": TABLES}
    return {"sources": sources, "views": {"sql": dict(views)}}


def connect(
    shape: Mapping[str, Any], setting: Setting, pushdown: bool, crm: type[Salesforce]
) -> Connection:
    project = load_project(shape, kinds=KINDS)
    orgs = [s for s in project.sources if s.name in setting.orgs]
    return Connection(
        project,
        time_zone=setting.time_zone,
        threads=setting.threads,
        pushdown=pushdown,
        prefer=setting.prefer if pushdown else None,
        connectors={s.name: crm(s.name, s.options) for s in orgs},
    )


def copy_org(source: str, org: LocalOrg, reference: duckdb.DuckDBPyConnection) -> None:
    """Copy what `/query` may show of each object: live rows, every simple field, by its type."""
    reference.execute(f"CREATE SCHEMA {source}")
    for name in OBJECTS[source]:
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
        reference.execute(
            f'CREATE TABLE {source}."{name}" AS SELECT {", ".join(columns)} FROM copied'
        )
        reference.unregister("copied")


def _type(kind: str, precision: int, scale: int) -> str:
    """The documented type of a field (the table in the Salesforce connector's types)."""
    if kind in ("double", "currency", "percent"):
        return f"DECIMAL({precision},{scale})" if precision else "DOUBLE"
    fixed = {"boolean": "BOOLEAN", "int": "BIGINT", "long": "BIGINT", "date": "DATE"}
    return {**fixed, "time": "TIME"}.get(kind, "VARCHAR")
