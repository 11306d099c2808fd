"""What the generator knows of the tables: their columns, some stored values, their links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from tests.differential.literals import Ref

__all__ = ["Field", "Relation", "read_relations"]

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
class Relation:
    """A table or view.

    Attributes:
        schema: the source, or ``main`` for a view.
        key: a column whose values are unique and never null; None where there is none.
        links: columns that point at another relation's column.
        rows: how many there are.
    """

    schema: str
    name: str
    fields: tuple[Field, ...]
    key: str | None
    rows: int
    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def telling(self) -> tuple[Field, ...]:
        """The columns with more than one value."""
        return tuple(f for f in self.fields if len(f.values) > 1)


LINKS: dict[str, dict[str, tuple[str, str]]] = {
    "Account": {"OwnerId": ("User", "Id"), "ParentId": ("Account", "Id")},
    "Contact": {"AccountId": ("Account", "Id"), "ReportsToId": ("Contact", "Id")},
    "Opportunity": {"AccountId": ("Account", "Id"), "OwnerId": ("User", "Id")},
    "Case": {"AccountId": ("Account", "Id"), "ContactId": ("Contact", "Id")},
    "Trap__c": {"Account__c": ("Account", "Id"), "Parent__c": ("Trap__c", "Id")},
    "orders": {"account_id": ("Account", "Id"), "customer": ("Account", "Name")},
    "notes": {"account": ("Account", "Name"), "text": ("Trap__c", "Text__c")},
    "pipeline": {"AccountId": ("Account", "Id")},
}
KEYS = {"orders": "order_id", "notes": "line", "order": "n", "pipeline": "Id", "texts": None}


def read_relations(reference: duckdb.DuckDBPyConnection) -> tuple[Relation, ...]:
    """Every table and view of the reference, with samples of what is stored."""
    names = reference.execute(
        "SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2"
    ).fetchall()
    return tuple(_relation(reference, schema, name) for schema, name in names)


def _relation(reference: duckdb.DuckDBPyConnection, schema: str, name: str) -> Relation:
    table = f'"{schema}"."{name}"'
    described = reference.execute(f"DESCRIBE {table}").fetchall()
    fields = tuple(_field(reference, table, row[0], row[1]) for row in described)
    (rows,) = reference.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
    key = KEYS.get(name, "Id")
    return Relation(schema, name, fields, key, rows, LINKS.get(name, {}))


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
