"""The core: an org, a request and a moment in; a response out. No sockets, no clock."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import unquote

from isthmus.localorg import routes
from isthmus.localorg.auth import identity, oauth
from isthmus.localorg.auth.sessions import Session, token_of
from isthmus.localorg.auth.soap import soap
from isthmus.localorg.classic import wire
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request, Response, refusal
from isthmus.localorg.faults import Fault
from isthmus.localorg.org import Org
from isthmus.localorg.places import instance_url
from isthmus.localorg.resources import admin, bulk_classic, versions
from isthmus.localorg.resources.call import Call, not_found

_LOGGER = logging.getLogger(__name__)
#: What all resources for data lie below.
DATA = "/services/data"
#: What all resources of Bulk API 1.0 lie below.
ASYNC = "/services/async"
_JOBS = re.compile(r"/services/data/v[0-9.]+/jobs/")
_LONGEST = 16_384  # bytes of a URI, and of a URI with its headers (REST guide, status 414 and 431)


@dataclass(frozen=True)
class Handled:
    """A response, and what the request log notes beside it."""

    response: Response
    api: str
    user: str | None = None


def handle(org: Org, request: Request, now: datetime) -> Handled:
    """Answer one request. Never raises: what goes wrong is an answer as well."""
    api = api_of(request.path)
    if api == "admin":
        return _guarded(org, request, now, api)
    soql = soql_of(request)
    struck = org.faults.strike(request.path, soql)
    if struck is not None:
        request = replace(request, fault=struck)
    if struck is not None and struck.name == "expired-session":
        # The session is over for good: who sends the same token again is refused again.
        org.sessions.revoke(_token(request))
    error = None if struck is None else struck.error()
    if struck is not None and struck.name == "lost-request":
        handled = Handled(Response(), api)  # nothing of it is done
    elif error is None:
        handled = _guarded(org, request, now, api)
    else:
        handled = _refused(org, request, api, error)
    response = _spoilt(replace(handled.response, soql=soql), struck)
    # Every answer tells how much of the day's allowance is used.
    limit = ("Sforce-Limit-Info", org.usage.header(now))
    response = replace(response, headers=(*response.headers, limit))
    return replace(handled, response=response)


def _guarded(org: Org, request: Request, now: datetime, api: str) -> Handled:
    try:
        _check_size(request)
        return _APIS[api](org, request, now)
    except OrgError as error:
        return _refused(org, request, api, error)
    except Exception:
        # A defect of ours: shown in full where the server runs, by name to the client.
        _LOGGER.exception("no answer to %s %s", request.method, request.path)
        unknown = OrgError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred.")
        return _refused(org, request, api, unknown)


def _refused(org: Org, request: Request, api: str, error: OrgError) -> Handled:
    told = wire.refusal(error, request) if api == "bulk1" else refusal(error)
    return Handled(told, api, org.sessions.user_of(_token(request)))


def api_of(path: str) -> str:
    """Which API a path belongs to: `rest`, `bulk1`, `bulk2`, `soap`, `oauth` or `admin`."""
    if path.startswith(admin.PREFIX):
        return "admin"
    if path.startswith(ASYNC + "/"):
        return "bulk1"
    if path.startswith("/services/Soap/"):
        return "soap"
    if path.startswith(("/services/oauth2/", "/id/")):
        return "oauth"
    return "bulk2" if _JOBS.match(path) else "rest"


def soql_of(request: Request) -> str | None:
    """The statement that a request runs: in its URL, or in the Bulk job that it creates."""
    asked = request.params.get("q")
    if asked is not None or request.method != "POST" or not _JOBS.match(request.path):
        return asked
    try:
        asked = request.json_object().get("query")
    except OrgError:  # told to the client when the job is to be created
        return None
    return asked if isinstance(asked, str) else None


def _rest(org: Org, request: Request, now: datetime) -> Handled:
    path = request.path.rstrip("/")
    if path == DATA:
        return Handled(_only_get(request, versions.versions), "rest")
    if not path.startswith(DATA + "/"):
        raise not_found()
    session = org.sessions.find(token_of(request), now)
    org.usage.check_crowd(request.at_once)
    org.usage.count(now)
    response = _resource(org, request, now, session)
    return Handled(response, api_of(path), session.user.username)


def _resource(org: Org, request: Request, now: datetime, session: Session) -> Response:
    path = request.path.rstrip("/")
    if not path.startswith(DATA + "/"):
        raise not_found()
    first, _, rest = path[len(DATA) + 1 :].partition("/")
    version = versions.known(first)
    if version is None:
        raise not_found()
    method = request.method
    if method == "POST":  # for clients that cannot send PATCH
        method = request.params.get("_HTTP_METHOD", method).upper()
    handler, parts = routes.find(rest, method)

    def again(inner: Request) -> Response:
        return _resource(org, inner, now, session)

    named = tuple(unquote(part) for part in parts)
    return handler(Call(org, request, now, session, version, again, named))


def _classic(org: Org, request: Request, now: datetime) -> Handled:
    parts = request.path.strip("/").split("/")
    version = versions.known(f"v{parts[2]}") if len(parts) > 3 else None
    if version is None:
        raise not_found()
    session = org.sessions.find(_token(request), now)
    org.usage.check_crowd(request.at_once)
    org.usage.count(now)
    response = bulk_classic.answer(org, request, now, session, version)
    return Handled(response, "bulk1", session.user.username)


def _token(request: Request) -> str:
    """The session that a call is made in; Bulk API 1.0 has a header of its own for it."""
    return request.header("x-sfdc-session") or token_of(request)


def _oauth(org: Org, request: Request, now: datetime) -> Handled:
    path = request.path.rstrip("/")
    if path == "/services/oauth2/token":
        response = oauth.token(org, request, now)
        return Handled(response, "oauth", response.user)
    if path == "/services/oauth2/revoke":
        return Handled(oauth.revoke(org, request), "oauth")
    session = org.sessions.find(token_of(request) or request.form.get("access_token", ""), now)
    user, settings = session.user, org.settings
    base = instance_url(org, request)
    if path == "/services/oauth2/userinfo":
        body = identity.userinfo(settings, user, base)
    elif path == f"/id/{settings.org_id}/{user.id}":
        body = identity.identity(settings, user, base)
    else:
        raise not_found()
    return Handled(Response(200, body), "oauth", user.username)


def _soap(org: Org, request: Request, now: datetime) -> Handled:
    parts = request.path.strip("/").split("/")
    version = versions.known(f"v{parts[3]}") if len(parts) > 3 and parts[2] == "u" else None
    if version is None or request.method != "POST":
        raise not_found()
    response = soap(org, request, now, version)
    return Handled(response, "soap", response.user)


def _admin(org: Org, request: Request, now: datetime) -> Handled:
    return Handled(admin.admin(org, request), "admin")


_APIS: dict[str, Callable[[Org, Request, datetime], Handled]] = {
    "rest": _rest,
    "bulk1": _classic,
    "bulk2": _rest,
    "oauth": _oauth,
    "soap": _soap,
    "admin": _admin,
}


def _check_size(request: Request) -> None:
    if request.uri_length > _LONGEST:
        raise OrgError(414, "URI_TOO_LONG", f"The URI is longer than {_LONGEST} bytes")
    headers = sum(len(name) + len(value) + 4 for name, value in request.headers.items())
    if request.uri_length + headers > _LONGEST:
        message = f"The URI and headers are longer than {_LONGEST} bytes"
        raise OrgError(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", message)


def _only_get(request: Request, make: Callable[[], Response]) -> Response:
    if request.method not in ("GET", "HEAD"):
        message = f"HTTP Method '{request.method}' not allowed. Allowed are GET,HEAD"
        raise OrgError(405, "METHOD_NOT_ALLOWED", message)
    return make()


def _spoilt(response: Response, struck: Fault | None) -> Response:
    """What a fault makes of an answer."""
    if struck is None:
        return response
    response = replace(response, fault=struck.name)
    if struck.name == "slow-page":
        return replace(response, delay=struck.delay)
    if struck.name == "drop-connection":
        return replace(response, cut=struck.keep)
    if struck.name in ("lost-request", "lost-answer"):
        return replace(response, lost=True)
    if struck.name == "malformed-json":
        return replace(response, truncate=True)
    if struck.name == "too-many-requests":
        retry = ("Retry-After", str(struck.retry_after))
        return replace(response, headers=(*response.headers, retry))
    return response
