"""The moments at which a process can be killed.

* around each call of the network, a while into it, and around each commit and each renaming:
  the doors through which everything durable goes;
* places: where a function of chosen modules begins, ends, or calls another, the first time.

Nothing in the product knows of this: it is watched from outside, in the process that is killed.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

__all__ = ["Moment", "Moments"]

#: After so many milliseconds a call is broken off; an answer takes about as long.
_MIDST = (2, 10, 30, 60)
_ID = re.compile(r"(?<=/)(?=\w*\d)\w{15,18}(-\d+)?(?=/|$)")


class Moment(NamedTuple):
    """What happens, and for which time, from 1."""

    what: str
    nth: int

    @property
    def is_place(self) -> bool:
        """Whether it is a place in the code, not a door."""
        return self.what.startswith("at ")

    def __str__(self) -> str:
        return self.what if self.nth == 1 else f"{self.what}, {self.nth}"


class Moments:
    """Notes moments, and kills the process at one of them.

    Args:
        places: parts of the names of the files whose places are moments.
        kill_at: that moment; None lets the process live.
    """

    def __init__(self, places: Sequence[str] = (), kill_at: Moment | None = None) -> None:
        self._places = places
        self._kill_at = kill_at
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._ours: dict[CodeType, bool] = {}
        self.seen: list[Moment] = []

    def __call__(self, what: str) -> None:
        """A moment has come."""
        if self._is_due(what):
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Watch this process."""
        self._watch_calls()
        self._watch_commits()
        self._watch_renamings()
        if self._places:
            threading.setprofile(self._see)
            sys.setprofile(self._see)

    def uninstall(self) -> None:
        """Look no more at places; what is done now is the harness's own."""
        threading.setprofile(None)
        sys.setprofile(None)

    def _is_due(self, what: str) -> bool:
        with self._lock:
            self._counts[what] += 1
            moment = Moment(what, self._counts[what])
            self.seen.append(moment)
            return moment == self._kill_at

    def _watch_calls(self) -> None:
        from urllib3.connectionpool import HTTPConnectionPool

        call = HTTPConnectionPool.urlopen

        def watched(
            pool: HTTPConnectionPool, method: str, url: str, *args: Any, **more: Any
        ) -> Any:
            what = f"{method} {_shown(url)}"
            self(f"before {what}")
            for wait in _MIDST:
                if self._is_due(f"{wait} ms into {what}"):
                    self._die_in(wait / 1000)
            answer = call(pool, method, url, *args, **more)
            self(f"after {what}")
            return answer

        HTTPConnectionPool.urlopen = watched  # type: ignore[method-assign,assignment]

    def _die_in(self, seconds: float) -> None:
        timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()

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

    def _see(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        ours = self._ours.get(code)
        if ours is None:
            ours = self._ours[code] = any(part in code.co_filename for part in self._places)
        if not ours:
            return
        file = code.co_filename.rpartition("/")[2]
        called = getattr(argument, "__name__", "") if event.startswith("c_") else ""
        place = f"at {file}:{frame.f_lineno} {event} {called}".rstrip()
        if place not in self._counts:
            self(place)


def _shown(url: str) -> str:
    """Its path, without what differs from run to run."""
    return _ID.sub("ID", urlsplit(url).path.removeprefix("/services/data"))
