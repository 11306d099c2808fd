"""How far the bills of planned scans may be off because of what the other scans turn out to hold.

A connector's bounds are those of a read to its end. DuckDB may stop before it, or never begin: a
join with nothing on its other side, a LIMIT that is full. And what keys are sent, if any, is known
at run time only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from isthmus.connectors.contract import Bill
from isthmus.engine.physical import Reach
from isthmus.engine.plan import PlannedScan

__all__ = ["bounded"]


def bounded(scans: tuple[PlannedScan, ...], reaches: Sequence[Reach]) -> tuple[PlannedScan, ...]:
    """The scans with bounds that hold whatever the other scans bring.

    Args:
        scans: the plan's.
        reaches: how far DuckDB reads each.
    """
    return tuple(_bounded(scan, reach) for scan, reach in zip(scans, reaches, strict=True))


def _bounded(scan: PlannedScan, reach: Reach) -> PlannedScan:
    fragment = scan.fragment
    if scan.fed is not None:  # another scan's bill has it
        return replace(scan, fragment=replace(fragment, low=Bill(), high=Bill()))
    low, high = fragment.low, fragment.high
    if reach is not Reach.WHOLE:
        low = replace(Bill(), calls=min(low.calls, int(reach is Reach.BEGUN)))
    if scan.keys is not None:
        low = Bill()
        # The list is sent where it is likely to take no more calls than all rows do. Each of its
        # statements may have a page that is not full.
        high = None if high is None else replace(high, calls=2 * high.calls)
    return replace(scan, fragment=replace(fragment, low=low, high=high))
