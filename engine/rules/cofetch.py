"""A table that is looked up comes along with the rows that look it up: one statement for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from isthmus.connectors.contract import Ability, Bill, Fragment, Lookup, ScanRequest
from isthmus.connectors.predicates import Predicate, columns_of
from isthmus.engine import recheck
from isthmus.engine.logical import Origin
from isthmus.engine.meaning import Reduction
from isthmus.engine.plan import Fed, Firing, PlannedScan
from isthmus.engine.rules.draft import Draft, replanned

__all__ = [
    "CALLS_FOR_ONE_SAVED",
    "CoFetch",
    "can_be_fed",
    "co_fetches",
    "lookup_at",
    "needs_its_lookups",
]

#: A call saved must be worth it: looked-up columns come again with each row.
CALLS_FOR_ONE_SAVED = 50


@dataclass(frozen=True)
class CoFetch:
    """One possible co-fetch, with what it saves.

    Attributes:
        parent: index of the scan that is looked up.
        root: index of the scan that is sent: the one with the foreign key, or what that comes
            along with.
        path: the foreign keys from the root's table to the parent's.
        fragment: what is sent for the root then.
    """

    parent: int
    root: int
    path: tuple[str, ...]
    fragment: Fragment
    saved: tuple[int, int]
    join: str

    def apply(self, draft: Draft) -> Draft:
        """The draft with the parent fed by the root."""
        parent, root = draft.scans[self.parent], draft.scans[self.root]
        words = f"{parent.request.table.name} comes along by {'.'.join(self.path)}"
        sent = replace(root, fragment=self.fragment)
        draft = draft.with_scan(self.root, _fired(sent, Firing("co_fetch", words)))
        for index, scan in enumerate(draft.scans):
            if index == self.parent or (scan.fed is not None and scan.fed.by == self.parent):
                below = scan.fed.path if scan.fed is not None else ()
                fed = replace(
                    scan, fed=Fed(self.root, self.path + below), fragment=_alongside(scan, root)
                )
                draft = draft.with_scan(index, fed)
        return draft


def _fired(scan: PlannedScan, firing: Firing) -> PlannedScan:
    return replace(scan, firings=(*scan.firings, firing))


def _alongside(scan: PlannedScan, root: PlannedScan) -> Fragment:
    name = f"{root.request.table.source}.{root.request.table.name}"
    return replace(
        scan.fragment,
        text=f"(comes along with {name})",
        access_path="co-fetch",
        estimate=Bill(basis=f"in the bill of {name}"),
        statements=(),
    )


def co_fetches(draft: Draft) -> Iterator[CoFetch]:
    """``Opportunity o JOIN Account a ON a.Id = o.AccountId``: ask for ``Account.Name`` as well.

    The parent's rows that no child points to take part in nothing (it is a `Reduction` by the
    children's foreign keys), and each that one points to comes with it. DuckDB still joins, so the
    kind of join stays exact. Where children without a passing parent take part in nothing either,
    the parent's filters go down with the statement.

    Sent: the child's statement with paths to the parent's columns; nothing for the parent.
    Promise: SUPERSET. The parent's filters are applied here, and DuckDB joins.
    """
    for reduction in draft.meaning.reductions:
        found = _co_fetch(draft, reduction)
        if found is not None:
            yield found


def _co_fetch(draft: Draft, reduction: Reduction) -> CoFetch | None:
    if len(reduction.keys) != 1:
        return None
    (key,) = reduction.keys
    parent = draft.index_of(reduction.occurrence)
    child = draft.index_of(key.occurrence) if isinstance(key, Origin) else None
    if parent is None or child is None or parent == child:
        return None
    assert isinstance(key, Origin)
    looked_up, looking = draft.scans[parent], draft.scans[child]
    if looked_up.empty or looking.empty:
        return None
    if not _is_lookup(looked_up, looking, reduction.column, key.column):
        return None
    if looking.fed is not None and looking.fed.children is not None:
        return None  # a path within a subquery
    if looked_up.request.children:
        return None
    root = child if looking.fed is None else looking.fed.by
    above = () if looking.fed is None else looking.fed.path
    if root == parent or parent in draft.depends_on(root) or not can_be_fed(looked_up):
        return None
    sent = draft.scans[root]
    if sent.request.aggregates:
        return None
    path = (*above, key.column)
    key_of_parent = Origin(reduction.occurrence, reduction.column)
    reducible = _is_reduced(draft, key, key_of_parent) and needs_its_lookups(draft, child)
    request = _with_lookup(sent.request, path, _lookup(looked_up, key.column, reducible))
    if request is None or Ability.LOOKUP not in sent.connector.abilities:
        return None
    fragment = replanned(sent, request)
    if fragment is None:
        return None
    saved = _saved(sent.fragment.estimate, looked_up.fragment.estimate, fragment.estimate)
    if draft.prefer:
        return CoFetch(parent, root, path, fragment, saved, reduction.join)
    if saved[0] <= 0 or saved[0] * CALLS_FOR_ONE_SAVED < fragment.estimate.calls:
        return None
    return CoFetch(parent, root, path, fragment, saved, reduction.join)


def _is_lookup(parent: PlannedScan, child: PlannedScan, target: str, key: str) -> bool:
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


def can_be_fed(scan: PlannedScan) -> bool:
    """Whether a scan reads rows of its own and its filters can be applied to any, here."""
    request = scan.request
    if scan.fed or scan.keys or request.aggregates or request.limit is not None:
        return False
    try:
        recheck.expression(scan.applied, request.table.schema)
    except recheck.Unfit:
        return False
    return True


def _is_reduced(draft: Draft, key: Origin, parent: Origin) -> bool:
    """Whether children without a passing parent can be left out."""
    return any(
        r.occurrence == key.occurrence and r.column == key.column and r.keys == {parent}
        for r in draft.meaning.reductions
    )


def needs_its_lookups(draft: Draft, index: int) -> bool:
    """Whether rows of a scan's root are needed only where the scan has a row for them.

    Where an outer join stands between the two, a row of the root is needed in any case.
    """
    scan = draft.scans[index]
    if scan.fed is None:
        return True
    above = _looking(draft, scan.fed)
    if above is None or scan.fed.children is not None:
        return False
    key = Origin(draft.scans[above].occurrence, scan.fed.path[-1])
    parent = Origin(scan.occurrence, scan.request.table.primary_key[0])
    return _is_reduced(draft, key, parent) and needs_its_lookups(draft, above)


def _looking(draft: Draft, fed: Fed) -> int | None:
    """The scan whose foreign key is the last of a path."""
    if len(fed.path) < 2:
        return fed.by if fed.path else None
    above = Fed(fed.by, fed.path[:-1])
    return next((i for i, scan in enumerate(draft.scans) if scan.fed == above), None)


def _lookup(scan: PlannedScan, key: str, reducible: bool) -> Lookup:
    filtered = [c for p in scan.applied for c in columns_of(p)]
    columns = dict.fromkeys((*scan.request.table.primary_key, *scan.columns, *filtered))
    predicates: tuple[Predicate, ...] = scan.request.predicates if reducible else ()
    below = scan.request.lookups if reducible else tuple(map(_unfiltered, scan.request.lookups))
    return Lookup(key, scan.request.table, tuple(columns), predicates, below)


def _unfiltered(lookup: Lookup) -> Lookup:
    """The same rows, whatever holds of them."""
    return replace(lookup, predicates=(), lookups=tuple(map(_unfiltered, lookup.lookups)))


def _with_lookup(request: ScanRequest, path: tuple[str, ...], lookup: Lookup) -> ScanRequest | None:
    lookups = _added(request.lookups, path[:-1], lookup)
    return None if lookups is None else replace(request, lookups=lookups)


def _added(
    lookups: tuple[Lookup, ...], path: tuple[str, ...], lookup: Lookup
) -> tuple[Lookup, ...] | None:
    """The lookups with one more below a path; None where one of that key is there already."""
    if not path:
        taken = any(known.key == lookup.key for known in lookups)
        return None if taken else (*lookups, lookup)
    changed = []
    for known in lookups:
        if known.key == path[0]:
            inner = _added(known.lookups, path[1:], lookup)
            if inner is None:
                return None
            known = replace(known, lookups=inner)
        changed.append(known)
    return tuple(changed)


def lookup_at(request: ScanRequest, path: tuple[str, ...]) -> Lookup:
    """The lookup that a path of foreign keys leads to."""
    lookups = request.lookups
    for key in path[:-1]:
        lookups = next(known.lookups for known in lookups if known.key == key)
    return next(known for known in lookups if known.key == path[-1])


def _saved(root: Bill, parent: Bill, together: Bill) -> tuple[int, int]:
    return (
        root.calls + parent.calls - together.calls,
        root.bytes + parent.bytes - together.bytes,
    )
