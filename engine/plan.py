"""The plan of a query is a value: which fragment goes to which source, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from isthmus.connectors.contract import Bill, Connector, Fragment, ScanRequest
from isthmus.connectors.predicates import Compare, Predicate, Value
from isthmus.engine.scan import Offer

__all__ = ["Fed", "Firing", "KeyPush", "Plan", "PlannedScan", "plan_request"]


@dataclass(frozen=True)
class Firing:
    """A rule that changed what is asked of a scan, and how, in words for EXPLAIN."""

    rule: str
    words: str


@dataclass(frozen=True)
class KeyPush:
    """Keys found by other scans are sent as a list into this one.

    Attributes:
        column: which of this scan's columns must hold one of the keys; ``AccountId.Name`` for a
            column of a row that it looks up.
        sources: where they are found: the index of a scan in the plan, and its column.
        values: keys that stand in the text.
        count: about how many there are.
        anyway: send the list even where the whole scan costs less.
    """

    column: str
    sources: tuple[tuple[int, str], ...]
    values: tuple[Any, ...] = ()
    count: int = 0
    anyway: bool = False


@dataclass(frozen=True)
class Fed:
    """The scan's rows come with those of another scan, which looks them up or is pointed to.

    Attributes:
        by: that scan's index in the plan.
        path: the foreign keys from its table to this one.
        children: the list column in which they come, if they point to that scan's rows.
    """

    by: int
    path: tuple[str, ...] = ()
    children: str | None = None


@dataclass(frozen=True)
class PlannedScan:
    """One scan of DuckDB's plan, and the fragment that feeds it.

    Attributes:
        occurrence: the number of the table occurrence.
        columns: what DuckDB asks for, under the table's own names.
        offers: every filter that was offered for this scan, taken or not.
        residual: expressions that DuckDB applies above the scan, as it writes them.
        fragment: what is sent.
        connector: the source's.
        hints: predicates that DuckDB applies itself, sent all the same to shrink the fetch.
        keys: keys of other scans that shrink it, if any.
        fed: the scan that brings its rows along, if any; then nothing is sent for it.
        empty: no row can pass: nothing is sent either.
        firings: the rules that changed it.
    """

    occurrence: int
    columns: tuple[str, ...]
    offers: tuple[Offer, ...]
    residual: tuple[str, ...]
    fragment: Fragment
    connector: Connector = field(compare=False, repr=False)
    hints: tuple[Offer, ...] = ()
    keys: KeyPush | None = None
    fed: Fed | None = None
    empty: bool = False
    firings: tuple[Firing, ...] = ()

    @property
    def taken(self) -> tuple[Offer, ...]:
        """The filters that the scan applies."""
        return tuple(o for o in self.offers if o.taken)

    @property
    def applied(self) -> tuple[Predicate, ...]:
        """The predicates that every row handed to DuckDB must pass."""
        return tuple(o.predicate for o in self.taken if o.predicate is not None)

    @property
    def fixed(self) -> dict[str, Value]:
        """Columns whose value is the same in every row, by what is sent as a hint."""
        hinted = [o.predicate for o in self.hints]
        return {p.column: p.value for p in hinted if isinstance(p, Compare) and p.op == "="}

    @property
    def request(self) -> ScanRequest:
        """What is asked of the source."""
        return self.fragment.request

    def feeds(self, columns: Sequence[str], offers: Sequence[Offer]) -> bool:
        """Whether this is the scan that DuckDB opens with these columns and filters."""
        return sorted(columns) == sorted(self.columns) and {o.text for o in offers} == {
            o.text for o in self.taken
        }

    def asking(self, request: ScanRequest, *firings: Firing) -> PlannedScan:
        """The same scan with another request."""
        fragment = plan_request(self.connector, request)
        return replace(self, fragment=fragment, firings=(*self.firings, *firings))


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

    @property
    def low(self) -> Bill:
        """The least that it costs, read to its end."""
        return sum((s.fragment.low for s in self.scans), Bill())

    @property
    def high(self) -> Bill | None:
        """The most that it costs, if no request fails; None where nobody can tell."""
        bills = [s.fragment.high for s in self.scans]
        known = [b for b in bills if b is not None]
        return sum(known, Bill()) if len(known) == len(bills) else None

    @property
    def calls_by_source(self) -> dict[str, int]:
        """The predicted calls to each source."""
        calls: dict[str, int] = {}
        for scan in self.scans:
            fragment = scan.fragment
            calls[fragment.source] = calls.get(fragment.source, 0) + fragment.estimate.calls
        return calls

    @property
    def rules_fired(self) -> tuple[str, ...]:
        """The names of the rules that changed a scan, one entry for each scan and rule."""
        return tuple(firing.rule for scan in self.scans for firing in scan.firings)

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


def plan_request(connector: Connector, request: ScanRequest) -> Fragment:
    """The fragment for a request, as its connector plans it."""
    fragment = connector.plan(request)
    if request.limit and fragment.rechecked:
        # Planned, a predicate may be kept back after all (a statement too long): no LIMIT then.
        return connector.plan(replace(request, limit=None, order=()))
    return fragment
