"""The plans of a statement: how it could be run, best first, with counts from the data itself.

Source of the form: REST API Developer Guide, "Query Performance Feedback". Costs are told in units
of the selectivity threshold, as there: an index that finds more rows than it costs above 1. A scan
of the whole table costs 1 here, so that it comes just before the indexes that are not selective.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isthmus.localorg.soql.ast import Condition
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.indexes import conjuncts, fields_of, served
from isthmus.localorg.soql.parser import parse
from isthmus.localorg.soql.plan import plan
from isthmus.localorg.soql.scope import Scope
from isthmus.localorg.soql.selection import conditions, where

if TYPE_CHECKING:
    from isthmus.localorg.schema import SObject
    from isthmus.localorg.store import Store

_UNINDEXED = "Not considering filter for optimization because unindexed"
_MILLION = 1_000_000
#: Shares of the rows that an index may find and be selective: of the first million, of the rest.
_STANDARD, _CUSTOM = (0.30, 0.15), (0.10, 0.05)


@dataclass(frozen=True)
class Leading:
    """The conditions on one set of indexed fields, and the rows that pass them."""

    fields: tuple[str, ...]
    rows: int


def explain(text: str, context: Context, store: Store) -> dict[str, Any]:
    """Give the plans of a statement; OrgError says what is wrong with it."""
    planned = plan(parse(text), context)
    query, target = planned.query, planned.target
    scope = Scope(context, target, sources=query.sources)
    parts = conjuncts(query.where)
    groups: dict[tuple[str, ...], list[Condition]] = {}
    for part in parts:
        if fields := served(part, target):
            groups.setdefault(fields, []).append(part)
    translate = conditions(scope)
    tests = [" AND ".join(translate.sql(part) for part in found) for found in groups.values()]
    total, passing, *led = _counts(store, scope, [where(query, scope), *tests])
    leading = [Leading(fields, rows) for fields, rows in zip(groups, led, strict=True)]
    notes = _notes(parts, target, context)
    plans = [_index(one, total, target, notes) for one in leading]
    plans.append(_entry("TableScan", (), passing, 1.0, total, target, notes))
    plans.sort(key=lambda made: made["relativeCost"])
    return {"plans": plans, "sourceQuery": text}


def _counts(store: Store, scope: Scope, tests: Iterable[str]) -> tuple[int, ...]:
    """Count the rows of an object, and those that pass each test."""
    filters = "".join(f", count(*) FILTER (WHERE {test})" for test in tests)
    table = scope.context.table(scope.object.name)
    sql = f"SELECT count(*){filters} FROM {table} {scope.alias}{scope.joins_sql()}"
    with store.cursor() as cursor:
        row = cursor.execute(f"{sql} WHERE {scope.live()}").fetchone()
    assert row is not None
    return tuple(row)


def _index(one: Leading, total: int, target: SObject, notes: list[Any]) -> dict[str, Any]:
    found = [target.field(name) for name in one.fields]
    custom = any(field is not None and field.custom for field in found)
    threshold = _threshold(total, _CUSTOM if custom else _STANDARD)
    cost = one.rows / threshold if threshold else 0.0
    return _entry("Index", one.fields, one.rows, round(cost, 3), total, target, notes)


def _threshold(total: int, shares: tuple[float, float]) -> float:
    first, rest = shares
    return min(total, _MILLION) * first + max(total - _MILLION, 0) * rest


def _entry(
    kind: str,
    fields: tuple[str, ...],
    rows: int,
    cost: float,
    total: int,
    target: SObject,
    notes: list[Any],
) -> dict[str, Any]:
    return {
        "cardinality": rows,
        "fields": list(fields),
        "leadingOperationType": kind,
        "notes": notes,
        "relativeCost": cost,
        "sobjectCardinality": total,
        "sobjectType": target.name,
    }


def _notes(parts: tuple[Condition, ...], target: SObject, context: Context) -> list[dict[str, Any]]:
    """Tell of the filters that no index serves."""
    unserved = [fields_of(part, target) for part in parts if not served(part, target)]
    if not context.include_deleted:
        unserved.append(("IsDeleted",))
    return [
        {"description": _UNINDEXED, "fields": list(fields), "tableEnumOrId": target.name}
        for fields in dict.fromkeys(unserved)
    ]
