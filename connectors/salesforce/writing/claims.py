"""Which records are known to be some row's, so that no other row takes them for its own.

A record without a key is known only by what it holds, and equal rows may be in several calls. So
whoever looks for the records of a lost call does it alone: it waits until no call that makes such
records is under way, and each call claims what it has made before it counts as ended.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

__all__ = ["Claimant", "Claims"]

#: So many claims are remembered, the latest.
_MOST: Final = 100_000
_POLL_SECONDS: Final = 0.1

Check = Callable[[], None]


class Claims:
    """Of one connector. Safe to use from threads."""

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._sending = 0
        self._waiting = 0
        self._looking = False
        self._held = 0
        self._claimed: deque[tuple[str, str, list[str]]] = deque()

    def claim(self, chunk: str, part: str, ids: Iterable[str]) -> None:
        """These records are of a part of a chunk."""
        made = list(ids)
        if not made:
            return
        with self._turn:
            self._claimed.append((chunk, part, made))
            self._held += len(made)
            while self._held > _MOST and len(self._claimed) > 1:
                self._held -= len(self._claimed.popleft()[2])

    def of_others(self, chunk: str, part: str) -> set[str]:
        """The records of other chunks, and of other parts of this one."""
        with self._turn:
            return {
                id
                for whose, of, ids in self._claimed
                if whose != chunk or of not in ("", part)
                for id in ids
            }

    @contextmanager
    def sending(self, check: Check) -> Iterator[None]:
        """While a call makes records without a key; nobody looks for such meanwhile.

        Args:
            check: asked while it waits for its turn; raises what ends the waiting.
        """
        with self._turn:
            self._wait(lambda: not self._looking and not self._waiting, check)
            self._sending += 1
        try:
            yield
        finally:
            with self._turn:
                self._sending -= 1
                self._turn.notify_all()

    @contextmanager
    def looking(self, check: Check) -> Iterator[None]:
        """While somebody looks for records without a key; no call that makes such is under way."""
        with self._turn:
            self._waiting += 1
            try:
                self._wait(lambda: not self._looking and not self._sending, check)
                self._looking = True
            finally:
                self._waiting -= 1
                self._turn.notify_all()
        try:
            yield
        finally:
            with self._turn:
                self._looking = False
                self._turn.notify_all()

    def _wait(self, free: Callable[[], bool], check: Check) -> None:
        while not free():
            check()
            self._turn.wait(_POLL_SECONDS)


@dataclass(frozen=True)
class Claimant:
    """A part of a chunk among all others.

    Attributes:
        elsewhere: records that other chunks of the write made in a process before this one.
        check: as for `Claims.sending`.
    """

    claims: Claims
    chunk: str
    part: str
    elsewhere: frozenset[str]
    check: Check

    def claim(self, ids: Iterable[str]) -> None:
        """These records are its own."""
        self.claims.claim(self.chunk, self.part, ids)

    def taken(self) -> set[str]:
        """The records that are not its own."""
        return self.claims.of_others(self.chunk, self.part) | self.elsewhere

    def sending(self) -> AbstractContextManager[None]:
        """See `Claims.sending`."""
        return self.claims.sending(self.check)

    def looking(self) -> AbstractContextManager[None]:
        """See `Claims.looking`."""
        return self.claims.looking(self.check)
