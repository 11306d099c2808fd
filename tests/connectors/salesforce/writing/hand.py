"""A hand that plans, sends and keeps notes, for rows given as dicts."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Bill, ReadContext
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.writing import (
    OUTCOMES,
    Chunk,
    Rows,
    WriteFragment,
    WriteKind,
    WriteRequest,
)

QUICK = Policy(base=0.001, cap=0.002)
#: In a row given as a dict: leave this cell alone.
ALONE: Any = object()

Row = Mapping[str, Any]


def in_columns(header: Sequence[str], lines: Sequence[tuple[str, ...]]) -> pa.RecordBatch:
    """Lines of a CSV in columns of texts."""
    columns = zip(*lines, strict=True) if lines else ([] for _ in header)
    return pa.RecordBatch.from_arrays([pa.array(c, pa.string()) for c in columns], list(header))


class Notebook:
    """Notes in memory: what a journal keeps."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.chunk = uuid.uuid4().hex

    def get(self, name: str) -> str | None:
        return self.kept.get(name)

    def put(self, name: str, value: str) -> None:
        self.kept[name] = value


@dataclass
class Hand:
    """Writes rows given as dicts to one table."""

    crm: Salesforce
    table: Table
    notes: Notebook = field(default_factory=Notebook)
    bill: Bill = field(default_factory=Bill)

    def request(
        self,
        kind: WriteKind,
        rows: Sequence[Row],
        key: str | None = None,
        *,
        options: Sequence[str] = (),
        count: int | None = None,
        **more: Any,
    ) -> WriteRequest:
        columns = tuple(name for name in rows[0] if name != "SystemModstamp")
        return WriteRequest(
            self.table, kind, columns, key, count or len(rows), options=frozenset(options), **more
        )

    def rows(self, request: WriteRequest, given: Sequence[Row]) -> Rows:
        types = {column.name: column.type for column in self.table.columns}
        names = [*request.columns, *(["SystemModstamp"] if request.if_unmodified else [])]
        arrays, left = [], {}
        for name in names:
            cells = [row.get(name, ALONE) for row in given]
            values = [None if cell is ALONE else cell for cell in cells]
            arrays.append(pa.array(values, types.get(name)))
            if any(cell is ALONE for cell in cells):
                left[name] = pa.array([cell is not ALONE for cell in cells])
        batch = pa.RecordBatch.from_arrays(arrays, names=names)
        return Rows(batch, pa.array(range(100, 100 + len(given)), pa.int64()), left)

    def plan(self, kind: WriteKind, rows: Sequence[Row], *args: Any, **more: Any) -> WriteFragment:
        return self.crm.writer().plan(self.request(kind, rows, *args, **more))

    def problems(self, kind: WriteKind, rows: Sequence[Row], *args: Any) -> list[dict[str, Any]]:
        request = self.request(kind, rows, *args)
        return listed(self.crm.writer().problems(request, self.rows(request, rows)))

    def unknown(self, kind: WriteKind, rows: Sequence[Row], *args: Any) -> list[dict[str, Any]]:
        request, context = self.request(kind, rows, *args), ReadContext()
        found = self.crm.writer().unknown_keys(request, self.rows(request, rows), context)
        outcomes = [one for table in found for one in listed(table)]
        self.bill = context.meter.bill
        return outcomes

    def write(
        self,
        kind: WriteKind,
        rows: Sequence[Row],
        key: str | None = None,
        *,
        context: ReadContext | None = None,
        notes: Notebook | None = None,
        elsewhere: frozenset[str] = frozenset(),
        **more: Any,
    ) -> list[dict[str, Any]]:
        """Plan and send the rows as one chunk; their outcomes in the order of the rows."""
        request = self.request(kind, rows, key, **more)
        writer, context = self.crm.writer(), context or ReadContext()
        self.notes = notes if notes is not None else Notebook()
        sent = self.rows(request, rows)
        chunk = Chunk(self.notes.chunk, sent, datetime.now(UTC), elsewhere)
        try:
            outcomes = writer.write(writer.plan(request), chunk, self.notes, context)
        finally:
            self.bill = context.meter.bill
        assert outcomes.schema == OUTCOMES
        assert sorted(outcomes["position"].to_pylist()) == list(range(100, 100 + len(rows)))
        return listed(outcomes)


def listed(outcomes: pa.Table) -> list[dict[str, Any]]:
    return sorted(outcomes.to_pylist(), key=lambda one: one["position"])
