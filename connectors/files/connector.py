"""The connector: tables found below a root, described, pruned and read in place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

from isthmus.catalog.model import Column, RowCount, Table, TableName
from isthmus.connectors.contract import (
    Ability,
    Bill,
    Connector,
    Finding,
    Fragment,
    Judgement,
    Meter,
    Promise,
    ReadContext,
    ScanRequest,
)
from isthmus.connectors.files.filters import expression, fits
from isthmus.connectors.files.pump import pumped
from isthmus.connectors.files.selection import Chosen, Snapshot, choose
from isthmus.connectors.files.settings import settings
from isthmus.connectors.files.shaping import empty_rows
from isthmus.connectors.files.tables import Tables
from isthmus.connectors.files.wording import worded
from isthmus.connectors.predicates import (
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Predicate,
    columns_of,
)
from isthmus.errors import IsthmusError

__all__ = ["Files"]


class Files(Connector):
    """Files and folders below a root, on any fsspec filesystem.

    Args:
        name: the source's name.
        config: `root`, `storage_options`, `refresh` and `tables`, as in the project file; paths
            are absolute.

    Raises:
        ConfigError: a setting can't be used.
    """

    kind = "files"
    abilities = frozenset({Ability.FILTER, Ability.PROJECT, Ability.LIMIT})
    remembers = True  # a folder may have changed since the last query

    def __init__(self, name: str, config: Mapping[str, Any]) -> None:
        super().__init__(name)
        self._meter = Meter()
        self._tables = Tables(name, settings(name, config), self._meter)

    def tables(self) -> Iterable[TableName]:
        """The files and folders directly below the root, and the tables with a place of their own.

        Raises:
            ConfigError: the root does not exist.
        """
        return [TableName(n) for n in self._tables.names()]

    def describe(self, table: str) -> Table | None:
        """The columns of a table's files, and its hive partition columns last.

        Raises:
            ConfigError: several files claim the name, or its settings don't fit it.
            DataError: files that can't be one table: mixed formats, incompatible types.
        """
        found = self._tables.find(table)
        return None if found is None else found.table

    def row_count(self, table: Table) -> RowCount | None:
        """Counted from Parquet's footers; else estimated from sizes and a sample."""
        snapshot = self._snapshot(table)
        return snapshot.format.row_count(snapshot.files)

    def judge(self, table: Table, predicate: Predicate) -> Judgement:
        """EXACT where the files' own statistics can prune, and Arrow compares as DuckDB does."""
        reason = _unfit(table, predicate)
        if reason is not None:
            return Judgement(predicate, Promise.LOCAL, reason)
        partitions = all(table.column(c).properties.get("partition") for c in columns_of(predicate))
        return Judgement(
            predicate,
            Promise.EXACT,
            "the folders' names decide it"
            if partitions
            else "row groups are skipped by their statistics, rows filtered as they are read",
        )

    def plan(self, request: ScanRequest) -> Fragment:
        """Choose files and row groups by what is already known of them."""
        judgements = tuple(self.judge(request.table, p) for p in request.predicates)
        local = [j.predicate for j in judgements if j.promise is not Promise.EXACT]
        extra = dict.fromkeys(c for p in local for c in columns_of(p))
        columns = request.columns + tuple(c for c in extra if c not in request.columns)
        snapshot = self._snapshot(request.table)
        exact = [j.predicate for j in judgements if j.promise is Promise.EXACT]
        chosen = choose(snapshot, _read_columns(snapshot, columns, exact), exact)
        return Fragment(
            request,
            _text(request, snapshot, chosen, columns, exact, None if local else request.limit),
            _access_path(snapshot),
            judgements,
            columns,
            self._estimate(request, snapshot, chosen),
        )

    def open(self, fragment: Fragment, context: ReadContext) -> Iterator[pa.RecordBatch]:
        """Read the chosen parts, file by file."""
        snapshot = self._snapshot(fragment.request.table)
        batches = self._batches(fragment, snapshot, context)
        remote = bool(snapshot.files) and not snapshot.files[0].location.local
        for batch in pumped(batches, context) if remote else batches:
            context.check()
            context.meter.add(rows=batch.num_rows)
            yield batch

    def check(self) -> Iterable[Finding]:
        """List the root, then describe every table."""
        try:
            names = self._tables.names()
        except IsthmusError as error:
            return [Finding(self.name, False, error.message, error.remedy)]
        if not names:
            where = self._tables.settings.root
            return [Finding(self.name, False, f"{where} holds no data", "Put files there.")]
        return [self._checked(n) for n in names]

    @property
    def metadata_bill(self) -> Bill:
        """Listings and looks into files, for filesystems that cost calls."""
        return self._meter.bill

    def _checked(self, name: str) -> Finding:
        subject = f"{self.name}.{name}"
        try:
            table = self.describe(name)
            if table is None:
                return Finding(subject, False, "it is gone", "Ask again.")
            count = self.row_count(table)
        except IsthmusError as error:
            return Finding(subject, False, error.message, error.remedy)
        files = len(self._snapshot(table).files)
        rows = "" if count is None else f", {'' if count.exact else 'about '}{count.rows} rows"
        return Finding(subject, True, f"{files} files, {len(table.columns)} columns{rows}")

    def _snapshot(self, table: Table) -> Snapshot:
        snapshot = table.properties.get("snapshot")
        if isinstance(snapshot, Snapshot):
            return snapshot
        return self._tables.known(table.name).snapshot

    def _estimate(self, request: ScanRequest, snapshot: Snapshot, chosen: list[Chosen]) -> Bill:
        parts = [p for c in chosen for p in c.parts]
        rows = sum(p.rows for p in parts)
        remote = bool(chosen) and not snapshot.files[0].location.local
        return Bill(
            calls=len(chosen) if remote else 0,
            rows=rows if request.limit is None else min(rows, request.limit),
            bytes=sum(p.bytes for p in parts),
            basis=snapshot.format.row_count(snapshot.files).basis,
        )

    def _batches(
        self, fragment: Fragment, snapshot: Snapshot, context: ReadContext
    ) -> Iterator[pa.RecordBatch]:
        table = fragment.request.table
        exact = [j.predicate for j in fragment.judgements if j.promise is Promise.EXACT]
        whole = len(exact) == len(fragment.judgements)
        left = fragment.request.limit if whole else None
        read = _read_columns(snapshot, fragment.columns, exact)
        for chosen in choose(snapshot, read, exact):
            if left == 0:
                return
            context.check()
            if not chosen.parts[0].file.location.local:
                context.meter.spend_call()
                context.meter.end_call()
            filter = expression(exact, table.schema) if chosen.filtered and exact else None
            needed = read if filter is not None else _read_columns(snapshot, fragment.columns, [])
            schema = pa.schema([snapshot.columns.field(c) for c in needed])
            for batch in snapshot.format.read(chosen.parts, schema, context):
                context.check()
                full = _with_constants(batch, chosen, fragment.columns, exact, table.schema)
                kept = full if filter is None else full.filter(filter)
                kept = kept.select(list(fragment.columns))
                if left is not None:
                    kept = kept.slice(0, left)
                    left -= kept.num_rows
                if kept.num_rows:
                    yield kept
                if left == 0:
                    return


def _read_columns(
    snapshot: Snapshot, columns: Iterable[str], predicates: Iterable[Predicate]
) -> list[str]:
    """The columns to read from the files: the wanted ones and those that the filter needs."""
    needed = dict.fromkeys(columns)
    needed.update(dict.fromkeys(c for p in predicates for c in columns_of(p)))
    held = set(snapshot.columns.names)
    return [c for c in needed if c in held]


def _with_constants(
    batch: pa.RecordBatch,
    chosen: Chosen,
    columns: Iterable[str],
    predicates: Iterable[Predicate],
    schema: pa.Schema,
) -> pa.RecordBatch:
    """The batch with the partition columns that are wanted or filtered on."""
    needed = dict.fromkeys(columns)
    needed.update(dict.fromkeys(c for p in predicates for c in columns_of(p)))
    arrays, fields = [], []
    for name in needed:
        field = schema.field(name)
        if name in chosen.constants:
            value = pa.scalar(chosen.constants[name], field.type)
            arrays.append(pa.repeat(value, batch.num_rows))
        elif name in batch.schema.names:
            arrays.append(batch.column(name))
        else:
            continue
        fields.append(field)
    if not fields:
        return empty_rows(batch.num_rows)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _unfit(table: Table, predicate: Predicate) -> str | None:
    """Why a predicate must stay with the engine; None when it can be applied while reading."""
    match predicate:
        case Compare(column, _, value):
            return _unfit_column(table.column(column), [value])
        case In(column, values):
            return _unfit_column(table.column(column), values)
        case IsNull(column):
            return _unfit_column(table.column(column), ())
        case Like(column) | HasItem(column):
            return f"no statistics tell which texts of {column} match a pattern"
        case Not(part):
            return _unfit(table, part)
        case And(parts) | Or(parts):
            return next((r for p in parts if (r := _unfit(table, p)) is not None), None)


def _unfit_column(column: Column, values: Iterable[Any]) -> str | None:
    if not (column.properties.get("partition") or column.properties.get("statistics")):
        return f"{column.name} has no statistics that could skip anything"
    if not all(fits(v, column.type) for v in values):
        return f"a value can't be held in {column.name}'s type {column.type}"
    return None


def _access_path(snapshot: Snapshot) -> str:
    where = "local" if snapshot.files[0].location.local else "remote"
    return f"{where} {type(snapshot.format).__name__} files"


def _text(
    request: ScanRequest,
    snapshot: Snapshot,
    chosen: list[Chosen],
    columns: tuple[str, ...],
    exact: list[Predicate],
    limit: int | None,
) -> str:
    words = f"{request.table.name}: {len(chosen)} of {len(snapshot.files)} files"
    kept, total = sum(len(c.parts) for c in chosen), sum(c.total for c in chosen)
    if kept != total:
        words += f" ({kept} of {total} row groups)"
    words += f", columns {', '.join(columns)}" if columns else ", no columns"
    if exact:
        words += f", filter ({worded(And(tuple(exact)) if len(exact) > 1 else exact[0])})"
    return words if limit is None else f"{words}, limit {limit}"
