"""The scans of DuckDB's own plan of the text that runs.

Read off ``EXPLAIN (FORMAT json)``: the scans' unique column names tell which scan of the plan is
which occurrence of the text. No data call is made. What DuckDB asks of each scan is exact:
its columns, and the filters that the scan has taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import duckdb

from isthmus.engine.scan import Offer, Scan

__all__ = ["PhysicalScan", "Reach", "plain_names", "read_scans"]

#: What reads all of its input, whatever that holds.
_DRAINING = frozenset(
    {
        "FILTER",
        "HASH_GROUP_BY",
        "ORDER_BY",
        "PERFECT_HASH_GROUP_BY",
        "PROJECTION",
        "TOP_N",
        "UNGROUPED_AGGREGATE",
        "UNION",
        "WINDOW",
    }
)
_LIMITS = frozenset({"LIMIT", "STREAMING_LIMIT"})


class Reach(Enum):
    """How far DuckDB reads a scan, if the answer is read to its end."""

    WHOLE = "to its end"
    BEGUN = "as far as a limit needs"
    PERHAPS = "perhaps not at all"


@dataclass(frozen=True)
class PhysicalScan:
    """One scan as DuckDB will open it.

    Attributes:
        scan: the occurrence it reads.
        columns: what DuckDB asks for, under the table's own names.
        offers: every filter that was offered for this occurrence; those taken are this scan's.
        residual: expressions that DuckDB applies above the scan without having offered them.
        reach: how far it is read.
    """

    scan: Scan
    columns: tuple[str, ...]
    offers: tuple[Offer, ...]
    residual: tuple[str, ...]
    reach: Reach = Reach.PERHAPS

    @property
    def taken(self) -> tuple[Offer, ...]:
        """The filters that the scan applies."""
        return tuple(o for o in self.offers if o.taken)


def read_scans(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Any, scans: Sequence[Scan]
) -> tuple[PhysicalScan, ...]:
    """Ask DuckDB for its plan of the spliced text and read the scans off it, in its order."""
    explain = "EXPLAIN (FORMAT json) " + sql
    rows = cursor.execute(explain, parameters) if parameters else cursor.execute(explain)
    nodes = json.loads(rows.fetchall()[0][1])
    owners = {unique: scan for scan in scans for unique in scan.names}
    found = []
    for projections, filters, residual, reach in _find_scans(nodes, (), Reach.WHOLE):
        scan = owners.get(projections[0]) if projections else None
        if scan is not None:
            found.append(_scan(scan, projections, filters, residual, reach))
    return tuple(found)


def _find_scans(
    nodes: list[dict[str, Any]], residual: tuple[str, ...], reach: Reach
) -> Iterator[tuple[list[str], list[str], tuple[str, ...], Reach]]:
    """Walk DuckDB's plan from the top: projections, filters, the filters above, and the reach."""
    for node in nodes:
        name, info = node["name"].strip(), node.get("extra_info", {})
        children = node.get("children", [])
        if name.endswith("ARROW_SCAN") and not children:
            yield _listed(info.get("Projections")), _listed(info.get("Filters")), residual, reach
        else:
            texts = _listed(info.get("Expression")) if name == "FILTER" else []
            yield from _find_scans(children, (*residual, *texts), _below(name, reach))


def _below(name: str, reach: Reach) -> Reach:
    """How far what stands below a node is read."""
    if name in _LIMITS and reach is not Reach.PERHAPS:
        return Reach.BEGUN
    return reach if name in _DRAINING else Reach.PERHAPS


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _scan(
    scan: Scan, projections: list[str], filters: list[str], above: tuple[str, ...], reach: Reach
) -> PhysicalScan:
    taken = [scan.offers[f] for f in _whole(filters, scan.offers)]
    # Offers of other scans of the same occurrence (an unfolded view read twice) are not ours.
    refused = [o for o in scan.offers.values() if not o.taken]
    residual = tuple(r for r in above if any(u in r for u in scan.names))
    return PhysicalScan(
        scan,
        tuple(scan.names[p] for p in projections),
        (*taken, *refused),
        _unexplained(residual, refused),
        reach,
    )


def _whole(pieces: list[str], offers: Collection[str]) -> Iterator[str]:
    """The filters' texts: EXPLAIN parts them at line breaks, also those within a constant."""
    text = ""
    for piece in pieces:
        text = f"{text}\n{piece}" if text else piece
        if text in offers:
            yield text
            text = ""


def _unexplained(residual: tuple[str, ...], offers: Sequence[Offer]) -> tuple[str, ...]:
    """What DuckDB filters without having offered it; it quotes names in offers alone."""
    explained = {plain_names(o.text).replace('"', "") for o in offers}
    texts = (plain_names(r) for r in residual)
    return tuple(t for t in texts if t.replace('"', "") not in explained)


_UNIQUE = re.compile(r"·\d+\b")


def plain_names(text: str) -> str:
    """DuckDB's text with the table's own column names.

    >>> plain_names('("Name·2" = 1)')
    '("Name" = 1)'
    """
    return _UNIQUE.sub("", text)
