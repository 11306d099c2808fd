"""The connector: tables found below a root, described, pruned and read in place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from isthmus.catalog.model import Column, RowCount, Table, TableName
from isthmus.connectors.contract import (
    Ability,
    Aggregate,
    Bill,
    Connector,
    Declined,
    Finding,
    Fragment,
    Judgement,
    Meter,
    Promise,
    ReadContext,
    ScanRequest,
    Verdict,
)
from isthmus.connectors.files.filters import expression, fits
from isthmus.connectors.files.guess import passing_share
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
    PartIn,
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
    abilities = frozenset(
        {Ability.FILTER, Ability.PROJECT, Ability.LIMIT, Ability.AGGREGATE, Ability.KEYS}
    )
    remembers = True  # a folder may have changed since the last query

    def __init__(self, name: str, config: Mapping[str, Any]) -> None:
        super().__init__(name)
        self._meter = Meter()
        self._tables = Tables(name, settings(name, config), self._meter)

    @property
    def identity(self) -> str:
        """The name with its place: another folder holds other files."""
        return f"files:{self.name}:{self._tables.settings.root}"

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

    def can(self, request: ScanRequest) -> Verdict:
        """Rows are counted without being read, where footers tell how many pass."""
        if request.order or request.lookups or request.children:
            return Verdict(False, "files have no order, look nothing up and have no children")
        if not request.aggregates:
            return Verdict(True, "")
        if request.columns or request.aggregates != (Aggregate("count"),):
            return Verdict(False, "files tell only how many rows there are")
        if self._counted(request) is None:
            return Verdict(False, "the rows must be read to tell how many pass")
        return Verdict(True, "the files' own metadata tells how many rows there are")

    def estimate_keys(self, request: ScanRequest, column: str, keys: int) -> Bill | None:
        """About what is read of files and row groups that hold one of so many keys.

        None where nothing could be skipped.
        """
        if _unfit_column(request.table.column(column), ()) is not None:
            return None
        fragment = self.plan(request)
        snapshot = self._snapshot(request.table)
        parts = sum(len(c.parts) for c in choose(snapshot, fragment.columns, ()))
        if parts < 2:
            return None
        share = min(1.0, keys / parts)
        whole = fragment.estimate
        return replace(
            whole, rows=math.ceil(whole.rows * share), bytes=math.ceil(whole.bytes * share)
        )

    def _counted(self, request: ScanRequest) -> int | None:
        """How many rows pass, if that is known without reading one."""
        snapshot = self._snapshot(request.table)
        judged = [self.judge(request.table, p) for p in request.predicates]
        if any(j.promise is not Promise.EXACT for j in judged):
            return None
        if not snapshot.format.row_count(snapshot.files).exact:
            return None
        exact = [j.predicate for j in judged]
        chosen = choose(snapshot, _read_columns(snapshot, (), exact), exact)
        if exact and any(c.filtered for c in chosen):
            return None
        return sum(p.rows for c in chosen for p in c.parts)

    def plan(self, request: ScanRequest) -> Fragment:
        """Choose files and row groups by what is already known of them."""
        if request.aggregates:
            return self._plan_count(request)
        judgements = tuple(self.judge(request.table, p) for p in request.predicates)
        local = [j.predicate for j in judgements if j.promise is not Promise.EXACT]
        extra = dict.fromkeys(c for p in local for c in columns_of(p))
        columns = request.columns + tuple(c for c in extra if c not in request.columns)
        snapshot = self._snapshot(request.table)
        exact = [j.predicate for j in judgements if j.promise is Promise.EXACT]
        chosen = choose(snapshot, _read_columns(snapshot, columns, exact), exact)
        limit = None if local else request.limit
        likely = self._estimate(request, snapshot, chosen)
        low, high = _bounds(likely, snapshot, chosen, limit)
        return Fragment(
            request,
            _text(request, snapshot, chosen, columns, exact, limit),
            _access_path(snapshot),
            judgements,
            columns,
            likely,
            low=low,
            high=high,
        )

    def _plan_count(self, request: ScanRequest) -> Fragment:
        judgements = tuple(self.judge(request.table, p) for p in request.predicates)
        basis = "Parquet footers"
        return Fragment(
            request,
            f"{request.table.name}: the number of rows",
            "metadata",
            judgements,
            (Aggregate("count").name,),
            Bill(rows=1, basis=basis),
            low=Bill(rows=1),
            high=Bill(rows=1),
        )

    def open(self, fragment: Fragment, context: ReadContext) -> Iterator[pa.RecordBatch]:
        """Read the chosen parts, file by file."""
        if fragment.request.aggregates:
            counted = self._counted(fragment.request)
            if counted is None:
                raise Declined("the files have changed since they were planned")
            context.meter.add(rows=1)
            yield pa.RecordBatch.from_pydict({Aggregate("count").name: [counted]})
            return
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
        wanted, facts = And(request.predicates), self.statistics.of(request.table.name)
        passing = [
            p.rows * (passing_share(wanted, c.bounds(p), facts) if c.filtered else 1.0)
            for c in chosen
            for p in c.parts
        ]
        rows = math.ceil(sum(passing))
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


def _bounds(
    likely: Bill, snapshot: Snapshot, chosen: list[Chosen], limit: int | None
) -> tuple[Bill, Bill | None]:
    """The least and the most that comes; no most where rows are not counted by the files."""
    if not snapshot.format.row_count(snapshot.files).exact:
        return Bill(), None
    sure = sum(p.rows for c in chosen for p in c.parts if not c.filtered)
    most = sum(p.rows for c in chosen for p in c.parts)
    if limit is not None:  # it stops at the file that has enough
        sure, most = min(sure, limit), min(most, limit)
    whole = replace(likely, basis="")
    least = Bill(rows=sure) if limit is not None else replace(whole, rows=sure)
    return least, replace(whole, rows=most)


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
        case PartIn(column, part):
            return f"no statistics tell the {part} of {column}"
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
