"""The place of a write: a folder for its rows, and a lock that ends with whoever holds it."""

from __future__ import annotations

import contextlib
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
_TRIES = 100


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a write's folder, which is made if need be.

    SQLite's own lock is used, since it is the same on every system and is given up by the system
    when the process dies.

    Raises:
        WriteRunning: another process, or another thread, holds it.
    """
    connection = _locked(folder)
    try:
        (folder / _HOLDER).write_text(f"process {os.getpid()} on {socket.gethostname()}", "utf-8")
        yield
    finally:
        connection.close()


def _locked(folder: Path) -> sqlite3.Connection:
    """The lock, on the file that is there: whoever held it before may clear the folder away."""
    lock = folder / _LOCK
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError, FileExistsError):  # it comes and goes
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.touch(mode=0o600)
            there = lock.stat()
            connection = _exclusive(lock)
            if connection is None:
                continue
            if _same(there, lock):
                return connection
            connection.close()
    raise WriteRunning(
        f"the write {folder.name} is under way in others, one after the other",
        remedy="Wait for them to end; con.writes() shows how far it is.",
    )


def _exclusive(lock: Path) -> sqlite3.Connection | None:
    """None: the file is gone."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(lock, timeout=0, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            return None
        raise WriteRunning(
            f"the write {lock.parent.name} is under way in {_holder(lock.parent)}",
            remedy="Wait for it to end; con.writes() shows how far it is.",
        ) from error
    return connection


def _same(there: os.stat_result, lock: Path) -> bool:
    try:
        return os.path.samestat(there, lock.stat())
    except FileNotFoundError:
        return False


def cleared(folder: Path) -> None:
    """Remove a write's folder: its rows are not needed any more."""
    shutil.rmtree(folder, ignore_errors=True)


def _holder(folder: Path) -> str:
    try:
        return (folder / _HOLDER).read_text("utf-8")
    except OSError:  # it has just begun
        return "another process"
