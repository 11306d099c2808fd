"""The request log: a JSON line per request, in a file and, the last ones, in memory."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson


@dataclass(frozen=True)
class Entry:
    """One request.

    `time` is the org's clock, `bytes` the body as it went over the wire,
    `seconds` how long the org worked on it; `rows` and `soql` are None where there are none.
    """

    time: str
    user: str | None
    method: str
    path: str
    api: str
    soql: str | None
    rows: int | None
    bytes: int
    status: int
    fault: str | None
    seconds: float


class RequestLog:
    """Keeps the last `keep` entries and appends each to `path`, flushed at once."""

    def __init__(self, path: str | Path | None = None, *, keep: int = 100_000) -> None:
        self.path = None if path is None else Path(path)
        self._kept: deque[dict[str, Any]] = deque(maxlen=keep)
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab", buffering=0)

    def write(self, entry: Entry) -> None:
        """Keep an entry; it is in the file when this returns."""
        line = asdict(entry)
        with self._lock:
            self._kept.append(line)
            if self._file is not None:
                self._file.write(orjson.dumps(line) + b"\n")

    def entries(self) -> list[dict[str, Any]]:
        """The entries kept in memory, oldest first."""
        with self._lock:
            return list(self._kept)

    def clear(self) -> None:
        """Forget the entries in memory; the file stays."""
        with self._lock:
            self._kept.clear()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
