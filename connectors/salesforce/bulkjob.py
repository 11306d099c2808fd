"""A Bulk API 2.0 query job: made, waited for, its result pages found, and cleared away.

Source: *Bulk API 2.0 and Bulk API Developer Guide*, "Query Jobs". A job's rows are of one moment,
and its pages can be read again and side by side. A job that nobody needs any more is aborted, where
it still runs, and deleted, so that no results of it lie about in the org for a week.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.client import Asking, Client, Lost, Sent
from isthmus.connectors.salesforce.flight import Flight
from isthmus.connectors.salesforce.refusals import Refusal, error_for
from isthmus.connectors.salesforce.transport import Answer, Stop
from isthmus.errors import BudgetExceeded, DataError, IsthmusError, SourceError

__all__ = ["Job", "JobPage", "NoJob"]

T = TypeVar("T")

#: From this version on an org tells the addresses of several pages at once.
_PARALLEL_VERSION: Final = 58.0
_CSV: Final = {"Accept": "text/csv"}
_JSON: Final = {"Content-Type": "application/json"}
_ENDED: Final = frozenset({"JobComplete", "Failed", "Aborted"})
#: Seconds between two looks at a job, at most: it may take minutes, and each look is a call.
_LONGEST_WAIT: Final = 30.0


class NoJob(Exception):
    """The org takes no bulk job; pages may do."""


@dataclass(frozen=True)
class JobPage:
    """A page of results.

    Attributes:
        body: CSV, its first line the columns.
        rows: how many the org says there are in it.
        following: the locator of the next page; None on the last.
    """

    body: bytes | mmap.mmap
    rows: int
    following: str | None


class Job:
    """One query job, made when it is first asked for, or taken over by its id.

    Args:
        source: the source's name.
        client: the org.
        doing: what it is for, in errors.
        soql: its statement.
        operation: ``query`` or ``queryAll``.
        context: whom to bill, and when to stop.
        id: of a job that is there already.
    """

    def __init__(
        self,
        source: str,
        client: Client,
        doing: str,
        soql: str,
        operation: str,
        context: ReadContext,
        *,
        id: str | None = None,
    ) -> None:
        self.id = id
        self._source = source
        self._client = client
        self._soql = soql
        self._operation = operation
        self._context = context
        self._asking = Asking(doing, context.meter, soql)
        self._ended = False

    def start(self) -> None:
        """Make the job, unless it is there.

        Raises:
            NoJob: the org takes none, or not with this statement; its cause says why.
        """
        if self.id is not None:
            return
        body = {
            "operation": self._operation,
            "query": self._soql,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        sent = Sent(self._root, "POST", json.dumps(body).encode(), _JSON)
        try:
            # sent again after a broken answer, it may leave a job that nobody knows the id of
            self.id = str(self._told(sent)["id"])
        except SourceError as error:
            raise NoJob(str(error)) from error

    def wait(self) -> int:
        """Wait until it is complete; how many rows it has.

        Raises:
            SourceError: it failed, or was aborted by somebody else.
        """
        pause = self._client.policy.base
        while True:
            info = self._told(Sent(f"{self._root}/{self.id}"))
            state = str(info.get("state"))
            self._ended = state in _ENDED
            if state == "JobComplete":
                return int(info.get("numberRecordsProcessed") or 0)
            if self._ended:
                raise SourceError(
                    f"{self._place}: the org ended bulk job {self.id} as {state}: "
                    f"{info.get('errorMessage') or 'it does not say why'}",
                    code=state,
                    remedy='Read it page by page: access = "rest" in the source.',
                )
            self._context.wait(pause)
            pause = min(2 * pause, _LONGEST_WAIT, self._client.policy.cap)

    def page(self, locator: str | None, context: ReadContext) -> JobPage:
        """The page at a locator that the org gave; the first one without."""
        return self.page_at(f"{self._root}/{self.id}/results{_query(locator)}", context)

    def page_at(self, path: str, context: ReadContext) -> JobPage:
        """The page at an address that `addresses` gave."""
        answer = self._send(Sent(path, headers=_CSV), context)
        following = answer.headers.get("Sforce-Locator") or "null"
        told = answer.headers.get("Sforce-NumberOfRecords") or ""
        if not told.isdigit():
            raise DataError(
                f"{self._place}: a page of bulk job {self.id} does not say how many rows it has",
                remedy='Read it page by page: access = "rest" in the source.',
            )
        body = answer.body if answer.large is None else answer.large
        return JobPage(body, int(told), None if following == "null" else following)

    @property
    def tells_addresses(self) -> bool:
        """Whether the org tells the addresses of several pages at once."""
        return float(self._client.root.rpartition("/v")[2]) >= _PARALLEL_VERSION

    def addresses(self, locator: str) -> Iterator[str]:
        """The paths of the pages from a locator on, asked for five at a time."""
        path: str | None = f"{self._root}/{self.id}/resultPages{_query(locator)}"
        while path is not None:
            told = self._told(Sent(path))
            for page in told.get("resultPages", ()):
                yield _path(page["resultUrl"])
            following = None if told.get("done", True) else told.get("nextRecordsUrl")
            path = None if following is None else _path(following)

    def clear(self) -> None:
        """Abort it if it runs, and delete it. What goes wrong is passed over: it is a courtesy.

        It does not stop when the query does, which is when it is needed.
        """
        if self.id is None:
            return
        path, stop = f"{self._root}/{self.id}", Stop()
        try:
            if not self._ended:
                state = json.dumps({"state": "Aborted"}).encode()
                self._tried(Sent(path, "PATCH", state, _JSON), stop)
            self._tried(Sent(path, "DELETE"), stop)
        except BudgetExceeded:
            return

    def _tried(self, sent: Sent, stop: Stop) -> None:
        try:
            self._client.send(sent, self._asking, stop, kind="bulk")
        except BudgetExceeded:
            raise
        except (IsthmusError, Lost):
            return

    @property
    def _place(self) -> str:
        return f"source {self._source}, {self._asking.doing}"

    @property
    def _root(self) -> str:
        return f"{self._client.root}/jobs/query"

    def _told(self, sent: Sent) -> dict[str, Any]:
        """What the org answers, as JSON; a broken answer is asked for again."""
        policy = self._client.policy
        for broken in range(policy.repeats + 1):
            body = self._send(sent).body
            try:
                told: dict[str, Any] = json.loads(body)
                return told
            except ValueError as error:
                fault = error
            self._context.wait(policy.wait(broken))
        raise error_for(
            Refusal(0, "BAD_JSON", f"the answer is broken: {fault}"),
            source=self._source,
            doing=self._asking.doing,
            tries=policy.repeats + 1,
        ) from fault

    def _send(self, sent: Sent, context: ReadContext | None = None) -> Answer:
        return _flown(
            lambda stop: self._client.send(sent, self._asking, stop, kind="bulk"),
            context or self._context,
        )


def _flown(call: Callable[[Stop], T], context: ReadContext) -> T:
    try:
        return Flight(call).result(context)
    except Lost as lost:
        raise SourceError(
            f"the org has lost its place in a bulk job's results: {lost.refusal.message}",
            code=lost.refusal.code,
            remedy="Run the query again.",
        ) from lost


def _query(locator: str | None) -> str:
    return "" if locator is None else f"?locator={locator}"


def _path(address: str) -> str:
    """The path of an address, which may come with its host."""
    start = address.find("/services/")
    return address[start:] if start > 0 else address if address.startswith("/") else f"/{address}"
