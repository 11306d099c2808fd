"""Writing, for one connection: plan it, do it, go on with it, list what was done."""

from __future__ import annotations

import contextlib
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.connectors.contract import ReadContext
from isthmus.connectors.writing import WriteFragment
from isthmus.engine.ledger import Terms
from isthmus.engine.plan import Plan
from isthmus.engine.writes.dry_run import problems_of
from isthmus.engine.writes.from_data import DataRows
from isthmus.engine.writes.from_statement import StatementRows
from isthmus.engine.writes.hold import cleared, held
from isthmus.engine.writes.how import How
from isthmus.engine.writes.journal import StoredWrite
from isthmus.engine.writes.keep import Keep
from isthmus.engine.writes.laying import Input
from isthmus.engine.writes.permission import Permission
from isthmus.engine.writes.plan import WritePlan
from isthmus.engine.writes.result import WriteResult
from isthmus.engine.writes.returning import check_returning, returned
from isthmus.engine.writes.sending import Sending
from isthmus.engine.writes.target import writer_of
from isthmus.errors import ParameterError, Refused, UnknownName

if TYPE_CHECKING:
    from isthmus.engine.session import Session

__all__ = ["WriteRoom"]


class WriteRoom:
    """Writes over one connection.

    Args:
        connection: whose catalog, sources and budgets hold.
        keep: where the journal is.
        permission: what may be written.
    """

    def __init__(self, connection: Session, keep: Keep, permission: Permission) -> None:
        self._connection = connection
        self._keep = keep
        self._permission = permission

    def plan(
        self, rows: StatementRows | DataRows, how: How, terms: Terms, *, dry_run: bool = False
    ) -> WritePlan:
        """What a write would do on given terms; see `Connection.plan_write`."""
        if dry_run or (isinstance(rows, DataRows) and not isinstance(rows.data, str)):
            return self._tried(rows, how, terms, checked=dry_run)
        fragments, reading, count, basis = rows.planned(how, terms)
        if not reading.scans and reading.complete:
            return self._tried(rows, how, terms, checked=False)  # that costs no call either
        return self._planned(
            rows.text, rows.table, rows.mode, fragments, reading, count, basis, how
        )

    def run(self, rows: StatementRows | DataRows, how: How, terms: Terms) -> WriteResult:
        """Do a write; see `Connection.write`."""
        started = time.monotonic()
        self._permission.demand(rows.table)
        journal = self._keep.journal()
        id = how.write_id or f"w-{uuid.uuid4().hex[:12]}"
        with self._at(id):
            known = journal.find(id)
            if known is not None:
                _demand_same(known, rows)
                return self._go_on(known, how, terms, started)
            given = rows.read(journal.place(id) / "rows", how, terms)
            sending = Sending(self._connection, self._keep, how, terms, started)
            return sending.begin(id, given, self._plan_of(given, how))

    def prepare(self, rows: DataRows, how: How, terms: Terms) -> None:
        """Make a write ready under ``how.write_id``, and send nothing: `resume` does.

        Raises:
            DataError: a row can't be written, and none may be then.
        """
        self._permission.demand(rows.table)
        id = how.write_id
        assert id is not None
        with self._at(id):
            given = rows.read(self._keep.journal().place(id) / "rows", how, terms)
            sending = Sending(self._connection, self._keep, how, terms, time.monotonic())
            sending.prepare(id, given, self._plan_of(given, how))

    def run_statement(
        self, rows: StatementRows, how: How, terms: Terms
    ) -> tuple[WriteResult, pa.Table]:
        """Do what a statement says: what became of it, and the rows that it gives."""
        check_returning(rows.statement, rows.table, rows.deletes)
        result = self.run(rows, how, terms)
        if rows.statement.returning is None:
            return result, result.outcomes
        return result, returned(self._connection, rows.statement, rows.table, result, terms)

    def resume(self, id: str, how: How, terms: Terms) -> WriteResult:
        """Do what is left of a write; see `Connection.resume`."""
        started = time.monotonic()
        self._keep.journal().demand(id)
        with self._at(id):
            return self._go_on(self._keep.journal().demand(id), how, terms, started)

    def listed(self) -> pa.Table:
        """The writes of the state folder, newest first."""
        return self._keep.journal().listed()

    def _go_on(self, stored: StoredWrite, how: How, terms: Terms, started: float) -> WriteResult:
        if stored.source not in self._connection._connectors:
            raise UnknownName(
                f"the write {stored.id} is to the source {stored.source}, which this project "
                "does not have",
                remedy="Open the project that it was begun with.",
            )
        table = self._connection.catalog.table(stored.source, stored.table)
        self._permission.demand(table)
        writer = writer_of(self._connection, table)
        return Sending(self._connection, self._keep, how, terms, started).go_on(
            stored, table, writer
        )

    def _tried(
        self, rows: StatementRows | DataRows, how: How, terms: Terms, *, checked: bool
    ) -> WritePlan:
        """The plan of rows that are read for it, and thrown away."""
        spill = self._connection._database.spill_folder
        with tempfile.TemporaryDirectory(prefix="isthmus-dry-", dir=spill) as folder:
            given = rows.read(Path(folder) / "rows", how, terms)
            problems = None
            if checked:
                looking = self._connection._free_terms()  # the write itself does not look
                context = ReadContext(meter=looking.meter(given.table.source))
                problems = problems_of(given, context)
            return self._plan_of(given, how, problems)

    def _plan_of(self, given: Input, how: How, problems: pa.Table | None = None) -> WritePlan:
        return self._planned(
            given.text,
            given.table,
            given.mode,
            tuple(one.fragment for one in given.laid),
            None if given.read is None else given.read.plan,
            given.rows,
            "counted",
            how,
            problems,
        )

    def _planned(
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

    @contextlib.contextmanager
    def _at(self, id: str) -> Iterator[None]:
        """Hold a write's place; its rows stay there only while something is left to do.

        Raises:
            WriteRunning: another does.
        """
        journal = self._keep.journal()
        place = journal.place(id)
        with held(place):
            try:
                yield
            finally:
                known = journal.find(id)
                done = known is None or known.ended is not None
                if done:
                    cleared(place)


def _demand_same(known: StoredWrite, rows: StatementRows | DataRows) -> None:
    """Refuse to take another write's name."""
    if (known.source, known.table, known.mode) != (rows.table.source, rows.table.name, rows.mode):
        raise ParameterError(
            f"the write {known.id} was: {known.mode} {known.source}.{known.table}",
            remedy="Give another write another write_id.",
        )
