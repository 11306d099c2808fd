"""A project, its sources and one locked DuckDB, asked by SQL: what all of a connection shares."""

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
from isthmus.catalog.project import Project, SourceConfig
from isthmus.catalog.timezone import check_time_zone
from isthmus.connectors.contract import Bill, Connector, Finding
from isthmus.connectors.kinds import make
from isthmus.engine import builtin, faults
from isthmus.engine._duckdb_scan import register
from isthmus.engine.budget import budget_of
from isthmus.engine.builtin import Builtin
from isthmus.engine.database import Database
from isthmus.engine.ledger import Ledger, Terms
from isthmus.engine.parameters import checked
from isthmus.engine.plan import Plan, PlannedScan
from isthmus.engine.planner import plan_scans
from isthmus.engine.resolve import Occurrence, Resolved, resolve
from isthmus.engine.result import Result
from isthmus.engine.run import Run
from isthmus.engine.scan import Scan
from isthmus.engine.state import StateFolder, find_folder
from isthmus.engine.sync.book import RUNS, SyncBook
from isthmus.engine.syntax import Statement, parse
from isthmus.engine.writes.from_statement import StatementRows
from isthmus.engine.writes.how import How, how_of
from isthmus.engine.writes.keep import Keep
from isthmus.engine.writes.permission import AllowWrites, Permission
from isthmus.engine.writes.plan import WritePlan
from isthmus.engine.writes.room import WriteRoom
from isthmus.engine.writes.run import WriteProgress, WriteRun
from isthmus.engine.writes.statement import WriteStatement, write_in
from isthmus.errors import ConfigError, IsthmusError, QueryError

__all__ = ["Parameters", "Session"]

Parameters = Sequence[Any] | Mapping[str, Any] | None


class Session:
    """A session over a project. Safe to use from several threads; each query runs on its own.

    What writes, copies and works in the background is in `Connection`, which is one.

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
        self._owner: Self | None = None
        self._closing: list[Callable[[], object]] = []
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
            how = how_of(on_error, outcomes, progress, timeout, write_id, if_unmodified)
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
            rows = StatementRows.of(self, writing, params, How())
            return self._writing().plan(rows, How(), self._free_terms())
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

    # --- for the rooms

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

    def _writing(self) -> WriteRoom:
        return WriteRoom(self, self._keep, self._permission)

    def _written(
        self, statement: WriteStatement, params: Parameters, how: How, terms: Terms
    ) -> Result:
        room, rows = self._writing(), StatementRows.of(self, statement, params, how)
        if statement.explained:
            plan = room.plan(rows, how, terms)
            return self._given(statement.text, pa.table({"plan": str(plan).split("\n")}))
        written, table = room.run_statement(rows, how, terms)
        result = self._given(statement.text, table)
        result.write = written
        return result

    def _free_terms(self) -> Terms:
        """Terms on which the project's and the connection's own budgets hold."""
        return self._ledger.terms(Budget())

    # --- the session

    @property
    def time_zone(self) -> str:
        """The session's zone: it governs casts and `current_date`, never which instant is meant."""
        return self._database.time_zone

    @time_zone.setter
    def time_zone(self, name: str) -> None:
        self._database.time_zone = check_time_zone(name)

    def cursor(self) -> Self:
        """A second session over the same catalog, sources and DuckDB, interrupted on its own."""
        self._check_open()
        twin = object.__new__(type(self))
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
        if self._owner is None:
            for close in self._closing:
                close()
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
