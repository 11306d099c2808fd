"""Asking the org for pages: the transport with retries, waits and one renewal of the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from isthmus.connectors.contract import CallKind, Meter
from isthmus.connectors.salesforce.refusals import (
    Cure,
    Refusal,
    cure_for,
    error_for,
    refusal_of,
)
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.salesforce.session import Login, Session
from isthmus.connectors.salesforce.slots import Slots
from isthmus.connectors.salesforce.transport import (
    Answer,
    Broken,
    OnBeginning,
    Request,
    Stop,
    Transport,
)
from isthmus.connectors.salesforce.usage import usage_of

__all__ = ["Asking", "Client", "Lost", "Missed", "Sent", "Stopped"]

_HEADERS: Final[Mapping[str, str]] = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "isthmus",
}


#: Statuses after which nobody knows whether the org has done what it was asked.
_DOUBTFUL: Final = frozenset({408, *range(500, 600)})


class Stopped(Exception):
    """Nobody wants the answer any more."""


class Lost(Exception):
    """The server has forgotten the pages of this query (INVALID_QUERY_LOCATOR)."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Missed(Exception):
    """A request that is not sent again by itself got no good answer.

    Attributes:
        refusal: what came instead.
        applied: whether the org may have done what was asked: it did not say that it had not.
    """

    def __init__(self, refusal: Refusal, *, applied: bool) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal
        self.applied = applied


class Asking:
    """What is being asked, for errors, and whom to bill."""

    def __init__(self, doing: str, meter: Meter, soql: str | None = None) -> None:
        self.doing = doing
        self.meter = meter
        self.soql = soql


@dataclass(frozen=True)
class Sent:
    """A request, by default a GET.

    Attributes:
        path: from the leading slash.
        body: what a POST or PATCH carries.
        headers: beside the usual ones.
    """

    path: str
    method: str = "GET"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Client:
    """Asks until an answer comes or nothing helps. Safe to use from threads.

    Args:
        source: its name, for errors.
        login: gives the session.
        transport: sends.
        policy: how patiently requests are repeated.
        slots: bound how many requests are under way, with those of other clients.
    """

    def __init__(
        self, source: str, login: Login, transport: Transport, policy: Policy, slots: Slots
    ) -> None:
        self._source = source
        self._login = login
        self._transport = transport
        self._policy = policy
        self._slots = slots

    @property
    def root(self) -> str:
        """The path of the REST resources."""
        return self._login.session().root

    @property
    def policy(self) -> Policy:
        """How patiently requests are repeated."""
        return self._policy

    def get(
        self,
        path: str,
        asking: Asking,
        stop: Stop,
        *,
        rows: int = 0,
        on_beginning: OnBeginning | None = None,
    ) -> Answer:
        """GET a path; every request that reaches the server is billed.

        Args:
            path: from the leading slash.
            asking: what for, and whom to bill.
            stop: ends the wait.
            rows: how many rows the answer will bring, where that is known.
            on_beginning: called with the first bytes of a good answer, which may break after
                them and be asked for again.

        Raises:
            Lost: the server has forgotten the pages.
            Stopped: `stop` was fired.
            BudgetExceeded: the request would have passed a budget, and was not sent.
            AuthError, SourceError, SourceUnavailable: nothing helped.
        """
        return self.send(Sent(path), asking, stop, rows=rows, on_beginning=on_beginning)

    def send(
        self,
        sent: Sent,
        asking: Asking,
        stop: Stop,
        *,
        kind: CallKind = "query",
        rows: int = 0,
        on_beginning: OnBeginning | None = None,
    ) -> Answer:
        """Send any request; otherwise as `get`.

        Args:
            sent: what to send. It is sent again when no answer came, so it must do no harm twice.
            asking: what for, and whom to bill.
            stop: ends the wait.
            kind: what the call counts as.
            rows: how many rows the answer will bring, where that is known.
            on_beginning: as for `get`.
        """
        renewed, repeats, slow = False, 0, 0
        while True:
            if stop.fired:
                raise Stopped
            session = self._login.session()
            with self._slots.one(stop) as taken:
                if not taken:
                    raise Stopped
                outcome = self._once(session, sent, asking, stop, kind, rows, on_beginning)
            if isinstance(outcome, Answer):
                return outcome
            refusal, cause = outcome
            cure = cure_for(refusal)
            if cure is Cure.GO_ON:
                raise Lost(refusal) from cause
            if cure is Cure.LOG_IN and not renewed:
                renewed = True
                self._login.renew(session)
                continue
            patient = (refusal.retry_after or 0.0) <= self._policy.patience
            if cure is Cure.REPEAT and repeats < self._policy.repeats and patient:
                stop.wait(self._policy.wait(repeats, refusal.retry_after))
                repeats += 1
                continue
            if cure is Cure.REPEAT_FEW and slow < self._policy.slow_repeats:
                stop.wait(self._policy.wait(slow))
                slow += 1
                continue
            raise error_for(
                refusal,
                source=self._source,
                doing=asking.doing,
                soql=asking.soql,
                tries=1 + repeats + slow,
            ) from cause

    def send_once(self, sent: Sent, asking: Asking, stop: Stop, *, kind: CallKind) -> Answer:
        """Send a request that may do harm twice: once, and again only where the session was over.

        Raises:
            Missed: no good answer came.
            Stopped: `stop` was fired; it may have been done.
            BudgetExceeded: the request would have passed a budget, and was not sent.
            AuthError, SourceUnavailable: the session can't be renewed.
        """
        renewed = False
        while True:
            if stop.fired:
                raise Stopped
            session = self._login.session()
            outcome = self._once(session, sent, asking, stop, kind, 0, None)
            if isinstance(outcome, Answer):
                return outcome
            refusal, cause = outcome
            if cure_for(refusal) is Cure.LOG_IN and not renewed:
                renewed = True
                self._login.renew(session)
                continue
            arrived = isinstance(cause, Broken) and cause.arrived
            raise Missed(refusal, applied=arrived or refusal.status in _DOUBTFUL) from cause

    def _once(
        self,
        session: Session,
        sent: Sent,
        asking: Asking,
        stop: Stop,
        kind: CallKind,
        rows: int,
        on_beginning: OnBeginning | None,
    ) -> Answer | tuple[Refusal, BaseException | None]:
        headers = {**_HEADERS, **sent.headers, "Authorization": f"Bearer {session.token}"}
        request = Request(session.base, sent.path, headers, sent.method, sent.body)
        meter = asking.meter
        meter.spend_call(kind, rows=rows)
        try:
            answer = self._transport.send(request, stop, on_beginning)
        except Broken as broken:
            meter.end_call()
            meter.give_back(kind, calls=0 if broken.arrived else 1, rows=rows)
            meter.add(bytes=broken.wire_bytes)
            if stop.fired:
                raise Stopped from broken
            return Refusal(0, broken.code, str(broken)), broken
        meter.end_call(usage_of(answer.headers))
        if 200 <= answer.status < 300:
            meter.add(bytes=answer.wire_bytes)
            return answer
        meter.give_back(kind, rows=rows)
        meter.add(bytes=answer.wire_bytes)
        return refusal_of(answer.status, answer.body, answer.headers), None
