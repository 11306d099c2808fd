"""Work begun before a reader asks for it, in threads that end with it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

_LOGGER = logging.getLogger(__name__)
#: Blocks rendered ahead at once, in all queries together; readers render beside them.
_MOST = max(1, (os.cpu_count() or 1) // 2)
_PATIENCE = 30.0  # seconds to wait for a thread


class Ahead:
    """Runs work ahead of its readers, a thread for each piece. Safe to use from threads."""

    def __init__(self, most: int = _MOST) -> None:
        self._free = threading.Semaphore(most)
        self._running: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def begin(self, work: Callable[[], None]) -> bool:
        """Begin work, if a thread is free for it; says whether it did.

        What goes wrong in it is only noted: the reader does the work again, and is told.
        """
        if not self._free.acquire(blocking=False):
            return False
        thread = threading.Thread(target=self._run, args=(work,), name="local-org-ahead")
        with self._lock:  # a thread can be waited for only once it has started
            self._running.add(thread)
            thread.start()
        return True

    def wait(self) -> None:
        """Wait until nothing is running any more."""
        with self._lock:
            running = list(self._running)
        for thread in running:
            thread.join(_PATIENCE)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            _LOGGER.debug("rendering ahead failed: %s", error)
        finally:
            with self._lock:
                self._running.discard(threading.current_thread())
            self._free.release()
