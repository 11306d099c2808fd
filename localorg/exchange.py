"""One request and one response as values; no sockets, no clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from isthmus.localorg.errors import OrgError
from isthmus.localorg.faults import Fault

JSON_TYPE = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Request:
    """A decoded request: `path` unquoted, header names in lower case, `body` unzipped.

    `fault` is a fault that the resource itself plays out; `at_once` how many requests
    for data the org had when this one came, itself among them.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = "http"
    client: str = "127.0.0.1"
    uri_length: int = 0
    fault: Fault | None = None
    at_once: int = 1

    def header(self, name: str, default: str = "") -> str:
        """The value of a header, whatever the case of its name."""
        return self.headers.get(name.lower(), default)

    @cached_property
    def params(self) -> dict[str, str]:
        """The parameters of the URL; the last one wins."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @cached_property
    def form(self) -> dict[str, str]:
        """The parameters of the URL and of a form body."""
        sent = self.body.decode("utf-8", "replace")
        return {**self.params, **dict(parse_qsl(sent, keep_blank_values=True))}

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object, decimals exact; OrgError 415 or 400 when it is none."""
        kind = self.header("content-type").partition(";")[0].strip().lower()
        if kind not in ("", "application/json"):
            message = f"Content-Type {kind} is not supported; send application/json"
            raise OrgError(415, "UNSUPPORTED_MEDIA_TYPE", message)
        try:
            value = json.loads(self.body, parse_float=Decimal)
        except ValueError as error:  # also UnicodeDecodeError
            raise OrgError(400, "JSON_PARSER_ERROR", str(error)) from error
        if not isinstance(value, dict):
            raise OrgError(400, "JSON_PARSER_ERROR", "the body must be a JSON object")
        return value


@dataclass(frozen=True)
class Response:
    """An answer before it is encoded, with what the request log wants to know of it.

    `value` is written as JSON; where it is None the body is `body` as it is. `delay` is the
    seconds to wait before answering; `cut` the bytes to send before the connection is dropped;
    `lost` drops it without an answer;
    `user` is told by logins, where no session tells it.
    """

    status: int = 200
    value: Any = None
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    soql: str | None = None
    rows: int | None = None
    user: str | None = None
    fault: str | None = None
    delay: float = 0.0
    cut: int | None = None
    lost: bool = False
    truncate: bool = False


def refusal(error: OrgError) -> Response:
    """The array of errors that Salesforce answers with.

    Source: REST API Developer Guide, "Status Codes and Error Responses".
    """
    entry: dict[str, Any] = {"message": error.message, "errorCode": error.code}
    if error.fields:
        entry["fields"] = list(error.fields)
    return Response(error.status, [entry])
