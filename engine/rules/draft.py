"""A plan while rules work on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from isthmus.connectors.contract import Fragment, Promise, ScanRequest
from isthmus.engine.meaning import Meaning, Use
from isthmus.engine.plan import PlannedScan, plan_request
from isthmus.engine.scan import Scan

__all__ = ["Draft", "replanned"]


@dataclass(frozen=True)
class Draft:
    """The scans so far, and what the query says about them.

    Attributes:
        scans: in the order of DuckDB's plan.
        meaning: of the whole query.
        judges: the scan objects, by occurrence: they know what a source promises.
        filtered: indexes of scans that have a filter above them that DuckDB applies itself.
        prefer: ``keys``, ``lookups`` or ``children`` takes every step that may be taken, of this
            kind first, whatever it costs: the differential proof is to see them all.
        zone: the query's time zone, as DuckDB names it.
    """

    scans: tuple[PlannedScan, ...]
    meaning: Meaning
    judges: dict[int, Scan]
    filtered: frozenset[int] = frozenset()
    prefer: str | None = None
    zone: str = "UTC"

    def index_of(self, occurrence: int) -> int | None:
        """The one scan of an occurrence; None where DuckDB reads it in several places."""
        counted = Counter(s.occurrence for s in self.scans)
        if counted[occurrence] != 1:
            return None
        return next(i for i, s in enumerate(self.scans) if s.occurrence == occurrence)

    def uses(self) -> Iterator[tuple[int, PlannedScan, Use]]:
        """Each scan that a rule may change, with its index and its use."""
        for occurrence, use in self.meaning.uses.items():
            index = self.index_of(occurrence)
            if index is not None and not self.scans[index].empty:
                yield index, self.scans[index], use

    def with_scan(self, index: int, scan: PlannedScan) -> Draft:
        """The draft with another scan in its place."""
        scans = (*self.scans[:index], scan, *self.scans[index + 1 :])
        return replace(self, scans=scans)

    def selects_exactly(self, index: int) -> bool:
        """Whether the source returns just the rows that pass every filter of the scan."""
        scan = self.scans[index]
        judged = all(j.promise is Promise.EXACT for j in scan.fragment.judgements)
        return judged and not scan.fragment.rechecked and index not in self.filtered

    def depends_on(self, index: int) -> set[int]:
        """The scans whose rows must be there before this one can be asked, at any distance."""
        found: set[int] = set()
        waiting = [index]
        while waiting:
            scan = self.scans[waiting.pop()]
            needed = [i for i, _ in scan.keys.sources] if scan.keys else []
            needed += [scan.fed.by] if scan.fed else []
            waiting += [i for i in needed if i not in found]
            found.update(needed)
        return found

    def is_needed_by_others(self, index: int) -> bool:
        """Whether another scan takes keys or rows from this one."""
        return any(
            (s.fed is not None and s.fed.by == index)
            or (s.keys is not None and any(i == index for i, _ in s.keys.sources))
            for s in self.scans
        )


def replanned(scan: PlannedScan, request: ScanRequest) -> Fragment | None:
    """The fragment of a scan that asks for more; None where it can't, or not with its keys."""
    if not scan.connector.can(request).able:
        return None
    fragment = plan_request(scan.connector, request)
    if scan.keys is None:
        return fragment
    estimate = scan.connector.estimate_keys(request, scan.keys.column, scan.keys.count)
    return None if estimate is None else replace(fragment, estimate=estimate)
