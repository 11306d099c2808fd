"""The one module that knows DuckDB's private scan hook, and its public fallback.

DuckDB 2.0 offers ``_register_arrow_source``: it hands a scan its columns and typed predicates.
Where that is gone, a subclass of ``pyarrow.dataset.Dataset`` (the public ``register``) still
gives columns, and its filter is applied here. A conformance test runs on both.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from isthmus.connectors.predicates import And, Compare, In, IsNull, Not, Or, Predicate, Value

_nodes: Any
_ArrowScanSource: Any
try:
    from duckdb._sources import nodes as _nodes
    from duckdb._sources.arrow import ArrowScanSource as _ArrowScanSource
except ImportError:  # another version: the public way still works
    _nodes, _ArrowScanSource = None, object

__all__ = ["Filter", "HookedScan", "has_hook", "register"]


class Filter:
    """One predicate that DuckDB offers: its text in EXPLAIN, and its meaning if we know it."""

    def __init__(self, text: str, predicate: Predicate | None) -> None:
        self.text = text
        self.predicate = predicate


class HookedScan(ABC):
    """What a scan is to DuckDB."""

    schema: pa.Schema

    @abstractmethod
    def rows(self) -> int | None:
        """About how many rows there are: DuckDB orders joins by it."""

    @abstractmethod
    def accepts(self, filter: Filter) -> bool:
        """Whether every stream will apply this filter exactly; else DuckDB does."""

    @abstractmethod
    def batches(
        self, columns: Sequence[str], filters: Sequence[Filter]
    ) -> Iterator[pa.RecordBatch]:
        """The rows that pass the accepted filters, with exactly these columns."""


def has_hook() -> bool:
    """Whether this DuckDB has the private hook."""
    return _nodes is not None and hasattr(duckdb.DuckDBPyConnection, "_register_arrow_source")


def register(
    cursor: duckdb.DuckDBPyConnection, name: str, scan: HookedScan, *, hook: bool | None = None
) -> None:
    """Make a scan readable under a name, on this cursor only."""
    if has_hook() if hook is None else hook:
        cursor._register_arrow_source(name, _Source(scan))
    else:
        cursor.register(name, _dataset(scan))


class _Source(_ArrowScanSource):  # type: ignore[misc]
    schema_is_stable = True

    def __init__(self, scan: HookedScan) -> None:
        super().__init__(scan)
        self.scan = scan

    def rows(self) -> int | None:
        return self.scan.rows()

    def __arrow_c_schema__(self) -> object:
        return self.scan.schema.__arrow_c_schema__()

    def accepts(self, predicate: Any) -> bool:
        return self.scan.accepts(_filter(predicate))

    def stream(self, columns: Sequence[int] | None, filters: Sequence[Any]) -> tuple[object, bool]:
        schema = self.scan.schema
        if columns is not None:
            schema = pa.schema([schema.field(i) for i in columns])
        batches = self.scan.batches(schema.names, [_filter(f) for f in filters])
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        return reader.__arrow_c_stream__(), columns is not None


def _filter(node: Any) -> Filter:
    return Filter(node.fragment(), _predicate(node))


def _predicate(node: Any) -> Predicate | None:
    """A node in our own words; None for what they can't say."""
    match node:
        case _nodes.Binary(op="AND" | "OR"):
            return _tree(node)
        case _nodes.Unary(op="NOT", operand=operand):
            inner = _predicate(operand)
            return None if inner is None else Not(inner)
        case _nodes.Postfix(op=op, operand=_nodes.Col(parts=(column,))):
            return IsNull(column) if op == "IS NULL" else Not(IsNull(column))
        case _nodes.In(operand=_nodes.Col(parts=(column,)), values=values):
            constants = [_value(v) for v in values]
            known = tuple(c for c in constants if c is not None)
            return In(column, known) if len(known) == len(constants) else None
        case _nodes.Binary(op=op, left=_nodes.Col(parts=(column,)), right=right):
            value = _value(right)
            return None if value is None else Compare(column, op, value)
    return None


def _tree(node: Any) -> Predicate | None:
    """AND and OR, flattened without recursion along the chain: lists may be thousands long."""
    parts: list[Predicate] = []
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, _nodes.Binary) and current.op == node.op:
            pending += [current.right, current.left]
            continue
        part = _predicate(current)
        if part is None:
            return None
        parts.append(part)
    return And(tuple(parts)) if node.op == "AND" else Or(tuple(parts))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _value(literal: Any) -> Value | None:
    if not isinstance(literal, _nodes.Lit) or not _nodes.exact_value(literal):
        return None
    value = literal.value
    if literal.type == "TIMESTAMP WITH TIME ZONE":
        try:
            return _EPOCH + timedelta(microseconds=value)
        except OverflowError:
            return None
    known: Value | None = None
    if isinstance(value, (bool, int, float, Decimal, str, bytes, date, datetime, time)):
        known = value
    return known


def _dataset(scan: HookedScan) -> object:
    """The public way: DuckDB gives columns and one Arrow expression, and checks nothing again."""
    import pyarrow.dataset as pads  # it loads pandas, where that is installed: half a second

    class _Dataset(pads.Dataset):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

        @property
        def schema(self) -> pa.Schema:
            return scan.schema

        def scanner(
            self, columns: Sequence[str] | None = None, filter: Any = None, **_: Any
        ) -> _Scanner:
            return _Scanner(scan, columns, filter)

    return _Dataset()


class _Scanner:
    def __init__(self, scan: HookedScan, columns: Sequence[str] | None, filter: Any) -> None:
        names = list(scan.schema.names if columns is None else columns)
        text = "" if filter is None else str(filter)
        # The expression can't be taken apart, so every column whose name occurs in it is read.
        extra = [n for n in scan.schema.names if n not in names and n in text]
        self.scan, self.names, self.read, self.filter = scan, names, names + extra, filter

    def to_reader(self) -> pa.RecordBatchReader:
        schema = pa.schema([self.scan.schema.field(n) for n in self.names])
        return pa.RecordBatchReader.from_batches(schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self.scan.batches(self.read, []):
            kept = batch if self.filter is None else batch.filter(self.filter)
            yield kept.select(self.names)


_ENGINE_PREFIX = re.compile(r"^[A-Z][A-Za-z ]*(?:Error|Exception)?: ")


def engine_message(error: Exception) -> str:
    """DuckDB's message without the class it begins with."""
    return _ENGINE_PREFIX.sub("", str(error), count=1)
