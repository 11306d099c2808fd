"""The moments at which a process can be killed: around each call, each commit and each renaming.

Nothing in the product knows of this: the standard doors through which everything durable goes are
wrapped, in the process that is to be killed.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Moments"]


class Moments:
    """Counts moments, and kills the process at one of them.

    Args:
        kill_at: the number of that moment, from 1; 0 lets the process live.
    """

    def __init__(self, kill_at: int = 0) -> None:
        self._kill_at = kill_at
        self._lock = threading.Lock()
        self.seen: list[str] = []

    def __call__(self, what: str) -> None:
        """A moment has come."""
        with self._lock:
            self.seen.append(what)
            if len(self.seen) == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Watch this process."""
        self._watch_calls()
        self._watch_commits()
        self._watch_renamings()
        self._watch_targets()

    def _watch_calls(self) -> None:
        from urllib3.connectionpool import HTTPConnectionPool

        call = HTTPConnectionPool.urlopen

        def watched(
            pool: HTTPConnectionPool, method: str, url: str, *args: Any, **more: Any
        ) -> Any:
            what = f"{method} {_shown(url)}"
            self(f"before {what}")
            answer = call(pool, method, url, *args, **more)
            self(f"after {what}")
            return answer

        HTTPConnectionPool.urlopen = watched  # type: ignore[method-assign,assignment]

    def _watch_commits(self) -> None:
        from isthmus.engine.state import StateFile

        plain = StateFile.transaction

        @contextmanager
        def watched(file: StateFile) -> Iterator[sqlite3.Connection]:
            name = file.path.name if file.path is not None else "memory"
            with plain(file) as connection:
                before = connection.total_changes
                yield connection
                changed = connection.total_changes > before
                if changed:
                    self(f"before a commit to {name}")
            if changed:
                self(f"after a commit to {name}")

        StateFile.transaction = watched  # type: ignore[method-assign,assignment]

    def _watch_renamings(self) -> None:
        plain: Callable[..., None] = os.replace

        def watched(source: Any, target: Any, **more: Any) -> None:
            self("before a file gets its name")
            plain(source, target, **more)
            self("after a file got its name")

        os.replace = watched  # type: ignore[assignment]

    def _watch_targets(self) -> None:
        """What a copy's target makes durable by itself."""


def _shown(url: str) -> str:
    path = urlsplit(url).path
    return path.removeprefix("/services/data/")
