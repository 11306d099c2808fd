"""LIMIT, and ORDER BY with LIMIT, reach the source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from isthmus.connectors.contract import Order
from isthmus.engine.logical import Node, Origin, Origins, reference
from isthmus.engine.meaning import Use
from isthmus.engine.plan import Firing
from isthmus.engine.rules.draft import Draft

__all__ = ["push_limits"]


def push_limits(draft: Draft) -> Draft:
    """``SELECT ... FROM t LIMIT 10``: any ten rows that pass will do.

    It holds where every operator between the scan and the LIMIT gives at least one row for each
    row of the scan: projections, UNION ALL, and the side of an outer join that keeps its rows.
    With an ORDER BY on columns of the scan, the first ten in that order will do, if the source
    orders as DuckDB does. Every filter of the scan must be EXACT: a row that is dropped later
    would be missing.

    Sent: ``LIMIT n``; with an order ``ORDER BY ... NULLS FIRST`` or ``LAST`` before it.
    Promise: EXACT. The source gives just such rows, or the rule does not fire.
    """
    for index, scan, use in draft.uses():
        if scan.request.limit is not None or not draft.selects_exactly(index):
            continue
        found = _limit(use)
        if found is None:
            continue
        limit, order = found
        request = replace(scan.request, limit=limit, order=order)
        if order and not scan.connector.can(request).able:
            continue
        words = f"only {limit:,} rows are needed"
        if order:
            words += " in the order of " + ", ".join(o.column for o in order)
        rule = "push_top_n" if order else "push_limit"
        draft = draft.with_scan(index, scan.asking(request, Firing(rule, words)))
    return draft


def _limit(use: Use) -> tuple[int, tuple[Order, ...]] | None:
    below = use.base
    for node in use.above:
        if node.kind == "LIMIT":
            limit = _constant_limit(node.raw)
            return None if limit is None else (limit, ())
        if node.kind == "TOP_N":
            order = _order(node, use.occurrence)
            limit = int(node.raw["limit"]) + int(node.raw.get("offset") or 0)
            return None if order is None else (limit, order)
        if not _keeps_each_row(node, below):
            return None
        below = node
    return None


def _constant_limit(raw: Mapping[str, Any]) -> int | None:
    total = 0
    for part in ("limit_val", "offset_val"):
        value = raw.get(part, {})
        if value.get("type") == "CONSTANT_VALUE":
            total += int(value["constant_integer"])
        elif part == "limit_val" or value.get("type") != "UNSET":
            return None
    return total


def _order(node: Node, occurrence: int) -> tuple[Order, ...] | None:
    order = []
    for key in node.raw.get("orders", ()):
        position = reference(key["expression"])
        origins = None if position is None else node.children[0].outputs[position]
        column = _column(origins, occurrence)
        if column is None:
            return None
        descending = key["type"] == "DESCENDING"
        order.append(Order(column, descending, key["null_order"] in ("NULLS FIRST", "NULLS_FIRST")))
    return tuple(order)


def _column(origins: Origins, occurrence: int) -> str | None:
    if origins is None or len(origins) != 1:
        return None
    (origin,) = origins
    if isinstance(origin, Origin) and origin.occurrence == occurrence:
        return origin.column
    return None


def _keeps_each_row(node: Node, below: Node) -> bool:
    """Whether it gives at least one row for each row that comes from below."""
    if node.kind == "PROJECTION":
        return True
    if node.kind == "UNION":
        return bool(node.raw.get("setop_all"))
    if node.kind != "COMPARISON_JOIN":
        return False
    side = next(i for i, child in enumerate(node.children) if child is below)
    kept = {"LEFT": 0, "MARK": 0, "SINGLE": 0, "RIGHT": 1}
    return kept.get(str(node.raw["join_type"])) == side
