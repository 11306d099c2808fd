"""Sessions: tokens that live for a while and name a user."""

from __future__ import annotations

import random
import string
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request
from isthmus.localorg.settings import User

_LETTERS = string.ascii_letters + string.digits + "._"


@dataclass(frozen=True)
class Session:
    """A user's session until `ends`."""

    token: str
    user: User
    ends: datetime


class Sessions:
    """The open sessions and refresh tokens. Safe to use from several threads."""

    def __init__(self, org_id: str, seconds: float, dice: random.Random) -> None:
        self._org_id = org_id
        self._life = timedelta(seconds=seconds)
        self._dice = dice
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}
        self._refresh: dict[str, User] = {}

    def open(self, user: User, now: datetime) -> Session:
        """Open a session; the token has the shape that the sf command line checks."""
        with self._lock:
            token = f"{self._org_id[:15]}!AQ{self._letters(62)}"
            session = Session(token, user, now + self._life)
            self._open[token] = session
        return session

    def find(self, token: str, now: datetime) -> Session:
        """The session of a token; OrgError 401 when there is none or it is over."""
        with self._lock:
            session = self._open.get(token)
            if session is not None and session.ends <= now:
                del self._open[token]
                session = None
        if session is None:
            raise OrgError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return session

    def user_of(self, token: str) -> str | None:
        """The username behind a token, if it is known; for the log."""
        with self._lock:
            session = self._open.get(token)
        return None if session is None else session.user.username

    def offer_refresh(self, user: User) -> str:
        """A new refresh token of the user."""
        with self._lock:
            token = "5Aep" + self._letters(80)
            self._refresh[token] = user
        return token

    def refreshed(self, token: str) -> User | None:
        """The user of a refresh token, if it is good."""
        with self._lock:
            return self._refresh.get(token)

    def revoke(self, token: str) -> bool:
        """End a session or a refresh token; False when there was no such token."""
        with self._lock:
            found = self._open.pop(token, None) or self._refresh.pop(token, None)
        return found is not None

    def _letters(self, count: int) -> str:
        return "".join(self._dice.choice(_LETTERS) for _ in range(count))


def token_of(request: Request) -> str:
    """The token in the Authorization header, `Bearer` or `OAuth`; empty when there is none."""
    scheme, _, token = request.header("authorization").partition(" ")
    return token.strip() if scheme.lower() in ("bearer", "oauth") else ""
