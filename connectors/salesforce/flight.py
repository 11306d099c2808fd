"""A call that runs in a thread of its own, so that its caller can stop waiting at any moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.transport import Stop

__all__ = ["Flight"]

T = TypeVar("T")

#: Seconds between looks at whether the query is still wanted.
POLL: Final = 0.1


class Flight(Generic[T]):
    """Starts `call` at once; it gets a `Stop` that ends its blocking requests.

    The thread is a daemon: an interpreter that ends does not wait for a slow server.
    """

    def __init__(self, call: Callable[[Stop], T]) -> None:
        self._stop = Stop()
        self._done = threading.Event()
        self._value: T | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(call,), name="isthmus-salesforce", daemon=True
        )
        self._thread.start()

    def _run(self, call: Callable[[Stop], T]) -> None:
        try:
            self._value = call(self._stop)
        except BaseException as error:  # handed to the thread that asks for the result
            self._error = error
        finally:
            self._done.set()

    def result(self, context: ReadContext) -> T:
        """Wait for the value, or raise what the call raised.

        Raises:
            Cancelled: the query was cancelled; the call is stopped.
            DeadlineExceeded: its time is up; the call is stopped.
        """
        try:
            while not self._done.wait(POLL):
                context.check()
            context.check()
        except BaseException:
            self.stop()
            raise
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]  # set, since there is no error

    def stop(self) -> None:
        """End the call; its value is not wanted any more."""
        self._stop.fire()
