"""Reading back: what the org has of the rows that were, or may have been, written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Lookup, Promise, ReadContext, ScanRequest
from isthmus.connectors.predicates import In, Predicate, Value
from isthmus.connectors.salesforce.client import Client
from isthmus.connectors.salesforce.options import INCLUDE_DELETED
from isthmus.connectors.salesforce.planning import draft, judged, verdict
from isthmus.connectors.salesforce.reading import Org, rows
from isthmus.connectors.salesforce.writing.columns import Target

__all__ = ["Looking", "folded", "folding", "in_parts", "path_of"]

Record = dict[str, Any]
#: Keys of one statement, and their characters: well within what an address holds.
_KEYS: Final = 400
_CHARS: Final = 5_000


@dataclass(frozen=True)
class Looking:
    """Reads records of an org as scans do; the calls are queries."""

    source: str
    client: Client
    concurrency: int
    context: ReadContext

    def records(
        self,
        table: Table,
        columns: Iterable[str],
        predicates: tuple[Predicate, ...],
        *,
        deleted: bool = False,
        lookups: tuple[Lookup, ...] = (),
    ) -> list[Record]:
        """The records that pass what the org was sent of the predicates.

        Those are at least the ones that pass them all. `can_send` says whether that bounds them.
        """
        options = frozenset({INCLUDE_DELETED} if deleted else ())
        names = tuple(dict.fromkeys(columns))
        request = ScanRequest(table, names, predicates, options=options, lookups=lookups)
        resource = "queryAll" if deleted else "query"
        org = Org(self.source, self.client, resource, self.concurrency)
        found: list[Record] = []
        for batch in rows(org, draft(request), self.context):
            found += batch.to_pylist()
        return found

    def by_keys(
        self,
        table: Table,
        key: str,
        values: Iterable[Value],
        columns: Iterable[str],
        *,
        deleted: bool = False,
        lookups: tuple[Lookup, ...] = (),
    ) -> list[Record]:
        """The records that have one of some values as their key, which is among the columns.

        Text that can't stand in a statement finds nothing.
        """
        wanted = [key, *columns]
        found: list[Record] = []
        for part in in_parts(value for value in values if self.can_send(table, key, value)):
            listed = In(key, part)
            found += self.records(table, wanted, (listed,), deleted=deleted, lookups=lookups)
        return found

    def can_send(self, table: Table, key: str, value: Value) -> bool:
        """Whether the org finds a record by that value; else all would have to be read."""
        return judged(table, In(key, (value,))).promise is not Promise.LOCAL


def path_of(table: Table, target: Target) -> Lookup | None:
    """How a parent's key is read along with a record; None where a query can't."""
    if target.parent is None:
        return None
    lookup = Lookup(target.field.name, target.parent, (target.column.name,))
    able = verdict(ScanRequest(table, (target.field.name,), lookups=(lookup,))).able
    return lookup if able else None


def in_parts(values: Iterable[Value]) -> Iterator[tuple[Value, ...]]:
    """Lists that one statement holds each."""
    part: list[Value] = []
    room = _CHARS
    for value in values:
        room -= len(str(value).encode()) + 3
        if part and (room < 0 or len(part) == _KEYS):
            yield tuple(part)
            part, room = [], _CHARS - len(str(value).encode()) - 3
        part.append(value)
    if part:
        yield tuple(part)


def folded(target_table: Table, key: str, value: Any) -> Any:
    """A key as the org compares it: most texts in any case."""
    return folding(target_table, key)(value)


def folding(target_table: Table, key: str) -> Callable[[Any], Any]:
    """Gives values of a key as the org compares them (`folded`), for many of them."""
    column = target_table.column(key)
    exact = column.properties.get("case_sensitive") or column.source_type in ("id", "reference")
    if exact:
        return lambda value: value
    return lambda value: value.strip().casefold() if isinstance(value, str) else value
