"""What is copied: a table, read through its connector, or the answer of a query."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Ability, Bill, Connector, Fragment, ReadContext, ScanRequest
from isthmus.connectors.places import Placed, PlaceLost
from isthmus.connectors.replication import Deletions, Replication
from isthmus.engine import recheck
from isthmus.engine.sync.asking import Ask, predicates, sql_condition
from isthmus.engine.sync.layout import LABEL, plain, plain_schema

if TYPE_CHECKING:
    from isthmus.engine.ledger import Terms
    from isthmus.engine.result import Result

#: Makes a result of a query on terms; on none, it is only looked at.
Asker = Callable[[str, "Terms | None"], "Result"]

__all__ = ["Asker", "Priced", "QuerySubject", "Reading", "Subject", "TableSubject"]

T = TypeVar("T")


@dataclass(frozen=True)
class Priced:
    """What one question would cost, and what it sends.

    Attributes:
        text: what is sent, readable.
        estimate: the likeliest bill.
        high: the most, if no request fails; None where nobody can tell.
        source: who is asked.
        low: the least.
    """

    text: str
    estimate: Bill
    high: Bill | None
    source: str
    low: Bill = field(default_factory=Bill)

    @classmethod
    def of(cls, fragment: Fragment, text: str) -> Priced:
        """A fragment's price."""
        return cls(text, fragment.estimate, fragment.high, fragment.source, fragment.low)


@dataclass
class Reading:
    """One run's reads: whom to ask before each call, when to stop, what was spent.

    Attributes:
        terms: what the run may spend.
        context: of calls that belong to no query; one for each source.
        results: of queries that were begun.
    """

    terms: Terms
    contexts: dict[str, ReadContext]
    results: list[Result]

    def context(self, source: str) -> ReadContext:
        """The context of a source's own calls."""
        if source not in self.contexts:
            self.contexts[source] = ReadContext(meter=self.terms.meter(source))
        return self.contexts[source]

    @property
    def bill(self) -> Bill:
        """What has been spent so far."""
        own = sum((c.meter.bill for c in self.contexts.values()), Bill())
        return own + sum((r.bill.actual for r in self.results), Bill())

    @property
    def pages(self) -> int:
        """How many pages have come."""
        own = sum(c.meter.pages for c in self.contexts.values())
        return own + sum(r.progress.pages for r in self.results)

    def stop(self) -> None:
        """Have every read end soon."""
        for context in self.contexts.values():
            context.cancelled.set()
        for result in self.results:
            result.cancel()


class Subject(ABC):
    """What is copied.

    Attributes:
        name: what errors and the history call it.
        fingerprint: another text means another subject.
        schema: its columns, labels with them.
        key: its own primary key; empty where it has none.
        replication: how its changes are told; None where the sync must say.
        goes_on: whether a read can go on behind a key.
    """

    name: str
    fingerprint: str
    schema: pa.Schema
    key: tuple[str, ...] = ()
    replication: Replication | None = None
    goes_on: bool = False

    @abstractmethod
    def price(self, ask: Ask) -> list[Priced]:
        """What a question would cost; no data call."""

    @abstractmethod
    def read(self, ask: Ask, reading: Reading) -> Iterator[pa.RecordBatch]:
        """The rows, as plain Arrow types.

        Raises:
            IsthmusError: as `Connector.open`.
        """

    def read_from(self, ask: Ask, place: str | None, reading: Reading) -> Iterator[Placed]:
        """As `read`, each batch with its place, from a place on.

        Raises:
            PlaceLost: the source has the place no more.
        """
        if place is not None:
            raise PlaceLost(f"{self.name} tells no places")
        yield from map(Placed, self.read(ask, reading))

    @abstractmethod
    def now(self, reading: Reading) -> datetime:
        """What the sources' clocks show: the earliest of them."""

    @abstractmethod
    def deleted(self, start: datetime, end: datetime, reading: Reading) -> Deletions:
        """What was deleted; only where `replication` tells deletions."""


class TableSubject(Subject):
    """One table of a source."""

    def __init__(self, table: Table, connector: Connector) -> None:
        self.name = f"{table.source}.{table.name}"
        self.fingerprint = f"{connector.identity} {table.name}"
        self._table = table
        self._connector = connector
        self._replicator = connector.replicator()
        fields = [
            pa.field(c.name, plain(c.type), metadata={LABEL: c.description or ""})
            for c in table.columns
        ]
        self.schema = pa.schema(fields)
        self.key = table.primary_key
        if self._replicator is not None:
            self.replication = self._replicator.of(table)
        self.goes_on = Ability.REPLICATE in connector.abilities and len(self.key) == 1

    def price(self, ask: Ask) -> list[Priced]:
        """One fragment."""
        fragment = self._planned(ask)
        text = fragment.text if len(fragment.text) < 2_000 else f"{fragment.text[:2_000]} ..."
        return [Priced.of(fragment, text)]

    def read(self, ask: Ask, reading: Reading) -> Iterator[pa.RecordBatch]:
        """Through the connector: no query is made of it."""
        fragment = self._planned(ask)
        again = recheck.expression(fragment.rechecked, self._table.schema)
        context = reading.context(self._table.source)
        # a generator that is closed stops what it had under way
        with closing(_closable(self._connector.open(fragment, context))) as batches:
            for batch in batches:
                kept = batch if again is None else batch.filter(again)
                yield _plain(kept.select(list(ask.columns)))

    def read_from(self, ask: Ask, place: str | None, reading: Reading) -> Iterator[Placed]:
        """As the connector tells places; none where rows are filtered here, after they come."""
        fragment = self._planned(ask)
        if fragment.rechecked:
            yield from super().read_from(ask, place, reading)
            return
        context = reading.context(self._table.source)
        with closing(_closable(self._connector.open_from(fragment, place, context))) as come:
            for placed in come:
                yield replace(placed, rows=_plain(placed.rows.select(list(ask.columns))))

    def now(self, reading: Reading) -> datetime:
        """The source's time, or this machine's where it tells none."""
        if self._replicator is None:
            return datetime.now(UTC)
        return self._replicator.now(reading.context(self._table.source))

    def deleted(self, start: datetime, end: datetime, reading: Reading) -> Deletions:
        """As the source tells."""
        assert self._replicator is not None
        return self._replicator.deleted(
            self._table, start, end, reading.context(self._table.source)
        )

    def _planned(self, ask: Ask) -> Fragment:
        options = frozenset[str]()
        if ask.with_deleted and self.replication and self.replication.with_deleted:
            options = frozenset({self.replication.with_deleted})
        request = ScanRequest(
            table=self._table,
            columns=ask.columns,
            predicates=predicates(ask, self.key, self._table.schema),
            options=options,
            after=ask.after,
        )
        return self._connector.plan(request)


class QuerySubject(Subject):
    """The answer of a query.

    Args:
        text: one query.
        ask: makes a result of a text, on terms.
        connectors: of the sources that the query reads, for their clocks.
        key: what tells rows apart.
        terms: of the look at its columns, which makes no data call.
    """

    def __init__(
        self,
        text: str,
        ask: Asker,
        connectors: Mapping[str, Connector],
        key: tuple[str, ...],
        terms: Terms,
    ) -> None:
        self._text = text
        self._ask = ask
        self._connectors = connectors
        self.name = " ".join(text.split())[:80]
        identities = " ".join(sorted(c.identity for c in connectors.values()))
        digest = hashlib.sha256(f"{text}\0{identities}".encode()).hexdigest()
        self.fingerprint = f"query {digest[:16]}"
        self.key = key
        empty = ask(f"SELECT * FROM (\n{text}\n) WHERE false", terms)
        with empty:
            self.schema = plain_schema(empty.reader().schema)

    def price(self, ask: Ask) -> list[Priced]:
        """The fragments of the query's plan."""
        plan = self._ask(self._sql(ask), None).plan
        return [Priced.of(s.fragment, s.fragment.text) for s in plan.scans]

    def read(self, ask: Ask, reading: Reading) -> Iterator[pa.RecordBatch]:
        """As any query is read."""
        result = self._ask(self._sql(ask), reading.terms)
        reading.results.append(result)
        with result:
            for batch in result.reader():
                yield _plain(batch)

    def now(self, reading: Reading) -> datetime:
        """The earliest of the sources' clocks and this machine's where one tells no time."""
        times = [
            datetime.now(UTC) if told is None else told.now(reading.context(name))
            for name, connector in self._connectors.items()
            for told in [connector.replicator()]
        ]
        return min(times, default=datetime.now(UTC))

    def deleted(self, start: datetime, end: datetime, reading: Reading) -> Deletions:
        """A query tells none."""
        raise AssertionError("nobody tells what a query has lost")

    def _sql(self, ask: Ask) -> str:
        listed = ", ".join('"' + name.replace('"', '""') + '"' for name in ask.columns)
        where = sql_condition(predicates(ask, self.key, self.schema))
        return f"SELECT {listed} FROM (\n{self._text}\n) WHERE {where}"


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch under plain types: every value is the same one."""
    arrays = []
    for array in batch.columns:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        arrays.append(pc.cast(array, plain(array.type)))
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _closable(batches: Iterable[T]) -> Generator[T]:
    yield from batches
