"""JWT bearer assertions: RS256, signed with the connected app's key.

Source: Salesforce help, "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration".
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from isthmus.localorg.auth.refusal import OAuthRefusal
from isthmus.localorg.org import Org
from isthmus.localorg.settings import User

_SKEW = 180  # seconds by which clocks may differ


def subject(org: Org, assertion: str, now: datetime) -> User:
    """The user an assertion speaks for; OAuthRefusal says why it is not believed."""
    signed, _, signature = assertion.rpartition(".")
    head, _, body = signed.partition(".")
    try:
        header, claims = _object(head), _object(body)
        _verify(org, signed, signature)
    except (ValueError, InvalidSignature) as error:
        raise OAuthRefusal("invalid_grant", "invalid assertion") from error
    if header.get("alg") != "RS256":
        raise OAuthRefusal("invalid_grant", "invalid assertion")
    if claims.get("iss") != org.settings.client_id:
        raise OAuthRefusal("invalid_client_id", "client identifier invalid")
    if not _audience_fits(org, claims.get("aud")):
        raise OAuthRefusal("invalid_grant", "audience is invalid")
    # A stopped clock says nothing about the clock of the client.
    if org.clock.real and _expiry(claims) < now.timestamp() - _SKEW:
        raise OAuthRefusal("invalid_grant", "expired authorization code")
    if str(claims.get("sub", "")).lower() != org.settings.user.username.lower():
        raise OAuthRefusal("invalid_grant", "user hasn't approved this consumer")
    return org.settings.user


def _object(part: str) -> dict[str, Any]:
    value = json.loads(_decoded(part))
    if not isinstance(value, dict):
        raise ValueError("a part of the assertion is not an object")
    return value


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _verify(org: Org, signed: str, signature: str) -> None:
    if org.jwt_key is None:
        raise ValueError("this org has no key for JWT logins")
    org.jwt_key.verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())


def _audience_fits(org: Org, audience: Any) -> bool:
    given = audience if isinstance(audience, list) else [audience]
    own = set(org.addresses.values())
    return any(str(url).rstrip("/") in own or _salesforce(str(url)) for url in given)


def _salesforce(url: str) -> bool:
    return url.startswith("https://") and url.rstrip("/").endswith(".salesforce.com")


def _expiry(claims: dict[str, Any]) -> float:
    """Seconds since 1970; clients send a number or its text."""
    try:
        return float(claims.get("exp", 0))
    except (TypeError, ValueError):
        return 0.0
