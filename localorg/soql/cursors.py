"""Query locators: what is kept of a query so that its later pages can be read."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from isthmus.localorg import ids
from isthmus.localorg.errors import OrgError
from isthmus.localorg.packed import Packed
from isthmus.localorg.soql.ahead import Ahead
from isthmus.localorg.soql.rendered import Kept

#: Bytes that all open queries may take; the one that was read longest ago goes first.
MAX_BYTES = 512 * 1024 * 1024
#: Child subqueries whose further pages can be read; the oldest goes first.
MAX_FAMILIES = 10_000


@dataclass(frozen=True)
class Page:
    """The records of one page and how many they are.

    `records` is JSON texts joined by commas, and the end `]}` of the answer they stand in.
    """

    records: Packed
    rows: int

    @property
    def nbytes(self) -> int:
        """The bytes that it takes."""
        return self.records.nbytes


NO_RECORDS = Page(Packed.of(b"]}"), 0)


class OpenQuery(Protocol):
    """A query that has more pages."""

    @property
    def total(self) -> int:
        """The number of all records."""

    @property
    def nbytes(self) -> int:
        """The bytes that it takes while it is not being read."""

    def read(self, start: int) -> Page:
        """Give the page that begins with the record `start`."""

    def stop(self) -> None:
        """Begin nothing any more that was not asked for."""


#: Opens the children of one parent, by the parent's Id.
Family = Callable[[str], OpenQuery]


class Cursors:
    """The open query locators of an org. Safe to use from several threads."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, OpenQuery] = OrderedDict()
        self._families: OrderedDict[str, Family] = OrderedDict()
        self.kept = Kept()
        self.ahead = Ahead()
        self._numbers = itertools.count(1)
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, query: OpenQuery) -> str:
        """Keep a query and give its locator, without the offset."""
        with self._lock:
            locator = self._name()
            self._open[locator] = query
            self._bytes += query.nbytes
            while self._bytes > MAX_BYTES and len(self._open) > 1:
                _, oldest = self._open.popitem(last=False)
                self._bytes -= oldest.nbytes
                oldest.stop()
        return locator

    def keep_family(self, family: Family) -> str:
        """Keep a child subquery and give the part of a locator that stands before the parent."""
        with self._lock:
            locator = self._name()
            self._families[locator] = family
            if len(self._families) > MAX_FAMILIES:
                self._families.popitem(last=False)
        return locator

    def _name(self) -> str:
        return "01g" + ids.to_18(ids.make("01g", next(self._numbers))[:15])[3:]

    def find(self, locator: str) -> OpenQuery:
        """Find by locator; OrgError INVALID_QUERY_LOCATOR when it is unknown or dropped."""
        base, _, parent = locator.partition(".")
        with self._lock:
            query = self._open.get(base)
            family = self._families.get(base)
            if query:
                self._open.move_to_end(base)
        parent_id = ids.normalise(parent)
        if family and parent_id:
            return family(parent_id)
        if query is None:
            raise OrgError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return query

    def drop(self, locator: str | None = None) -> None:
        """Forget one locator (with or without its offset), or all of them.

        What is rendered ahead for them ends; with the last one nothing is running any more.
        """
        with self._lock:
            name = locator and locator.partition("-")[0].partition(".")[0]
            for one in [*self._open] if name is None else [name]:
                query = self._open.pop(one, None)
                if query:
                    query.stop()
                    self._bytes -= query.nbytes
            if name is None:
                self._families.clear()
            else:
                self._families.pop(name, None)
        if locator is None:
            self.ahead.wait()

    def __len__(self) -> int:
        return len(self._open)
