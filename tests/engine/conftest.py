from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pytest

from isthmus.catalog.model import Column, RowCount, Table, TableName
from isthmus.catalog.project import load_project
from isthmus.connectors.contract import (
    Ability,
    Bill,
    Connector,
    Finding,
    Fragment,
    Judgement,
    Promise,
    ReadContext,
    ScanRequest,
)
from isthmus.connectors.kinds import KINDS
from isthmus.connectors.predicates import Compare, In, IsNull, Predicate
from isthmus.engine.connection import Connection


class MemorySource(Connector):
    """Arrow tables behind the contract; what it opens is recorded.

    It promises EXACT for null tests and SUPERSET for the rest, and keeps the second promise
    badly on purpose (it sends every row), so that a missing recheck shows.
    """

    kind = "memory"
    abilities = frozenset({Ability.PROJECT, Ability.LIMIT})

    def __init__(self, name: str, tables: Mapping[str, pa.Table], rows_per_batch: int = 3) -> None:
        super().__init__(name)
        self.data = dict(tables)
        self.rows_per_batch = rows_per_batch
        self.opened: list[Fragment] = []
        self.fail_after: int | None = None
        self.block: threading.Event | None = None
        self.batches_out = 0

    def tables(self) -> Iterable[TableName]:
        return [TableName(n) for n in self.data]

    def describe(self, table: str) -> Table | None:
        for name, data in self.data.items():
            if name.lower() == table.lower():
                columns = tuple(Column(f.name, f.type) for f in data.schema)
                return Table(self.name, name, columns)
        return None

    def row_count(self, table: Table) -> RowCount | None:
        return RowCount(self.data[table.name].num_rows, True, "counted")

    def judge(self, table: Table, predicate: Predicate) -> Judgement:
        match predicate:
            case IsNull():
                return Judgement(predicate, Promise.EXACT, "null is null")
            case Compare() | In():
                return Judgement(predicate, Promise.SUPERSET, "sends more")
        return Judgement(predicate, Promise.LOCAL, "not known")

    def plan(self, request: ScanRequest) -> Fragment:
        judgements = tuple(self.judge(request.table, p) for p in request.predicates)
        columns = request.columns + tuple(
            c.name for c in request.table.columns if c.name not in request.columns
        )
        limit = "" if request.limit is None else f" limit {request.limit}"
        text = f"read {request.table.name} {','.join(request.columns)}{limit}"
        return Fragment(request, text, "memory", judgements, columns, Bill(calls=1))

    def open(self, fragment: Fragment, context: ReadContext) -> Iterator[pa.RecordBatch]:
        self.opened.append(fragment)
        data = self.data[fragment.request.table.name].select(list(fragment.columns))
        for judgement in fragment.judgements:
            if judgement.promise is Promise.EXACT and isinstance(judgement.predicate, IsNull):
                data = data.filter(data[judgement.predicate.column].is_null())
        if fragment.request.limit is not None:
            data = data.slice(0, fragment.request.limit)
        context.meter.add(calls=1)
        for number, batch in enumerate(data.to_batches(max_chunksize=self.rows_per_batch)):
            context.check()
            if self.fail_after is not None and number >= self.fail_after:
                raise self.failure()
            if self.block is not None:
                while not self.block.is_set():
                    context.wait(0.05)
            self.batches_out += 1
            context.meter.add(rows=batch.num_rows, bytes=batch.nbytes)
            yield batch

    def failure(self) -> Exception:
        from isthmus.errors import SourceUnavailable

        return SourceUnavailable(f"{self.name} went away", remedy="Try again later.")

    def check(self) -> Iterable[Finding]:
        return [Finding(self.name, True, "in memory")]


MakeConnection = Callable[..., Connection]


@pytest.fixture
def memory() -> Iterator[MakeConnection]:
    """Open a connection over sources given as ``name={table: pa.Table}`` or as connectors."""
    opened: list[Connection] = []

    def make(
        sources: Mapping[str, Mapping[str, pa.Table] | Connector],
        views: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Connection:
        connectors = {
            n: s if isinstance(s, Connector) else MemorySource(n, s) for n, s in sources.items()
        }
        shape: dict[str, Any] = {"views": {"sql": dict(views)}} if views else {}
        project = load_project(shape, kinds=KINDS)
        options.setdefault("time_zone", "UTC")
        connection = Connection(project, connectors=connectors, **options)
        opened.append(connection)
        return connection

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def memory_source() -> type[MemorySource]:
    return MemorySource
