"""The front door: a project, its sources and one locked DuckDB, asked by SQL."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from isthmus.catalog.budget import Budget
from isthmus.catalog.catalog import Catalog
from isthmus.catalog.project import Project, SourceConfig, load_project
from isthmus.catalog.timezone import check_time_zone
from isthmus.connectors.contract import Bill, Connector, Finding
from isthmus.connectors.kinds import KINDS, make
from isthmus.engine import builtin, faults
from isthmus.engine._duckdb_scan import register
from isthmus.engine.budget import budget_of
from isthmus.engine.builtin import Builtin
from isthmus.engine.database import Database
from isthmus.engine.jobs.job import Job
from isthmus.engine.jobs.model import Callback, Retry
from isthmus.engine.jobs.room import Jobs
from isthmus.engine.jobs.worker import LEASE_SECONDS, Worker
from isthmus.engine.ledger import Ledger, Terms
from isthmus.engine.parameters import checked
from isthmus.engine.plan import Plan, PlannedScan
from isthmus.engine.planner import plan_scans
from isthmus.engine.resolve import Occurrence, Resolved, resolve
from isthmus.engine.result import Result
from isthmus.engine.run import Run
from isthmus.engine.scan import Scan
from isthmus.engine.state import AUTO, StateFolder, find_folder
from isthmus.engine.sync.book import RUNS, SyncBook
from isthmus.engine.sync.result import SyncPlan, SyncRun
from isthmus.engine.sync.room import SyncRoom
from isthmus.engine.sync.serving import ServedSyncs
from isthmus.engine.sync.sync import OnProgress
from isthmus.engine.syntax import Statement, parse
from isthmus.engine.writes.from_data import DataRows
from isthmus.engine.writes.from_statement import StatementRows
from isthmus.engine.writes.how import How
from isthmus.engine.writes.keep import Keep
from isthmus.engine.writes.permission import AllowWrites, Permission
from isthmus.engine.writes.plan import WritePlan
from isthmus.engine.writes.result import WriteResult
from isthmus.engine.writes.room import WriteRoom
from isthmus.engine.writes.run import WriteProgress, WriteRun
from isthmus.engine.writes.statement import WriteStatement, write_in
from isthmus.errors import ConfigError, IsthmusError, QueryError

__all__ = ["Connection", "connect"]

Parameters = Sequence[Any] | Mapping[str, Any] | None


def connect(
    project: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    *,
    time_zone: str | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
    state: StateFolder = AUTO,
    budget: Budget | Mapping[str, float | None] | None = None,
    allow_writes: AllowWrites = None,
) -> Connection:
    """Open a project.

    Args:
        project: a path to an ``isthmus.toml``, a folder that holds one, a dict of the same
            shape, or None for the nearest one from the current folder upwards.
        time_zone: IANA name of the session's zone; else the project's, ``TZ``, the machine's.
        memory_limit: of the joining DuckDB, such as ``2GB``; more spills to disk.
        threads: of the joining DuckDB.
        state: the folder where statistics and the calls of the day are kept; by default
            ``$ISTHMUS_STATE`` (``off`` for none) or the platform's own place; None for none.
        budget: what all queries together may cost: ``max_calls``, ``max_rows``, ``max_bytes``.
        allow_writes: what may be written: True for every table, False for none, or names such
            as ``["crm", "hr.Employee"]``; None leaves it to the project file, which allows
            nothing unless it says so.

    Raises:
        ConfigError: the project file is wrong; the message has its line and the remedy.
    """
    return Connection(
        load_project(project, kinds=KINDS),
        time_zone=time_zone,
        memory_limit=memory_limit,
        threads=threads,
        state=state,
        budget=budget,
        allow_writes=allow_writes,
    )


class Connection:
    """A session over a project. Safe to use from several threads; each query runs on its own.

    Args:
        project: the loaded project.
        pushdown: False reads whole tables and lets DuckDB do everything: the second of the
            three answers of the differential proof.
        prefer: ``keys``, ``lookups`` or ``children`` takes every step that a plan may, whatever
            it costs: for the differential proof.
        state: as for `connect`; nothing is remembered unless it is given.
    """

    def __init__(
        self,
        project: Project,
        *,
        time_zone: str | None = None,
        memory_limit: str | None = None,
        threads: int | None = None,
        pushdown: bool = True,
        prefer: str | None = None,
        connectors: Mapping[str, Connector] | None = None,
        state: StateFolder = None,
        budget: Budget | Mapping[str, float | None] | None = None,
        allow_writes: AllowWrites = None,
    ) -> None:
        settings = project.settings
        zone = check_time_zone(time_zone or settings.time_zone)
        self.project = project
        self._connectors: dict[str, Connector] = {s.name: make(s) for s in project.sources}
        self._connectors.update(connectors or {})
        self._folder = find_folder(state)
        self._ledger = Ledger(
            project.sources,
            self._connectors,
            self._folder,
            project.budget,
            budget_of(budget, "budget"),
        )
        self._syncs = SyncBook(self._folder)
        self._connectors[builtin.NAME] = Builtin({"sync_runs": (RUNS, self._syncs.table)})
        self.catalog = Catalog(project, self._connectors)
        self._database = Database(
            time_zone=zone,
            memory_limit=memory_limit or settings.memory_limit,
            threads=threads or settings.threads,
            temp_directory=settings.temp_directory,
        )
        self._pushdown = pushdown
        self._prefer = prefer
        self._runs: set[Run | WriteRun] = set()
        self._lock = threading.Lock()
        self._keep = Keep(self._folder)
        self._permission = Permission.of(allow_writes, project)
        self._owner: Connection | None = None
        self._jobs: Jobs | None = None
        self._closed = False

    # --- asking

    def sql(
        self,
        text: str,
        params: Parameters = None,
        *,
        timeout: float | None = None,
        max_calls: int | None = None,
        max_rows: int | None = None,
        max_bytes: int | None = None,
        max_seconds: float | None = None,
        on_error: str = "stop",
        outcomes: str | os.PathLike[str] | None = None,
        if_unmodified: bool = False,
        write_id: str | None = None,
        progress: Callable[[WriteProgress], None] | None = None,
    ) -> Result:
        """Bind and plan a query; its rows are read when the result is.

        A statement that writes (INSERT, UPDATE, DELETE, MERGE) is carried out at once, where
        `allow_writes` or the project file allows it. Its rows are one outcome for each row of its
        input, or what RETURNING says; `Result.write` has more.

        Args:
            text: one query in DuckDB's SQL over the catalog's tables and views, or one such
                statement.
            params: a list for ``?`` and ``$1``, a dict for ``$name``.
            timeout: seconds the whole run may take.
            max_calls: data calls that it may make, repeated ones included.
            max_rows: rows that sources may send for it.
            max_bytes: bytes that they may send.
            max_seconds: as `timeout`, but a query that is predicted to take longer is refused.
            on_error: of a statement that writes; as for `write`.
            outcomes: as for `write`.
            if_unmodified: rows of an UPDATE, DELETE or MERGE that somebody has changed since they
                were read are not written; their outcome says so.
            write_id: as for `write`.
            progress: as for `write`.

        Raises:
            QueryError: the text is wrong or not allowed; the place is in the message.
            BudgetExceeded: it is predicted to cost more than a budget allows.
            WriteFailed: a row was not written.
        """
        self._check_open()
        bounds = {
            "max_calls": max_calls,
            "max_rows": max_rows,
            "max_bytes": max_bytes,
            "max_seconds": max_seconds,
        }
        terms = self._ledger.terms(budget_of(bounds, "the query"))
        writing = write_in(text, self._database)
        if writing is not None:
            how = _how(on_error, outcomes, progress, timeout, write_id, if_unmodified)
            return self._written(writing, params, how, terms)
        statement = parse(text, self._database)
        if statement.prefix == "SHOW TABLES":
            return self._given(text, self._tables())
        if statement.prefix.startswith("EXPLAIN"):
            plan = self.explain(
                statement.body, params, analyze=statement.prefix.endswith("ANALYZE")
            )
            return self._given(text, pa.table({"plan": str(plan).split("\n")}))
        return self._query(statement, params, timeout, terms)

    def explain(
        self, text: str, params: Parameters = None, *, analyze: bool = False
    ) -> Plan | WritePlan:
        """What a query would send where, and why, without a data call.

        For a statement that writes: its `WritePlan`, as `plan_write` gives it.

        Args:
            text: the query, as for `sql`.
            params: as for `sql`.
            analyze: run it too, and set the actual bills beside the predicted ones.
        """
        self._check_open()
        writing = write_in(text, self._database)
        if writing is not None:
            return self._writing().plan(StatementRows.of(self, writing, params, How()), How())
        statement = parse(text, self._database)
        if not analyze and not statement.prefix:
            return self._query(statement, params, None, None).plan
        result = self.sql(text, params)
        if not analyze:
            return result.plan
        for _ in result.reader():
            pass
        run = result._run
        assert run is not None
        return replace(result.plan, actual=run.actual)

    def check(self) -> list[Finding]:
        """Try each source as a user would."""
        self._check_open()
        plain = [f for s in self.project.sources for f in _plain_secrets(s)]
        tried = [
            replace(finding, subject=f"{name}: {finding.subject}")
            for name, connector in self._connectors.items()
            for finding in connector.check()
        ]
        return plain + tried

    # --- writing

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
        how = _how(on_error, outcomes, progress, timeout, write_id)
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
            dry_run: whether rows are read and checked.

        Raises:
            QueryError: it can't be done so.
        """
        self._check_open()
        room, how = self._writing(), _how(on_error)
        if data is None:
            statement = write_in(table, self._database)
            if statement is None:
                raise QueryError(
                    "there are no rows to write",
                    remedy='Write con.plan_write("crm.Account", rows), or give a statement such '
                    "as INSERT INTO ...",
                )
            stated = StatementRows.of(self, statement, params, how)
            return room.plan(stated, how, dry_run=dry_run)
        rows = DataRows.of(self, table, data, mode, key, if_unmodified_since, options)
        return room.plan(rows, how, dry_run=dry_run)

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
        how = _how("stop", outcomes, progress, timeout)
        return self._writing().resume(write_id, how, terms)

    def writes(self) -> Result:
        """The writes that the state folder knows, newest first."""
        self._check_open()
        return self._given("writes", self._writing().listed())

    def _writing(self) -> WriteRoom:
        return WriteRoom(self, self._keep, self._permission)

    def _written(
        self, statement: WriteStatement, params: Parameters, how: How, terms: Terms
    ) -> Result:
        room, rows = self._writing(), StatementRows.of(self, statement, params, how)
        if statement.explained:
            plan = room.plan(rows, how)
            return self._given(statement.text, pa.table({"plan": str(plan).split("\n")}))
        written, table = room.run_statement(rows, how, terms)
        result = self._given(statement.text, table)
        result.write = written
        return result

    def _free_terms(self) -> Terms:
        """Terms on which the project's and the connection's own budgets hold."""
        return self._ledger.terms(Budget())

    # --- syncs

    def sync(
        self,
        what: str,
        *,
        to: str | Mapping[str, Any] | None = None,
        name: str | None = None,
        mode: str | None = None,
        key: str | Sequence[str] | None = None,
        cursor: str | None = None,
        overlap: str | float | None = None,
        lag: str | float | None = None,
        deletes: str | None = None,
        reconcile: str | float | None = None,
        refresh: Mapping[str, str | float] | None = None,
        drift: Mapping[str, str] | None = None,
        rows_per_part: int | None = None,
        direction: str | None = None,
        most_deletes: float | None = None,
        rejected: str | None = None,
        options: Sequence[str] | None = None,
        full: bool = False,
        on_progress: OnProgress | None = None,
        max_calls: int | None = None,
        max_rows: int | None = None,
        max_bytes: int | None = None,
    ) -> SyncRun:
        """Bring a copy up to now: of a table, a view or any query.

        A run that was broken off, however, is taken up by the next one of the same sync.

        Args:
            what: the name of a sync of the project; or, with `to`, a table or a query.
            to: where to, such as ``duckdb:copy.duckdb#account``, or a table of the same keys as
                in the project file.
            name: tells this sync from others; made of `what` and `to`, if not said.
            mode: ``full`` or ``incremental``; this and the next ones as in the project file.
            key: what tells rows apart.
            cursor: the column that moves with each change.
            overlap: how far back a run reads again.
            lag: how far before now it ends.
            deletes: ``apply``, ``mark`` or ``ignore``.
            reconcile: how often all keys are compared.
            refresh: how often columns that move no cursor are read whole.
            drift: what is done when columns change.
            rows_per_part: how many rows are fetched between two safe points.
            direction: ``in``: `to` is a table of a source, such as ``crm.Account``, whose rows
                are brought up to those of the query; `key` is its unique column.
            most_deletes: of a sync in, as in the project file; as are the next two.
            rejected: the file of rows that were not written.
            options: the source's own ways of writing.
            full: make the copy anew; of a sync in: send every row again.
            on_progress: told how far it is.
            max_calls: data calls that it may make, repeated ones included.
            max_rows: rows that sources may send for it.
            max_bytes: bytes that they may send.

        Raises:
            SyncRunning: another run of it has not ended; the message names it.
            ConfigError: it can't be copied so, or there is no state folder.
            BudgetExceeded: it is predicted to cost more than a budget allows, or did.
        """
        self._check_open()
        bounds = {"max_calls": max_calls, "max_rows": max_rows, "max_bytes": max_bytes}
        terms = self._ledger.terms(budget_of(bounds, "the sync"))
        given = {
            "to": to,
            "name": name,
            "mode": mode,
            "key": key,
            "cursor": cursor,
            "overlap": overlap,
            "lag": lag,
            "deletes": deletes,
            "reconcile": reconcile,
            "refresh": refresh,
            "drift": drift,
            "rows_per_part": rows_per_part,
            "direction": direction,
            "most_deletes": most_deletes,
            "rejected": rejected,
            "options": None if options is None else list(options),
        }
        room = self._sync_room()
        return room.run(room.spec(what, given), full=full, terms=terms, on_progress=on_progress)

    def plan_sync(self, what: str, *, full: bool = False, **given: Any) -> SyncPlan:
        """What the next run of a sync would do, with its bill. No data call is made.

        Args:
            what: as for `sync`.
            full: as for `sync`.
            given: the other arguments of `sync` that say what is copied how.

        Raises:
            ConfigError: it can't be copied so, or there is no state folder.
        """
        self._check_open()
        room = self._sync_room()
        return room.plan(room.spec(what, given), full=full, terms=self._free_terms())

    def serve_syncs(self, told: Callable[[str], object] = print) -> ServedSyncs:
        """The syncs of the project that have a schedule; ``.serve()`` runs them at their times.

        Args:
            told: called with a line for each run that begins, ends, fails or is left out.

        Raises:
            ConfigError: no sync has a schedule.
        """
        self._check_open()
        return ServedSyncs(self, self._syncs, told)

    def connector(self, source: str) -> Connector:
        """What reads a source."""
        return self._connectors[source]

    def sources_of(self, text: str) -> tuple[str, ...]:
        """The sources that a query reads, each once."""
        resolved = resolve(parse(text, self._database), self.catalog, self._database)
        return tuple(dict.fromkeys(o.table.source for o in resolved.occurrences))

    def asked(self, text: str, terms: Terms | None, params: Parameters = None) -> Result:
        """A query's result on given terms; without any it is only looked at."""
        return self._query(parse(text, self._database), params, None, terms)

    def _sync_room(self) -> SyncRoom:
        return SyncRoom(self, self._folder, self._syncs)

    # --- jobs

    def submit(
        self,
        text: str,
        params: Parameters = None,
        *,
        callback: str | Callback | None = None,
        priority: int = 0,
        retry: Retry | None = None,
        keep: float | None = None,
        user: str | None = None,
        here: bool | None = None,
        on_error: str | None = None,
        timeout: float | None = None,
        max_calls: int | None = None,
        max_rows: int | None = None,
        max_bytes: int | None = None,
        max_seconds: float | None = None,
    ) -> Job:
        """Have a statement run as a job, which outlives this process.

        Args:
            text: as for `sql`; it is planned now, so that its mistakes show at once.
            params: as for `sql`; they are kept in the state folder until the job is forgotten.
            callback: a URL that gets a POST when the job has ended; a `Callback` signs it.
            priority: higher goes first.
            retry: how often it is tried where a failure may pass.
            keep: seconds for which the result is kept; a week, if not said.
            user: whose limits count; the system's user, if not said.
            here: whether a worker of this process does it; if not said, only where no other
                worker of the project is alive. It ends with the connection, and the job goes on
                with the next one.
            on_error: of a statement that writes, as for `write`. The write bears the job's id;
                another attempt goes on with it.
            timeout: as for `sql`, of each attempt; so are the budgets.
            max_calls: of each attempt.
            max_rows: of each attempt.
            max_bytes: of each attempt.
            max_seconds: of each attempt.

        Raises:
            QueryError: the text is wrong or not allowed.
            ConfigError: there is no state folder.
        """
        self._check_open()
        self.explain(text, params)
        bounds = {
            "on_error": on_error,
            "timeout": timeout,
            "max_calls": max_calls,
            "max_rows": max_rows,
            "max_bytes": max_bytes,
            "max_seconds": max_seconds,
        }
        return self._job_room().submit(
            text,
            params,
            callback=callback,
            priority=priority,
            retry=retry,
            keep=keep,
            user=user,
            bounds=bounds,
            here=here,
        )

    def job(self, id: str) -> Job:
        """The job of that id, whoever has submitted it."""
        self._check_open()
        return self._job_room().find(id)

    def jobs(self, state: str | None = None) -> Result:
        """The project's jobs, newest first; only those ``queued``, ``running``, ... if said."""
        self._check_open()
        return self._given("jobs", self._job_room().table(state))

    def start_worker(self, threads: int = 1, lease: float = LEASE_SECONDS) -> Worker:
        """Do jobs of this project in this process, until the connection is closed.

        Args:
            threads: how many run at once.
            lease: seconds after which its jobs are begun again if this process dies.
        """
        self._check_open()
        return self._job_room().start_worker(threads, lease)

    def _job_room(self) -> Jobs:
        root = self
        while root._owner is not None:
            root = root._owner
        with root._lock:
            if root._jobs is None:
                identities = [c.identity for c in self._connectors.values()]
                root._jobs = Jobs(root, self.project, self._folder, identities)
            return root._jobs

    # --- the session

    @property
    def time_zone(self) -> str:
        """The session's zone: it governs casts and `current_date`, never which instant is meant."""
        return self._database.time_zone

    @time_zone.setter
    def time_zone(self, name: str) -> None:
        self._database.time_zone = check_time_zone(name)

    def cursor(self) -> Connection:
        """A second session over the same catalog, sources and DuckDB, interrupted on its own."""
        self._check_open()
        twin = object.__new__(Connection)
        twin.__dict__.update(self.__dict__)
        twin._runs, twin._lock, twin._owner = set(), threading.Lock(), self
        return twin

    def interrupt(self) -> None:
        """Stop every query of this connection; their readers get `Cancelled`."""
        with self._lock:
            runs = list(self._runs)
        for run in runs:
            run.cancel()

    def close(self) -> None:
        """Stop what runs, close the sources, drop DuckDB. Closing twice is allowed."""
        if self._closed:
            return
        self._closed = True
        if self._owner is None and self._jobs is not None:
            self._jobs.close()
        with self._lock:
            runs = list(self._runs)
        for run in runs:
            run.cancel()
            run.close()
        if self._owner is None:
            for connector in self._connectors.values():
                with contextlib.suppress(IsthmusError):
                    connector.close()
            self._database.close()
            self._ledger.close()
            self._syncs.close()
            self._keep.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        names = [source.name for source in self.catalog.sources]
        return f"<isthmus.Connection {', '.join(names) or 'without sources'}>"

    # --- inner

    def _query(
        self,
        statement: Statement,
        params: Parameters,
        timeout: float | None,
        terms: Terms | None,
    ) -> Result:
        """The result, not read yet; without terms it is only looked at, and never refused."""
        before = self._metadata_spent()
        resolved = resolve(statement, self.catalog, self._database)
        if statement.prefix in ("DESCRIBE", "SUMMARIZE"):
            resolved.sql = f"{statement.prefix} SELECT * FROM ({resolved.sql}\n)"
        self._check_hints(resolved)
        parameters = checked(params)
        planned, text = self._plan(resolved, parameters), statement.text
        plan = Plan(
            text,
            planned,
            self.time_zone,
            tuple(v.name for v in resolved.views),
            complete=not resolved.dynamic_pivot,
        )
        if terms is not None:
            terms.demand(plan)

        def make_run() -> Run:
            if terms is None:
                return _never()
            terms.demand(plan)  # other queries may have spent since
            return self._make_run(resolved, parameters, planned, timeout, terms)

        return Result(plan, make_run, self._forget, self._metadata_spent() - before)

    def _plan(self, resolved: Resolved, parameters: Any) -> tuple[PlannedScan, ...]:
        if resolved.dynamic_pivot:
            return ()  # even EXPLAIN would read data to find the columns
        cursor = self._database.cursor()
        try:
            scans = self._register(cursor, resolved, None)
            return plan_scans(
                cursor,
                resolved,
                parameters,
                scans,
                rules=self._pushdown,
                prefer=self._prefer,
                zone=self.time_zone,
            )
        except duckdb.Error as error:
            raise faults.translate(error, resolved) from error
        finally:
            cursor.close()

    def _make_run(
        self,
        resolved: Resolved,
        parameters: Any,
        planned: tuple[PlannedScan, ...],
        timeout: float | None,
        terms: Terms,
    ) -> Run:
        self._check_open()
        cursor = self._database.cursor()
        folder = self._database.spill_folder
        run = Run(cursor, resolved, parameters, self._connectors, timeout, folder, terms)
        try:
            scans = self._register(cursor, resolved, run)
            if resolved.reads_clock:
                # One transaction has one `now()`: planned and run, its filters are the same.
                cursor.execute("BEGIN TRANSACTION")
                planned = plan_scans(
                    cursor,
                    resolved,
                    parameters,
                    scans,
                    rules=self._pushdown,
                    prefer=self._prefer,
                    zone=self.time_zone,
                )
        except duckdb.Error as error:
            raise faults.translate(error, resolved) from error
        run.planned = planned
        with self._lock:
            self._runs.add(run)
        return run

    def _check_hints(self, resolved: Resolved) -> None:
        """Refuse a hint that no source of the query knows: it would be lost in silence."""
        connectors = [self._connectors[o.table.source] for o in resolved.occurrences]
        known = {option for c in connectors for option in c.scan_options}
        for hint in sorted(resolved.hints - known):
            raise QueryError(
                f"no source of this query knows the hint {hint!r}",
                remedy=f"Known here: {', '.join(sorted(known)) or 'none'}. "
                "Hints are written as /*+ word */.",
            )

    def _register(
        self, cursor: duckdb.DuckDBPyConnection, resolved: Resolved, run: Run | None
    ) -> list[Scan]:
        scans = []
        for occurrence in resolved.occurrences:
            connector = self._connectors[occurrence.table.source]
            scan = Scan(
                occurrence,
                connector,
                self._estimate(occurrence),
                _no_rows if run is None else run.open_scan,
                push=self._pushdown,
                options=resolved.hints & connector.scan_options,
            )
            register(cursor, occurrence.scan_name, scan)
            scans.append(scan)
        return scans

    def _estimate(self, occurrence: Occurrence) -> int | None:
        count = self.catalog.row_count(occurrence.table)
        return None if count is None else count.rows

    def _metadata_spent(self) -> Bill:
        return sum((c.metadata_bill for c in self._connectors.values()), Bill())

    def _forget(self, run: Run) -> None:
        with self._lock:
            self._runs.discard(run)

    def _given(self, text: str, table: pa.Table) -> Result:
        result = Result(Plan(text, (), self.time_zone), _never, self._forget)
        result._table = table
        return result

    def _tables(self) -> pa.Table:
        names = [source.name for source in self.catalog.sources]
        rows = [(s, t.name) for s in names for t in self.catalog.tables(s)]
        rows += [("main", v.name) for v in self.catalog.views]
        schema = pa.schema([("schema", pa.string()), ("name", pa.string())])
        return pa.Table.from_pylist([{"schema": s, "name": n} for s, n in rows], schema)

    def _check_open(self) -> None:
        if self._closed or (self._owner is not None and self._owner._closed):
            raise ConfigError("the connection is closed", remedy="Open a new one: connect(...).")


def _how(
    on_error: str,
    outcomes: str | os.PathLike[str] | None = None,
    progress: Callable[[WriteProgress], None] | None = None,
    timeout: float | None = None,
    write_id: str | None = None,
    if_unmodified: bool = False,
) -> How:
    file = None if outcomes is None else os.fspath(outcomes)
    return How(on_error, file, progress, timeout, write_id, if_unmodified)


def _no_rows(*_: Any) -> Any:
    raise AssertionError("planning reads no data")


def _never() -> Run:
    raise AssertionError("the rows of this result are known")


def _plain_secrets(source: SourceConfig) -> list[Finding]:
    """A secret that stands in the project file itself: it works, but a check warns of it."""
    return [
        Finding(
            source.name,
            False,
            f"{key} is written in the project file",
            f'Write {key} = "env:NAME" or "keyring:NAME" instead.',
        )
        for key in source.plain_secrets
    ]
