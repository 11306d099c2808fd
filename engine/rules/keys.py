"""Keys that one scan finds are sent as a list into another: a semi-join across sources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from isthmus.connectors.contract import Bill, ScanRequest
from isthmus.connectors.predicates import In
from isthmus.engine.logical import Constant, Origin
from isthmus.engine.meaning import Reduction
from isthmus.engine.plan import Firing, KeyPush, PlannedScan
from isthmus.engine.rules.children import ChildFetch, child_fetches
from isthmus.engine.rules.cofetch import CoFetch, co_fetches, needs_its_lookups
from isthmus.engine.rules.draft import Draft

__all__ = ["MAX_KEYS", "push_constants", "push_keys"]

#: More keys than these are not collected: a list of them is longer than most scans.
MAX_KEYS = 100_000
#: Calls of a scan from which on it may wait for keys whose number can't be told before.
_LONG_SCAN = 3
#: As many calls are worth waiting for keys only if this much is saved.
_MANY_BYTES = 200_000


def push_constants(draft: Draft) -> Draft:
    """``JOIN (VALUES ('a'), ('b')) v(k) ON t.c = v.k``: the keys stand in the text.

    The rows without one of them take part in nothing, by the kind of the join (see `Reduction`).

    Sent: ``c IN ('a','b')``.
    Promise: SUPERSET. DuckDB joins, whatever more comes.
    """
    for reduction in draft.meaning.reductions:
        index = draft.index_of(reduction.occurrence)
        if index is None or any(isinstance(k, Origin) for k in reduction.keys):
            continue
        values = _values([k for k in reduction.keys if isinstance(k, Constant)])
        scan = draft.scans[index]
        if values is None or scan.request.limit is not None:
            continue
        predicate = In(reduction.column, values)
        offer = draft.judges[scan.occurrence].judged(f"{reduction.column} IN (...)", predicate)
        if not offer.taken or predicate in scan.request.predicates:
            continue
        request = replace(scan.request, predicates=(*scan.request.predicates, predicate))
        words = f"{len(values):,} keys of the text, for the {reduction.join}"
        changed = replace(scan, hints=(*scan.hints, offer)).asking(
            request, Firing("push_keys", words)
        )
        draft = draft.with_scan(index, changed)
    return draft


def _values(constants: list[Constant]) -> tuple[str | int, ...] | None:
    """Their values in order; None where one has no form in our words."""
    found = [_value(c) for c in constants]
    known = [v for v in found if v is not None]
    return None if len(known) < len(found) else tuple(sorted(known))


def _value(constant: Constant) -> str | int | None:
    known = {"VARCHAR": str, "BIGINT": int, "INTEGER": int}.get(constant.type)
    value = constant.value
    return value if isinstance(value, (str, int)) and type(value) is known else None


@dataclass(frozen=True)
class _Push:
    """One possible push, with what it saves."""

    index: int
    keys: KeyPush
    bill: Bill
    saved: tuple[int, int]
    join: str

    def apply(self, draft: Draft) -> Draft:
        scan = draft.scans[self.index]
        tables = [(draft.scans[i].request.table, column) for i, column in self.keys.sources]
        names = ", ".join(f"{table.source}.{table.name}.{column}" for table, column in tables)
        column = _by_relationships(scan.request, self.keys.column)
        words = f"{column} IN (the keys of {names}), for the {self.join}"
        fragment = replace(scan.fragment, estimate=self.bill)
        firing = Firing("push_keys", words)
        return draft.with_scan(
            self.index,
            replace(scan, keys=self.keys, fragment=fragment, firings=(*scan.firings, firing)),
        )


def _by_relationships(request: ScanRequest, column: str) -> str:
    """A column of a looked-up row under the names that its source has for the way there.

    ``AccountId.OwnerId.Name`` is ``Account.Owner.Name``; a key whose reference has no name stays.
    """
    if any(own.name == column for own in request.table.columns):
        return column  # a dot may be part of its name
    *keys, last = column.split(".")
    table, lookups, names = request.table, request.lookups, list[str]()
    for key in keys:
        reference = table.column(key).reference
        names.append(key if reference is None or reference.name is None else reference.name)
        lookup = next(one for one in lookups if one.key == key)
        table, lookups = lookup.table, lookup.lookups
    return ".".join((*names, last))


def push_keys(draft: Draft) -> Draft:
    """``files f JOIN crm.Account a ON a.Id = f.k``: ask only for the accounts that f names.

    The one step that saves most is taken first, then the next, until none saves anything: keys
    pushed one way or the other, or a looked-up table or one that points here fetched along (see
    `cofetch` and `children`). A step that would wait for itself is none. A table that comes along
    takes keys only where the rows that it comes with are not needed without it, so a plan in which
    keys go first is made as well, and the one that costs less is taken. How many keys there are
    shows at run time only: then the list is given up if the whole scan costs less.

    Sent: ``c IN (...)`` with the keys that were found, in as many statements as they need.
    Promise: SUPERSET. DuckDB joins, whatever more comes.
    """
    if draft.prefer == "keys":
        return _steps(_steps(draft, _pushes), _alongs)
    if draft.prefer == "children":
        draft = _steps(draft, child_fetches)
    if draft.prefer:
        return _steps(_steps(draft, _alongs), _pushes)
    together = _steps(draft, lambda d: [*_pushes(d), *_alongs(d)])
    keys_first = _steps(_steps(draft, _pushes), _alongs)
    return min(keys_first, together, key=_cost)


_Step = _Push | CoFetch | ChildFetch


def _steps(draft: Draft, possible: Callable[[Draft], Iterable[_Step]]) -> Draft:
    while True:
        best = max(possible(draft), key=_worth, default=None)
        if best is None:
            return draft
        draft = best.apply(draft)


def _worth(step: _Step) -> tuple[int, bool, int]:
    """Calls first. Children make pages of fewer rows, so of as many calls they come last."""
    calls, size = step.saved
    return (calls, not isinstance(step, ChildFetch), size)


def _alongs(draft: Draft) -> Iterator[CoFetch | ChildFetch]:
    yield from co_fetches(draft)
    yield from child_fetches(draft)


def _cost(draft: Draft) -> tuple[int, int, int]:
    """Calls first; of as many, the plan with fewer reads, then the one with fewer bytes."""
    bills = [scan.fragment.estimate for scan in draft.scans]
    reads = sum(scan.fed is None for scan in draft.scans)
    return (sum(b.calls for b in bills), reads, sum(b.bytes for b in bills))


def _pushes(draft: Draft) -> Iterator[_Push]:
    for reduction in draft.meaning.reductions:
        push = _push(draft, reduction)
        if push is not None:
            yield push


def _push(draft: Draft, reduction: Reduction) -> _Push | None:
    index = draft.index_of(reduction.occurrence)
    placed = None if index is None else _place(draft, index, reduction.column)
    if index is None or placed is None or not _can_take_keys(draft.scans[placed[0]]):
        return None
    of = draft.scans[index]
    index, column = placed
    scan = draft.scans[index]
    sources = []
    for key in reduction.keys:
        source = draft.index_of(key.occurrence) if isinstance(key, Origin) else None
        if source is None or source == index or index in draft.depends_on(source):
            return None
        assert isinstance(key, Origin)
        if draft.scans[source].empty:
            return None
        asked = draft.scans[source].request
        if asked.aggregates and key.column not in asked.columns:
            return None  # its extremes alone come, not every value
        sources.append((source, key.column))
    count = sum(draft.scans[i].fragment.estimate.rows for i, _ in sources)
    if not sources or count > MAX_KEYS or _names_all(draft, of, reduction.column, sources):
        return None
    bill = scan.connector.estimate_keys(scan.request, column, max(count, 1))
    if bill is None:
        return None
    full = scan.fragment.estimate
    saved = (full.calls - bill.calls, full.bytes - bill.bytes)
    if saved[0] <= 0 and not (saved[0] == 0 and saved[1] > _MANY_BYTES):
        if not draft.prefer and not _is_worth_a_wait(
            full, [draft.scans[i].fragment.estimate for i, _ in sources]
        ):
            return None
        saved, bill = (0, 0), full
    keys = KeyPush(column, tuple(sorted(sources)), count=count, anyway=bool(draft.prefer))
    return _Push(index, keys, bill, saved, reduction.join)


def _place(draft: Draft, index: int, column: str) -> tuple[int, str] | None:
    """Which scan can be sent keys of a column, and what it calls the column.

    Rows that come along have no statement of their own. Their keys go to the one that they come
    with, if its rows are needed only where they have such a row.
    """
    fed = draft.scans[index].fed
    if fed is None:
        return index, column
    if needs_its_lookups(draft, index):
        return fed.by, ".".join((*fed.path, column))
    return None


def _names_all(
    draft: Draft, scan: PlannedScan, column: str, sources: list[tuple[int, str]]
) -> bool:
    """Whether the keys are those of every row that the column may point to."""
    reference = scan.request.table.column(column).reference
    for index, _ in sources:
        source = draft.scans[index]
        request = source.request
        targets = () if reference is None else reference.targets
        is_target = request.table.source == scan.request.table.source and (
            request.table.name in targets
        )
        if not is_target or request.predicates or source.keys or request.limit is not None:
            return False
    return True


def _is_worth_a_wait(full: Bill, sources: list[Bill]) -> bool:
    """Whether to see first how many keys there are: the scan is long, and they come soon."""
    return full.calls >= _LONG_SCAN and 3 * sum(s.calls for s in sources) <= full.calls


def _can_take_keys(scan: PlannedScan) -> bool:
    request = scan.request
    taken = scan.keys is not None or scan.fed is not None or scan.empty
    return not (taken or request.aggregates or request.limit is not None)
