"""Calls that write: each is sent once; whoever sends it again has looked first."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from isthmus.connectors.contract import CallKind, ReadContext
from isthmus.connectors.salesforce.client import Asking, Client, Lost, Missed, Sent, Stopped
from isthmus.connectors.salesforce.flight import Flight
from isthmus.connectors.salesforce.refusals import Cure, Refusal, cure_for, error_for
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.salesforce.transport import Answer, Stop
from isthmus.connectors.salesforce.writing.clock import ServerClock
from isthmus.errors import IsthmusError, SourceError

__all__ = ["JSON", "Calls", "may_repeat"]

JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Calls:
    """The calls of one write.

    Attributes:
        doing: what for, in errors: ``inserting into Account``.
    """

    source: str
    client: Client
    clock: ServerClock
    doing: str
    context: ReadContext

    @property
    def root(self) -> str:
        """The path of the REST resources."""
        return self.client.root

    @property
    def policy(self) -> Policy:
        """How patiently requests are repeated."""
        return self.client.policy

    def once(self, sent: Sent) -> Answer:
        """Send a writing request once.

        Raises:
            Missed: no good answer came.
            Cancelled, DeadlineExceeded: nobody waits any more; it may have been done.
        """
        asking = self._asking()
        return self._flown(lambda stop: self.client.send_once(sent, asking, stop, kind="write"))

    def safely(self, sent: Sent, *, kind: CallKind = "query") -> Answer:
        """Send a request that does no harm twice, until an answer comes or nothing helps."""
        asking = self._asking()
        return self._flown(lambda stop: self.client.send(sent, asking, stop, kind=kind))

    def asked(self, sent: Sent, *, kind: CallKind = "query") -> Any:
        """The JSON that answers a request which does no harm twice; broken, it is asked again."""
        tries = 0
        while True:
            try:
                return self.told(self.safely(sent, kind=kind))
            except Missed as missed:
                if tries >= self.policy.repeats:
                    raise self.error(missed, tries + 1) from missed
            self.context.wait(self.policy.wait(tries))
            tries += 1

    def told(self, answer: Answer) -> Any:
        """An answer's JSON.

        Raises:
            Missed: it is broken; what was asked has probably been done.
        """
        try:
            return json.loads(answer.body)
        except ValueError as error:
            refusal = Refusal(0, "BAD_JSON", f"the answer is broken: {error}")
            raise Missed(refusal, applied=True) from error

    def error(self, missed: Missed, tries: int = 1) -> IsthmusError:
        """Our error for a request that nothing helped; raise it from `missed`."""
        return error_for(missed.refusal, source=self.source, doing=self.doing, tries=tries)

    def _asking(self) -> Asking:
        return Asking(self.doing, self.context.meter)

    def _flown(self, call: Callable[[Stop], Answer]) -> Answer:
        self.context.check()
        try:
            answer = Flight(call).result(self.context)
        except Stopped:
            self.context.check()
            raise
        except Lost as lost:
            raise SourceError(
                f"source {self.source}, {self.doing}: {lost.refusal.message}",
                code=lost.refusal.code,
            ) from lost
        self.clock.hear(answer.headers)
        return answer


def may_repeat(missed: Missed) -> bool:
    """Whether sending it again may help, once it is known what became of it."""
    return missed.applied or cure_for(missed.refusal) in (Cure.REPEAT, Cure.REPEAT_FEW)
