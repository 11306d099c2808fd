"""What a connection can do about writes: the methods that a user calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from isthmus.engine.budget import budget_of
from isthmus.engine.result import Result
from isthmus.engine.session import Parameters, Session
from isthmus.engine.writes.from_data import DataRows
from isthmus.engine.writes.from_statement import StatementRows
from isthmus.engine.writes.how import how_of
from isthmus.engine.writes.plan import WritePlan
from isthmus.engine.writes.result import WriteResult
from isthmus.engine.writes.run import WriteProgress
from isthmus.engine.writes.statement import write_in
from isthmus.errors import QueryError

__all__ = ["Writing"]


class Writing(Session):
    """Writes, with a journal."""

    def write(
        self,
        table: str,
        data: Any,
        *,
        mode: str = "insert",
        key: str | None = None,
        on_error: str = "stop",
        outcomes: str | os.PathLike[str] | None = None,
        if_unmodified_since: str | None = None,
        options: Sequence[str] = (),
        write_id: str | None = None,
        progress: Callable[[WriteProgress], None] | None = None,
        timeout: float | None = None,
        max_calls: int | None = None,
    ) -> WriteResult:
        """Write rows to a table, each with its outcome.

        Args:
            table: such as ``crm.Account``.
            data: an Arrow table, batch or reader, a pandas or Polars frame, dicts, a `Result`, or
                the text of a query. A key that a dict does not have leaves the column alone; None
                sets it to null. A column ``Account.External_Id__c`` names a parent by its key.
            mode: ``insert``, ``update``, ``upsert`` or ``delete``.
            key: for an upsert, the unique column that tells the row; an update or delete goes by
                the primary key.
            on_error: ``stop``: a failed row keeps what was not begun from being sent, and
                `WriteFailed` is raised; ``continue``: every row is tried, and the result tells;
                ``all_or_none``: nothing is written unless all is, where one call holds it.
            outcomes: a file, .csv or .jsonl, to which outcomes are written as they come.
            if_unmodified_since: the column of the data that holds each row's ``SystemModstamp``
                as it was read; a row that was changed since is not written.
            options: the source's own ways of writing, such as ``bulk``.
            write_id: a name for the write; if the state folder knows it, that write goes on, so
                that a program that is started again writes nothing twice.
            progress: called with `WriteProgress` after each chunk.
            timeout: seconds for all of it; what is not written then can be resumed.
            max_calls: calls that it may make.

        Raises:
            Refused: the table may not be written, or not so.
            DataError: two rows mean the same row of the table; nothing was written.
            WriteFailed: a row was not written; the error's ``result`` has every outcome.
            BudgetExceeded: it is predicted to cost more than a budget allows.
            SourceUnavailable, Cancelled: it was broken off; ``resume`` goes on.
        """
        self._check_open()
        terms = self._ledger.terms(budget_of({"max_calls": max_calls}, "the write"))
        how = how_of(on_error, outcomes, progress, timeout, write_id)
        rows = DataRows.of(self, table, data, mode, key, if_unmodified_since, options)
        return self._writing().run(rows, how, terms)

    def plan_write(
        self,
        table: str,
        data: Any = None,
        *,
        mode: str = "insert",
        key: str | None = None,
        on_error: str = "stop",
        if_unmodified_since: str | None = None,
        options: Sequence[str] = (),
        params: Parameters = None,
        max_calls: int | None = None,
        dry_run: bool = False,
    ) -> WritePlan:
        """What a write would do, at no call that writes.

        Without `dry_run` no data call is made either: how many rows a query gives is a guess
        then. With it, the sources are read, and `WritePlan.problems` has each row that would fail
        as far as that can be seen before it is sent: types, lengths, required columns, values
        that a list does not have, keys of rows that are not there.

        Args:
            table: as for `write`; or a statement that writes, and no data.
            data: as for `write`; an iterator is used up.
            mode: as for `write`, as are the next ones.
            key: as for `write`.
            on_error: as for `write`.
            if_unmodified_since: as for `write`.
            options: as for `write`.
            params: of the statement.
            max_calls: as for `write`: it may make the rows go another way.
            dry_run: whether rows are read and checked.

        Raises:
            QueryError: it can't be done so.
        """
        self._check_open()
        room, how = self._writing(), how_of(on_error)
        terms = self._ledger.terms(budget_of({"max_calls": max_calls}, "the write"))
        if data is None:
            statement = write_in(table, self._database)
            if statement is None:
                raise QueryError(
                    "there are no rows to write",
                    remedy='Write con.plan_write("crm.Account", rows), or give a statement such '
                    "as INSERT INTO ...",
                )
            stated = StatementRows.of(self, statement, params, how)
            return room.plan(stated, how, terms, dry_run=dry_run)
        rows = DataRows.of(self, table, data, mode, key, if_unmodified_since, options)
        return room.plan(rows, how, terms, dry_run=dry_run)

    def resume(
        self,
        write_id: str,
        *,
        outcomes: str | os.PathLike[str] | None = None,
        progress: Callable[[WriteProgress], None] | None = None,
        timeout: float | None = None,
        max_calls: int | None = None,
    ) -> WriteResult:
        """Go on with a write that was broken off, or stopped at a failed row.

        What may have arrived is looked for in the source before anything is sent again.

        Raises:
            UnknownName: the state folder knows no such write.
            WriteRunning: another process is at work on it.
            WriteFailed: as for `write`.
        """
        self._check_open()
        terms = self._ledger.terms(budget_of({"max_calls": max_calls}, "the write"))
        how = how_of("stop", outcomes, progress, timeout)
        return self._writing().resume(write_id, how, terms)

    def writes(self) -> Result:
        """The writes that the state folder knows, newest first."""
        self._check_open()
        return self._given("writes", self._writing().listed())
