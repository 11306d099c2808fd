"""The org's time, as its last answer told it (the ``Date`` header)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["ServerClock"]


class ServerClock:
    """Remembers what the org told last. Safe to use from threads.

    It is behind by the time since: what the org does afterwards has that time or a later one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: datetime | None = None

    @property
    def told(self) -> datetime | None:
        """That time; None before the first answer."""
        with self._lock:
            return self._told

    def hear(self, headers: Mapping[str, str]) -> None:
        """Take the time from an answer's headers."""
        try:
            told = parsedate_to_datetime(headers["Date"]).astimezone(UTC)
        except (KeyError, ValueError, TypeError):
            return
        with self._lock:
            self._told = told
