"""The place of a write: a folder for its rows, and a lock that ends with whoever holds it."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isthmus.errors import WriteRunning

__all__ = ["cleared", "held"]

_LOCK, _HOLDER = "lock", "holder"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a write's folder, which is made if need be.

    SQLite's own lock is used, since it is the same on every system and is given up by the system
    when the process dies.

    Raises:
        WriteRunning: another process, or another thread, holds it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(
        folder / _LOCK, timeout=0, isolation_level=None, check_same_thread=False
    )
    try:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise WriteRunning(
                f"the write {folder.name} is under way in {_holder(folder)}",
                remedy="Wait for it to end; con.writes() shows how far it is.",
            ) from error
        (folder / _HOLDER).write_text(f"process {os.getpid()} on {socket.gethostname()}", "utf-8")
        yield
    finally:
        connection.close()


def cleared(folder: Path) -> None:
    """Remove a write's folder: its rows are not needed any more."""
    shutil.rmtree(folder, ignore_errors=True)


def _holder(folder: Path) -> str:
    try:
        return (folder / _HOLDER).read_text("utf-8")
    except OSError:  # it has just begun
        return "another process"
