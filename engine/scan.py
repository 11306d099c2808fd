"""A scan: one occurrence of a table in one query, as DuckDB sees it.

While DuckDB plans, it is asked which filters it takes; while DuckDB runs, it hands over batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from isthmus.connectors.contract import Connector, Judgement, Promise
from isthmus.connectors.predicates import (
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    PartIn,
    Predicate,
)
from isthmus.engine import recheck
from isthmus.engine._duckdb_scan import Filter, HookedScan
from isthmus.engine.resolve import Occurrence

__all__ = ["Offer", "Scan"]


@dataclass(frozen=True)
class Offer:
    """A filter that DuckDB offered, and what became of it.

    Attributes:
        text: as DuckDB writes it, under the scan's unique column names.
        predicate: its meaning under the table's column names, if it has one in our words.
        judgement: the connector's promise; LOCAL also where the engine itself must decline.
    """

    text: str
    predicate: Predicate | None
    judgement: Judgement | None
    reason: str

    @property
    def promise(self) -> Promise:
        """The connector's promise; LOCAL where the engine declined."""
        return Promise.LOCAL if self.judgement is None else self.judgement.promise

    @property
    def taken(self) -> bool:
        """Whether the scan applies it, so that DuckDB need not."""
        return self.promise is not Promise.LOCAL


Opener = Callable[["Scan", tuple[str, ...], tuple[Offer, ...]], Iterator[pa.RecordBatch]]


class Scan(HookedScan):
    """One occurrence, with the filters offered to it and the way its batches are opened.

    Args:
        occurrence: the place in the query.
        connector: the table's source.
        estimate: about how many rows the table has; None when nobody knows.
        open_batches: called with the scan, table columns and taken offers once DuckDB wants rows.
        push: False declines every filter, for the differential proof.
        options: the scan options that the query gives.
    """

    def __init__(
        self,
        occurrence: Occurrence,
        connector: Connector,
        estimate: int | None,
        open_batches: Opener,
        *,
        push: bool = True,
        options: frozenset[str] = frozenset(),
    ) -> None:
        self.occurrence = occurrence
        self.connector = connector
        self.offers: dict[str, Offer] = {}
        self._estimate = estimate
        self._open = open_batches
        self._push = push
        self.options = options
        table = occurrence.table
        self.names = {
            unique: c.name for unique, c in zip(occurrence.columns, table.columns, strict=True)
        }
        self.unique = {name: unique for unique, name in self.names.items()}
        self.schema = pa.schema(
            [
                pa.field(unique, c.type, c.nullable)
                for unique, c in zip(occurrence.columns, table.columns, strict=True)
            ]
        )

    def rows(self) -> int | None:
        """DuckDB's cardinality; see `HookedScan`."""
        return self._estimate

    def accepts(self, filter: Filter) -> bool:
        """Judge a filter and remember the verdict for EXPLAIN."""
        offer = self.offers.get(filter.text)
        if offer is None:
            offer = self.offers[filter.text] = self._judge(filter)
        return offer.taken

    def batches(
        self, columns: Sequence[str], filters: Sequence[Filter]
    ) -> Iterator[pa.RecordBatch]:
        """The rows, under the unique names again."""
        names = tuple(self.names[c] for c in columns)
        offers = tuple(self.offers[f.text] for f in filters)
        schema = pa.schema([self.schema.field(c) for c in columns])
        for batch in self._open(self, names, offers):
            yield pa.RecordBatch.from_arrays(batch.select(list(names)).columns, schema=schema)

    def _judge(self, filter: Filter) -> Offer:
        if filter.predicate is None:
            return Offer(filter.text, None, None, "it has no form that a source could be asked")
        return self.judged(filter.text, rename(filter.predicate, self.names))

    def judged(self, text: str, predicate: Predicate) -> Offer:
        """The verdict on a predicate over the table's own column names."""
        if not self._push:
            return Offer(text, predicate, None, "pushdown is switched off")
        judgement = self.connector.judge(self.occurrence.table, predicate)
        if judgement.promise is Promise.SUPERSET:
            try:
                recheck.expression([predicate], self.occurrence.table.schema)
            except recheck.Unfit as unfit:
                reason = f"DuckDB must filter: {unfit}"
                return Offer(text, predicate, None, reason)
        return Offer(text, predicate, judgement, judgement.reason)


def rename(predicate: Predicate, names: dict[str, str]) -> Predicate:
    """The same predicate over columns of other names."""
    match predicate:
        case Compare() | In() | IsNull() | Like() | HasItem() | PartIn():
            return replace(predicate, column=names[predicate.column])
        case And(parts):
            return And(tuple(rename(p, names) for p in parts))
        case Or(parts):
            return Or(tuple(rename(p, names) for p in parts))
        case Not(part):
            return Not(rename(part, names))
