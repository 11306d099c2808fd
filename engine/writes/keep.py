"""Where a connection keeps its journal: the state folder, else a folder that ends with it."""

from __future__ import annotations

import shutil
import tempfile
import threading
from pathlib import Path

from isthmus.engine.writes.journal import Journal

__all__ = ["Keep"]


class Keep:
    """Opens the journal when the first write needs it. Safe to use from threads.

    Args:
        folder: the state folder; None: there is none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._private: str | None = None
        self._journal: Journal | None = None
        self._lock = threading.Lock()

    @property
    def lasting(self) -> bool:
        """Whether a write can be resumed by a later process."""
        return self._folder is not None

    def journal(self) -> Journal:
        """The journal."""
        with self._lock:
            if self._journal is None:
                folder = self._folder
                if folder is None:
                    self._private = tempfile.mkdtemp(prefix="isthmus-writes-")
                    folder = Path(self._private)
                self._journal = Journal(folder)
            return self._journal

    def close(self) -> None:
        """Give the files back, and remove those that nobody could resume."""
        with self._lock:
            if self._journal is not None:
                self._journal.close()
                self._journal = None
            if self._private is not None:
                shutil.rmtree(self._private, ignore_errors=True)
                self._private = None
