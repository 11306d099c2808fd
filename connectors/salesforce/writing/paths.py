"""What the ways to send have in common: rows go out in one call, outcomes come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from isthmus.connectors.salesforce.client import Missed
from isthmus.connectors.salesforce.refusals import Cure, Refusal, cure_for
from isthmus.connectors.salesforce.writing.batch import Batch
from isthmus.connectors.salesforce.writing.calls import Calls
from isthmus.connectors.salesforce.writing.locks import LOCKED
from isthmus.connectors.salesforce.writing.outcomes import Outcome, failed

__all__ = ["Path", "demand_all", "failure_of", "outcome_of", "refused"]


class Path(Protocol):
    """One way to send rows."""

    @property
    def most(self) -> int:
        """The most rows of one call."""

    def send(self, batch: Batch, calls: Calls) -> list[Outcome]:
        """Send all rows of a batch, in one call; an outcome for each, in their order.

        Raises:
            Missed: no good answer came; all of it was done or none of it, or nobody knows.
        """


def outcome_of(told: Mapping[str, Any], *, created: bool | None) -> Outcome:
    """What the org says of one record.

    Args:
        told: an item of an answer: ``{"id", "success", "errors", "created"}``.
        created: what a success means, where the item does not say it.
    """
    if told.get("success"):
        return Outcome(True, told.get("id"), created=told.get("created", created))
    errors = told.get("errors") or [{}]
    return failure_of(errors[0], id=told.get("id"))


def failure_of(error: Mapping[str, Any], *, id: str | None = None) -> Outcome:
    """What one of the org's errors says."""
    fields = error.get("fields") or [None]
    code = error.get("statusCode") or error.get("errorCode") or "UNKNOWN_EXCEPTION"
    return failed(str(code), str(error.get("message") or ""), fields[0], id=id)


_NO_LIST: Final = "the answer does not have an outcome for each record"


def demand_all(told: object, rows: int) -> Sequence[Mapping[str, Any]]:
    """The items of an answer that has one for each row.

    Raises:
        Missed: it has not; what was asked has probably been done.
    """
    if not isinstance(told, list) or len(told) != rows:
        raise Missed(Refusal(0, "BAD_JSON", _NO_LIST), applied=True)
    return told


#: Refusals that are not of the records but of us: other records would meet them as well.
_OF_US: Final = frozenset(
    {
        "REQUEST_LIMIT_EXCEEDED",
        "API_DISABLED_FOR_ORG",
        "API_CURRENTLY_DISABLED",
        "INVALID_SESSION_ID",
        "METHOD_NOT_ALLOWED",
        "UNSUPPORTED_MEDIA_TYPE",
    }
)


def refused(missed: Missed) -> Outcome | None:
    """The outcome of a record whose call was refused; None where that is not the record's fault."""
    refusal = missed.refusal
    locked = refusal.code == LOCKED
    ours = refusal.code in _OF_US or not 300 <= refusal.status < 500 or refusal.status == 401
    if missed.applied or ours or (cure_for(refusal) is not Cure.NOTHING and not locked):
        return None
    if refusal.status == 300:
        return failed("DUPLICATE_EXTERNAL_ID", "several records have that key")
    told = {"errorCode": refusal.code, "message": refusal.message, "fields": refusal.fields}
    return failure_of(told)
