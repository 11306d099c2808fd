"""From a resolved statement to its planned scans: what DuckDB asks, then what the rules spare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from isthmus.connectors.contract import ScanRequest
from isthmus.engine.analysis import analyse
from isthmus.engine.bounds import bounded
from isthmus.engine.logical import Origin, Unreadable
from isthmus.engine.meaning import read_meaning
from isthmus.engine.physical import PhysicalScan, read_scans
from isthmus.engine.plan import PlannedScan, plan_request
from isthmus.engine.resolve import Resolved
from isthmus.engine.rules.counts import count_rows
from isthmus.engine.rules.draft import Draft
from isthmus.engine.rules.empty import prune_empty
from isthmus.engine.rules.keys import push_constants, push_keys
from isthmus.engine.rules.limits import push_limits
from isthmus.engine.rules.predicates import imply_predicates
from isthmus.engine.rules.share import share_scans
from isthmus.engine.rules.targets import point_at
from isthmus.engine.scan import Offer, Scan

__all__ = ["RULES", "plan_scan", "plan_scans"]

#: In this order. A rule may rely on those before it.
RULES: tuple[Callable[[Draft], Draft], ...] = (
    prune_empty,
    imply_predicates,
    push_limits,
    push_constants,
    count_rows,
    point_at,
    push_keys,
    share_scans,
)


def plan_scans(
    cursor: duckdb.DuckDBPyConnection,
    resolved: Resolved,
    parameters: Any,
    scans: Sequence[Scan],
    *,
    rules: bool = True,
    prefer: str | None = None,
    zone: str = "UTC",
) -> tuple[PlannedScan, ...]:
    """Plan a statement whose scans are registered. No data call is made.

    Args:
        cursor: the query's own.
        resolved: the bound statement.
        parameters: as DuckDB takes them.
        scans: one for each occurrence.
        rules: False plans just what DuckDB asks, for the differential proof.
        prefer: see `Draft`.
        zone: the query's time zone.

    Raises:
        duckdb.Error: the text is wrong.
    """
    physical = read_scans(cursor, resolved.sql, parameters, scans)
    planned = tuple(plan_scan(p.scan, p.columns, p.offers, p.residual) for p in physical)
    reaches = tuple(p.reach for p in physical)
    if not rules or not planned:
        return bounded(planned, reaches)
    draft = _draft(cursor, resolved, parameters, physical, planned)
    if draft is None:
        return bounded(planned, reaches)
    draft = replace(draft, prefer=prefer, zone=zone)
    for rule in RULES:
        draft = rule(draft)
    return bounded(draft.scans, reaches)


def plan_scan(
    scan: Scan,
    columns: tuple[str, ...],
    offers: tuple[Offer, ...],
    residual: tuple[str, ...] = (),
) -> PlannedScan:
    """A scan as DuckDB asks for it."""
    predicates = tuple(o.predicate for o in offers if o.taken and o.predicate is not None)
    request = ScanRequest(scan.occurrence.table, columns, predicates, options=scan.options)
    fragment = plan_request(scan.connector, request)
    number = scan.occurrence.number
    return PlannedScan(number, columns, offers, residual, fragment, scan.connector)


def _draft(
    cursor: duckdb.DuckDBPyConnection,
    resolved: Resolved,
    parameters: Any,
    physical: Sequence[PhysicalScan],
    planned: tuple[PlannedScan, ...],
) -> Draft | None:
    try:
        root = analyse(cursor, resolved, parameters)
    except (duckdb.Error, Unreadable):
        return None  # no hints, and the answer is right all the same
    if root is None:
        return None
    not_null = frozenset(
        Origin(o.number, c.name)
        for o in resolved.occurrences
        for c in o.table.columns
        if not c.nullable
    )
    judges = {p.scan.occurrence.number: p.scan for p in physical}
    return Draft(planned, read_meaning(root, not_null), judges)
