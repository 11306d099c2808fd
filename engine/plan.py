"""The plan of a query is a value: which fragment goes to which source, and why.

It is read off DuckDB's own optimized plan (``EXPLAIN (FORMAT json)``): the scans' unique column
names tell which scan of the plan is which occurrence of the text. No data call is made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from isthmus.connectors.contract import Bill, Fragment, Promise, ScanRequest
from isthmus.connectors.predicates import Compare
from isthmus.engine.scan import Offer, Scan

__all__ = ["Plan", "PlannedScan", "read_plan"]


@dataclass(frozen=True)
class PlannedScan:
    """One scan of DuckDB's plan, and the fragment that feeds it.

    Attributes:
        occurrence: the number of the table occurrence.
        columns: what DuckDB asks for, under the table's own names.
        offers: every filter that was offered for this scan, taken or not.
        residual: expressions that DuckDB applies above the scan, as it writes them.
        fragment: what is sent.
        hints: what of the residual is sent all the same, to shrink the fetch; DuckDB filters on.
    """

    occurrence: int
    columns: tuple[str, ...]
    offers: tuple[Offer, ...]
    residual: tuple[str, ...]
    fragment: Fragment
    hints: tuple[Offer, ...] = ()

    @property
    def taken(self) -> tuple[Offer, ...]:
        """The filters that the scan applies."""
        return tuple(o for o in self.offers if o.taken)

    def feeds(self, columns: Sequence[str], offers: Sequence[Offer]) -> bool:
        """Whether this is the scan that DuckDB opens with these columns and filters."""
        return sorted(columns) == sorted(self.columns) and {o.text for o in offers} == {
            o.text for o in self.taken
        }


@dataclass(frozen=True)
class Plan:
    """What will be sent where.

    Attributes:
        text: the query, as the user wrote it.
        scans: in the order of DuckDB's plan.
        time_zone: of casts and `current_date`.
        views: names of the views that were unfolded.
        complete: False when the fragments can be told only by running (a PIVOT whose columns
            come from the data).
        actual: after the run, the bill of each scan; None before.
    """

    text: str
    scans: tuple[PlannedScan, ...]
    time_zone: str
    views: tuple[str, ...] = ()
    complete: bool = True
    actual: tuple[Bill, ...] | None = None

    @property
    def estimate(self) -> Bill:
        """The predicted bill of the whole query."""
        return sum((s.fragment.estimate for s in self.scans), Bill())

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON-ready values."""
        from isthmus.engine.explain import plan_to_dict

        return plan_to_dict(self)

    def __str__(self) -> str:
        from isthmus.engine.explain import plan_to_text

        return plan_to_text(self)

    def _repr_html_(self) -> str:
        from isthmus.engine.explain import plan_to_html

        return plan_to_html(self)


def read_plan(
    cursor: duckdb.DuckDBPyConnection,
    sql: str,
    parameters: Any,
    scans: Sequence[Scan],
    *,
    push_limit: bool = True,
) -> tuple[PlannedScan, ...]:
    """Ask DuckDB for its plan of the spliced text and read the scans off it."""
    explain = "EXPLAIN (FORMAT json) " + sql
    rows = cursor.execute(explain, parameters) if parameters else cursor.execute(explain)
    nodes = json.loads(rows.fetchall()[0][1])
    owners = {unique: scan for scan in scans for unique in scan.names}
    planned = []
    for found in _find_scans(nodes):
        scan = owners.get(found.projections[0]) if found.projections else None
        if scan is not None:
            planned.append(_planned(found, scan, push_limit))
    return tuple(planned)


@dataclass(frozen=True)
class _Above:
    """What stands above a node of DuckDB's plan.

    Attributes:
        residual: all filters above, for EXPLAIN.
        direct: the filters with nothing but filters between: every row of the node meets them.
        limit: a LIMIT with nothing but projections and filters between.
    """

    residual: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()
    limit: int | None = None


@dataclass(frozen=True)
class _FoundScan:
    projections: list[str]
    filters: list[str]
    above: _Above


def _find_scans(nodes: list[dict[str, Any]], above: _Above = _Above()) -> Iterator[_FoundScan]:
    """Walk DuckDB's plan from the top."""
    for node in nodes:
        name, info = node["name"].strip(), node.get("extra_info", {})
        children = node.get("children", [])
        if name.endswith("ARROW_SCAN") and not children:
            projections = _listed(info.get("Projections"))
            yield _FoundScan(projections, _listed(info.get("Filters")), above)
        elif name in {"LIMIT", "STREAMING_LIMIT"}:
            yield from _find_scans(children, _Above(above.residual, (), _limit(info)))
        elif name == "PROJECTION":
            yield from _find_scans(children, replace(above, direct=()))
        elif name == "FILTER":
            texts = tuple(_listed(info.get("Expression")))
            filtered = _Above(above.residual + texts, above.direct + texts, above.limit)
            yield from _find_scans(children, filtered)
        else:
            yield from _find_scans(children, _Above(above.residual))


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _limit(info: dict[str, Any]) -> int | None:
    limit, offset = str(info.get("Limit", "")), str(info.get("Offset", "0"))
    return int(limit) + int(offset) if limit.isdigit() and offset.isdigit() else None


def _planned(found: _FoundScan, scan: Scan, push_limit: bool) -> PlannedScan:
    columns = tuple(scan.names[p] for p in found.projections)
    filters = [scan.offers[f] for f in found.filters if f in scan.offers]
    # Offers of other scans of the same occurrence (an unfolded view read twice) are not ours.
    refused = [o for o in scan.offers.values() if not o.taken]
    above = found.above
    residual = tuple(r for r in above.residual if any(u in r for u in scan.names))
    hints = tuple(h for h in (_bare_boolean(r, scan) for r in above.direct) if h is not None)
    sent = len(filters) == len(found.filters) and len(hints) == len(above.direct)
    exact = all(o.promise is Promise.EXACT for o in (*filters, *hints))
    limit = above.limit if push_limit and sent and exact else None
    fragment = plan_fragment(scan, columns, (*filters, *hints), limit)
    return PlannedScan(
        scan.occurrence.number,
        columns,
        (*filters, *refused),
        _unexplained(residual, (*hints, *refused)),
        fragment,
        hints,
    )


def _unexplained(residual: tuple[str, ...], offers: Sequence[Offer]) -> tuple[str, ...]:
    """What DuckDB filters without having offered it; it quotes names in offers alone."""
    explained = {plain_names(o.text).replace('"', "") for o in offers}
    texts = (plain_names(r) for r in residual)
    return tuple(t for t in texts if t.replace('"', "") not in explained)


def _bare_boolean(residual: str, scan: Scan) -> Offer | None:
    """``WHERE b`` and ``WHERE NOT b``: DuckDB filters these itself, but a source can help.

    Every row of the scan passes through the filter above it, so sending it loses none.
    """
    negated = residual.startswith("(NOT ") and residual.endswith(")")
    unique = residual[len("(NOT ") : -1] if negated else residual
    if unique not in scan.names:
        return None
    offer = scan.judged(residual, Compare(scan.names[unique], "=", not negated))
    return offer if offer.taken else None


def plan_fragment(
    scan: Scan, columns: tuple[str, ...], offers: Sequence[Offer], limit: int | None
) -> Fragment:
    """The fragment for a scan, as its connector plans it."""
    predicates = tuple(o.predicate for o in offers if o.predicate is not None)
    request = ScanRequest(scan.occurrence.table, columns, predicates, limit)
    fragment = scan.connector.plan(request)
    if limit is not None and fragment.rechecked:
        # Planned, a predicate may be kept back after all (a statement too long): no LIMIT then.
        return scan.connector.plan(replace(request, limit=None))
    return fragment


_UNIQUE = re.compile(r"·\d+\b")


def plain_names(text: str) -> str:
    """DuckDB's text with the table's own column names.

    >>> plain_names('("Name·2" = 1)')
    '("Name" = 1)'
    """
    return _UNIQUE.sub("", text)
