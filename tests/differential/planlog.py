"""The plan is the log: what a result says was sent is what the orgs' request logs hold."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isthmus.connectors.contract import Fragment
from isthmus.engine.bill import FragmentBill
from isthmus.engine.plan import Plan
from isthmus.engine.result import Result
from isthmus.localorg import LocalOrg

__all__ = ["PlanLog", "compared", "is_for_rows", "settled", "unplanned"]

#: Requests for rows: queries, their pages, Bulk jobs, records by Id.
_DATA = re.compile(
    r"/services/data/v(?P<version>[\d.]+)/(query|queryAll|jobs/query|composite/sobjects/\w+$)\b"
)
#: A line break, as SOQL writes it.
_BROKEN = re.compile(r"\\[nr]")
#: The bounds that a read in ranges of Ids, or one that goes on after lost pages, adds.
_ID_BOUND = re.compile(r" (WHERE|AND) Id (<=|>) '\w+'")
_RETRIEVE = re.compile(r"POST composite/sobjects/\w+")
_ENDS = re.compile(r"SELECT Id FROM \w+ ORDER BY Id (ASC|DESC) LIMIT 1")
#: Seconds until requests that were given up are noted and billed.
_PATIENCE = 1.0

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class PlanLog:
    """Compares results with the request logs of their orgs.

    Attributes:
        orgs: by the name of the source.
        version: the API version that the connection speaks; requests of others are not looked at.
        exact: whether every fragment is read to its end, so that no request is given up.
    """

    orgs: Mapping[str, LocalOrg]
    version: str
    exact: bool = False

    def clear(self) -> None:
        """Forget the requests so far; call it before the query runs."""
        for org in self.orgs.values():
            org.clear_requests()

    def differences(self, result: Result, *, whole: bool = True) -> list[str]:
        """What of the plan is not in the log, or the other way round; call it after the run.

        Args:
            result: that was read since `clear`.
            whole: whether all was read; a query that failed may have left requests unanswered.
        """
        return [words for name in self.orgs for words in self._differences(name, result, whole)]

    def _differences(self, name: str, result: Result, whole: bool) -> Iterator[str]:
        def bills() -> list[FragmentBill]:
            return [b for b in result.bill.fragments if b.fragment.source == name]

        def entries() -> list[Entry]:
            return [e for e in self.orgs[name].requests() if is_for_rows(e, self.version)]

        for words in compared(*settled(bills, entries), whole=whole, exact=self.exact):
            yield f"{name}: {words}"

    def unplanned(self, result: Result) -> list[str]:
        """What was sent, but is not in the plan that the result shows."""
        return unplanned(result.plan, result.bill.fragments)


def is_for_rows(entry: Entry, version: str | None = None) -> bool:
    """Whether a request asks for rows, in that version of the API if one is given."""
    found = _DATA.match(entry["path"])
    return found is not None and version in (None, found["version"])


def settled(
    bills: Callable[[], list[FragmentBill]], entries: Callable[[], list[Entry]]
) -> tuple[list[FragmentBill], list[Entry]]:
    """The bills and the entries, once they agree or no longer change.

    Of a query that stops early, requests under way are billed when they are given up, and noted
    when the org has answered.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        told, logged = bills(), entries()
        if len(logged) == sum(b.actual.calls for b in told) or time.monotonic() > end:
            return told, logged
        time.sleep(0.002)


def compared(
    bills: Sequence[FragmentBill], entries: Sequence[Entry], *, whole: bool, exact: bool = False
) -> Iterator[str]:
    """In what the bills of one source and the requests that its org noted differ.

    Where the org failed a request, it is asked again: then each text may have come more often.

    Args:
        bills: of every fragment that may have been sent.
        entries: the requests for rows.
        whole: whether all was read.
        exact: whether no request can have been given up.
    """
    told = sum(b.actual.calls for b in bills)
    # A request that was given up is billed, and may never have come to the org.
    given_up = 0 if exact else len(bills)
    if whole and not told - given_up <= len(entries) <= told:
        yield f"the bill says {told} calls, the log has {len(entries)}"
    known = Counter(_as_logged(text) for b in bills for text in statements(b.fragment))
    sent = Counter(filter(None, map(_asked, entries)))
    failed = any(e["fault"] or e["status"] >= 400 for e in entries)
    in_ranges = {t for b in bills if _is_in_ranges(b.fragment) for t in statements(b.fragment)}
    for text, times in (sent - known).items():
        bare = _ID_BOUND.sub("", text)
        again = failed and (text in known or bare in _bare(known))
        if not (again or bare in _bare(in_ranges) or (in_ranges and _ENDS.fullmatch(text))):
            yield f"sent {times} times more than was planned: {text[:300]}"
    asked = _bare(sent)
    for bill in bills:
        texts = _bare(map(_as_logged, statements(bill.fragment)))
        if whole and bill.actual.calls and asked.isdisjoint(texts):
            yield f"billed, but never sent: {min(texts)[:300]}"


def _asked(entry: Entry) -> str | None:
    """What a request asks, where the log has it; the Ids that a retrieve names it has not."""
    if entry["soql"]:
        return str(entry["soql"])
    if found := _DATA.match(entry["path"]):
        return f"POST {found[2]}" if found[2].startswith("composite") else None
    return None


def _as_logged(text: str) -> str:
    """A statement as the log has it."""
    found = _RETRIEVE.match(text)
    return text if found is None else found[0]


def _bare(texts: Iterable[str]) -> set[str]:
    return {_ID_BOUND.sub("", text) for text in texts}


def _is_in_ranges(fragment: Fragment) -> bool:
    return "ranges of Ids" in fragment.access_path


def unplanned(plan: Plan, bills: Iterable[FragmentBill]) -> list[str]:
    """What was sent, but is not in the plan."""
    planned = {t for s in plan.scans for t in statements(s.fragment)}
    return [
        f"{b.fragment.source}: sent, but not in the plan that the result shows: {text[:300]}"
        for b in bills
        for text in statements(b.fragment)
        if b.actual.calls
        and plan.complete
        and text not in planned
        # A gap: DuckDB's EXPLAIN parts filters at line breaks, so one that has a line break
        # in a text is understood only when the scan is opened.
        and not _BROKEN.search(text)
    ]


def statements(fragment: Fragment) -> tuple[str, ...]:
    """All that a fragment sends."""
    return fragment.statements or (fragment.text,)
