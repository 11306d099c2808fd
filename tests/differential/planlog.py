"""The plan is the log: what a result says was sent is what the orgs' request logs hold."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.connectors.contract import Fragment
from isthmus.engine.bill import FragmentBill
from isthmus.engine.result import Result
from isthmus.localorg import LocalOrg

__all__ = ["PlanLog"]

#: Requests for rows: queries, their pages, Bulk jobs, records by Id.
_DATA = re.compile(r"/services/data/v(?P<version>[\d.]+)/(query|queryAll|jobs/query|composite)\b")
#: A line break, as SOQL writes it.
_BROKEN = re.compile(r"\\[nr]")
#: Seconds until requests that were given up are noted and billed.
_PATIENCE = 1.0


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
        bills, entries = self._settled(name, result)
        told = sum(b.actual.calls for b in bills)
        # A request that was given up is billed, and may never have come to the org.
        given_up = 0 if self.exact else len(bills)
        if whole and not told - given_up <= len(entries) <= told:
            yield f"{name}: the bill says {told} calls, the log has {len(entries)}"
        known = Counter(text for b in bills for text in statements(b.fragment))
        sent = Counter(str(e["soql"]) for e in entries if e["soql"])
        for text, times in (sent - known).items():
            yield f"{name}: sent {times} times more than was planned: {text[:300]}"
        for bill in bills:
            texts = statements(bill.fragment)
            if whole and bill.actual.calls and not any(text in sent for text in texts):
                yield f"{name}: billed, but never sent: {texts[0][:300]}"

    def unplanned(self, result: Result) -> list[str]:
        """What was sent, but is not in the plan that the result shows."""
        planned = {t for s in result.plan.scans for t in statements(s.fragment)}
        return [
            f"{b.fragment.source}: sent, but not in the plan that the result shows: {text[:300]}"
            for b in result.bill.fragments
            for text in statements(b.fragment)
            if b.actual.calls
            and result.plan.complete
            and text not in planned
            # A gap: DuckDB's EXPLAIN parts filters at line breaks, so one that has a line break
            # in a text is understood only when the scan is opened.
            and not _BROKEN.search(text)
        ]

    def _settled(
        self, name: str, result: Result
    ) -> tuple[list[FragmentBill], list[dict[str, Any]]]:
        """The bills and the entries, once they agree or no longer change.

        Of a query that stops early, requests under way are billed when they are given up, and
        noted when the org has answered.
        """
        end = time.monotonic() + _PATIENCE
        while True:
            bills = [b for b in result.bill.fragments if b.fragment.source == name]
            entries = [e for e in self.orgs[name].requests() if self._counts(e)]
            agreed = len(entries) == sum(b.actual.calls for b in bills)
            if agreed or time.monotonic() > end:
                return bills, entries
            time.sleep(0.002)

    def _counts(self, entry: Mapping[str, Any]) -> bool:
        found = _DATA.match(entry["path"])
        return found is not None and found["version"] == self.version


def statements(fragment: Fragment) -> tuple[str, ...]:
    """All that a fragment sends."""
    return fragment.statements or (fragment.text,)
