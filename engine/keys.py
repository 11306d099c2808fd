"""The keys that a scan brings, as they come by."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.contract import Lookup, ScanRequest
from isthmus.connectors.predicates import Compare, In, Predicate, Value

__all__ = ["KeySet", "key_predicates", "with_keys"]


class KeySet:
    """The distinct values of a column, no more than so many.

    Args:
        limit: with more keys than these it gives up, and forgets them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._keys: set[Value] = set()
        self.overflown = threading.Event()

    def add(self, column: pa.Array) -> None:
        """Take the values of a batch; nulls match nothing and are left out."""
        if self.overflown.is_set():
            return
        distinct = pc.unique(column).drop_null()
        with self._lock:
            self._keys.update(distinct.to_pylist())
            if len(self._keys) > self._limit:
                self._keys.clear()
                self.overflown.set()

    def keys(self) -> tuple[Value, ...] | None:
        """All keys, in order; None where they are too many."""
        with self._lock:
            if self.overflown.is_set():
                return None
            return tuple(sorted(self._keys))


#: A range sends fewer bytes than a list, if it holds little else than the keys.
_DENSE = 1.2


def key_predicates(column: str, keys: tuple[Value, ...]) -> tuple[Predicate, ...]:
    """What a row must pass whose column holds one of the keys: a list, or a dense range.

    >>> key_predicates("n", (1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
    (Compare(column='n', op='>=', value=1), Compare(column='n', op='<=', value=10))
    """
    span = _span(keys)
    if span is not None and len(keys) > 8 and span <= len(keys) * _DENSE:
        return (Compare(column, ">=", keys[0]), Compare(column, "<=", keys[-1]))
    return (In(column, keys),)


def with_keys(request: ScanRequest, column: str, keys: tuple[Value, ...]) -> ScanRequest:
    """The request for rows whose column, or that of a row they look up, holds one of the keys."""
    if any(known.name == column for known in request.table.columns):
        more = key_predicates(column, keys)
        return replace(request, predicates=(*request.predicates, *more))
    *path, name = column.split(".")
    return replace(request, lookups=_below(request.lookups, path, key_predicates(name, keys)))


def _below(
    lookups: tuple[Lookup, ...], path: Sequence[str], more: tuple[Predicate, ...]
) -> tuple[Lookup, ...]:
    """The lookups with more predicates on the row at the end of the path."""

    def changed(lookup: Lookup) -> Lookup:
        if lookup.key != path[0]:
            return lookup
        if len(path) == 1:
            return replace(lookup, predicates=(*lookup.predicates, *more))
        return replace(lookup, lookups=_below(lookup.lookups, path[1:], more))

    return tuple(map(changed, lookups))


def _span(keys: tuple[Value, ...]) -> int | None:
    """How many whole numbers, or days, lie from the first key to the last."""
    first, last = keys[0], keys[-1]
    if type(first) is int and type(last) is int:
        return last - first + 1
    if isinstance(first, date) and isinstance(last, date) and not isinstance(first, datetime):
        return (last - first).days + 1
    return None
