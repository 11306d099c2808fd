"""What the generator knows of the tables: their columns, some stored values, their links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from tests.differential.literals import Ref

__all__ = ["ORGS", "Field", "Link", "Relation", "read_relations"]

_SAMPLE = 60


@dataclass(frozen=True)
class Field:
    """One column: its family of types and some of its distinct values."""

    name: str
    kind: str
    values: tuple[Any, ...]
    scale: int = 0

    def ref(self, sql: str) -> Ref:
        return Ref(sql, self.kind, self.values, self.scale)


@dataclass(frozen=True)
class Link:
    """A column, and the column of another relation in which its values are found."""

    column: str
    schema: str
    table: str
    key: str


@dataclass(frozen=True)
class Relation:
    """A table or view.

    Attributes:
        schema: the source, or ``main`` for a view.
        key: a column whose values are unique and never null; None where there is none.
        links: its columns that point at another relation's column.
        rows: how many there are.
    """

    schema: str
    name: str
    fields: tuple[Field, ...]
    key: str | None
    rows: int
    links: tuple[Link, ...] = ()

    @property
    def telling(self) -> tuple[Field, ...]:
        """The columns with more than one value."""
        return tuple(f for f in self.fields if len(f.values) > 1)


#: Lookups inside an org: which column of which object points at which.
LOOKUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "Account": {"OwnerId": ("User",), "ParentId": ("Account",), "CreatedById": ("User",)},
    "Contact": {"AccountId": ("Account",), "ReportsToId": ("Contact",), "OwnerId": ("User",)},
    "Opportunity": {"AccountId": ("Account",), "OwnerId": ("User",), "CampaignId": ("Campaign",)},
    "Case": {"AccountId": ("Account",), "ContactId": ("Contact",), "ParentId": ("Case",)},
    "Trap__c": {"Account__c": ("Account",), "Parent__c": ("Trap__c",), "CreatedById": ("User",)},
    "User": {"ManagerId": ("User",)},
    "Campaign": {"ParentId": ("Campaign",), "OwnerId": ("User",)},
    "Task": {
        "WhoId": ("Contact",),
        "WhatId": ("Account", "Opportunity", "Case"),
        "OwnerId": ("User",),
        "AccountId": ("Account",),
    },
    "OpportunityLineItem": {"OpportunityId": ("Opportunity",)},
}
#: Keys that systems share, by what stands for what: text keys, dates and numbers too.
SHARED: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("orders", "account_id"): (("Account", "Id"),),
    ("orders", "customer"): (("Account", "Name"),),
    ("notes", "account"): (("Account", "Name"),),
    ("notes", "text"): (("Trap__c", "Text__c"),),
    ("keys", "account_id"): (("Account", "Id"), ("Contact", "AccountId")),
    ("keys", "contact_id"): (("Contact", "Id"), ("Case", "ContactId")),
    ("keys", "ext"): (("Account", "External_Id__c"),),
    ("keys", "contact_ext"): (("Contact", "External_Id__c"),),
    ("keys", "name"): (("Account", "Name"), ("Opportunity", "Name")),
    ("keys", "code"): (("Trap__c", "Unique_Case_Sensitive__c"), ("Trap__c", "External_Id__c")),
    ("keys", "num"): (("Trap__c", "Int__c"),),
    ("keys", "amount"): (("Opportunity", "Amount"), ("Trap__c", "Currency_18_2__c")),
    ("keys", "day"): (("Opportunity", "CloseDate"), ("Trap__c", "Date__c")),
    ("keys", "made_at"): (("Account", "CreatedDate"), ("Trap__c", "Datetime__c")),
    ("calendar", "day"): (("Opportunity", "CloseDate"), ("Task", "ActivityDate")),
    ("calendar", "n"): (("Opportunity", "Probability"), ("Trap__c", "Int__c")),
    ("pipeline", "AccountId"): (("Account", "Id"),),
    ("Account", "External_Id__c"): (("Account", "External_Id__c"),),
    ("Account", "Name"): (("Account", "Name"),),
    ("Contact", "External_Id__c"): (("Contact", "External_Id__c"),),
    ("Opportunity", "CloseDate"): (("Opportunity", "CloseDate"),),
    ("Trap__c", "Unique_Case_Sensitive__c"): (("Trap__c", "Unique_Case_Sensitive__c"),),
    ("Trap__c", "Text__c"): (("Trap__c", "Text__c"),),
}
KEYS = {
    "orders": "order_id", "notes": "line", "order": "n", "pipeline": "Id", "texts": None,
    "keys": "key_id", "calendar": "day", "everyone": None,
}  # fmt: skip
ORGS = ("crm", "crm2")


def read_relations(reference: duckdb.DuckDBPyConnection) -> tuple[Relation, ...]:
    """Every table and view of the reference, with samples of what is stored."""
    names = reference.execute(
        "SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2"
    ).fetchall()
    return tuple(_relation(reference, schema, name, names) for schema, name in names)


def _relation(
    reference: duckdb.DuckDBPyConnection, schema: str, name: str, known: Sequence[tuple[str, str]]
) -> Relation:
    table = f'"{schema}"."{name}"'
    described = reference.execute(f"DESCRIBE {table}").fetchall()
    fields = tuple(_field(reference, table, row[0], row[1]) for row in described)
    (rows,) = reference.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
    links = tuple(link for link in _links(schema, name) if (link.schema, link.table) in known)
    return Relation(schema, name, fields, KEYS.get(name, "Id"), rows, links)


def _links(schema: str, name: str) -> Iterator[Link]:
    """Lookups inside an org, and keys shared with the orgs; never of a table with itself."""
    if schema in ORGS:
        for column, targets in LOOKUPS.get(name, {}).items():
            for target in targets:
                yield Link(column, schema, target, "Id")
    for (table, column), targets2 in SHARED.items():
        for org in ORGS:
            if table == name and org != schema:
                for target, key in targets2:
                    yield Link(column, org, target, key)


def _field(reference: duckdb.DuckDBPyConnection, table: str, name: str, kind: str) -> Field:
    column = '"' + name.replace('"', '""') + '"'
    rows = reference.sql(
        f"SELECT DISTINCT {column} AS v FROM {table} WHERE v IS NOT NULL "
        f"ORDER BY hash(v), v LIMIT {_SAMPLE}"
    ).to_arrow_table()
    values = tuple(rows["v"].to_pylist())
    scale = int(kind.rstrip(")").split(",")[1]) if kind.startswith("DECIMAL") else 0
    return Field(name, _kind(name, kind), values, scale)


def _kind(name: str, kind: str) -> str:
    if kind == "VARCHAR":
        return "id" if name == "Id" or name.endswith(("Id", "_id", "Account__c")) else "text"
    if kind.startswith("DECIMAL"):
        return "decimal"
    return {
        "BOOLEAN": "bool",
        "DATE": "date",
        "TIME": "time",
        "TIMESTAMP": "naive",
        "TIMESTAMP WITH TIME ZONE": "instant",
        "DOUBLE": "double",
    }.get(kind, "int")
