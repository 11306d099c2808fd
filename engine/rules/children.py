"""Rows that point to the rows of another scan come along with them, in the same statement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from isthmus.connectors.contract import Ability, Bill, Children, Fragment
from isthmus.connectors.predicates import columns_of
from isthmus.engine.logical import Origin
from isthmus.engine.meaning import Reduction
from isthmus.engine.plan import Fed, Firing, PlannedScan
from isthmus.engine.rules.cofetch import CALLS_FOR_ONE_SAVED, can_be_fed
from isthmus.engine.rules.draft import Draft, replanned

__all__ = ["ChildFetch", "child_fetches"]


@dataclass(frozen=True)
class ChildFetch:
    """One possible fetch of children, with what it saves.

    Attributes:
        child: index of the scan whose rows come along.
        parent: index of the scan that is sent.
        children: what is asked for besides.
        fragment: what is sent for the parent then.
    """

    child: int
    parent: int
    children: Children
    fragment: Fragment
    saved: tuple[int, int]

    def apply(self, draft: Draft) -> Draft:
        """The draft with the child fed by the parent."""
        child, parent = draft.scans[self.child], draft.scans[self.parent]
        words = f"{self.children.table.name} comes along by its {self.children.key}"
        firings = (*parent.firings, Firing("child_fetch", words))
        sent = replace(parent, fragment=self.fragment, firings=firings)
        name = f"{parent.request.table.source}.{parent.request.table.name}"
        fragment = replace(
            child.fragment,
            text=f"(comes along with {name})",
            access_path="child subquery",
            estimate=Bill(basis=f"in the bill of {name}"),
            statements=(),
        )
        fed = replace(child, fed=Fed(self.parent, children=self.children.name), fragment=fragment)
        return draft.with_scan(self.parent, sent).with_scan(self.child, fed)


def child_fetches(draft: Draft) -> Iterator[ChildFetch]:
    """``Account a LEFT JOIN Contact c ON c.AccountId = a.Id``: ask each account for its contacts.

    The children's rows that point to no row of the parent's scan take part in nothing (it is a
    `Reduction` by the parent's key), and those that point to one come with it. All parents come,
    whatever children they have, and DuckDB still joins, so the kind of join stays exact.

    Sent: the parent's statement with a subquery for the child's columns and filters; nothing for
    the child.
    Promise: SUPERSET. The child's filters are applied here, and DuckDB joins.
    """
    for reduction in draft.meaning.reductions:
        found = _child_fetch(draft, reduction)
        if found is not None:
            yield found


def _child_fetch(draft: Draft, reduction: Reduction) -> ChildFetch | None:
    if len(reduction.keys) != 1:
        return None
    (key,) = reduction.keys
    child = draft.index_of(reduction.occurrence)
    parent = draft.index_of(key.occurrence) if isinstance(key, Origin) else None
    if child is None or parent is None or parent == child:
        return None
    assert isinstance(key, Origin)
    below, above = draft.scans[child], draft.scans[parent]
    if below.empty or above.empty or above.fed is not None or above.request.aggregates:
        return None
    if not _points_to(below, reduction.column, above, key.column):
        return None
    if child in draft.depends_on(parent) or not can_be_fed(below) or below.request.lookups:
        return None
    if below.request.children or Ability.CHILDREN not in above.connector.abilities:
        return None
    children = _children(below, reduction.column)
    columns = dict.fromkeys((*above.request.columns, key.column))
    request = replace(
        above.request, columns=tuple(columns), children=(*above.request.children, children)
    )
    fragment = replanned(above, request)
    if fragment is None:
        return None
    apart, together = above.fragment.estimate + below.fragment.estimate, fragment.estimate
    saved = (apart.calls - together.calls, apart.bytes - together.bytes)
    found = ChildFetch(child, parent, children, fragment, saved)
    if draft.prefer:
        return found
    if saved[0] <= 0 or saved[0] * CALLS_FOR_ONE_SAVED < together.calls:
        return None
    return found


def _points_to(child: PlannedScan, key: str, parent: PlannedScan, target: str) -> bool:
    one, other = parent.request.table, child.request.table
    reference = other.column(key).reference
    return (
        one.source == other.source
        and reference is not None
        and one.name in reference.targets
        and reference.target_column == target
        and one.primary_key == (target,)
        and parent.request.options == child.request.options
    )


def _children(scan: PlannedScan, key: str) -> Children:
    filtered = [c for p in scan.applied for c in columns_of(p)]
    table = scan.request.table
    columns = dict.fromkeys((*table.primary_key, key, *scan.columns, *filtered))
    return Children(key, table, tuple(columns), scan.request.predicates)
