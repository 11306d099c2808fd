"""The state folder: what is remembered between processes, in small SQLite files.

It holds numbers about sources (how many rows, how many calls today) and never rows, texts of
queries or secrets. Several processes may use it at once.
"""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from isthmus.errors import ConfigError

__all__ = ["AUTO", "StateFile", "StateFolder", "find_folder"]

#: Look for the folder where it is usual.
AUTO: Final = "auto"
StateFolder = str | os.PathLike[str] | Literal["auto"] | None

_VARIABLE: Final = "ISTHMUS_STATE"
_OFF: Final = frozenset({"off", "none", "0"})


def find_folder(given: StateFolder = AUTO, environ: Mapping[str, str] | None = None) -> Path | None:
    r"""The state folder, made if need be; None where nothing is to be remembered.

    Args:
        given: a path; None for nothing; `AUTO` for ``$ISTHMUS_STATE`` (``off`` for nothing), else
            the platform's own place: ``$XDG_STATE_HOME/isthmus`` or ``~/.local/state/isthmus``,
            ``~/Library/Application Support/isthmus`` on a Mac, ``%LOCALAPPDATA%\isthmus``.
        environ: the environment.

    Raises:
        ConfigError: the folder was named, and can't be made.
    """
    environ = os.environ if environ is None else environ
    if given is None:
        return None
    named = environ.get(_VARIABLE, "") if given == AUTO else os.fspath(given)
    if given == AUTO and named.lower() in _OFF:
        return None
    folder = Path(named).expanduser().absolute() if named else _usual(environ)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if writable:
        return folder
    if not named:
        return None  # a machine without a home, such as a container: there is nothing to mend
    raise ConfigError(
        f"the state folder {folder} can't be written",
        remedy=f"Name another as {_VARIABLE} or connect(state=...), or none: {_VARIABLE}=off.",
    )


def _usual(environ: Mapping[str, str]) -> Path:
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "isthmus"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "isthmus"
    return Path(environ.get("XDG_STATE_HOME") or home / ".local" / "state") / "isthmus"


class StateFile:
    """One SQLite file. Safe to use from threads, from several processes, and after a fork.

    Args:
        path: None keeps all in memory.
        schema: statements that make the tables where they are missing.
        patience: seconds to wait for another process.
        durable: a transaction that has ended outlives a power cut, not only the process.
    """

    def __init__(
        self, path: Path | None, schema: str, *, patience: float, durable: bool = False
    ) -> None:
        self.path = path
        self._durable = durable
        self._schema = schema
        self._patience = patience
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None
        self._pid = 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside happens at once, or not at all.

        Raises:
            sqlite3.Error: the file is damaged, can't be written, or others hold it too long.
        """
        with self._lock:
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Give the file back; the next transaction opens it again."""
        with self._lock:
            if self._open is not None and self._pid == os.getpid():
                self._open.close()
            self._open = None

    def _connected(self) -> sqlite3.Connection:
        # An open SQLite connection must not be carried across a fork.
        if self._open is None or (self._pid != os.getpid() and self.path is not None):
            self._open = self._connect()
            self._pid = os.getpid()
        return self._open

    def _connect(self) -> sqlite3.Connection:
        until = time.monotonic() + self._patience
        while True:
            try:
                return self._connect_once()
            except sqlite3.OperationalError as error:
                # Of two that turn a new file to the log at once SQLite refuses one without a wait.
                if not _busy(error) or time.monotonic() > until:
                    raise
            time.sleep(random.uniform(0.001, 0.01))

    def _connect_once(self) -> sqlite3.Connection:
        if self.path is not None and not self.path.exists():
            self.path.touch(mode=0o600)
        connection = sqlite3.connect(
            self.path or ":memory:",
            timeout=self._patience,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            # A write-ahead log needs no wait for the disk, and a crash damages nothing.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
            connection.executescript(self._schema)
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _busy(error: sqlite3.Error) -> bool:
    # The code's low byte says the kind, whatever the reason (SQLite, "Result and Error Codes").
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
