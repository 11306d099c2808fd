"""Telling a URL that a job has ended: signed, with a time limit, until it answers with 2xx.

The headers are those of Standard Webhooks 1.0 (standardwebhooks.com, "Webhook headers" and
"Signature scheme"): ``webhook-id`` stays the same when a message is sent again, so that a
receiver can tell it has it already.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import random
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import urllib3

from isthmus.catalog.secrets import Secret, is_reference
from isthmus.engine.jobs.model import Callback
from isthmus.engine.jobs.store import Delivery
from isthmus.errors import ConfigError, IsthmusError

__all__ = ["callback_of", "deliver", "next_pause", "signature"]

_SECONDS: Final = 10.0
#: Seconds before a message is sent again: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h,
#: the schedule that Standard Webhooks recommends.
_PAUSES: Final = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)


def callback_of(given: str | Callback | None) -> Callback | None:
    """A callback that can be used.

    Raises:
        ConfigError: the URL is none, or the secret is written down.
    """
    callback = Callback(given) if isinstance(given, str) else given
    if callback is None:
        return None
    parts = urlsplit(callback.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"the callback {callback.url!r} is no URL that can be told",
            remedy="Write http://... or https://...",
        )
    if parts.username or parts.password:
        raise ConfigError(
            "a callback's URL holds a password, which would be kept in a file",
            remedy="Leave it out, and check the signature instead (secret='env:NAME').",
        )
    if callback.secret is not None and not is_reference(callback.secret):
        raise ConfigError(
            "a callback's secret is written down, and jobs are kept in a file",
            remedy="Say where it is: secret='env:NAME' or 'keyring:NAME'.",
        )
    return callback


def signature(key: bytes, id: str, timestamp: int, body: str) -> str:
    """The value of ``webhook-signature``.

    >>> signature(b"key", "msg-1", 1700000000, "{}")
    'v1,1gv/sJKBjiSTfnRK3RpuhESBeh4z3g1Ar3BsW4fT9Io='
    """
    signed = f"{id}.{timestamp}.{body}".encode()
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def deliver(delivery: Delivery, now: Callable[[], float]) -> str | None:
    """Send a message once; None where it was received, else why it was not."""
    timestamp = int(now())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "isthmus",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(timestamp),
    }
    try:
        if delivery.secret is not None:
            key = _key(Secret(delivery.secret).reveal())
            headers["webhook-signature"] = signature(key, delivery.id, timestamp, delivery.body)
        with urllib3.PoolManager() as pool:
            answer = pool.request(
                "POST",
                delivery.url,
                body=delivery.body.encode(),
                headers=headers,
                timeout=_SECONDS,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            answer.release_conn()
    except (urllib3.exceptions.HTTPError, IsthmusError) as error:
        return str(error).split("\n")[0]
    return None if 200 <= answer.status < 300 else f"it answered {answer.status}"


def next_pause(attempt: int) -> float | None:
    """Seconds to wait after that attempt (the first is 0) failed; None: no more."""
    if attempt >= len(_PAUSES):
        return None
    return _PAUSES[attempt] * random.uniform(0.8, 1.2)


def _key(secret: str) -> bytes:
    """The key: base64 behind ``whsec_``, as such secrets are handed out, or the text itself."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            raise ConfigError(
                "the callback's secret begins with whsec_, but what follows is not base64"
            ) from None
    return secret.encode()
