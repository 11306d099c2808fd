"""A run of a sync into a source: read the query, send what differs, take down what became of it.

    settle what a broken run had begun  ->  read, keep what differs  ->  upsert  ->  delete

What differs is told by a fingerprint of each row that was sent. However a run is broken off, the
write that it had begun goes on in the next one before anything is read, and what is then still
different is sent: nothing twice, nothing never.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from isthmus.catalog.model import Table, View
from isthmus.catalog.names import quoted, split_name
from isthmus.catalog.syncs_in import SyncInSpec
from isthmus.connectors.contract import Bill
from isthmus.engine.jobs.parameters import packed, unpacked
from isthmus.engine.ledger import Terms
from isthmus.engine.result import Result
from isthmus.engine.sync.book import RunRecord, SyncBook
from isthmus.engine.sync.hold import held
from isthmus.engine.sync.result import SyncPlan, SyncProgress, SyncRun
from isthmus.engine.sync.sent import Changed, Outcome, SentBook
from isthmus.engine.sync.subject import Priced
from isthmus.engine.sync.sync import OnProgress
from isthmus.engine.writes.columns import primary_key
from isthmus.engine.writes.from_data import DataRows
from isthmus.engine.writes.how import How
from isthmus.engine.writes.result import WriteResult, joined
from isthmus.errors import ConfigError, DataError, UnknownName

if TYPE_CHECKING:
    from isthmus.engine.session import Session

__all__ = ["SyncInto"]

_PRINT: Final = "__isthmus_print"
_ROWS: Final = 10_000


@dataclass
class _Counts:
    rows_in: int = 0
    rows_out: int = 0
    failed: int = 0
    deleted: int = 0
    bill: Bill = field(default_factory=Bill)
    resumed: bool = False


class SyncInto:
    """One sync into a source, ready to run.

    Args:
        connection: whose catalog, sources and permission hold.
        spec: what goes where.
        folder: the sync's own folder in the state folder.
        book: the history of runs.
        terms: what the run may spend.
        on_progress: told how far it is.
    """

    def __init__(
        self,
        connection: Session,
        spec: SyncInSpec,
        folder: Path,
        book: SyncBook,
        terms: Terms,
        on_progress: OnProgress | None,
    ) -> None:
        self._connection = connection
        self.spec = spec
        self._folder = folder
        self._book = book
        self._terms = terms
        self._on_progress = on_progress
        self._counts = _Counts()
        self._failures: list[pa.Table] = []

    def run(self, *, full: bool = False) -> SyncRun:
        """Send what has changed.

        Args:
            full: send every row again.

        Raises:
            SyncRunning: another run of it has not ended.
            Refused: the table may not be written, or too much would be deleted.
            BudgetExceeded: it cost more than a budget allows; the next run goes on.
            IsthmusError: of a source; the next run goes on.
        """
        began = time.monotonic()
        with held(self.spec.name, self._folder):
            self._book.break_off(self.spec.name)
            record = RunRecord(
                run=uuid.uuid4().hex,
                sync=self.spec.name,
                subject=self.spec.subject,
                target=self.spec.to,
                mode=self.spec.mode,
                state="running",
                started=datetime.now(UTC),
            )
            self._book.write(record)
            sent = SentBook(self._folder)
            try:
                self._run(sent, full)
            except BaseException as error:
                self._book.write(self._ended(record, error))
                raise
            finally:
                sent.close()
            self._book.write(self._ended(record, None))
        return self._done(record, time.monotonic() - began)

    def plan(self) -> SyncPlan:
        """What would be read, and sent if every row differed; no data call is made."""
        rows = DataRows.of(
            self._connection,
            self.spec.to,
            self._query(),
            "upsert",
            self.spec.key,
            None,
            self.spec.options,
        )
        plan = self._connection._writing().plan(rows, How(on_error="continue"), self._terms)
        reading = () if plan.reading is None else plan.reading.scans
        questions = [Priced.of(scan.fragment, scan.fragment.text) for scan in reading]
        source = self._table().source
        sent = Priced(
            f"{self.spec.to}: an upsert by {self.spec.key} of what differs, at most all rows "
            f"({', '.join(f.access_path for f in plan.fragments)})",
            plan.write_estimate,
            plan.writing.high,
            source,
        )
        refused = () if plan.allowed is None else (plan.allowed,)
        return SyncPlan(
            self.spec.name,
            self.spec.mode,
            self.spec.to,
            (*questions, sent),
            {},
            None,
            (),
            refused,
        )

    def _run(self, sent: SentBook, full: bool) -> None:
        table = self._table()
        self._settle_broken(sent, table)
        self._upsert(sent, table, full)
        if self.spec.deletes == "apply":
            self._delete(sent, table)

    # --- sending

    def _upsert(self, sent: SentBook, table: Table, full: bool) -> None:
        write = self._new_write()
        sent.begin(write)
        with self._read(sent, full) as result:
            differing = self._differing(result, sent, full)
            first = next(differing, None)
            if first is None:
                sent.settle((), self._last_cursor)
                self._count_reading(result)
                return
            schema = first.schema
            rows = pa.RecordBatchReader.from_batches(schema, _again(first, differing))
            written = self._write(table, rows, "upsert", self.spec.key, write)
            self._count_reading(result)
        self._take_down(sent, written)

    def _delete(self, sent: SentBook, table: Table) -> None:
        gone = sent.gone()
        if not gone:
            return
        count = sent.count
        if len(gone) > self.spec.most_deletes * count:
            raise DataError(
                f"sync {self.spec.name} would delete {len(gone):,} of {count:,} rows of "
                f"{self.spec.to}; none was deleted",
                place=self.spec.place,
                remedy="See whether the query has lost rows by mistake; if not, raise "
                f"most_deletes ({self.spec.most_deletes:g}).",
            )
        write = self._new_write()
        sent.begin(write, deletes=True)
        sent.note(Changed(i, key, "", None) for i, (key, _) in enumerate(gone))
        ids = pa.table({primary_key(table): pa.array([id for _, id in gone], pa.string())})
        self._take_down(sent, self._write(table, ids, "delete", None, write), deletes=True)

    def _write(
        self, table: Table, rows: Any, mode: str, key: str | None, write: str
    ) -> WriteResult:
        given = DataRows.of(
            self._connection, self.spec.to, rows, mode, key, None, self.spec.options
        )
        how = How(on_error="continue", write_id=write, progress=self._tell_written)
        return self._connection._writing().run(given, how, self._terms)

    # --- what became of it

    def _settle_broken(self, sent: SentBook, table: Table) -> None:
        """Go on with the write that a broken run had begun, if it had."""
        pending = sent.pending()
        if pending is None:
            return
        how = How(on_error="continue", progress=self._tell_written)
        try:
            written = self._connection._writing().resume(pending.write, how, self._terms)
        except UnknownName:
            sent.forget()  # it was broken off before the first row was sent
            return
        self._counts.resumed = True
        self._last_cursor = None  # what it had read is not known; the next reading tells
        self._take_down(sent, written, deletes=pending.deletes)

    def _take_down(self, sent: SentBook, written: WriteResult, *, deletes: bool = False) -> None:
        table = written.outcomes
        gone = self._gone(sent, table) if deletes else frozenset()
        outcomes = [
            Outcome(row["position"], row["success"] or row["position"] in gone, row["id"])
            for row in table.select(["position", "success", "id"]).to_pylist()
        ]
        failed = {o.position for o in outcomes if not o.success}
        cursor = None if deletes else self._cursor_after(sent, failed)
        self._reject(written, failed, deletes=deletes)
        sent.settle(outcomes, cursor)
        good = len(outcomes) - len(failed)
        self._counts.failed += len(failed)
        self._counts.bill += written.bill.actual
        if deletes:
            self._counts.deleted += good
        else:
            self._counts.rows_out += good

    def _gone(self, sent: SentBook, outcomes: pa.Table) -> frozenset[int]:
        """Of the records that could not be deleted, those that are not there: somebody else did."""
        positions = outcomes.filter(pc.invert(outcomes["success"]))["position"].to_pylist()
        if not positions:
            return frozenset()
        ids, key = sent.ids(), primary_key(self._table())
        failed = {position: ids[position] for position in positions if position in ids}
        text = f'SELECT "{key}" FROM {_quoted(self.spec.to)} WHERE "{key}" IN (SELECT unnest($1))'
        with self._connection.asked(text, self._terms, [list(failed.values())]) as result:
            there = set(result.arrow()[key].to_pylist())
            self._count_reading(result)
        return frozenset(position for position, id in failed.items() if id not in there)

    def _cursor_after(self, sent: SentBook, failed: set[int]) -> bytes | None:
        """Rows that failed are read again, and so is all that comes after the first of them."""
        if self._last_cursor is None or not failed:
            return self._last_cursor
        found = [c.cursor for c in sent.noted() if c.position in failed and c.cursor is not None]
        earliest = min((_value(c) for c in found), default=None)
        return self._last_cursor if earliest is None else packed([earliest])

    def _reject(self, written: WriteResult, failed: set[int], *, deletes: bool) -> None:
        """Write the rows that failed to a file, with why; it always is of the last run.

        Those that could not be deleted come after those that could not be sent.
        """
        path = self._rejected
        if not deletes:
            self._failures = []
            path.unlink(missing_ok=True)
        if not failed:
            return
        rows = written.failures
        rows = rows.filter(pc.is_in(rows["position"], pa.array(sorted(failed), pa.int64())))
        self._failures.append(
            pa.table([_as_text(column) for column in rows.columns], rows.schema.names)
        )
        unfinished = path.with_name(f"{path.name}.unfinished")
        path.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.csv.write_csv(joined(self._failures), unfinished)
        unfinished.replace(path)

    @property
    def _rejected(self) -> Path:
        named = self.spec.rejected
        return self._folder / "rejected.csv" if named is None else Path(named)

    # --- reading

    _last_cursor: bytes | None = None

    def _read(self, sent: SentBook, full: bool) -> Result:
        print = f'md5(CAST(to_json(q) AS VARCHAR)) AS "{_PRINT}"'
        text = f"SELECT q.*, {print} FROM ({self._query()}\n) AS q"
        start = None if full or self.spec.cursor is None else sent.cursor
        if start is None:
            return self._connection.asked(text, self._terms)
        name = quoted(str(self.spec.cursor))
        text += f" WHERE q.{name} >= $1 OR q.{name} IS NULL"
        return self._connection.asked(text, self._terms, unpacked(start))

    def _query(self) -> str:
        return self.spec.query or f"SELECT * FROM {_quoted(str(self.spec.table))}"

    def _differing(self, result: Result, sent: SentBook, full: bool) -> Iterator[pa.RecordBatch]:
        reader = result.reader()
        names = [n for n in reader.schema.names if n != _PRINT]
        self._demand_columns(names)
        position, last = 0, None
        for whole in reader:
            for at in range(0, whole.num_rows, _ROWS):
                batch = whole.slice(at, _ROWS)
                keys = [None if k is None else str(k) for k in batch[self._key(names)].to_pylist()]
                prints = batch[_PRINT].to_pylist()
                cursors = self._cursors(batch)
                last = max((c for c in (last, *cursors) if c is not None), default=None)
                taken = sent.differing(list(zip(keys, prints, strict=True)), everything=full)
                sent.note(
                    Changed(
                        position + n,
                        keys[i],
                        prints[i],
                        packed([cursors[i]]) if cursors[i] is not None else None,
                    )
                    for n, i in enumerate(taken)
                )
                position += len(taken)
                self._counts.rows_in += batch.num_rows
                self._tell("reading")
                if taken:
                    yield batch.take(pa.array(taken, pa.int64())).select(names)
        self._last_cursor = None if last is None else packed([last])

    def _key(self, names: list[str]) -> str:
        return next(n for n in names if n.lower() == self.spec.key.lower())

    def _cursors(self, batch: pa.RecordBatch) -> list[Any]:
        if self.spec.cursor is None:
            return [None] * batch.num_rows
        values: list[Any] = batch[self.spec.cursor].to_pylist()
        return values

    def _demand_columns(self, names: list[str]) -> None:
        for what, name in (("key", self.spec.key), ("cursor", self.spec.cursor)):
            if name is not None and name.lower() not in [n.lower() for n in names]:
                raise ConfigError(
                    f"sync {self.spec.name}: what is read has no column {name}, the {what}",
                    place=self.spec.place,
                    remedy=f"Its columns are {', '.join(names)}.",
                )

    # --- telling

    def _table(self) -> Table:
        connection = self._connection
        found = connection.catalog.resolve(split_name(self.spec.to), self.spec.place)
        if isinstance(found, View):
            raise ConfigError(
                f"sync {self.spec.name} goes into {self.spec.to}, which is a view",
                place=self.spec.place,
                remedy="Name a table of a source.",
            )
        return connection.catalog.table(found.source, found.table)

    def _new_write(self) -> str:
        return f"sync-{self.spec.name}-{uuid.uuid4().hex[:16]}"

    def _count_reading(self, result: Result) -> None:
        self._counts.bill += result.bill.actual

    def _tell(self, doing: str, rows: int | None = None) -> None:
        if self._on_progress is not None:
            counts = self._counts
            done = counts.rows_in if rows is None else rows
            self._on_progress(SyncProgress(doing, done, None, 0, counts.bill.calls))

    def _tell_written(self, progress: Any) -> None:
        self._tell("writing", progress.done)

    def _done(self, record: RunRecord, seconds: float) -> SyncRun:
        counts = self._counts
        return SyncRun(
            sync=self.spec.name,
            run=record.run,
            mode=self.spec.mode,
            rows_in=counts.rows_in,
            rows_out=counts.rows_out,
            deleted=counts.deleted,
            bill=counts.bill,
            since=None,
            until=None,
            resumed=counts.resumed,
            changes=(),
            warnings=self._warnings(),
            seconds=seconds,
            failed=counts.failed,
        )

    def _warnings(self) -> tuple[str, ...]:
        if not self._counts.failed:
            return ()
        return (f"{self._counts.failed:,} rows were not written: {self._rejected}",)

    def _ended(self, record: RunRecord, error: BaseException | None) -> RunRecord:
        counts = self._counts
        return replace(
            record,
            state="done" if error is None else "failed",
            ended=datetime.now(UTC),
            rows_in=counts.rows_in,
            rows_out=counts.rows_out,
            deleted=counts.deleted,
            calls=counts.bill.calls,
            bytes=counts.bill.bytes,
            resumed=counts.resumed,
            error=None if error is None else str(error) or type(error).__name__,
            warnings="\n".join(self._warnings()) or None,
        )


def _quoted(name: str) -> str:
    return ".".join(map(quoted, split_name(name)))


def _again(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _value(cursor: bytes) -> Any:
    values = unpacked(cursor)
    assert isinstance(values, list)
    return values[0]


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return pc.cast(column, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        texts = [None if value is None else str(value) for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
