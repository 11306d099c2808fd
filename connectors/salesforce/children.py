"""Rows of other objects that point to those of a statement: which come along as a child subquery.

``SELECT Id, (SELECT Id, AccountId FROM Contacts) FROM Account`` gives with each account its
contacts, or null where it has none; the subquery's own filters leave out contacts and never
accounts (SOQL and SOSL Reference v65.0, pp. 66-70). A filter of a child is judged as on its own
table. Each child has the lookup's value beside it, and one that points elsewhere is left out.

Not sent: lookups for which the describe names no child relationship, with deleted rows (which of
them a subquery shows is documented nowhere), with a LIMIT, more than 20 (p. 80), by a Bulk job, and
where the columns take several statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Children, ScanRequest, Verdict
from isthmus.connectors.predicates import Predicate
from isthmus.connectors.salesforce.judge import translate
from isthmus.connectors.salesforce.keys import KEY_ROOM
from isthmus.connectors.salesforce.length import sent_bytes
from isthmus.connectors.salesforce.options import BULK, INCLUDE_DELETED, PARALLEL
from isthmus.connectors.salesforce.soql import Statement
from isthmus.connectors.salesforce.targets import kinds_of
from isthmus.connectors.salesforce.types import CHILDREN, LOOSE

__all__ = ["Subquery", "children_verdict", "sent_of", "subqueries_of"]

_MOST: Final = 20


@dataclass(frozen=True)
class Subquery:
    """The children of one relationship, as a statement asks for them.

    Attributes:
        children: what is asked for.
        relationship: its name in the statement and in answers.
        statement: of the child's own object; it finds the children of all rows.
    """

    children: Children
    relationship: str
    statement: Statement

    @property
    def text(self) -> str:
        """What stands behind SELECT."""
        from_relationship = Statement(
            self.relationship, self.statement.columns, self.statement.conditions, by_id=True
        )
        return f"({from_relationship.text})"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What a child has."""
        return tuple(self.children.table.column(name) for name in self.children.columns)

    @property
    def type(self) -> pa.StructType:
        """A child, typed as described."""
        return pa.struct([(column.name, column.type) for column in self.columns])

    @property
    def link(self) -> str:
        """The name of the column that says where more children of a row are."""
        return f"{self.children.name}: more"

    def of(self, parent: str, after: str | None) -> Statement:
        """The statement that finds the children of one row; only those with greater Ids."""
        condition = f"{self.children.key} = '{parent}'"
        conditions = (*self.statement.conditions, condition)
        return Statement(
            self.statement.table, self.statement.columns, conditions, by_id=True, after=after
        )


def children_verdict(request: ScanRequest) -> Verdict:
    """Whether a statement can fetch the children; how long it is has to be seen beside this."""
    if len(request.children) > _MOST:
        return Verdict(False, f"a statement has at most {_MOST} child subqueries")
    if INCLUDE_DELETED in request.options:
        return Verdict(False, "which deleted rows a child subquery shows is not documented")
    if request.options & {BULK, PARALLEL}:
        return Verdict(False, "child subqueries are for one chain of pages")
    if kinds_of(request):
        return Verdict(False, "child subqueries beside a TYPEOF are documented nowhere")
    if request.limit is not None or request.aggregates or request.order:
        return Verdict(False, "children are fetched with all rows that pass")
    if request.table.primary_key != ("Id",) or "Id" not in request.columns:
        return Verdict(False, "rows without their Ids don't tell whose children came")
    for child in request.children:
        reason = _refusal(request.table, child)
        if reason is not None:
            return Verdict(False, reason)
    names = [_relationship(request.table, child) for child in request.children]
    if len(set(names)) < len(names):
        return Verdict(False, "a child relationship is named twice")
    return Verdict(True, "a child subquery gives the rows that point to each row")


def _refusal(table: Table, child: Children) -> str | None:
    reference = child.table.column(child.key).reference
    if reference is None or table.name not in reference.targets:
        return f"{child.table.name}.{child.key} does not point to {table.name}"
    if reference.target_column != "Id" or child.table.source != table.source:
        return f"{child.table.name}.{child.key} does not point to the Id of {table.name}"
    if _relationship(table, child) is None:
        return f"the describe names no child relationship for {child.table.name}.{child.key}"
    if child.table.primary_key != ("Id",) or not {"Id", child.key} <= set(child.columns):
        return f"rows of {child.table.name} can't be told by their Ids"
    if not child.table.column("Id").properties.get("sortable"):
        return f"rows of {child.table.name} don't come in the order of their Ids"
    for name in child.columns:
        if child.table.column(name).properties.get(LOOSE):
            return f"values of type {child.table.column(name).source_type} are not fetched along"
    return None


def _relationship(table: Table, child: Children) -> str | None:
    names: dict[str, str] = table.properties.get(CHILDREN, {})
    return names.get(f"{child.table.name}.{child.key}")


def subqueries_of(request: ScanRequest) -> tuple[Subquery, ...]:
    """The subqueries of a request that `children_verdict` allows."""
    return tuple(_subquery(request.table, child) for child in request.children)


def _subquery(table: Table, child: Children) -> Subquery:
    relationship = _relationship(table, child)
    assert relationship is not None
    translated = [translate(child.table, predicate).condition for predicate in sent_of(child)]
    conditions = tuple(condition for condition in translated if condition is not None)
    statement = Statement(child.table.name, child.columns, conditions, by_id=True)
    return Subquery(child, relationship, statement)


def sent_of(child: Children) -> tuple[Predicate, ...]:
    """The predicates that a subquery applies; not very long ones: they are applied here anyway."""
    sent, room = [], KEY_ROOM
    for predicate in child.predicates:
        condition = translate(child.table, predicate).condition
        if condition is not None and sent_bytes(condition) <= room:
            sent.append(predicate)
            room -= sent_bytes(condition)
    return tuple(sent)
