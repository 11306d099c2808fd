"""Scans that no row can pass are not made."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from isthmus.connectors.contract import Bill
from isthmus.engine.contradictions import is_contradiction
from isthmus.engine.expressions import predicate_of
from isthmus.engine.plan import Firing
from isthmus.engine.rules.draft import Draft

__all__ = ["prune_empty"]


def prune_empty(draft: Draft) -> Draft:
    """``WHERE Name = 'a' AND Name LIKE 'b%'``: no row can pass, no call is made.

    Only where the filters contradict each other, the column's type, or what the source vouches for
    (no Id is malformed): values that a picklist does not offer may be stored all the same, and an
    object without rows is asked.

    Sent: nothing.
    Promise: EXACT. There is no row to lose.
    """
    for index, scan, use in draft.uses():
        implied = [predicate_of(f.expression, f.columns, zone=draft.zone) for f in use.filters]
        known = [i.predicate for i in implied if i is not None]
        table = scan.request.table
        refutes = partial(scan.connector.refutes, table)
        reason = is_contradiction((*scan.request.predicates, *known), table, refutes)
        if reason is not None:
            fragment = replace(
                scan.fragment,
                text="(nothing is sent)",
                access_path="no call",
                estimate=Bill(basis=reason),
                low=Bill(),
                high=Bill(),
            )
            firings = (*scan.firings, Firing("prune_empty", reason))
            pruned = replace(scan, empty=True, fragment=fragment, firings=firings)
            draft = draft.with_scan(index, pruned)
    return draft
