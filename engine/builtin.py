"""The schema `isthmus`: what is known of the engine's own work, as tables for SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import pyarrow as pa

from isthmus.catalog.model import Column, RowCount, Table, TableName
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
from isthmus.connectors.predicates import Predicate

__all__ = ["NAME", "Builtin"]

#: The schema's name; no source of a project may have it.
NAME: Final = "isthmus"


class Builtin(Connector):
    """Tables that the engine makes when they are asked for.

    Args:
        tables: by name: the columns, and what makes the rows.
    """

    kind = NAME
    abilities = frozenset({Ability.PROJECT})
    hidden = True

    def __init__(self, tables: Mapping[str, tuple[pa.Schema, Callable[[], pa.Table]]]) -> None:
        super().__init__(NAME)
        self._tables = dict(tables)

    def tables(self) -> Iterable[TableName]:
        """Every table."""
        return [TableName(name) for name in self._tables]

    def describe(self, table: str) -> Table | None:
        """The table of that name, in any case."""
        for name, (schema, _) in self._tables.items():
            if name.lower() == table.lower():
                columns = tuple(Column(f.name, f.type, f.nullable) for f in schema)
                return Table(NAME, name, columns)
        return None

    def row_count(self, table: Table) -> RowCount | None:
        """Nobody counts them before they are made."""
        return None

    def judge(self, table: Table, predicate: Predicate) -> Judgement:
        """The rows are few: DuckDB filters."""
        return Judgement(predicate, Promise.LOCAL, "the table is made here")

    def plan(self, request: ScanRequest) -> Fragment:
        """No call is needed."""
        judgements = tuple(self.judge(request.table, p) for p in request.predicates)
        return Fragment(
            request=request,
            text=request.table.name,
            access_path="the state folder",
            judgements=judgements,
            columns=request.columns,
            estimate=Bill(basis="no call is made"),
            high=Bill(),
        )

    def open(self, fragment: Fragment, context: ReadContext) -> Iterator[pa.RecordBatch]:
        """The rows as they are now."""
        context.check()
        _, make = self._tables[fragment.request.table.name]
        yield from make().select(list(fragment.columns)).to_batches()

    def check(self) -> Iterable[Finding]:
        """There is nothing that could be out of reach."""
        return []
