"""The XML and JSON of Bulk API 1.0: jobs, batches, errors.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API". What the records of a job come in is
its contentType; jobs and errors come as the request does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request, Response

XML, JSON, CSV = "application/xml", "application/json", "text/csv; charset=UTF-8"
_SPACE = "http://www.force.com/2009/06/asyncapi/dataload"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
#: Errors of the rest of the org by the names that this API has for them.
_CODES = {
    "INVALID_SESSION_ID": "InvalidSessionId",
    "REQUEST_LIMIT_EXCEEDED": "ExceededQuota",
    "LIMIT_EXCEEDED": "ExceededQuota",
    "SERVER_UNAVAILABLE": "ServerUnavailable",
    "NOT_FOUND": "InvalidUrl",
}


def speaks_json(request: Request) -> bool:
    """Whether a client sends, or wants, jobs as JSON."""
    sent = request.header("content-type") or request.header("accept")
    return "json" in sent.lower()


def refusal(error: OrgError, request: Request) -> Response:
    """The error of a call: an object with exceptionCode and exceptionMessage, mostly a 400."""
    code = _CODES.get(error.code, error.code)
    told = {"exceptionCode": code, "exceptionMessage": error.message}
    status = error.status if error.status >= 500 or error.status == 429 else 400
    return answer("error", told, as_json=speaks_json(request), status=status)


def answer(name: str, told: Mapping[str, Any], *, as_json: bool, status: int = 200) -> Response:
    """An object as JSON, or as an XML element of that name."""
    if as_json:
        return Response(status, dict(told), content_type=JSON)
    return xml(name, elements(told), status=status)


def listed(name: str, each: str, told: list[dict[str, Any]], *, as_json: bool) -> Response:
    """Objects as JSON `{each: [...]}`, or as XML elements within one of that name."""
    if as_json:
        return Response(200, {each: told}, content_type=JSON)
    return xml(name, "".join(f"<{each}>{elements(one)}</{each}>" for one in told))


def xml(name: str, inner: str, *, status: int = 200) -> Response:
    """An XML document."""
    kinds = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    text = f'{_HEAD}<{name} xmlns="{_SPACE}" {kinds}>{inner}</{name}>'
    return Response(status, body=text.encode(), content_type=XML)


def elements(told: Mapping[str, Any]) -> str:
    """The members of an object as elements; what is null is left out."""
    return "".join(
        f"<{name}>{element_text(value)}</{name}>"
        for name, value in told.items()
        if value is not None
    )


def element_text(value: Any) -> str:
    """A value as the text of an element."""
    return str(value).lower() if isinstance(value, bool) else escape(str(value))


def read_job(request: Request) -> dict[str, Any]:
    """A jobInfo that a client sends; OrgError InvalidJob for what is none."""
    if request.header("content-type").lower().startswith(JSON):
        try:
            made = json.loads(request.body)
        except ValueError as error:
            raise OrgError(400, "InvalidJob", f"Unable to parse Job: {error}") from error
        if not isinstance(made, dict):
            raise OrgError(400, "InvalidJob", "Unable to parse Job: it is no object")
        return made
    root = parsed(request.body, "InvalidJob")
    return {local(child): (child.text or "").strip() for child in root}


def parsed(body: bytes, code: str) -> ElementTree.Element:
    """An XML body; OrgError with that code for what is none."""
    # Entities are not needed here and are a known way to exhaust a parser.
    if b"<!DOCTYPE" in body:
        raise OrgError(400, code, "DTDs are not allowed")
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise OrgError(400, code, f"Unable to parse the XML: {error}") from error


def local(element: ElementTree.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]
