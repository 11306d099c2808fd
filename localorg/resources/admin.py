"""The local admin resource: faults, requests, limits, fields and the clock of a running org.

It is this server's own, not Salesforce's: on the loopback only, opened by the access token of the
ready file, counted by no limit.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable
from datetime import datetime
from typing import Any

from isthmus.localorg import drift
from isthmus.localorg.auth.sessions import token_of
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request, Response
from isthmus.localorg.faults import fault
from isthmus.localorg.org import Org
from isthmus.localorg.resources.call import not_found

PREFIX = "/__isthmus__"


def admin(org: Org, request: Request) -> Response:
    """Answer a call below `/__isthmus__`."""
    _check(org, request)
    name = request.path.removeprefix(PREFIX).strip("/")
    methods = _RESOURCES.get(name)
    if methods is None:
        raise not_found()
    answer = methods.get(request.method)
    if answer is None:
        allowed = ",".join(methods)
        message = f"HTTP Method '{request.method}' not allowed. Allowed are {allowed}"
        raise OrgError(405, "METHOD_NOT_ALLOWED", message)
    try:
        return Response(200, answer(org, request))
    except ValueError as error:
        raise OrgError(400, "INVALID_ARGUMENT", str(error)) from error


def _check(org: Org, request: Request) -> None:
    if not _loopback(request.client):
        raise OrgError(403, "INSUFFICIENT_ACCESS", "the admin resource is for this machine only")
    token = token_of(request)
    if not org.admin_token or not hmac.compare_digest(token.encode(), org.admin_token.encode()):
        message = "send the ready file's access_token: Authorization: Bearer TOKEN"
        raise OrgError(401, "INVALID_SESSION_ID", message)


def _loopback(client: str) -> bool:
    try:
        return ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False


def _faults(org: Org, request: Request) -> Any:
    return org.faults.listed()


def _set_fault(org: Org, request: Request) -> Any:
    args = request.json_object()
    name = args.pop("name", None)
    if not isinstance(name, str):
        raise ValueError('give the fault by name: {"name": "server-error", "nth": 2}')
    org.faults.add(fault(name, **args))
    return org.faults.listed()


def _clear_faults(org: Org, request: Request) -> Any:
    org.faults.clear(request.params.get("name"))
    return org.faults.listed()


def _requests(org: Org, request: Request) -> Any:
    return org.log.entries()


def _clear_requests(org: Org, request: Request) -> Any:
    org.log.clear()
    return []


def _clock(org: Org, request: Request) -> Any:
    return {"now": org.clock.now().isoformat(), "frozen": org.clock.frozen}


def _move_clock(org: Org, request: Request) -> Any:
    args = request.json_object()
    if not args or set(args) - {"now", "advance"}:
        raise ValueError('give {"advance": SECONDS} or {"now": "ISO-TIME"}')
    if "now" in args:
        org.clock.set(datetime.fromisoformat(str(args["now"])))
    if "advance" in args:
        org.clock.advance(float(args["advance"]))
    return _clock(org, request)


def _limits(org: Org, request: Request) -> Any:
    usage = org.usage
    return {
        "daily_requests": usage.allowed,
        "used": usage.used(org.clock.now()),
        "concurrent_requests": usage.crowd,
        "most_at_once": usage.most_at_once,
    }


def _set_limits(org: Org, request: Request) -> Any:
    args = request.json_object()
    known = ("daily_requests", "used", "concurrent_requests")
    wrong = [name for name, value in args.items() if name not in known or not _count(value)]
    if wrong or not args:
        raise ValueError(f"give whole numbers from 0 for some of {', '.join(known)}")
    org.usage.allowed = args.get("daily_requests", org.usage.allowed)
    org.usage.crowd = args.get("concurrent_requests", org.usage.crowd)
    if "used" in args:
        org.usage.set_used(org.clock.now(), args["used"])
    return _limits(org, request)


def _set_schema(org: Org, request: Request) -> Any:
    args = request.json_object()
    name, does = str(args.pop("object", "")), str(args.pop("do", ""))
    change = _CHANGES.get(does)
    if change is None or not isinstance(args.get("field"), str):
        known = ", ".join(_CHANGES)
        raise ValueError(f'give {{"object": ..., "do": one of {known}, "field": ..., ...}}')
    try:
        change(org, name, **args)
    except TypeError as error:
        raise ValueError(f"{does}: {error}") from error
    found = org.schema.get(name)
    return {"object": name, "fields": [one.name for one in found.fields] if found else []}


def _backdate(org: Org, request: Request) -> Any:
    args = request.json_object()
    if set(args) != {"object", "ids", "seconds"}:
        raise ValueError('give {"object": ..., "ids": [...], "seconds": ...}')
    return {"changed": drift.backdate(org, args["object"], args["ids"], float(args["seconds"]))}


def _erase(org: Org, request: Request) -> Any:
    params = request.params
    wanted = [one for one in params.get("ids", "").split(",") if one]
    return {"erased": drift.erase(org, params.get("object", ""), wanted)}


_CHANGES: dict[str, Callable[..., None]] = {
    "add": drift.add_field,
    "remove": drift.remove_field,
    "rename": drift.rename_field,
    "change": drift.change_field,
}


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_RESOURCES: dict[str, dict[str, Callable[[Org, Request], Any]]] = {
    "faults": {"GET": _faults, "POST": _set_fault, "DELETE": _clear_faults},
    "requests": {"GET": _requests, "DELETE": _clear_requests},
    "limits": {"GET": _limits, "POST": _set_limits},
    "schema": {"POST": _set_schema},
    "stamps": {"POST": _backdate},
    "records": {"DELETE": _erase},
    "clock": {"GET": _clock, "POST": _move_clock},
}
