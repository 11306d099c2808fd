"""A line on standard error for queries that take a while; never in a pipe."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Protocol, Self, TextIO

__all__ = ["Progress"]

_SILENT_SECONDS = 2.0
_REFRESH_SECONDS = 0.25
_CLEAR = "\r\x1b[2K"


class _Counts(Protocol):
    @property
    def rows(self) -> int: ...
    @property
    def pages(self) -> int: ...
    @property
    def calls(self) -> int: ...


class _Running(Protocol):
    @property
    def progress(self) -> _Counts: ...


class Progress:
    """Shows rows, pages and calls so far, from the third second on, until its block ends.

    Args:
        result: what is being read, in this or another thread.
        stream: where to; only a terminal is written to.
        after: seconds of silence at first.
        quiet: say nothing at all.
    """

    def __init__(
        self,
        result: _Running,
        *,
        stream: TextIO | None = None,
        after: float = _SILENT_SECONDS,
        quiet: bool = False,
    ) -> None:
        self._result = result
        self._stream = stream or sys.stderr
        self._after = after
        self._quiet = quiet or not self._stream.isatty()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if not self._quiet:
            self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        began = time.monotonic()
        if self._done.wait(self._after):
            return
        while True:
            self._stream.write(_CLEAR + self._line(time.monotonic() - began))
            self._stream.flush()
            if self._done.wait(_REFRESH_SECONDS):
                break
        self._stream.write(_CLEAR)
        self._stream.flush()

    def _line(self, seconds: float) -> str:
        now = self._result.progress
        return (
            f"{now.rows:,} rows, {now.pages:,} pages, {now.calls:,} calls so far "
            f"({seconds:.0f} s; Ctrl-C stops)"
        )
