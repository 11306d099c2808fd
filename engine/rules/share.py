"""A table that a query reads twice is fetched once, where one fetch costs less than two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from isthmus.connectors.contract import Bill, Fragment, ScanRequest
from isthmus.connectors.predicates import And, Or, Predicate, columns_of
from isthmus.engine import recheck
from isthmus.engine.plan import Fed, Firing, PlannedScan, plan_request
from isthmus.engine.rules.draft import Draft

__all__ = ["share_scans"]


def share_scans(draft: Draft) -> Draft:
    """``SELECT ... FROM t WHERE a UNION ALL SELECT ... FROM t WHERE b``: fetch ``a OR b`` once.

    What is fetched has every row and column that either scan needs; each then takes its own by
    the filters that DuckDB left to it. So the rows are those of two fetches, of one moment.

    Sent: one statement with the columns of both, and ``a OR b`` where both have filters.
    Promise: SUPERSET. Each scan filters its own rows here.
    """
    while True:
        best = max(_shares(draft), key=lambda s: s.saved, default=None)
        if best is None:
            return draft
        draft = best.apply(draft)


@dataclass(frozen=True)
class _Share:
    """One possible share: the second scan takes its rows from the first one's fetch."""

    first: int
    second: int
    fragment: Fragment
    saved: int

    def apply(self, draft: Draft) -> Draft:
        first, second = draft.scans[self.first], draft.scans[self.second]
        name = f"{first.request.table.source}.{first.request.table.name}"
        firing = Firing("share_scans", f"{name} is fetched once for two scans")
        firings = (*first.firings, firing)
        draft = draft.with_scan(self.first, replace(first, fragment=self.fragment, firings=firings))
        fragment = replace(
            second.fragment,
            text=f"(shares the rows of {name})",
            access_path="shared scan",
            estimate=Bill(basis=f"in the bill of {name}"),
            low=Bill(),
            high=Bill(),
            statements=(),
        )
        fed = replace(second, fed=Fed(self.first), fragment=fragment)
        draft = draft.with_scan(self.second, fed)
        for index, scan in enumerate(draft.scans):
            if scan.fed is not None and scan.fed.by == self.second:
                moved = replace(scan, fed=replace(scan.fed, by=self.first))
                draft = draft.with_scan(index, moved)
        return draft


def _shares(draft: Draft) -> Iterator[_Share]:
    plain = [i for i, scan in enumerate(draft.scans) if _is_plain(scan)]
    for first, second in combinations(plain, 2):
        found = _share(draft, first, second)
        if found is not None:
            yield found


def _is_plain(scan: PlannedScan) -> bool:
    """Whether it reads rows of its own, and can filter them here."""
    request = scan.request
    along = request.lookups or request.children
    asked = request.aggregates or request.order or request.limit is not None
    if scan.fed or scan.keys or scan.empty or along or asked:
        return False
    try:
        recheck.expression(scan.applied, request.table.schema)
    except recheck.Unfit:
        return False
    return True


def _share(draft: Draft, first: int, second: int) -> _Share | None:
    one, other = draft.scans[first], draft.scans[second]
    same = one.request.table.source == other.request.table.source
    if not same or one.request.table.name != other.request.table.name:
        return None
    if one.request.options != other.request.options:
        return None
    if first in draft.depends_on(second) or second in draft.depends_on(first):
        return None
    fragment = plan_request(one.connector, _together(draft, one, other))
    apart = one.fragment.estimate.calls + other.fragment.estimate.calls
    saved = apart - fragment.estimate.calls
    return _Share(first, second, fragment, saved) if saved > 0 or draft.prefer else None


def _together(draft: Draft, one: PlannedScan, other: PlannedScan) -> ScanRequest:
    """What has the rows and columns of both."""
    common = tuple(p for p in one.request.predicates if p in other.request.predicates)
    rest = [tuple(p for p in scan.request.predicates if p not in common) for scan in (one, other)]
    either: tuple[Predicate, ...] = ()
    if all(rest):
        arms = Or(tuple(And(part) if len(part) > 1 else part[0] for part in rest))
        offer = draft.judges[one.occurrence].judged("either", arms)
        either = (arms,) if offer.taken else ()
    needed = [
        c
        for scan in (one, other)
        for c in (*scan.request.columns, *(c for p in scan.applied for c in columns_of(p)))
    ]
    columns = tuple(dict.fromkeys(needed))
    points = tuple(p for p in one.request.points if p in other.request.points)
    return replace(one.request, columns=columns, predicates=(*common, *either), points=points)
