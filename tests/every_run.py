"""Every query that any test runs over a local org: is what its plan shows what the org got?

The watch stands between the tests and the engine's runs. It notes each run from its start to its
end and each request that a local org of this process takes in. When no run is left, the fragments
of those that overlapped are held against the orgs' own logs, and what differs waits for the test's
end. Queries of other processes, reads of a connector without a query, and connectors that a test
puts in the place of Salesforce have no plan to compare. Nor have runs beside which a write goes on:
a writer looks at records without a query, and the log does not tell whose request was whose.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from isthmus.connectors.salesforce import Salesforce
from isthmus.engine import _duckdb_scan
from isthmus.engine.bill import FragmentBill
from isthmus.engine.plan import Plan
from isthmus.engine.run import Run
from isthmus.engine.writes.run import WriteRun
from isthmus.localorg import LocalOrg
from isthmus.localorg.requestlog import Entry, RequestLog
from tests.differential.planlog import compared, is_for_rows, settled, unplanned

__all__ = ["Watch"]


@dataclass
class _Noted:
    """One run, and whether its answer was read to the end."""

    run: Run
    whole: bool = False


@dataclass
class Watch:
    """Compares the runs of the queries of this process with what local orgs note.

    Attributes:
        differences: what was found since it was asked last.
        compared: how many runs over a local org have been compared.
    """

    differences: list[str] = field(default_factory=list)
    compared: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _orgs: list[LocalOrg] = field(default_factory=list)
    _running: dict[Run, _Noted] = field(default_factory=dict)
    _ended: list[_Noted] = field(default_factory=list)
    _requests: dict[RequestLog, list[dict[str, Any]]] = field(default_factory=dict)
    _written: bool = False

    def take(self) -> list[str]:
        """What was found since the last time."""
        with self._lock:
            found, self.differences = self.differences, []
        return found

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Watch until the block ends."""
        with ExitStack() as stack:
            for owner, name, wrapper in (
                (LocalOrg, "start", self._org_starts),
                (LocalOrg, "stop", self._org_stops),
                (RequestLog, "write", self._request_comes),
                (Run, "start", self._run_starts),
                (Run, "close", self._run_ends),
                (WriteRun, "run", self._write_starts),
            ):
                stack.enter_context(patch.object(owner, name, wrapper(getattr(owner, name))))
            yield

    # --- what is noted

    def _org_starts(self, start: Any) -> Any:
        def wrapper(org: LocalOrg) -> LocalOrg:
            started: LocalOrg = start(org)
            self._orgs.append(started)
            return started

        return wrapper

    def _org_stops(self, stop: Any) -> Any:
        def wrapper(org: LocalOrg) -> None:
            stop(org)
            if org in self._orgs:
                self._orgs.remove(org)

        return wrapper

    def _request_comes(self, write: Any) -> Any:
        def wrapper(log: RequestLog, entry: Entry) -> None:
            write(log, entry)
            noted = {n: getattr(entry, n) for n in ("path", "soql", "status", "fault", "method")}
            if is_for_rows(noted):
                self._requests.setdefault(log, []).append(noted)

        return wrapper

    def _run_starts(self, start: Any) -> Any:
        def wrapper(run: Run) -> None:
            with self._lock:
                if not self._running and not self._ended:
                    self._requests.clear()
                    self._written = False
                self._running[run] = _Noted(run)
            start(run)

        return wrapper

    def _run_ends(self, close: Any) -> Any:
        def wrapper(run: Run) -> None:
            close(run)
            with self._lock:
                if (noted := self._running.pop(run, None)) is not None:
                    noted.whole = run._done.is_set() and run._error is None and not run._interrupted
                    self._ended.append(noted)
                if not self._running and self._ended:
                    ended, self._ended = self._ended, []
                    if not self._written:
                        self._compare(ended)

        return wrapper

    def _write_starts(self, run: Any) -> Any:
        def wrapper(write: WriteRun) -> None:
            self._written = True
            run(write)

        return wrapper

    # --- the comparison

    def _compare(self, runs: list[_Noted]) -> None:
        """Hold what these runs, alone at their time, have sent against what came."""
        whole = all(noted.whole for noted in runs)
        for org in self._orgs:
            log = org.org.log
            for version in {v for noted in runs for v in _versions(noted.run, org).values()}:

                def bills(org: LocalOrg = org, version: str = version) -> list[FragmentBill]:
                    return [b for noted in runs for b in _bills(noted.run, org, version)]

                def entries(log: RequestLog = log, version: str = version) -> list[Any]:
                    return [e for e in self._requests.get(log, ()) if is_for_rows(e, version)]

                self.compared += len(runs)
                self.differences += compared(*settled(bills, entries), whole=whole)
        if _duckdb_scan.has_hook():
            for noted in runs:
                self.differences += _unplanned(noted.run)


def _bills(run: Run, org: LocalOrg, version: str) -> list[FragmentBill]:
    """The bills of the fragments that went to the org in a version of its API."""
    versions = _versions(run, org)
    return [b for b in run.fragments if versions.get(b.fragment.source) == version]


def _versions(run: Run, org: LocalOrg) -> dict[str, str]:
    """Which of a run's sources are in the org, and the version of the API that they speak."""
    found = {}
    for source, connector in run._connectors.items():
        if type(connector) is Salesforce:
            session = connector._login._session
            if session is not None and session.base in (org.http, org.https):
                found[source] = session.version
    return found


def _unplanned(run: Run) -> list[str]:
    plan = Plan("", run.as_run, "", complete=not run._resolved.dynamic_pivot)
    return unplanned(plan, run.fragments)
