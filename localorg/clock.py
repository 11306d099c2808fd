"""The org's clock: the real one, or one that stands still until it is moved."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells the time in UTC. With `start` it stands there; without, it runs."""

    def __init__(self, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._frozen = None if start is None else _utc(start)
        self._offset = timedelta(0)

    @property
    def frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen is not None

    @property
    def real(self) -> bool:
        """Whether it shows the machine's time."""
        return self._frozen is None and not self._offset

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        with self._lock:
            return self._frozen or datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds."""
        with self._lock:
            if self._frozen is None:
                self._offset += timedelta(seconds=seconds)
            else:
                self._frozen += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        """Stand still at a moment; one without zone is taken as UTC."""
        with self._lock:
            self._frozen = _utc(moment)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
