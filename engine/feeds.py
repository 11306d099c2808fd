"""What feeds each scan of a plan while it runs: a read of its own, or rows that others bring."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa

from isthmus.connectors.contract import Bill, Connector, Fragment, ReadContext
from isthmus.connectors.predicates import Value
from isthmus.engine import recheck
from isthmus.engine.child_rows import child_rows, children_of, parent_rows
from isthmus.engine.expand import expanded
from isthmus.engine.keys import KeySet, with_keys
from isthmus.engine.ledger import Terms
from isthmus.engine.lookup_rows import looked_up_rows
from isthmus.engine.plan import Fed, KeyPush, PlannedScan, plan_request
from isthmus.engine.producer import Producer
from isthmus.engine.rules.keys import MAX_KEYS
from isthmus.engine.spool import Spool

__all__ = ["Feed", "Feeds"]

_POLL_SECONDS = 0.1


class _Rows(Protocol):
    def batches(self) -> Iterator[pa.RecordBatch]: ...


@dataclass
class Feed:
    """What one scan is read from.

    Attributes:
        scan: the planned scan.
        producer: the read that pays for it; None where another scan's does.
    """

    scan: PlannedScan
    producer: Producer | None
    _rows: Callable[[], Iterator[pa.RecordBatch]]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The scan's rows, under the table's column names."""
        return self._rows()

    @property
    def as_run(self) -> PlannedScan:
        """The scan with the fragment that was really sent."""
        planned = self.scan.fragment
        if self.producer is None or self.producer.fragment is planned:
            return self.scan
        sent = self.producer.fragment
        if sent is None:
            sent = replace(planned, text="(no keys were found: nothing is sent)", statements=())
        return replace(
            self.scan,
            fragment=replace(sent, estimate=planned.estimate, low=planned.low, high=planned.high),
        )

    @property
    def actual(self) -> Bill:
        """What it has cost so far."""
        return Bill() if self.producer is None else self.producer.meter.bill


class Feeds:
    """The feeds of one run.

    Args:
        scans: the plan's.
        connectors: by source.
        cancelled: the query's own flag.
        deadline: `time.monotonic()` after which reading stops.
        folder: where rows wait that memory can't hold.
        terms: meter each read, and learn from it.
        reopened: whether DuckDB may open a scan again, as a recursion does: all rows are kept.
    """

    def __init__(
        self,
        scans: Sequence[PlannedScan],
        connectors: Mapping[str, Connector],
        cancelled: threading.Event,
        deadline: float | None,
        folder: str,
        terms: Terms,
        *,
        reopened: bool = False,
    ) -> None:
        self._scans = scans
        self._reopened = reopened
        self._connectors = connectors
        self._cancelled = cancelled
        self._deadline = deadline
        self._folder = folder
        self._terms = terms
        self._keys: dict[tuple[int, str], KeySet] = {}
        self._spools: dict[int, Spool] = {}
        self._producers: dict[int, Producer] = {}
        self.all = tuple(self._feed(i) for i in range(len(scans)))

    def start(self) -> None:
        """Start every read."""
        for index, producer in self._producers.items():
            (self._spools.get(index) or producer).start()

    def stop(self) -> None:
        """Nobody wants the rest."""
        for spool in self._spools.values():
            spool.stop()
        for producer in self._producers.values():
            producer.stop()

    def join(self, timeout: float) -> None:
        """Wait for the threads to end."""
        for index, producer in self._producers.items():
            (self._spools.get(index) or producer).join(timeout)

    def _feed(self, index: int) -> Feed:
        scan = self._scans[index]
        if scan.empty:
            return Feed(scan, None, lambda: iter(()))
        if scan.fed is not None and scan.fed.path:
            return Feed(scan, None, lambda: self._looked_up(scan))
        if scan.fed is not None and scan.fed.children is not None:
            return Feed(scan, None, lambda: self._children(scan))
        if scan.fed is not None:
            shared = self._spool(scan.fed.by)
            return Feed(scan, None, lambda: own_rows(shared.batches(), scan))
        producer = self._produce(index)
        if self._is_fetched_for_two(index):
            spool = self._spool(index)
            return Feed(scan, producer, lambda: own_rows(spool.batches(), scan))
        rows: _Rows = self._spool(index) if self._is_shared(index) else producer
        if scan.request.aggregates:
            return Feed(scan, producer, lambda: _counted(rows, producer, scan))
        if scan.request.children:
            (key,) = scan.request.table.primary_key
            names = [child.name for child in scan.request.children]
            return Feed(scan, producer, lambda: parent_rows(rows.batches(), key, names))
        return Feed(scan, producer, rows.batches)

    def _produce(self, index: int) -> Producer:
        if index not in self._producers:
            scan = self._scans[index]
            choose = None
            if scan.keys is not None:
                choose = self._chooser(scan, scan.keys)
            self._producers[index] = Producer(
                self._connectors[scan.fragment.source],
                scan.fragment,
                self._cancelled,
                self._deadline,
                self._terms.meter(scan.fragment.source),
                choose,
                self._terms.witness,
            )
        return self._producers[index]

    def _is_shared(self, index: int) -> bool:
        """Whether its rows are needed by others, too, or again."""
        return self._reopened or any(
            (s.fed is not None and s.fed.by == index)
            or (s.keys is not None and any(i == index for i, _ in s.keys.sources))
            for s in self._scans
        )

    def _is_fetched_for_two(self, index: int) -> bool:
        """Whether its fetch has rows that only another scan of the table needs."""
        return any(s.fed is not None and s.fed == Fed(index) for s in self._scans)

    def _spool(self, index: int) -> Spool:
        if index not in self._spools:
            self._spools[index] = Spool(self._produce(index), self._folder)
        return self._spools[index]

    def _looked_up(self, scan: PlannedScan) -> Iterator[pa.RecordBatch]:
        assert scan.fed is not None
        table = scan.request.table
        return looked_up_rows(
            self._spool(scan.fed.by).batches(),
            scan.fed.path,
            table.primary_key[0],
            scan.columns,
            scan.applied,
            table.schema,
        )

    def _children(self, scan: PlannedScan) -> Iterator[pa.RecordBatch]:
        assert scan.fed is not None and scan.fed.children is not None
        batches = self._spool(scan.fed.by).batches()
        schema = scan.request.table.schema
        return child_rows(batches, scan.fed.children, scan.columns, scan.applied, schema)

    def _chooser(
        self, scan: PlannedScan, keys: KeyPush
    ) -> Callable[[ReadContext], Fragment | None]:
        """Waits for the keys, then sends the list or, where that costs less, asks for all."""
        found = []
        for source, column in keys.sources:
            key_set = self._keys.get((source, column))
            if key_set is None:
                key_set = self._keys[(source, column)] = KeySet(MAX_KEYS)
                self._watch(source, column, key_set)
            found.append((source, key_set))

        def choose(context: ReadContext) -> Fragment | None:
            values = _collected(context, [(self._spools[s], k) for s, k in found])
            plain = plan_request(scan.connector, scan.request)
            if values is None:
                return plain
            if not values:
                return None
            request = with_keys(scan.request, keys.column, values)
            fragment = plan_request(scan.connector, request)
            costs_less = plain.estimate.calls < fragment.estimate.calls
            return plain if costs_less and not keys.anyway else fragment

        return choose

    def _watch(self, source: int, column: str, keys: KeySet) -> None:
        scan = self._scans[source]
        if scan.fed is None:
            self._spool(source).watch(lambda batch: keys.add(batch.column(column)))
            return
        # the keys of a looked-up table come along with its rows, filtered or not: a superset
        spool = self._spools[source] = self._spool(scan.fed.by)
        children, name = scan.fed.children, ".".join((*scan.fed.path, column))
        if children is None:
            spool.watch(lambda batch: keys.add(batch.column(name)))
        else:
            spool.watch(lambda batch: keys.add(children_of(batch, children).column(column)))


def _counted(rows: _Rows, producer: Producer, scan: PlannedScan) -> Iterator[pa.RecordBatch]:
    for batch in rows.batches():
        sent = producer.fragment
        if sent is not None and sent.request.aggregates:
            yield from expanded([batch], sent.request, scan.columns, scan.fixed)
        else:
            yield _with_columns(batch, scan)


def own_rows(batches: Iterable[pa.RecordBatch], scan: PlannedScan) -> Iterator[pa.RecordBatch]:
    """The rows of a fetch for several scans that are this one's."""
    mine = recheck.expression(scan.applied, scan.request.table.schema)
    for batch in batches:
        yield batch if mine is None else batch.filter(mine)


def _collected(
    context: ReadContext, sources: Sequence[tuple[Spool, KeySet]]
) -> tuple[Value, ...] | None:
    """The keys of all sources once they are there; None where they are too many."""
    values: set[Value] = set()
    for spool, keys in sources:
        while not spool.wait(_POLL_SECONDS):
            context.check()
            if keys.overflown.is_set():
                return None
        found = keys.keys()
        if found is None:
            return None
        values.update(found)
    return tuple(sorted(values)) if len(values) <= MAX_KEYS else None


def _with_columns(batch: pa.RecordBatch, scan: PlannedScan) -> pa.RecordBatch:
    """The batch with every column that DuckDB asks for; what nothing reads is null."""
    schema = scan.request.table.schema
    arrays = [
        batch.column(c)
        if c in batch.schema.names
        else pa.nulls(batch.num_rows, schema.field(c).type)
        for c in scan.columns
    ]
    return pa.RecordBatch.from_arrays(
        arrays, schema=pa.schema([schema.field(c) for c in scan.columns])
    )
