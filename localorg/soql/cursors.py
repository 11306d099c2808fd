"""Query locators: what is kept of a query so that its later pages can be read."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass

from isthmus.localorg.errors import OrgError

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Page:
    """The records of one page as JSON texts joined by commas, and how many they are."""

    records: bytes
    rows: int


@dataclass
class OpenQuery:
    """A query that has more pages. `read(start, stop)` renders the records of that range."""

    total: int
    page_size: int
    read: Callable[[int, int], Page]


class Cursors:
    """The open query locators of an org. Safe to use from several threads."""

    def __init__(self) -> None:
        self._open: dict[str, OpenQuery] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def keep(self, query: OpenQuery) -> str:
        """Keep a query and give its locator, without the offset."""
        with self._lock:
            locator = "01g" + _base62(next(self._numbers)).rjust(12, "0") + "AAA"
            self._open[locator] = query
        return locator

    def find(self, locator: str) -> OpenQuery:
        """Find by locator; OrgError INVALID_QUERY_LOCATOR when it is unknown or dropped."""
        with self._lock:
            query = self._open.get(locator)
        if query is None:
            raise OrgError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return query

    def drop(self, locator: str | None = None) -> None:
        """Forget one locator (with or without its offset), or all of them."""
        with self._lock:
            if locator is None:
                self._open.clear()
            else:
                self._open.pop(locator.partition("-")[0], None)

    def __len__(self) -> int:
        return len(self._open)


def _base62(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 62)
        text = _DIGITS[digit] + text
    return text
