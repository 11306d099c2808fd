"""OAuth 2.0: the token and revoke endpoints.

Source: Salesforce help, "OAuth Authorization Flows" and "OAuth 2.0 Authorization Errors"; texts as
clients compare them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime

from isthmus.localorg.auth.jwt import subject
from isthmus.localorg.auth.refusal import OAuthRefusal
from isthmus.localorg.exchange import Request, Response
from isthmus.localorg.org import Org
from isthmus.localorg.places import instance_url
from isthmus.localorg.settings import User

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def token(org: Org, request: Request, now: datetime) -> Response:
    """Answer a call to `/services/oauth2/token`; refusals are OAuth's object, not an array."""
    try:
        if request.method != "POST":
            raise OAuthRefusal("invalid_request", "must use HTTP POST")
        kind = request.form.get("grant_type", "")
        grant = _GRANTS.get(kind)
        if grant is None:
            raise OAuthRefusal("unsupported_grant_type", "grant type not supported")
        user = grant(org, request, now)
    except OAuthRefusal as refusal:
        return refusal.response()
    session = org.sessions.open(user, now)
    base = instance_url(org, request)
    issued = str(int(now.timestamp() * 1000))
    identity = f"{base}/id/{org.settings.org_id}/{user.id}"
    body = {
        "access_token": session.token,
        "instance_url": base,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued,
        "signature": _signature(org.settings.client_secret, identity + issued),
        "scope": "api web refresh_token",
    }
    if kind == "password":
        body["refresh_token"] = org.sessions.offer_refresh(user)
    return Response(200, body, headers=(("Cache-Control", "no-store"),), user=user.username)


def revoke(org: Org, request: Request) -> Response:
    """End the session or refresh token named by `token`."""
    if not org.sessions.revoke(request.form.get("token", "")):
        return OAuthRefusal("unsupported_token_type", "this token type is not supported").response()
    return Response(200, content_type="text/html;charset=UTF-8")


def _by_password(org: Org, request: Request, now: datetime) -> User:
    _check_client(org, request)
    settings, form = org.settings, request.form
    good = (settings.password, settings.password + settings.security_token)
    known = form.get("username", "").lower() == settings.user.username.lower()
    if not known or form.get("password") not in good:
        raise OAuthRefusal("invalid_grant", "authentication failure")
    return settings.user


def _by_client(org: Org, request: Request, now: datetime) -> User:
    _check_client(org, request)
    return org.settings.user


def _by_refresh(org: Org, request: Request, now: datetime) -> User:
    # Public clients send no secret; one that is sent has to be right.
    _check_client(org, request, secret_needed=False)
    user = org.sessions.refreshed(request.form.get("refresh_token", ""))
    if user is None:
        raise OAuthRefusal("invalid_grant", "expired access/refresh token")
    return user


def _by_jwt(org: Org, request: Request, now: datetime) -> User:
    return subject(org, request.form.get("assertion", ""), now)


_GRANTS: dict[str, Callable[[Org, Request, datetime], User]] = {
    "password": _by_password,
    "client_credentials": _by_client,
    "refresh_token": _by_refresh,
    _JWT_GRANT: _by_jwt,
}


def _check_client(org: Org, request: Request, *, secret_needed: bool = True) -> None:
    key, secret = _basic(request)
    key = key or request.form.get("client_id", "")
    secret = secret or request.form.get("client_secret", "")
    if key != org.settings.client_id:
        raise OAuthRefusal("invalid_client_id", "client identifier invalid")
    if (secret or secret_needed) and secret != org.settings.client_secret:
        raise OAuthRefusal("invalid_client", "invalid client credentials")


def _basic(request: Request) -> tuple[str, str]:
    scheme, _, text = request.header("authorization").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        key, _, secret = base64.b64decode(text).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key, secret


def _signature(secret: str, text: str) -> str:
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
