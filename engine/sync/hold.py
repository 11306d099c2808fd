"""One run of a sync at a time. The lock ends with the process that holds it, however it ends."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from isthmus.errors import SyncRunning

__all__ = ["held"]


@contextmanager
def held(name: str, folder: Path) -> Iterator[None]:
    """Hold the lock of a sync.

    SQLite's lock on a file is used: it is the same on every system, and the system takes it from
    a process that has died.

    Args:
        name: the sync's.
        folder: where its lock stands.

    Raises:
        SyncRunning: another run has it; the message names its process, host and beginning.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    holder = folder / "holder.json"
    lock = sqlite3.connect(folder / "lock.sqlite", timeout=0, isolation_level=None)
    try:
        try:
            lock.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise SyncRunning(
                f"the sync {name} is running already: {_told(holder)}",
                remedy="Wait for its end, or stop that process.",
            ) from error
        said = {"pid": os.getpid(), "host": socket.gethostname(), "since": _now()}
        holder.write_text(json.dumps(said), "utf-8")
        yield
    finally:
        lock.close()


def _told(holder: Path) -> str:
    try:
        said = json.loads(holder.read_text("utf-8"))
        return f"process {said['pid']} on {said['host']}, since {said['since']}"
    except (OSError, ValueError, KeyError):
        return "its process has just begun"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
