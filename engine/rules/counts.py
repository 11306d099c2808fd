"""Counts, extremes and groups are asked of the source instead of the rows they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from isthmus.connectors.contract import Aggregate
from isthmus.connectors.predicates import Compare, Predicate
from isthmus.engine.logical import Node, Origin, reference
from isthmus.engine.meaning import Use
from isthmus.engine.plan import Firing, PlannedScan
from isthmus.engine.rules.draft import Draft

__all__ = ["count_rows", "is_fixed"]


def count_rows(draft: Draft) -> Draft:
    """``SELECT count(*) FROM t``, ``SELECT d, count(*), min(x) FROM t GROUP BY d``: no rows come.

    DuckDB still counts, and the text that runs is the user's: the scan hands it rows that count
    the same. Where no column is used, so many rows of nothing; where columns are used that the
    source groups exactly, each combination as often as it occurs; for MIN, MAX and COUNT of a
    column, values that have the same extremes and as many nulls.

    Sent: ``SELECT COUNT(Id)``, ``GROUP BY`` and ``MIN``, ``MAX`` or ``COUNT`` of columns.
    Promise: EXACT. Every filter of the scan is EXACT, and so are the groups.
    """
    for index, scan, use in draft.uses():
        if not _may_count(draft, index, scan):
            continue
        wanted = _wanted(use)
        if wanted is None:
            continue
        request = replace(
            scan.request, columns=wanted.groups, aggregates=(Aggregate("count"), *wanted.values)
        )
        if not scan.connector.can(request).able:
            continue
        words = "the source counts the rows"
        if wanted.groups:
            words += " of each " + ", ".join(wanted.groups)
        changed = scan.asking(request, Firing("count_rows", words))
        before, after = scan.fragment.estimate, changed.fragment.estimate
        if draft.prefer or (after.calls, after.bytes) < (before.calls, before.bytes):
            draft = draft.with_scan(index, changed)
    return draft


def _may_count(draft: Draft, index: int, scan: PlannedScan) -> bool:
    request = scan.request
    plain = not (scan.keys or scan.fed or request.lookups or request.limit is not None)
    if not plain or draft.is_needed_by_others(index) or not draft.selects_exactly(index):
        return False
    # DuckDB filters the rows it is handed by these again: their columns must hold real values
    return all(o.predicate is not None and is_fixed(o.predicate) for o in scan.hints)


def is_fixed(predicate: Predicate) -> bool:
    """Whether every row that passes has the same value in the column."""
    return isinstance(predicate, Compare) and predicate.op == "="


@dataclass(frozen=True)
class _Wanted:
    groups: tuple[str, ...]
    values: tuple[Aggregate, ...] = ()


def _wanted(use: Use) -> _Wanted | None:
    if not use.columns:
        return _Wanted(())
    above = next((n for n in use.above if n.kind != "PROJECTION"), None)
    if above is None:
        return None
    if above.kind == "AGGREGATE_AND_GROUP_BY":
        return _of_aggregate(above, use)
    if above.kind == "DISTINCT" and above.raw.get("distinct_type") == "DISTINCT":
        return _Wanted(tuple(sorted(use.columns)))
    return None


def _of_aggregate(node: Node, use: Use) -> _Wanted | None:
    """The groups, and the extremes of the columns that are used for nothing else."""
    below = node.children[0]
    groups = [_column(g, below, use.occurrence) for g in node.raw.get("groups", ())]
    values: list[Aggregate] = []
    for expression in node.raw.get("expressions", ()):
        value = _value(expression, below, use.occurrence)
        if value is None:
            return None
        values += value
    if None in groups:
        return None
    grouped = tuple(dict.fromkeys(g for g in groups if g is not None))
    valued = {v.column for v in values}
    if use.columns - set(grouped) - valued or valued & set(grouped):
        return None  # a column is used in some other way
    return _Wanted(grouped, tuple(dict.fromkeys(values)))


def _value(
    expression: Mapping[str, Any], below: Node, occurrence: int
) -> tuple[Aggregate, ...] | None:
    """What an aggregate needs of the source; empty for ``count(*)``."""
    if expression.get("expression_class") != "BOUND_AGGREGATE":
        return None
    plain = expression.get("aggregate_type") == "NON_DISTINCT" and not expression.get("filter")
    name = expression["qname"]["path"][-1]
    children = expression.get("children", ())
    if name == "count_star" and plain:
        return ()
    if name not in ("count", "min", "max") or len(children) != 1 or not plain:
        return None
    if expression.get("order_bys"):
        return None
    column = _column(children[0], below, occurrence)
    return None if column is None else (Aggregate(name, column),)


def _column(expression: Mapping[str, Any], below: Node, occurrence: int) -> str | None:
    position = reference(expression)
    origins = None if position is None else below.outputs[position]
    if origins is None or len(origins) != 1:
        return None
    (origin,) = origins
    if isinstance(origin, Origin) and origin.occurrence == occurrence:
        return origin.column
    return None
