"""A foreign key of many targets whose join partner is one of them: the others' rows can't join."""

from __future__ import annotations

from dataclasses import replace

from isthmus.catalog.model import Reference, Table
from isthmus.connectors.contract import PointsAt
from isthmus.engine.logical import Origin
from isthmus.engine.meaning import Reduction
from isthmus.engine.plan import Firing, PlannedScan
from isthmus.engine.rules.draft import Draft

__all__ = ["point_at"]


def point_at(draft: Draft) -> Draft:
    """``Task t JOIN Account a ON a.Id = t.WhatId``: ask only for tasks of accounts.

    A task of an opportunity holds no account's key, so it takes part in nothing, by the kind of
    the join (see `Reduction`).

    Sent: ``What.Type = 'Account'``.
    Promise: SUPERSET. DuckDB joins, whatever more comes.
    """
    for reduction in draft.meaning.reductions:
        index = draft.index_of(reduction.occurrence)
        if index is None or not _can_point(draft.scans[index]):
            continue
        scan = draft.scans[index]
        points = _points(draft, scan, reduction)
        if points is None or any(known.key == points.key for known in scan.request.points):
            continue
        request = replace(scan.request, points=(*scan.request.points, points))
        if scan.connector.can(request).able:
            words = f"{points.key} points at {' or '.join(points.tables)}, for the {reduction.join}"
            draft = draft.with_scan(index, scan.asking(request, Firing("point_at", words)))
    return draft


def _can_point(scan: PlannedScan) -> bool:
    request = scan.request
    taken = scan.keys is not None or scan.fed is not None or scan.empty
    return not (taken or request.aggregates or request.limit is not None)


def _points(draft: Draft, scan: PlannedScan, reduction: Reduction) -> PointsAt | None:
    """What the column's keys point at; None where that is nothing less than it may."""
    reference = scan.request.table.column(reduction.column).reference
    if reference is None or len(reference.targets) < 2:
        return None
    named: set[str] = set()
    for key in reduction.keys:
        if not isinstance(key, Origin) or key.occurrence not in draft.judges:
            return None
        found = _named(draft.judges[key.occurrence].occurrence.table, key.column, scan, reference)
        if found is None:
            return None
        named |= found
    tables = tuple(name for name in reference.targets if name in named)
    fewer = 0 < len(tables) < len(reference.targets)
    return PointsAt(reduction.column, tables) if fewer else None


def _named(table: Table, column: str, scan: PlannedScan, reference: Reference) -> set[str] | None:
    """The tables whose rows a column's values name; None where they may be anything."""
    if table.source != scan.request.table.source:
        return None
    if table.primary_key == (column,) == (reference.target_column,):
        return {table.name}
    other = table.column(column).reference
    if other is None or other.target_column != reference.target_column:
        return None
    return set(other.targets)
