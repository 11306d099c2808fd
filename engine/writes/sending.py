"""A write begins when the journal is opened for it, and goes on until no chunk is left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Bill
from isthmus.connectors.writing import WriteFragment, WriteKind, Writer, WriteRequest
from isthmus.engine.bill import QueryBill
from isthmus.engine.ledger import Terms
from isthmus.engine.writes.how import How
from isthmus.engine.writes.journal import Journal, StoredPart, StoredWrite
from isthmus.engine.writes.keep import Keep
from isthmus.engine.writes.laying import Input
from isthmus.engine.writes.outcome_file import OutcomeFile
from isthmus.engine.writes.outcomes import none, not_sent
from isthmus.engine.writes.plan import WritePlan
from isthmus.engine.writes.result import WriteBill, WriteResult, joined
from isthmus.engine.writes.run import PartRun, WriteRun
from isthmus.engine.writes.spool import ChunkFile
from isthmus.errors import ConfigError, DataError, DeadlineExceeded, IsthmusError

if TYPE_CHECKING:
    from isthmus.engine.session import Session

__all__ = ["Sending", "failed_rows"]


def failed_rows(outcomes: pa.Table) -> int:
    """How many rows have failed."""
    return int(outcomes.num_rows) - int(pc.sum(outcomes["success"]).as_py() or 0)


@dataclass(frozen=True)
class Sending:
    """What sending needs, whatever is sent. Whoever sends holds the write's place.

    Attributes:
        connection: whose `interrupt` stops it.
        keep: where the journal is.
        how: how it is done.
        terms: what it may spend.
        started: `time.monotonic()` when it all began, reading included.
    """

    connection: Session
    keep: Keep
    how: How
    terms: Terms
    started: float

    @property
    def _journal(self) -> Journal:
        return self.keep.journal()

    def begin(self, id: str, given: Input, plan: WritePlan) -> WriteResult:
        """Open the journal for rows that are on disk, and send them.

        Raises:
            WriteFailed, BudgetExceeded, Refused: see `Connection.write`.
        """
        reading = None if given.read is None else given.read.bill
        if self.how.all_or_none:
            given.demand_one_chunk()
            if failed_rows(given.unsent):
                return _nothing_sent(id, given, plan, reading)
        self.terms.demand(plan.writing, "nothing was written")
        stored = self._stored(id, given)
        self._journal.open(stored, given.unsent)
        parts = [
            PartRun(i, one.fragment, one.writer, ChunkFile(one.path))
            for i, one in enumerate(given.laid)
        ]
        stopped = self.how.on_error == "stop" and failed_rows(given.unsent) > 0
        return self._send(stored, parts, plan, reading, stopped=stopped)

    def prepare(self, id: str, given: Input, plan: WritePlan) -> None:
        """Open the journal for rows that are on disk, and send nothing: `go_on` does.

        Raises:
            DataError: a row can't be written, and none may be then.
        """
        if self.how.all_or_none:
            given.demand_one_chunk()
        bad = failed_rows(given.unsent)
        if bad and self.how.on_error != "continue":
            first = given.unsent.filter(pc.invert(given.unsent["success"])).to_pylist()[0]
            raise DataError(
                f"{bad:,} rows can't be written, the first is row {first['position']}: "
                f"{first['error_code']} {first['error_message'] or ''}".rstrip(),
                remedy="Mend them, or let the others be written: on_error='continue'.",
            )
        self.terms.demand(plan.writing, "nothing was written")
        self._journal.open(self._stored(id, given), given.unsent)

    def go_on(self, stored: StoredWrite, table: Table, writer: Writer) -> WriteResult:
        """Send what is left of a write."""
        if self.how.outcomes is not None:
            stored = replace(stored, outcomes_file=self.how.outcomes)
        fragments = [_again(writer, table, part, stored) for part in stored.parts]
        target = f"{table.source}.{table.name}"
        plan = WritePlan(
            f"resume {stored.id}",
            target,
            stored.mode,
            tuple(fragments),
            None,
            stored.rows,
            "counted",
            stored.on_error,
            None,
            self.keep.lasting,
        )
        if stored.ended is not None:
            return self._ended(stored, [], plan, WriteBill(None, Bill(), Bill()))
        parts = [
            PartRun(
                part.number, fragment, writer, ChunkFile(self._journal.place(stored.id) / part.file)
            )
            for part, fragment in zip(stored.parts, fragments, strict=True)
        ]
        # A row that failed before has stopped it once; whoever resumes it has seen that.
        return self._send(stored, parts, plan, None, stopped=False)

    def _stored(self, id: str, given: Input) -> StoredWrite:
        parts = tuple(
            StoredPart(
                i,
                one.part.kind.value,
                one.part.columns,
                one.part.key,
                one.rows,
                one.part.stamp is not None,
                one.part.options,
                one.fragment.access_path,
                one.path.name,
                one.chunks,
            )
            for i, one in enumerate(given.laid)
        )
        file = self.how.outcomes
        return StoredWrite(
            id,
            given.table.source,
            given.table.name,
            given.mode,
            self.how.on_error,
            given.rows,
            None if file is None else str(Path(file).absolute()),
            parts,
            time.time(),
        )

    def _send(
        self,
        stored: StoredWrite,
        parts: list[PartRun],
        plan: WritePlan,
        reading: QueryBill | None,
        *,
        stopped: bool,
    ) -> WriteResult:
        journal = self._journal
        known = list(journal.outcomes(stored.id))
        path = stored.outcomes_file
        file = None if path is None else OutcomeFile(path, known)
        run = WriteRun(
            stored.id,
            stored.rows,
            parts,
            journal,
            stop_early=stored.on_error == "stop",
            stopped=stopped,
            meter=self.terms.meter(stored.source),
            deadline=self._deadline(),
            outcomes=file,
            progress=self.how.progress,
            before=(sum(t.num_rows for t in known), sum(map(failed_rows, known))),
            made=_made(known),
        )
        try:
            with self._watched(run), self._resumable(stored.id):
                run.run()
        finally:
            if file is not None:
                file.close()
        bill = WriteBill(reading, run.bill, plan.write_estimate)
        return self._ended(stored, parts, plan, bill)

    def _deadline(self) -> float | None:
        timeout = self.terms.timeout(self.how.timeout)
        return None if timeout is None else self.started + timeout

    def _ended(
        self, stored: StoredWrite, parts: list[PartRun], plan: WritePlan, bill: WriteBill
    ) -> WriteResult:
        """No chunk is under way: what became of each row."""
        journal = self._journal
        left = journal.pending(stored.id)
        files = {part.number: part.file for part in parts}
        outcomes = [none(), *journal.outcomes(stored.id)]
        outcomes += [
            not_sent(files[p.part].rows(p.chunk).positions, "the write stopped at a failed row")
            for p in left
        ]
        table = pa.concat_tables(outcomes).sort_by("position").combine_chunks()
        inputs = _inputs(list(files.values()), table)
        if not left and stored.ended is None:
            journal.end(stored.id, time.time())
        result = WriteResult(stored.id, table, inputs, bill, plan, bool(left))
        return result if stored.on_error == "continue" else result.raise_for_errors()

    @contextlib.contextmanager
    def _watched(self, run: WriteRun) -> Iterator[None]:
        """`Connection.interrupt` and `close` stop it."""
        runs, lock = self.connection._runs, self.connection._lock
        with lock:
            runs.add(run)
        try:
            yield
        finally:
            with lock:
                runs.discard(run)

    @contextlib.contextmanager
    def _resumable(self, id: str) -> Iterator[None]:
        """Say with every error how the write goes on."""
        try:
            yield
        except IsthmusError as error:
            if isinstance(error, DeadlineExceeded) and self.how.timeout is not None:
                error.message = f"the write's timeout of {self.how.timeout:g} s passed"
            rest = self._rest(id)
            error.remedy = rest if error.remedy is None else f"{error.remedy} {rest}"
            raise
        except KeyboardInterrupt as error:
            error.add_note(self._rest(id))
            raise

    def _rest(self, id: str) -> str:
        if self.keep.lasting:
            return f'What was not written waits: con.resume("{id}"), or isthmus writes resume {id}.'
        return (
            "There is no state folder (connect(state=...)): only this connection can go on, by "
            f'con.resume("{id}").'
        )


def _made(known: Sequence[pa.Table]) -> frozenset[str]:
    """The keys of the rows that are new."""
    ids = (table.filter(pc.fill_null(table["created"], False))["id"] for table in known)
    return frozenset(id for column in ids for id in column.to_pylist() if id is not None)


def _again(writer: Writer, table: Table, part: StoredPart, stored: StoredWrite) -> WriteFragment:
    """How a part was sent before it was broken off.

    Raises:
        ConfigError: the source would now send it otherwise, and could not tell what became of it.
    """
    fragment = writer.plan(
        WriteRequest(
            table,
            WriteKind(part.kind),
            part.columns,
            part.key,
            part.rows,
            stored.on_error == "all_or_none",
            part.stamped,
            part.options,
            begun_by=part.access_path,
        )
    )
    if fragment.access_path != part.access_path:
        raise ConfigError(
            f"the write {stored.id} was begun by {part.access_path}, and would now go on by "
            f"{fragment.access_path}",
            remedy=f"Set the source {stored.source} up as it was when the write was begun.",
        )
    return fragment


def _nothing_sent(id: str, given: Input, plan: WritePlan, reading: QueryBill | None) -> WriteResult:
    """All or none, and a row can't be sent: none is."""
    files = [ChunkFile(one.path) for one in given.laid]
    rest = [
        not_sent(file.rows(chunk).positions, "another row can't be written, so none is")
        for file in files
        for chunk in range(file.chunks)
    ]
    outcomes = pa.concat_tables([given.unsent, *rest]).sort_by("position")
    inputs = _inputs(files, outcomes)
    bill = WriteBill(reading, Bill(), plan.write_estimate)
    return WriteResult(id, outcomes, inputs, bill, plan, False).raise_for_errors()


def _inputs(files: Sequence[ChunkFile], outcomes: pa.Table) -> pa.Table:
    """The input rows that failed, as far as they are on disk."""
    failed = outcomes.filter(pc.invert(outcomes["success"]))["position"]
    found = [pa.table({"position": pa.array([], pa.int64())})]
    for file in files if len(failed) else ():
        for chunk in range(file.chunks):
            rows = file.rows(chunk)
            mask = pc.is_in(rows.positions, failed.combine_chunks())
            if mask.true_count:
                table = pa.Table.from_batches([rows.records])
                found.append(table.append_column("position", rows.positions).filter(mask))
    return joined(found)
