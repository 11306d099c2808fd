"""Writing, for one connection: plan it, do it, go on with it, list what was done."""

from __future__ import annotations

import contextlib
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.model import Table, View
from isthmus.catalog.names import split_name
from isthmus.connectors.contract import Bill, ReadContext
from isthmus.connectors.writing import WriteFragment, WriteKind, Writer, WriteRequest
from isthmus.engine.bill import QueryBill
from isthmus.engine.ledger import Terms
from isthmus.engine.plan import Plan
from isthmus.engine.result import Result
from isthmus.engine.syntax import parse
from isthmus.engine.writes.columns import primary_key, spelt
from isthmus.engine.writes.compile import Scene, insert_key, reading_of
from isthmus.engine.writes.data import pieces_of
from isthmus.engine.writes.hold import held
from isthmus.engine.writes.intake import Intake, Splitter
from isthmus.engine.writes.journal import StoredPart, StoredWrite
from isthmus.engine.writes.keep import Keep
from isthmus.engine.writes.outcome_file import OutcomeFile, check_ending
from isthmus.engine.writes.outcomes import none, not_sent, table_of
from isthmus.engine.writes.parts import Part, Reading
from isthmus.engine.writes.permission import Permission
from isthmus.engine.writes.plan import WritePlan
from isthmus.engine.writes.result import WriteBill, WriteResult, joined
from isthmus.engine.writes.returning import check_returning, returned
from isthmus.engine.writes.run import PartRun, WriteProgress, WriteRun
from isthmus.engine.writes.splice import Splice
from isthmus.engine.writes.spool import ChunkFile, lay_out, twice
from isthmus.engine.writes.statement import Insert, Merge, Update, WriteStatement
from isthmus.errors import (
    ConfigError,
    DataError,
    DeadlineExceeded,
    IsthmusError,
    ParameterError,
    Refused,
    UnknownName,
    WriteRunning,
)

if TYPE_CHECKING:
    from isthmus.engine.connection import Connection, Parameters

__all__ = ["ON_ERROR", "How", "WriteRoom"]

ON_ERROR: Final = ("stop", "continue", "all_or_none")


@dataclass(frozen=True)
class How:
    """How a write is done, whatever it writes.

    Attributes:
        on_error: ``stop``: a failed row keeps what was not begun from being sent, and raises;
            ``continue``: every row is tried, and nothing is raised; ``all_or_none``: no row is
            written unless all are.
        outcomes: a file to which outcomes are written as they come.
        progress: called after each chunk.
        timeout: seconds for reading and writing.
        write_id: the write's name in the journal; if it is there already, that write goes on.
        if_unmodified: rows that were changed since they were read are not written.
    """

    on_error: str = "stop"
    outcomes: str | None = None
    progress: Callable[[WriteProgress], None] | None = None
    timeout: float | None = None
    write_id: str | None = None
    if_unmodified: bool = False

    def __post_init__(self) -> None:
        if self.on_error not in ON_ERROR:
            raise ParameterError(
                f"on_error is {self.on_error!r}", remedy=f"It may be {', '.join(ON_ERROR)}."
            )
        if self.outcomes is not None:
            check_ending(self.outcomes)


@dataclass(frozen=True)
class _Laid:
    """A part whose rows are on disk."""

    part: Part
    fragment: WriteFragment
    writer: Writer
    path: Path
    chunks: tuple[int, ...]


class WriteRoom:
    """Writes over one connection.

    Args:
        connection: whose catalog, sources and budgets hold.
        keep: where the journal is.
        permission: what may be written.
    """

    def __init__(self, connection: Connection, keep: Keep, permission: Permission) -> None:
        self._connection = connection
        self._keep = keep
        self._permission = permission

    # --- statements

    def plan_statement(
        self, statement: WriteStatement, params: Parameters, how: How, *, dry_run: bool = False
    ) -> WritePlan:
        """What a statement would do; see `Connection.plan_write`."""
        scene, writer = self._scene(statement, params, how)
        reading, splice = self._reading(scene)
        with _placed(splice):
            plan = self._connection._query(
                parse(reading.query, self._connection._database), params, None, None
            ).plan
        if dry_run:
            with self._scratch() as folder:
                terms = self._terms()
                laid, unsent, rows, _ = self._read_statement(
                    scene, reading, splice, params, how, terms, folder, writer
                )
                return self._tried(statement.text, scene.table, how, laid, unsent, rows, plan)
        rows, basis = (
            (reading.rows, "counted")
            if reading.rows is not None
            else (plan.estimate.rows, "a guess: as many as are read")
        )
        fragments = tuple(self._fragment(writer, p, rows, how) for p in reading.parts)
        return self._plan(
            statement.text, scene.table, _mode(statement), fragments, plan, rows, basis, how
        )

    def run_statement(
        self, statement: WriteStatement, params: Parameters, how: How, terms: Terms
    ) -> tuple[WriteResult, pa.Table]:
        """Do what a statement says; what became of it, and its rows; see `Connection.sql`."""
        started = time.monotonic()
        scene, writer = self._scene(statement, params, how)
        self._permission.demand(scene.table)
        reading, splice = self._reading(scene)
        deletes = any(part.kind is WriteKind.DELETE for part in reading.parts)
        check_returning(statement, scene.table, deletes)
        known = self._known(how)
        if known is not None:
            result = self._go_on(known, how, terms, started)
        else:
            result = self._run_read(scene, reading, splice, params, how, terms, started, writer)
        if statement.returning is None:
            return result, result.outcomes
        return result, returned(self._connection, statement, scene.table, result, terms)

    def _run_read(
        self,
        scene: Scene,
        reading: Reading,
        splice: Splice,
        params: Parameters,
        how: How,
        terms: Terms,
        started: float,
        writer: Writer,
    ) -> WriteResult:
        statement = scene.statement
        id, folder = self._new(how)
        with self._cleared(folder, id):
            laid, unsent, rows, result = self._read_statement(
                scene, reading, splice, params, how, terms, folder / id, writer
            )
            plan = self._plan(
                statement.text,
                scene.table,
                _mode(statement),
                tuple(one.fragment for one in laid),
                result.plan,
                rows,
                "counted",
                how,
            )
            return self._begin(
                id, plan, scene.table, laid, unsent, result.bill, how, terms, started
            )

    def _scene(
        self, statement: WriteStatement, params: Parameters, how: How
    ) -> tuple[Scene, Writer]:
        target = statement.target
        place = statement.place(target.span.start)
        table = self._table(target.path, place)
        writer = self._connection._connectors[table.source].writer()
        for hint in sorted(statement.hints - writer.options):
            raise Refused(
                f"the source {table.source} knows no way of writing called {hint!r}",
                remedy=f"Known here: {', '.join(sorted(writer.options)) or 'none'}.",
            )

        def names_of(query: Splice) -> tuple[str, ...]:
            with _placed(query):
                return self._names(query.text, params)

        def takes_key(column: str) -> bool:
            request = WriteRequest(table, WriteKind.UPSERT, (column,), column, 1)
            try:
                writer.plan(request)
            except (Refused, UnknownName):
                return False
            return True

        stamp = _stamp(writer, table) if how.if_unmodified else None
        return Scene(statement, table, stamp, statement.hints, names_of, takes_key), writer

    def _reading(self, scene: Scene) -> tuple[Reading, Splice]:
        if scene.stamp is not None and isinstance(scene.statement.body, Insert):
            raise Refused(
                "an INSERT has no rows that were read before",
                remedy="if_unmodified is for UPDATE, DELETE and MERGE.",
            )
        return reading_of(scene)

    def _read_statement(
        self,
        scene: Scene,
        reading: Reading,
        splice: Splice,
        params: Parameters,
        how: How,
        terms: Terms,
        path: Path,
        writer: Writer,
    ) -> tuple[list[_Laid], pa.Table, int, Result]:
        """Read a statement's rows and lay them out."""
        cursor = self._connection._database.cursor()
        intakes = [
            Intake(scene.table, path.with_name(f"{path.name}-{i}.raw"), cursor)
            for i in range(len(reading.parts))
        ]
        splitter = Splitter(reading, intakes, scene.stamp)
        try:
            with _placed(splice):
                statement = parse(reading.query, self._connection._database)
                result = self._connection._query(statement, params, how.timeout, terms)
                with result:
                    reader = result.reader()
                    _demand_width(scene, reading, reader.schema)
                    for batch in reader:
                        splitter.add(batch)
            idle = table_of(
                [
                    {"position": position, "id": key, "created": False, "success": True}
                    for position, key in splitter.idle
                ]
            )
            laid = [
                self._lay_out(part, intake, how, path, i, writer, scene.stamp)
                for i, (part, intake) in enumerate(zip(reading.parts, intakes, strict=True))
                if intake.spool.rows
            ]
            unsent = pa.concat_tables([*(intake.unsent for intake in intakes), idle])
            return laid, unsent, splitter.rows, result
        finally:
            for intake in intakes:
                intake.spool.remove()
            cursor.close()

    # --- rows from Python

    def plan_data(
        self,
        table: str,
        data: Any,
        mode: str,
        key: str | None,
        stamp: str | None,
        options: Sequence[str],
        how: How,
        *,
        dry_run: bool,
    ) -> WritePlan:
        """What `run_data` would do. Rows that Python has are read, which costs no call."""
        text = f"write to {table}, mode {mode}"
        described = self._table(split_name(table), None)
        with self._scratch() as folder:
            laid, unsent, rows, read = self._read_data(
                described, data, mode, key, stamp, options, how, self._terms(), folder
            )
            plan = None if read is None else read.plan
            if dry_run:
                return self._tried(text, described, how, laid, unsent, rows, plan, mode)
            fragments = tuple(one.fragment for one in laid)
            return self._plan(text, described, mode, fragments, plan, rows, "counted", how)

    def plan_query(
        self,
        table: str,
        query: str,
        mode: str,
        key: str | None,
        options: Sequence[str],
        how: How,
    ) -> WritePlan:
        """What `run_data` would do with the rows of a query, which is not run."""
        described = self._table(split_name(table), None)
        writer = self._connection._connectors[described.source].writer()
        plan = self._connection._query(
            parse(query, self._connection._database), None, None, None
        ).plan
        columns = tuple(spelt(described, name) for name in self._names(query, None))
        part = _part(described, mode, key, columns, None, options)
        rows = plan.estimate.rows
        fragment = self._fragment(writer, part, rows, how)
        basis = "a guess: as many as are read"
        return self._plan(
            f"write to {table}, mode {mode}", described, mode, (fragment,), plan, rows, basis, how
        )

    def run_data(
        self,
        table: str,
        data: Any,
        mode: str,
        key: str | None,
        stamp: str | None,
        options: Sequence[str],
        how: How,
        terms: Terms,
    ) -> WriteResult:
        """Write rows; see `Connection.write`."""
        started = time.monotonic()
        if (known := self._known(how)) is not None:
            return self._go_on(known, how, terms, started)
        described = self._table(split_name(table), None)
        self._permission.demand(described)
        id, folder = self._new(how)
        with self._cleared(folder, id):
            laid, unsent, rows, read = self._read_data(
                described, data, mode, key, stamp, options, how, terms, folder / id
            )
            plan = self._plan(
                f"write to {table}, mode {mode}",
                described,
                mode,
                tuple(one.fragment for one in laid),
                None if read is None else read.plan,
                rows,
                "counted",
                how,
            )
            bill = None if read is None else read.bill
            return self._begin(id, plan, described, laid, unsent, bill, how, terms, started)

    def _read_data(
        self,
        table: Table,
        data: Any,
        mode: str,
        key: str | None,
        stamp: str | None,
        options: Sequence[str],
        how: How,
        terms: Terms,
        path: Path,
    ) -> tuple[list[_Laid], pa.Table, int, Result | None]:
        kind = _kind(mode)
        writer = self._connection._connectors[table.source].writer()
        read: Result | None = None
        if isinstance(data, str):
            data = read = self._connection._query(
                parse(data, self._connection._database), None, how.timeout, terms
            )
        if isinstance(data, Result):
            data = data.reader()
        held_stamp = None
        if stamp is not None:
            held_stamp = spelt(table, stamp)
            wanted = _stamp(writer, table)
            if held_stamp != wanted or kind in (WriteKind.INSERT, WriteKind.UPSERT):
                raise ParameterError(
                    f"if_unmodified_since names {held_stamp}",
                    remedy=f"Name the column {wanted} of rows that are updated or deleted.",
                )
        cursor = self._connection._database.cursor()
        intake = Intake(table, path.with_name(f"{path.name}-0.raw"), cursor)
        rows = 0
        try:
            for piece in pieces_of(data, table):
                count = piece.batch.num_rows
                positions = pa.array(range(rows, rows + count), pa.int64())
                intake.add(positions, piece.batch, piece.given)
                rows += count
            columns = tuple(c for c in intake.spool.columns if c != held_stamp)
            if not columns:
                return [], none(), 0, read
            part = _part(table, mode, key, columns, held_stamp, options)
            laid = []
            if intake.spool.rows:
                laid.append(self._lay_out(part, intake, how, path, 0, writer, held_stamp))
            return laid, intake.unsent, rows, read
        finally:
            intake.spool.remove()
            cursor.close()

    # --- doing it

    def _lay_out(
        self,
        part: Part,
        intake: Intake,
        how: How,
        path: Path,
        number: int,
        writer: Writer,
        stamp: str | None,
    ) -> _Laid:
        """Cut a part's rows into chunks; refuse two rows that mean the same row of the table."""
        intake.spool.close()
        fragment = self._fragment(writer, part, intake.spool.rows, how)
        columns = part.columns if part.stamp is None else (*part.columns, str(stamp))
        file = path.with_name(f"{path.name}-{number}.arrow")
        cursor = self._connection._database.cursor()
        try:
            chunks = lay_out(
                intake.spool, columns, file, fragment.chunk_rows, fragment.together_by, cursor
            )
            if part.kind is not WriteKind.INSERT:
                assert part.key is not None
                request = fragment.request
                found = twice(
                    ChunkFile(file), part.key, lambda keys: writer.key_forms(request, keys), cursor
                )
                if found is not None:
                    raise DataError(
                        f"rows {found[0]} and {found[1]} of the input (counted from 0) have the "
                        f"same {part.key}, and would both {part.kind.value} one row of "
                        f"{part.table.source}.{part.table.name}; nothing was written",
                        remedy="Give one row for each key, such as by GROUP BY or DISTINCT ON.",
                    )
        finally:
            cursor.close()
        return _Laid(part, fragment, writer, file, chunks)

    def _begin(
        self,
        id: str,
        plan: WritePlan,
        table: Table,
        laid: list[_Laid],
        unsent: pa.Table,
        reading: QueryBill | None,
        how: How,
        terms: Terms,
        started: float,
    ) -> WriteResult:
        """Open the journal, then send."""
        if how.on_error == "all_or_none":
            _demand_one_chunk(laid)
            if _failed(unsent):
                return self._nothing_sent(id, plan, laid, unsent, reading)
        terms.demand(plan.writing, "nothing was written")
        journal = self._keep.journal()
        parts = tuple(
            StoredPart(
                i,
                one.part.kind.value,
                one.part.columns,
                one.part.key,
                sum(one.chunks),
                one.part.stamp is not None,
                one.part.options,
                one.fragment.access_path,
                one.path.name,
                one.chunks,
            )
            for i, one in enumerate(laid)
        )
        stored = StoredWrite(
            id,
            table.source,
            table.name,
            plan.mode,
            how.on_error,
            plan.rows,
            None if how.outcomes is None else str(Path(how.outcomes).absolute()),
            parts,
            time.time(),
        )
        journal.open(stored, unsent)
        runs = [
            PartRun(i, one.fragment, one.writer, ChunkFile(one.path)) for i, one in enumerate(laid)
        ]
        stopped = how.on_error == "stop" and _failed(unsent) > 0
        return self._send(stored, runs, plan, reading, how, terms, started, stopped=stopped)

    def _nothing_sent(
        self,
        id: str,
        plan: WritePlan,
        laid: list[_Laid],
        unsent: pa.Table,
        reading: QueryBill | None,
    ) -> WriteResult:
        """All or none, and a row can't be sent: none is."""
        files = [ChunkFile(one.path) for one in laid]
        rest = [
            not_sent(file.rows(chunk).positions, "another row can't be written, so none is")
            for file in files
            for chunk in range(file.chunks)
        ]
        outcomes = pa.concat_tables([unsent, *rest]).sort_by("position")
        bill = WriteBill(reading, Bill(), plan.write_estimate)
        inputs = _inputs(files, outcomes)
        return WriteResult(id, outcomes, inputs, bill, plan, False).raise_for_errors()

    def _send(
        self,
        stored: StoredWrite,
        parts: list[PartRun],
        plan: WritePlan,
        reading: QueryBill | None,
        how: How,
        terms: Terms,
        started: float,
        *,
        stopped: bool,
    ) -> WriteResult:
        journal = self._keep.journal()
        with held(journal.folder / f"{stored.id}.lock") as mine:
            if not mine:
                raise WriteRunning(
                    f"the write {stored.id} is under way in {journal.holder(stored.id)}",
                    remedy="Wait for it to end; con.writes() shows how far it is.",
                )
            journal.hold(stored.id)
            known = list(journal.outcomes(stored.id))
            file = (
                None if stored.outcomes_file is None else OutcomeFile(stored.outcomes_file, known)
            )
            timeout = terms.timeout(how.timeout)
            run = WriteRun(
                stored.id,
                stored.rows,
                parts,
                journal,
                stop_early=stored.on_error == "stop",
                stopped=stopped,
                meter=terms.meter(stored.source),
                deadline=None if timeout is None else started + timeout,
                outcomes=file,
                progress=how.progress,
                before=(sum(t.num_rows for t in known), sum(map(_failed, known))),
            )
            try:
                with self._watched(run), self._resumable(stored.id, how, started):
                    run.run()
            finally:
                if file is not None:
                    file.close()
            return self._ended(
                stored, parts, plan, WriteBill(reading, run.bill, plan.write_estimate)
            )

    def _ended(
        self, stored: StoredWrite, parts: list[PartRun], plan: WritePlan, bill: WriteBill
    ) -> WriteResult:
        journal = self._keep.journal()
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
            for part in stored.parts:
                (journal.folder / part.file).unlink(missing_ok=True)
        result = WriteResult(stored.id, table, inputs, bill, plan, bool(left))
        return result if stored.on_error == "continue" else result.raise_for_errors()

    # --- going on

    def resume(self, id: str, how: How, terms: Terms) -> WriteResult:
        """Do what is left of a write; see `Connection.resume`."""
        return self._go_on(self._keep.journal().demand(id), how, terms, time.monotonic())

    def listed(self) -> pa.Table:
        """The writes of the state folder, newest first."""
        return self._keep.journal().listed()

    def _known(self, how: How) -> StoredWrite | None:
        return None if how.write_id is None else self._keep.journal().find(how.write_id)

    def _go_on(self, stored: StoredWrite, how: How, terms: Terms, started: float) -> WriteResult:
        if how.outcomes is not None:
            stored = replace(stored, outcomes_file=how.outcomes)
        journal = self._keep.journal()
        if stored.source not in self._connection._connectors:
            raise UnknownName(
                f"the write {stored.id} is to the source {stored.source}, which this project "
                "does not have",
                remedy="Open the project that it was begun with.",
            )
        table = self._connection.catalog.table(stored.source, stored.table)
        self._permission.demand(table)
        writer = self._connection._connectors[stored.source].writer()
        fragments = [self._again(writer, table, part, stored) for part in stored.parts]
        plan = WritePlan(
            f"resume {stored.id}",
            f"{table.source}.{table.name}",
            stored.mode,
            tuple(fragments),
            None,
            stored.rows,
            "counted",
            stored.on_error,
            None,
            self._keep.lasting,
        )
        if stored.ended is not None or not journal.pending(stored.id):
            return self._ended(stored, [], plan, WriteBill(None, Bill(), Bill()))
        parts = [
            PartRun(part.number, fragment, writer, ChunkFile(journal.folder / part.file))
            for part, fragment in zip(stored.parts, fragments, strict=True)
        ]
        # A row that failed before has stopped it once; whoever resumes it has seen that.
        return self._send(stored, parts, plan, None, how, terms, started, stopped=False)

    def _again(
        self, writer: Writer, table: Table, part: StoredPart, stored: StoredWrite
    ) -> WriteFragment:
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
            )
        )
        if fragment.access_path != part.access_path:
            raise ConfigError(
                f"the write {stored.id} was begun by {part.access_path}, and would now go on by "
                f"{fragment.access_path}",
                remedy=f"Set the source {stored.source} up as it was when the write was begun.",
            )
        return fragment

    # --- inner

    def _table(self, path: Sequence[str], place: Any) -> Table:
        found = self._connection.catalog.resolve(path, place)
        if isinstance(found, View):
            raise Refused(
                f"{found.name} is a view, and only tables can be written",
                place=place,
                remedy="Name the table of a source, such as crm.Account.",
            )
        return self._connection.catalog.table(found.source, found.table)

    def _names(self, query: str, params: Parameters) -> tuple[str, ...]:
        described = self._connection.sql(f"DESCRIBE {query}", params).arrow()
        return tuple(described["column_name"].to_pylist())

    def _fragment(self, writer: Writer, part: Part, rows: int, how: How) -> WriteFragment:
        return writer.plan(part.request(rows, all_or_none=how.on_error == "all_or_none"))

    def _plan(
        self,
        text: str,
        table: Table,
        mode: str,
        fragments: tuple[WriteFragment, ...],
        reading: Plan | None,
        rows: int,
        basis: str,
        how: How,
        problems: pa.Table | None = None,
    ) -> WritePlan:
        refusal = None
        try:
            self._permission.demand(table)
        except Refused as error:
            refusal = str(error)
        return WritePlan(
            text,
            f"{table.source}.{table.name}",
            mode,
            fragments,
            reading,
            rows,
            basis,
            how.on_error,
            refusal,
            self._keep.lasting,
            problems,
        )

    def _tried(
        self,
        text: str,
        table: Table,
        how: How,
        laid: list[_Laid],
        unsent: pa.Table,
        rows: int,
        reading: Plan | None,
        mode: str | None = None,
    ) -> WritePlan:
        """The plan of a dry run: what is wrong with each row, as far as it can be seen."""
        found = [unsent.filter(pc.invert(unsent["success"]))]
        context = ReadContext(meter=self._terms().meter(table.source))
        for one in laid:
            file, request = ChunkFile(one.path), one.fragment.request
            for chunk in range(file.chunks):
                given = file.rows(chunk)
                found.append(one.writer.problems(request, given))
                found += one.writer.unknown_keys(request, given, context)
        problems = pa.concat_tables(found)
        first = problems.group_by("position", use_threads=False).aggregate(
            [(n, "first") for n in problems.schema.names if n != "position"]
        )
        problems = first.rename_columns(problems.schema.names).sort_by("position")
        fragments = tuple(one.fragment for one in laid)
        word = mode or (fragments[0].request.kind.value if len(fragments) == 1 else "merge")
        return self._plan(text, table, word, fragments, reading, rows, "counted", how, problems)

    def _terms(self) -> Terms:
        return self._connection._free_terms()

    def _new(self, how: How) -> tuple[str, Path]:
        return how.write_id or f"w-{uuid.uuid4().hex[:12]}", self._keep.journal().folder

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(
            prefix="isthmus-dry-", dir=self._connection._database.spill_folder
        ) as folder:
            yield Path(folder) / "rows"

    @contextlib.contextmanager
    def _cleared(self, folder: Path, id: str) -> Iterator[None]:
        """Leave no rows behind of a write that never began."""
        try:
            yield
        except BaseException:
            if self._keep.journal().find(id) is None:
                for file in folder.glob(f"{id}-*"):
                    file.unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _watched(self, run: WriteRun) -> Iterator[None]:
        """`Connection.interrupt` and `close` stop it."""
        runs, lock = self._connection._runs, self._connection._lock
        with lock:
            runs.add(run)
        try:
            yield
        finally:
            with lock:
                runs.discard(run)

    @contextlib.contextmanager
    def _resumable(self, id: str, how: How, started: float) -> Iterator[None]:
        """Say with every error how the write goes on."""
        try:
            yield
        except IsthmusError as error:
            if isinstance(error, DeadlineExceeded) and how.timeout is not None:
                error.message = f"the write's timeout of {how.timeout:g} s passed"
            rest = (
                f'What was not written waits: con.resume("{id}"), or isthmus writes resume {id}.'
                if self._keep.lasting
                else "There is no state folder (connect(state=...)): only this connection can go "
                f'on, by con.resume("{id}").'
            )
            error.remedy = rest if error.remedy is None else f"{error.remedy} {rest}"
            raise


def _mode(statement: WriteStatement) -> str:
    body = statement.body
    if isinstance(body, Insert):
        return "insert" if body.conflict is None else "upsert"
    if isinstance(body, Merge):
        return "merge"
    return "update" if isinstance(body, Update) else "delete"


def _kind(mode: str) -> WriteKind:
    try:
        return WriteKind(mode)
    except ValueError:
        modes = ", ".join(kind.value for kind in WriteKind)
        raise ParameterError(f"mode is {mode!r}", remedy=f"It may be {modes}.") from None


def _part(
    table: Table,
    mode: str,
    key: str | None,
    columns: tuple[str, ...],
    stamp: str | None,
    options: Sequence[str],
) -> Part:
    """The one part of rows that Python gives."""
    kind = _kind(mode)
    if kind is WriteKind.UPSERT and key is None:
        unique = ", ".join(k[0] for k in table.unique_keys if len(k) == 1)
        raise ParameterError(
            f"an upsert into {table.source}.{table.name} needs a key",
            remedy=f'Say which column tells the row: key="{unique.split(", ")[0]}".'
            if unique
            else "The table has no unique key; update it by its primary key.",
        )
    if kind in (WriteKind.UPDATE, WriteKind.DELETE):
        own = primary_key(table)
        if key is not None and spelt(table, key) != own:
            raise ParameterError(
                f"{mode} takes the key {own}, not {key}",
                remedy=f'Use mode="upsert", or SQL: UPDATE ... FROM ... WHERE ... = t.{key}.',
            )
        key = own
    found = insert_key(table, columns) if key is None else spelt(table, key)
    if found is not None and found not in columns:
        raise ParameterError(
            f"the rows do not have the key {found}",
            remedy=f"They have {', '.join(columns) or 'no column'}.",
        )
    if kind is WriteKind.DELETE and columns != (found,):
        more = ", ".join(c for c in columns if c != found)
        raise ParameterError(
            f"rows to delete have the columns {more} besides {found}",
            remedy=f"Give {found} alone.",
        )
    outputs = tuple(range(len(columns)))
    at = None if stamp is None else len(columns)
    return Part(table, kind, columns, found, outputs, at, options=frozenset(options))


def _stamp(writer: Writer, table: Table) -> str:
    key = primary_key(table)
    request = WriteRequest(table, WriteKind.DELETE, (key,), key, 1, if_unmodified=True)
    stamp = writer.plan(request).stamp
    if stamp is None:
        raise Refused(
            f"rows of {table.source}.{table.name} have no stamp of their last change",
            remedy="Write without if_unmodified.",
        )
    return stamp


def _demand_width(scene: Scene, reading: Reading, schema: pa.Schema) -> None:
    if len(schema) != reading.width:
        raise Refused(
            f"{scene.table.name} is given {reading.width} columns, and the query has {len(schema)}",
            place=scene.statement.place(scene.statement.target.span.start),
            remedy=f"The query's columns are {', '.join(schema.names)}.",
        )


def _demand_one_chunk(laid: list[_Laid]) -> None:
    calls = sum(len(one.chunks) for one in laid)
    if calls > 1:
        most = ", ".join(f"{one.fragment.chunk_rows:,}" for one in laid)
        raise Refused(
            f"{sum(sum(one.chunks) for one in laid):,} rows need {calls} steps, and the source "
            "can take back but one; nothing was written",
            remedy=f"At once go {most} rows of one kind of write. Write fewer, or use "
            "on_error='stop'.",
        )


def _failed(outcomes: pa.Table) -> int:
    good = int(pc.sum(outcomes["success"]).as_py() or 0)
    return int(outcomes.num_rows) - good


def _inputs(files: Sequence[ChunkFile], outcomes: pa.Table) -> pa.Table:
    """The input rows that failed, as far as they are on disk."""
    failed = outcomes.filter(pc.invert(outcomes["success"]))["position"]
    found = [pa.table({"position": pa.array([], pa.int64())})]
    if not len(failed):
        return found[0]
    for file in files:
        for chunk in range(file.chunks):
            rows = file.rows(chunk)
            mask = pc.is_in(rows.positions, failed.combine_chunks())
            if mask.true_count:
                table = pa.Table.from_batches([rows.records]).append_column(
                    "position", rows.positions
                )
                found.append(table.filter(mask))
    return joined(found)


@contextlib.contextmanager
def _placed(splice: Splice) -> Iterator[None]:
    """Errors tell the place in the user's text, not in ours."""
    try:
        yield
    except IsthmusError as error:
        splice.placed(error)
        raise
