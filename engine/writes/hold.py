"""One process at a time: a lock that ends with the process that holds it, however it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["held"]


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a lock file; False where another holds it already.

    SQLite's own lock is used, since it is the same on every system and is given up by the system
    when the process dies.
    """
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            yield False
            return
        yield True
        path.unlink(missing_ok=True)
    finally:
        connection.close()
