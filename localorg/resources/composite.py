"""Composite, Graph, Batch and Tree: several requests, or a tree of records, in one call.

Source: REST API Developer Guide, "Composite", "Composite Graph", "Batch" and "sObject Tree".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import orjson

from isthmus.localorg.composite import graphs
from isthmus.localorg.composite import tree as trees
from isthmus.localorg.composite.outcomes import Undone
from isthmus.localorg.composite.references import resolve
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response, refusal
from isthmus.localorg.packed import PackedResponse
from isthmus.localorg.resources.call import Call, not_found
from isthmus.localorg.wire import json_bytes

#: Requests of one call, and how many of them may be queries or collections.
MAX_REQUESTS, MAX_HEAVY = 25, 5
_HEAVY = re.compile(r"^/services/data/v[0-9.]+/(query(All)?|composite/sobjects)([/?]|$)")
_BARRED = re.compile(r"^/services/data/v[0-9.]+/(composite(/batch|/tree/.*|/graph)?|jobs(/.*)?)/?$")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD")
_ROLLED_BACK = OrgError(
    400,
    "PROCESSING_HALTED",
    "The transaction was rolled back since another operation in the same transaction failed.",
)
_GRAPH_HALTED = OrgError(
    400, "PROCESSING_HALTED", "The graph was not processed because too many others failed."
)
_GRAPHS_SINCE = 50.0
_HALTED = OrgError(
    412, "BATCH_PROCESSING_HALTED", "Batch processing is halted because a request failed."
)


@dataclass(frozen=True)
class Part:
    """One request of a composite call."""

    reference: str
    method: str
    url: str
    body: Any
    headers: Mapping[str, str]


def composite(call: Call) -> Response:
    """`POST composite`: the requests in order, later ones with values of earlier answers."""
    sent = call.request.json_object()
    parts = _parts(sent.get("compositeRequest"))
    answers: dict[str, Response] = {}
    if sent.get("allOrNone") is True:
        answers, _ = _run_whole(call, parts)
    else:
        _run(call, parts, answers, stop=False)
    return Response(200, _entries(parts, answers), rows=_rows(answers.values()))


def graph(call: Call) -> Response:
    """`POST composite/graph`: graphs of records, each of them written whole or not at all."""
    if float(call.version) < _GRAPHS_SINCE:
        raise not_found()
    given = graphs.read(call.request.json_object())
    made, failures = [], 0
    for one in given:
        parts = _parts(one.requests, graphs.MAX_NODES, heavy=graphs.MAX_NODES)
        nodes = {part.reference: (part.method, part.url, part.body) for part in parts}
        graphs.check(one.graph_id, nodes)
        if failures >= graphs.MAX_FAILURES:
            answers, good = {part.reference: _told(_GRAPH_HALTED) for part in parts}, False
        else:
            answers, good = _run_whole(call, parts)
        failures += not good
        entry = {"graphId": one.graph_id, "graphResponse": _entries(parts, answers)}
        made.append({**entry, "isSuccessful": good})
    return Response(200, {"graphs": made})


def batch(call: Call) -> Response:
    """`POST composite/batch`: requests that know nothing of each other; each counts as a call."""
    sent = call.request.json_object()
    given = sent.get("batchRequests")
    if not isinstance(given, list) or not 0 < len(given) <= MAX_REQUESTS:
        raise _unfit(f"batchRequests must be a list of 1 to {MAX_REQUESTS} requests")
    answers: list[Response] = []
    for at, one in enumerate(given):
        if sent.get("haltOnError") is True and any(map(_failed, answers)):
            answers.append(_told(_HALTED))
            continue
        answers.append(_one_of_batch(call, one, first=at == 0))
    results = [{"statusCode": made.status, "result": _value(made)} for made in answers]
    body = {"hasErrors": any(map(_failed, answers)), "results": results}
    return Response(200, body, rows=_rows(answers))


def tree(call: Call) -> Response:
    """`POST composite/tree/T`: 201 with an id for each reference, or 400 and nothing created."""
    sobject = call.sobject(call.parts[0])
    nodes = trees.read(call.org.schema, sobject, call.request.json_object())
    made = trees.plant(call.org.records, nodes, now=call.now, user_id=call.session.user.id)
    body = {"hasErrors": made.failed, "results": made.results}
    return Response(400 if made.failed else 201, body)


def _run_whole(call: Call, parts: list[Part]) -> tuple[dict[str, Response], bool]:
    """Run the requests all or none; give their answers, and whether all went well."""
    answers: dict[str, Response] = {}
    try:
        with call.org.records.together():
            if not _run(call, parts, answers, stop=True):
                raise Undone
    except Undone:
        failed = next(name for name, made in answers.items() if _failed(made))
        told = {part.reference: _told(_ROLLED_BACK) for part in parts}
        return {**told, failed: answers[failed]}, False
    return answers, True


def _run(call: Call, parts: list[Part], answers: dict[str, Response], *, stop: bool) -> bool:
    """Run the requests; say whether all went well. `stop` ends at the first that did not."""
    values: dict[str, Any] = {}
    for part in parts:
        try:
            url = resolve(part.url, values)
            made = _ask(call, part.method, url, resolve(part.body, values), part.headers)
        except OrgError as error:
            made = _told(error)
        answers[part.reference] = made
        if not _failed(made):
            values[part.reference] = _value(made)
        elif stop:
            return False
    return not any(map(_failed, answers.values()))


def _ask(call: Call, method: str, url: str, body: Any, headers: Mapping[str, str]) -> Response:
    parts = urlsplit(url)
    if _BARRED.match(parts.path):
        message = f"{parts.path} cannot be part of a composite call"
        return _told(OrgError(400, "INVALID_INPUT", message))
    kept = {name.lower(): str(value) for name, value in headers.items()}
    inner = replace(
        call.request,
        method=method,
        path=parts.path,
        query=parts.query,
        headers={**kept, "content-type": "application/json", "host": call.request.header("host")},
        body=b"" if body is None else json_bytes(body),
    )
    try:
        return call.again(inner)
    except OrgError as error:
        return _told(error)


def _one_of_batch(call: Call, one: Any, *, first: bool) -> Response:
    if not isinstance(one, Mapping) or one.get("method") not in _METHODS or "url" not in one:
        raise _unfit("Each of batchRequests needs a method and a url")
    try:
        if not first:  # the call itself is counted already
            call.org.usage.count(call.now)
    except OrgError as error:
        return _told(error)
    url = "/services/data/" + str(one["url"]).removeprefix("/services/data/").lstrip("/")
    return _ask(call, str(one["method"]), url, one.get("richInput"), {})


def _parts(given: Any, most: int = MAX_REQUESTS, *, heavy: int = MAX_HEAVY) -> list[Part]:
    if not isinstance(given, list) or not 0 < len(given) <= most:
        raise _unfit(f"compositeRequest must be a list of 1 to {most} requests")
    parts = [_part(one) for one in given]
    names = [part.reference for part in parts]
    if len(set(names)) < len(names):
        raise _unfit("Each referenceId may be used once")
    if sum(bool(_HEAVY.match(part.url)) for part in parts) > heavy:
        raise _unfit(f"At most {MAX_HEAVY} requests may be queries or collections")
    return parts


def _part(one: Any) -> Part:
    if not isinstance(one, Mapping):
        raise _unfit("Each of compositeRequest must be an object")
    reference, method, url = (one.get(name) for name in ("referenceId", "method", "url"))
    if not isinstance(reference, str) or not _NAME.fullmatch(reference):
        raise _unfit(f"Provided referenceId ('{reference}') must start with a letter or a number, "
                     "and it can contain only letters, numbers and underscores")  # fmt: skip
    if method not in _METHODS:
        raise _unfit(f"{reference}: method must be one of {', '.join(_METHODS)}, not {method}")
    if not isinstance(url, str) or not url.startswith("/services/data/v"):
        raise _unfit(f"{reference}: url must begin with /services/data/vXX.X, not be {url}")
    return Part(reference, method, url, one.get("body"), one.get("httpHeaders") or {})


def _entries(parts: list[Part], answers: Mapping[str, Response]) -> dict[str, Any]:
    return {"compositeResponse": [_entry(one.reference, answers[one.reference]) for one in parts]}


def _entry(reference: str, made: Response) -> dict[str, Any]:
    return {
        "body": _value(made),
        "httpHeaders": dict(made.headers),
        "httpStatusCode": made.status,
        "referenceId": reference,
    }


def _value(made: Response) -> Any:
    if made.value is not None:
        return orjson.loads(json_bytes(made.value))  # numbers in it may be texts yet
    body = made.whole() if isinstance(made, PackedResponse) else made.body
    return orjson.loads(body) if body else None


def _failed(made: Response) -> bool:
    return made.status >= 400


def _told(error: OrgError) -> Response:
    return refusal(error)


def _rows(answers: Any) -> int | None:
    counted = [made.rows for made in answers if made.rows is not None]
    return sum(counted) if counted else None


def _unfit(message: str) -> OrgError:
    return OrgError(400, "INVALID_INPUT", message)
