"""Counts, least and greatest values, and groups, where Salesforce's are SQL's.

Facts (SOQL and SOSL Reference v65.0): aggregates pass over null, except COUNT() and COUNT(Id)
(p. 54); over no rows there is one answer, null or 0; null makes a group of its own (p. 39). A
grouped query has at most 2,000 rows and no further pages (p. 45), and is refused beyond. Each
field says in its describe whether it may be grouped or aggregated.

Sent are only columns whose values are equal there just when they are here: Ids, lookups,
checkboxes, whole numbers and dates are grouped; text is not, since other spellings may be one
group and the least text is the user's language's matter (p. 55). MIN and MAX are asked of whole
numbers, decimals, dates and instants; not of formulas, which may hold more places than they show,
and not of amounts in an org of several currencies, which are converted (p. 58).
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Aggregate, ScanRequest, Verdict
from isthmus.connectors.salesforce.soql import Condition, Statement
from isthmus.connectors.salesforce.types import (
    BOOLEANS,
    EXTERNAL,
    IDS,
    LOOSE,
    NUMBERS,
    TEXTS,
    WHOLE,
)

__all__ = ["MOST_GROUPS", "aggregate_verdict", "answer_schema", "grouped", "shape"]

#: A grouped query with more is refused.
MOST_GROUPS: Final = 2_000

_GROUPED: Final = IDS | BOOLEANS | WHOLE | {"date"}
_COMPARED: Final = WHOLE | NUMBERS | {"date", "datetime"}


def aggregate_verdict(request: ScanRequest) -> Verdict:
    """Whether the aggregates and groups of a request mean the same there."""
    table = request.table
    if request.limit is not None or request.order or request.lookups or request.children:
        return Verdict(False, "groups are asked for without LIMIT, order, lookups and children")
    if "Id" not in (column.name for column in table.columns):
        return Verdict(False, f"{table.name} has no Id to count")
    reasons = [_group_refusal(table.column(name)) for name in request.columns]
    reasons += [_refusal(table, aggregate) for aggregate in request.aggregates]
    for reason in reasons:
        if reason is not None:
            return Verdict(False, reason)
    return Verdict(True, "counts, least and greatest values and these groups are SQL's")


def _group_refusal(column: Column) -> str | None:
    if not column.properties.get("groupable"):
        return f"Salesforce does not group by {column.name} (not groupable)"
    if column.source_type not in _GROUPED:
        return f"{column.source_type} values that differ may be one group there"
    if column.properties.get("calculated"):
        return f"{column.name} is a formula, and formulas are not grouped"
    return None


def _refusal(table: Table, aggregate: Aggregate) -> str | None:
    if aggregate.column is None:
        return None if aggregate.function == "count" else f"{aggregate.name} needs a column"
    column = table.column(aggregate.column)
    name = column.name
    if not column.properties.get("aggregatable"):
        return f"Salesforce does not aggregate {name} (not aggregatable)"
    if column.properties.get(LOOSE):
        return f"values of type {column.source_type} are not compared on the server"
    if aggregate.function == "count":
        unsure = column.properties.get("calculated") or column.properties.get(EXTERNAL)
        blank = column.source_type in TEXTS and unsure
        return f"{name} may be blank and not null" if blank else None
    if column.source_type not in _COMPARED:
        return f"the order of {column.source_type} values is not SQL's, or not documented"
    if column.properties.get("calculated"):
        return f"{name} is a formula, which may hold more places than it shows"
    if column.source_type == "currency" and table.properties.get("multi_currency"):
        return "amounts are converted to the corporate currency"
    return None


def grouped(request: ScanRequest, conditions: tuple[Condition, ...]) -> Statement:
    """The statement that gives the groups."""
    selected = request.columns + tuple(
        f"{_written(aggregate)} {_alias(number)}"
        for number, aggregate in enumerate(request.aggregates)
    )
    return Statement(request.table.name, selected, conditions, groups=request.columns)


def _written(aggregate: Aggregate) -> str:
    column = aggregate.column or "Id"
    return f"{aggregate.function.upper()}({column})"


def _alias(number: int) -> str:
    """The key of an aggregate in the answer; no field is called so."""
    return f"agg{number}"


def shape(request: ScanRequest) -> tuple[Column, ...]:
    """The columns of the answer, under its own keys."""
    return tuple(request.table.column(name) for name in request.columns) + tuple(
        Column(_alias(number), field.type)
        for number, field in enumerate(list(answer_schema(request))[len(request.columns) :])
    )


def answer_schema(request: ScanRequest) -> pa.Schema:
    """Names and types of the groups: the columns, then the aggregates."""
    table = request.table
    fields = [pa.field(name, table.column(name).type) for name in request.columns]
    for aggregate in request.aggregates:
        counted = aggregate.function == "count" or aggregate.column is None
        kind = pa.int64() if counted else table.column(str(aggregate.column)).type
        fields.append(pa.field(aggregate.name, kind))
    return pa.schema(fields)
