"""What a run has done, and what it would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from isthmus.connectors.contract import Bill
from isthmus.engine.display import spread
from isthmus.engine.sync.subject import Priced

__all__ = ["SyncPlan", "SyncProgress", "SyncRun"]


@dataclass(frozen=True)
class SyncProgress:
    """How far a run is.

    Attributes:
        doing: in words.
        rows: fetched so far.
        of: about how many there will be; None where nobody knows.
        pages: of answers.
        calls: made so far.
    """

    doing: str
    rows: int
    of: int | None
    pages: int
    calls: int


@dataclass(frozen=True)
class SyncRun:
    """A run that has ended well.

    Attributes:
        sync: the sync's name.
        run: the run's id, as in ``isthmus.sync_runs``.
        mode: ``full`` or ``incremental``.
        rows_in: rows that were fetched.
        rows_out: rows that were put into the copy.
        deleted: keys whose rows were deleted or marked.
        bill: what the sources charged for it.
        since: where the window began; None: everything was read.
        until: the copy is complete up to here, by the source's clock; None: of one moment.
        resumed: whether it took up what a broken run had fetched.
        changes: what has become of the columns.
        warnings: what it could not do, and why.
        seconds: how long it took.
        failed: rows that a source would not take, of a sync into one.
    """

    sync: str
    run: str
    mode: str
    rows_in: int
    rows_out: int
    deleted: int
    bill: Bill
    since: datetime | None
    until: datetime | None
    resumed: bool
    changes: tuple[str, ...]
    warnings: tuple[str, ...]
    seconds: float
    failed: int = 0

    def __str__(self) -> str:
        up_to = "" if self.until is None else f", complete up to {self.until:%Y-%m-%d %H:%M:%S} UTC"
        lines = [
            f"{self.sync}: {self.mode}, {self.rows_in:,} rows in, {self.rows_out:,} out, "
            f"{self.deleted:,} deleted, {self.bill.calls:,} calls, {self.seconds:.1f} s{up_to}",
            *(f"  {line}" for line in self.changes),
            *(f"  warning: {line}" for line in self.warnings),
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class SyncPlan:
    """What a run would do. Nothing was read or written for it.

    Attributes:
        sync: the sync's name.
        mode: ``full`` or ``incremental``.
        target: where to, without secrets.
        questions: what would be asked, in order; deletions and times are not among them.
        other_calls: calls beside them.
        since: where the window would begin.
        changes: what would become of the columns.
        warnings: what could not be done.
    """

    sync: str
    mode: str
    target: str
    questions: tuple[Priced, ...]
    other_calls: Mapping[str, int]
    since: datetime | None
    changes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def estimate(self) -> Bill:
        """The likeliest bill."""
        asked = sum((q.estimate for q in self.questions), Bill())
        return asked + Bill(calls=sum(self.other_calls.values()))

    @property
    def low(self) -> Bill:
        """The least that it costs, if no request fails."""
        asked = sum((q.low for q in self.questions), Bill())
        return asked + Bill(calls=sum(self.other_calls.values()))

    @property
    def high(self) -> Bill | None:
        """The most that it may cost, if no request fails; None where nobody can tell."""
        bills = [q.high for q in self.questions]
        known = [bill for bill in bills if bill is not None]
        if len(known) < len(bills):
            return None
        return sum(known, Bill()) + Bill(calls=sum(self.other_calls.values()))

    @property
    def calls_by_source(self) -> Mapping[str, int]:
        """The likeliest calls to each source."""
        calls = dict(self.other_calls)
        for question in self.questions:
            calls[question.source] = calls.get(question.source, 0) + question.estimate.calls
        return calls

    def __str__(self) -> str:
        bill = self.estimate
        since = "" if self.since is None else f", changes since {self.since:%Y-%m-%d %H:%M:%S} UTC"
        lines = [f"{self.sync}: {self.mode} into {self.target}{since}"]
        for q in self.questions:
            rows = _ranged(q.estimate, q.low, q.high, "rows")
            basis = f" ({q.estimate.basis})" if q.estimate.basis else ""
            lines += [f"  {q.source}: {q.text}", f"    {rows}{basis}"]
        lines += [f"  {line}" for line in self.changes]
        lines += [f"  warning: {line}" for line in self.warnings]
        calls, rows = (_ranged(bill, self.low, self.high, name) for name in ("calls", "rows"))
        lines.append(f"  predicted: {calls}, {rows}, {bill.bytes:,} bytes, {bill.seconds:.1f} s")
        return "\n".join(lines)


def _ranged(likely: Bill, low: Bill, high: Bill | None, name: str) -> str:
    """A figure of a bill, and between which it lies."""
    figure, least = getattr(likely, name), getattr(low, name)
    most = None if high is None else getattr(high, name)
    return f"{figure:,} {name}{spread(figure, least, most)}"
