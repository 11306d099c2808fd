"""What a failed answer means: what to do about it, and which of our errors it becomes.

Statuses: *REST API Developer Guide*, "Status Codes and Error Responses"; codes: *SOAP API
Developer Guide*, "ExceptionCode", and what orgs were seen to answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from isthmus.errors import AuthError, IsthmusError, SourceError, SourceUnavailable

__all__ = ["Cure", "Refusal", "cure_for", "error_for", "refusal_of"]


class Cure(Enum):
    """What may help after a failed request."""

    REPEAT = "send it again after a wait"
    REPEAT_FEW = "send it again, but not often: it costs the server much"
    LOG_IN = "renew the session and send it again"
    GO_ON = "the pages are gone; ask for the rest in a new query"
    NOTHING = "the same answer would come again"


@dataclass(frozen=True)
class Refusal:
    """An answer that is no result, or no answer at all (status 0).

    Attributes:
        status: the HTTP status; 0 where no complete answer came.
        code: Salesforce's errorCode, or a word of ours such as ``CONNECTION``.
        message: the text that came with it, or what broke.
        retry_after: seconds that the server asks to wait.
        fields: the fields that it complains of.
    """

    status: int
    code: str
    message: str
    retry_after: float | None = None
    fields: tuple[str, ...] = ()


def refusal_of(status: int, body: bytes | Any, headers: Mapping[str, str]) -> Refusal:
    """Read an answer with an error status.

    Args:
        status: the HTTP status.
        headers: of the answer; `Retry-After` is looked at.
        body: the bytes, or what was already decoded from them.

    >>> refusal_of(400, b'[{"errorCode":"INVALID_FIELD","message":"no X"}]', {}).code
    'INVALID_FIELD'
    """
    try:
        told = json.loads(body) if isinstance(body, bytes) else body
    except ValueError:
        told = None
    first = told[0] if isinstance(told, list) and told else told
    code, message = f"HTTP {status}", ""
    fields: tuple[str, ...] = ()
    if isinstance(first, Mapping):
        code = str(first.get("errorCode") or first.get("error") or code)
        message = str(first.get("message") or first.get("error_description") or "")
        fields = tuple(map(str, first.get("fields") or ()))
    asked = headers.get("Retry-After", "")
    patience = float(asked) if asked.isdigit() else None
    return Refusal(status, code, message.strip(), patience, fields)


#: Codes that say more than the status does.
_BY_CODE: Final = {
    "INVALID_SESSION_ID": Cure.LOG_IN,
    "INVALID_QUERY_LOCATOR": Cure.GO_ON,
    "QUERY_TIMEOUT": Cure.REPEAT_FEW,
    "TIMEOUT": Cure.REPEAT_FEW,
    "SERVER_UNAVAILABLE": Cure.REPEAT,
    "UNKNOWN_EXCEPTION": Cure.REPEAT,
    "UNABLE_TO_LOCK_ROW": Cure.REPEAT,
    "TXN_SECURITY_METERING_ERROR": Cure.REPEAT,
    "CONNECTION": Cure.REPEAT,
    "BROKEN_BODY": Cure.REPEAT,
    "BAD_JSON": Cure.REPEAT,
    "TLS": Cure.NOTHING,
}
_REPEATABLE: Final = frozenset({0, 408, 420, 429, 500, 502, 503, 504})
_DAILY: Final = "TotalRequests"


def cure_for(refusal: Refusal) -> Cure:
    """What may help.

    >>> cure_for(Refusal(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
    <Cure.NOTHING: 'the same answer would come again'>
    """
    if refusal.code == "REQUEST_LIMIT_EXCEEDED":
        return Cure.NOTHING if _DAILY in refusal.message else Cure.REPEAT
    if refusal.code in _BY_CODE:
        return _BY_CODE[refusal.code]
    if refusal.status == 401:
        return Cure.LOG_IN
    return Cure.REPEAT if refusal.status in _REPEATABLE else Cure.NOTHING


_REMEDIES: Final = {
    "INVALID_FIELD": "The describe may be out of date or the user may not see the field: "
    "reconnect, or check the field's permissions.",
    "INVALID_TYPE": "The user may not see the object: check its permissions.",
    "API_DISABLED_FOR_ORG": "The org or the user has no API access: ask its administrator.",
    "API_CURRENTLY_DISABLED": "API access is off at the moment: ask the org's administrator.",
    "QUERY_TIMEOUT": "Filter by an indexed field, such as Id, a lookup or CreatedDate.",
    "QUERY_TOO_COMPLICATED": "Ask for fewer formula fields or fewer conditions.",
    "INVALID_QUERY_LOCATOR": "Run the query again.",
    "CONNECTION": "Check the network, the proxy and the source's address; "
    "`isthmus check` tries each.",
    "NOT_FOUND": "Compare api_version and instance_url with the org's: `isthmus check` does.",
    "TIMEOUT": "Filter by an indexed field, or raise the source's timeout.",
    "TLS": "Name the certificates to trust as the source's ca_file.",
}


def error_for(
    refusal: Refusal, *, source: str, doing: str, soql: str | None = None, tries: int = 1
) -> IsthmusError:
    """Our error for a refusal that nothing helped.

    Args:
        refusal: the last one.
        source: the source's name.
        doing: what was tried, such as ``reading Account``.
        soql: the statement, for the message.
        tries: how many times it was sent.
    """
    cure = cure_for(refusal)
    told = f"{refusal.code}: {refusal.message}" if refusal.message else refusal.code
    often = f" (tried {tries} times)" if tries > 1 else ""
    message = f"source {source}, {doing}: {told}{often}"
    if refusal.code == "REQUEST_LIMIT_EXCEEDED" and _DAILY in refusal.message:
        return SourceUnavailable(
            message,
            code=refusal.code,
            remedy="The org's API calls of the day are used up: wait, or raise the limit.",
        )
    remedy = _REMEDIES.get(refusal.code)
    if cure is Cure.LOG_IN:
        return AuthError(
            message, remedy="The session was renewed once and refused again: check the login."
        )
    if soql is not None and cure is Cure.NOTHING:
        message = f"{message}\n  in: {soql}"
    if cure in (Cure.REPEAT, Cure.REPEAT_FEW):
        return SourceUnavailable(message, code=refusal.code, remedy=remedy or "Try again later.")
    return SourceError(message, code=refusal.code, remedy=remedy)
