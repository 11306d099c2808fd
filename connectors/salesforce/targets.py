"""Lookups that may point at objects of several kinds, such as a task's ``WhatId``.

- ``What.Type = 'Account'`` keeps the rows that point at an account (SOQL and SOSL Reference v65.0,
  pp. 32 and 75). An owner that is a queue is a row of Group, and its type may be told as either.
- ``TYPEOF What WHEN Account THEN Name END`` gives columns of the looked-up row where it is an
  account (p. 15): of the queried object's own lookups only, one kind of each. What is missing
  where it is something else is no gap in the answer.

Not sent: for a lookup that is not described as name-pointing or has no name for paths; TYPEOF for
groups, for rows that are looked up further, and below another lookup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from isthmus.catalog.model import Reference, Table
from isthmus.connectors.contract import Lookup, ScanRequest, Verdict
from isthmus.connectors.salesforce.fields import Field, path_of
from isthmus.connectors.salesforce.soql import Condition

__all__ = [
    "branch_refusal",
    "is_of_many",
    "kinds_of",
    "points_verdict",
    "selected",
    "target_conditions",
]

_GROUP: Final = "Group"
#: What ``Type`` may be for an object, where that is not its name alone.
_TYPES: Final[Mapping[str, tuple[str, ...]]] = {_GROUP: (_GROUP, "Queue")}


def is_of_many(reference: Reference | None) -> bool:
    """Whether a lookup may point at objects of several kinds."""
    return reference is not None and len(reference.targets) > 1


def points_verdict(request: ScanRequest) -> Verdict:
    """Whether rows that point elsewhere can be left out."""
    for points in request.points:
        reason = _unfit(request.table, points.key)
        if reason is not None:
            return Verdict(False, reason)
    return Verdict(True, "the kind of the looked-up row is asked for")


def _unfit(table: Table, key: str) -> str | None:
    column = table.column(key)
    if not is_of_many(column.reference) or not column.properties.get("name_pointing"):
        return f"{key} points at one kind of object"
    if column.reference is None or not column.reference.name:
        return f"{key} has no name for paths"
    return None


def branch_refusal(lookup: Lookup, table: Table, depth: int) -> str | None:
    """Why the row that such a lookup points to can't be fetched along; None where it can."""
    reference = table.column(lookup.key).reference
    assert reference is not None
    reason = _unfit(table, lookup.key)
    if reason is not None:
        return reason
    if depth > 1 or lookup.lookups:
        return f"{lookup.key} may point at {len(reference.targets)} kinds of objects"
    if lookup.table.name not in reference.targets or reference.target_column != "Id":
        return f"{lookup.key} does not point at the Id of {lookup.table.name}"
    return "an owner that is a queue has a type of its own" if lookup.table.name == _GROUP else None


def target_conditions(request: ScanRequest) -> tuple[Condition, ...]:
    """What is sent so that rows that point elsewhere don't come."""
    wanted = {points.key: points.tables for points in request.points}
    for lookup in _branches(request):
        if lookup.predicates and lookup.key not in wanted:  # a row that is no such is not needed
            wanted[lookup.key] = (lookup.table.name,)
    return tuple(_is_one_of(request.table, key, tables) for key, tables in wanted.items())


def _is_one_of(table: Table, key: str, tables: tuple[str, ...]) -> Condition:
    types = [f"'{name}'" for table in tables for name in _TYPES.get(table, (table,))]
    path = f"{path_of(table, key)}.Type"
    return f"{path} = {types[0]}" if len(types) == 1 else f"{path} IN ({','.join(types)})"


def _branches(request: ScanRequest) -> Iterator[Lookup]:
    return (
        lookup
        for lookup in request.lookups
        if is_of_many(request.table.column(lookup.key).reference)
    )


def kinds_of(request: ScanRequest) -> dict[str, str]:
    """By the path of each lookup that may point at several kinds: which one is fetched along."""
    return {path_of(request.table, lookup.key): lookup.table.name for lookup in _branches(request)}


def selected(request: ScanRequest, fields: tuple[Field, ...]) -> tuple[str, ...]:
    """What stands behind SELECT for the fields: paths, and a TYPEOF for each of these lookups."""
    kinds = kinds_of(request)
    columns: dict[str, list[str]] = {}
    for field in fields:
        step, dot, rest = field.path.partition(".")
        if dot and step in kinds:
            columns.setdefault(step, []).append(rest)
        else:
            columns[field.path] = []
    return tuple(
        f"TYPEOF {name} WHEN {kinds[name]} THEN {', '.join(below)} END" if below else name
        for name, below in columns.items()
    )
