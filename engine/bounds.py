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
from isthmus.engine.plan import KeyPush, PlannedScan, plan_request

__all__ = ["bounded"]


def bounded(scans: tuple[PlannedScan, ...], reaches: Sequence[Reach]) -> tuple[PlannedScan, ...]:
    """The scans with bounds that hold whatever the other scans bring.

    Args:
        scans: the plan's.
        reaches: how far DuckDB reads each.
    """
    return tuple(_bounded(scan, reach, scans) for scan, reach in zip(scans, reaches, strict=True))


def _bounded(scan: PlannedScan, reach: Reach, scans: Sequence[PlannedScan]) -> PlannedScan:
    fragment = scan.fragment
    if scan.fed is not None:  # another scan's bill has it
        return replace(scan, fragment=replace(fragment, low=Bill(), high=Bill()))
    low, high = fragment.low, fragment.high
    if reach is not Reach.WHOLE:
        low = replace(Bill(), calls=min(low.calls, int(reach is Reach.BEGUN)))
    if scan.keys is not None:
        low = Bill()
        high = None if high is None else _most(scan, scan.keys, high, scans)
    return replace(scan, fragment=replace(fragment, low=low, high=high))


def _most(
    scan: PlannedScan, keys: KeyPush, high: Bill, scans: Sequence[PlannedScan]
) -> Bill | None:
    """The most that a scan costs to which keys are sent, if that costs less than all its rows."""
    found = _most_keys(keys, scans)
    table = scan.request.table
    listed = None
    if found is not None:
        listed = scan.connector.estimate_keys(scan.request, keys.column, max(found, 1))
    if keys.anyway:
        return None if listed is None else replace(high, calls=high.calls + listed.calls)
    plain = plan_request(scan.connector, scan.request).estimate
    if (keys.column,) not in (table.primary_key, *table.unique_keys):
        # Each of the list's statements may have a page that is not full.
        return replace(high, calls=high.calls + plain.calls)
    most = max(high.calls, plain.calls)  # a statement's rows are no more than its keys: one page
    if listed is None or found is None:
        return replace(high, calls=most)
    # How many statements a list takes depends on how long its keys are: twice is on the safe side.
    return replace(
        high,
        calls=min(most, 2 * listed.calls + 1),
        rows=min(high.rows, found) if (keys.column,) == table.primary_key else high.rows,
    )


def _most_keys(keys: KeyPush, scans: Sequence[PlannedScan]) -> int | None:
    """How many keys there can be; None where nobody can tell."""
    most = [scans[index].fragment.high for index, _ in keys.sources]
    known = [bill.rows for bill in most if bill is not None]
    return sum(known) + len(keys.values) if len(known) == len(most) else None
