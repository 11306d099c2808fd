"""What queries found and rendered, kept, so that a query asked again costs neither.

A local org must never be the bottleneck of what is measured against it, and clients ask the same
thing again and again. What was rendered holds until anything is written.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, TypeVar, cast

__all__ = ["MAX_BYTES", "Kept"]

#: Bytes that are kept, some seven scans of a million rows; what was used longest ago goes first.
MAX_BYTES = 512 * 1024 * 1024


class Sized(Protocol):
    """A value that says what it weighs."""

    @property
    def nbytes(self) -> int:
        """The bytes that it takes."""


Value = TypeVar("Value", bound=Sized)
#: The SQL that made a value and whatever else tells it from others, such as `Store.version`.
Name = tuple[str | bytes | int, ...]


class Kept:
    """Row numbers and pages under names that tell what made them. Safe to use from threads.

    A name must hold the state of the data (`Store.version`); nothing else makes it stale.
    """

    def __init__(self, most: int = MAX_BYTES) -> None:
        self._most = most
        self._values: OrderedDict[Name, Sized] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """The bytes of all that is kept, names included."""
        return self._bytes

    def find(self, name: Name) -> Sized | None:
        """Give what is kept under a name."""
        with self._lock:
            found = self._values.get(name)
            if found is not None:
                self._values.move_to_end(name)
            return found

    def keep(self, name: Name, value: Sized) -> None:
        """Keep a value; the first under a name stays."""
        with self._lock:
            if name not in self._values:
                self._values[name] = value
                self._bytes += _weight(name, value)
            while self._bytes > self._most and self._values:
                self._bytes -= _weight(*self._values.popitem(last=False))

    def get(self, name: Name, make: Callable[[], Value]) -> Value:
        """Give what is kept under a name, made now if there is nothing."""
        found = self.find(name)
        if found is not None:
            return cast("Value", found)
        made = make()
        self.keep(name, made)
        return made


def _weight(name: Name, value: Sized) -> int:
    """Statements with long lists of Ids weigh more than what they find."""
    return value.nbytes + sum(len(part) for part in name if not isinstance(part, int))
