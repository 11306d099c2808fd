"""The Salesforce source: tables from describes, filters as SOQL, rows by REST query."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pyarrow as pa

from isthmus.catalog.model import RowCount, Table, TableName
from isthmus.connectors.contract import (
    Ability,
    Bill,
    Connector,
    Finding,
    Fragment,
    Judgement,
    Promise,
    ReadContext,
    ScanRequest,
)
from isthmus.connectors.predicates import Compare, In, Predicate, columns_of
from isthmus.connectors.salesforce.check import findings
from isthmus.connectors.salesforce.client import Client
from isthmus.connectors.salesforce.config import read_config
from isthmus.connectors.salesforce.decode import Decoder
from isthmus.connectors.salesforce.describe import Describes
from isthmus.connectors.salesforce.estimate import PAGE_ROWS, bill_for
from isthmus.connectors.salesforce.flight import Flight
from isthmus.connectors.salesforce.judge import Translation, translate
from isthmus.connectors.salesforce.metadata import Metadata
from isthmus.connectors.salesforce.paging import Reading, read
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.salesforce.session import Login
from isthmus.connectors.salesforce.soql import Condition, Statement, encoded, written
from isthmus.connectors.salesforce.transport import HttpTransport
from isthmus.errors import IsthmusError, SourceError, UnknownName

__all__ = ["INCLUDE_DELETED", "Salesforce"]

#: The scan option that reads deleted and archived rows as well (the `queryAll` resource).
INCLUDE_DELETED: Final = "include_deleted"

#: Bytes of an encoded statement. The server refuses an address with its headers from 16,384 on
#: (REST API Developer Guide, "Status Codes"); the rest is for path, token and other headers.
STATEMENT_BYTES: Final = 14_000
STATEMENT_CHARS: Final = 100_000
_TOO_LONG: Final = "too long for one statement"


class Salesforce(Connector):
    """One org.

    Args:
        name: the source's name.
        config: the keys of `isthmus.connectors.salesforce.config.KIND`.
        policy: how patiently failed requests are repeated.

    Raises:
        ConfigError: the settings are wrong.
    """

    kind = "salesforce"
    abilities = frozenset({Ability.FILTER, Ability.PROJECT, Ability.LIMIT})

    def __init__(
        self, name: str, config: Mapping[str, Any], *, policy: Policy | None = None
    ) -> None:
        super().__init__(name)
        self._config = read_config(name, config)
        self._policy = policy or Policy()
        self._login = Login(self._config, self._policy, time.sleep)
        self._metadata = Metadata(name, self._login, self._policy, time.sleep)
        self._describes = Describes(name, self._metadata, self._config.decimal_places)
        self._transports: dict[str | None, HttpTransport] = {}
        self._counts: dict[str, RowCount | None] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Salesforce({self.name!r}, auth={self._config.auth!r})"

    def tables(self) -> Iterable[TableName]:
        """Every object that can be queried; asked for once."""
        return self._describes.names()

    def describe(self, table: str) -> Table | None:
        """The object of that API name, in any case; None when there is none."""
        return self._describes.table(table)

    def refresh(self) -> None:
        """Forget the list of objects and the counts; revalidate describes when next used."""
        self._describes.refresh()
        with self._lock:
            self._counts.clear()

    def row_count(self, table: Table) -> RowCount | None:
        """The org's own approximate count; None where it does not say or can't now."""
        with self._lock:
            if table.name in self._counts:
                return self._counts[table.name]
        try:
            rows = self._metadata.count(table.name)
        except SourceError:
            rows = None  # some objects and some users can't be counted
        count = None if rows is None else RowCount(rows, exact=False, basis="the org's own count")
        with self._lock:
            self._counts[table.name] = count
        return count

    def judge(self, table: Table, predicate: Predicate) -> Judgement:
        """The promise for one predicate, by the allow-list in `judge.RULES`."""
        translation = _fitting(translate(table, predicate))
        return Judgement(predicate, translation.promise, translation.reason)

    def plan(self, request: ScanRequest) -> Fragment:
        """The SOQL for a scan.

        Raises:
            UnknownName: a column or option does not exist.
            SourceError: the columns alone are too many for one statement.
        """
        _demand_known(request)
        if self._config.include_deleted:
            request = replace(request, options=request.options | {INCLUDE_DELETED})
        judged = [_fitting(translate(request.table, p)) for p in request.predicates]
        judged = _shortened(request, judged)
        statement = _statement(request, judged)
        judgements = tuple(
            Judgement(predicate, t.promise, t.reason)
            for predicate, t in zip(request.predicates, judged, strict=True)
        )
        sent = [j.predicate for j in judgements if j.promise is not Promise.LOCAL]
        table = request.table
        return Fragment(
            request=request,
            text=statement.text,
            access_path=f"REST {_resource(request)}",
            judgements=judgements,
            columns=_columns(request, judged),
            estimate=bill_for(
                table,
                [table.column(name) for name in statement.columns],
                sent,
                self._counted(table),
                statement.limit,
            ),
        )

    def open(self, fragment: Fragment, context: ReadContext) -> Iterator[pa.RecordBatch]:
        """Read the rows, a batch a page.

        Raises:
            DataError: a value does not fit its column, or the org contradicts itself.
            AuthError, SourceError, SourceUnavailable: the org can't be read.
            Cancelled, DeadlineExceeded: the query was stopped.
        """
        request = fragment.request
        judged = [
            Translation(j.promise, j.reason, None)
            if j.promise is Promise.LOCAL
            else translate(request.table, j.predicate)
            for j in fragment.judgements
        ]
        statement = _statement(request, judged)
        if statement.text != fragment.text:
            raise SourceError(
                f"source {self.name}: the fragment was not planned by this connector",
                remedy="Plan the scan again.",
            )
        context.meter.start()
        if statement.limit == 0:
            return
        selected = tuple(request.table.column(name) for name in statement.columns)
        reading = Reading(
            source=self.name,
            client=self._client(context),
            decoder=Decoder(request.table.name, selected, fragment.columns),
            resource=_resource(request),
            context=context,
        )
        yield from read(reading, statement)

    def check(self) -> Iterable[Finding]:
        """Reach the org, log in, compare the version, and read limits and a describe."""
        return findings(self._config, self._login, self._metadata)

    @property
    def metadata_bill(self) -> Bill:
        """What descriptions and counts have cost."""
        return self._metadata.bill

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            transports, self._transports = self._transports, {}
        for transport in transports.values():
            transport.close()
        self._metadata.close()

    def _counted(self, table: Table) -> RowCount | None:
        try:
            return self.row_count(table)
        except IsthmusError:
            return None  # planning goes on; reading will say what is wrong

    def _client(self, context: ReadContext) -> Client:
        context.check()
        logged_in = Flight(lambda stop: self._login.session())
        ca_file = logged_in.result(context).ca_file
        with self._lock:
            if ca_file not in self._transports:
                self._transports[ca_file] = HttpTransport(
                    ca_file=ca_file,
                    timeout=self._config.timeout,
                    connections=self._config.concurrency,
                )
            transport = self._transports[ca_file]
        return Client(self.name, self._login, transport, self._policy)


def _resource(request: ScanRequest) -> str:
    return "queryAll" if INCLUDE_DELETED in request.options else "query"


def _demand_known(request: ScanRequest) -> None:
    names = {column.name for column in request.table.columns}
    wanted = [*request.columns, *(c for p in request.predicates for c in columns_of(p))]
    for name in wanted:
        if name not in names:
            raise UnknownName(f"{request.table.name} has no column {name!r}")
    for option in request.options:
        if option != INCLUDE_DELETED:
            raise UnknownName(
                f"a Salesforce table has no option {option!r}",
                remedy=f"The only option is {INCLUDE_DELETED}.",
            )


def _fitting(translation: Translation) -> Translation:
    """Local, where the condition alone is too long to send."""
    if translation.condition is None or _fits(written(translation.condition)):
        return translation
    return Translation(Promise.LOCAL, _TOO_LONG)


def _fits(text: str) -> bool:
    return len(text) < STATEMENT_CHARS and len(encoded(text)) <= STATEMENT_BYTES


def _shortened(request: ScanRequest, judged: list[Translation]) -> list[Translation]:
    """With the longest conditions left out until the statement fits."""
    judged = list(judged)
    while not _fits(_statement(request, judged).text):
        lengths = [0 if t.condition is None else len(encoded(written(t.condition))) for t in judged]
        if not any(lengths):
            raise SourceError(
                f"{request.table.name}: the {len(_columns(request, judged))} columns are too many "
                "for one SOQL statement",
                remedy="Name the columns you need instead of SELECT *.",
            )
        judged[lengths.index(max(lengths))] = Translation(Promise.LOCAL, _TOO_LONG)
    return judged


def _columns(request: ScanRequest, judged: list[Translation]) -> tuple[str, ...]:
    """What was asked for, and what is needed to filter again."""
    rechecked = [
        name
        for predicate, t in zip(request.predicates, judged, strict=True)
        if t.promise is not Promise.EXACT
        for name in columns_of(predicate)
    ]
    return tuple(dict.fromkeys((*request.columns, *rechecked)))


def _statement(request: ScanRequest, judged: list[Translation]) -> Statement:
    table = request.table
    conditions: tuple[Condition, ...] = tuple(
        t.condition for t in judged if t.condition is not None
    )
    # a limit counts rows that pass, so it is sent only if the org drops all others
    exact = all(t.promise is Promise.EXACT for t in judged)
    limit = request.limit if exact else None
    return Statement(
        table=table.name,
        columns=_columns(request, judged) or table.primary_key or (table.columns[0].name,),
        conditions=conditions,
        by_id=_by_id(table, request.predicates, limit),
        limit=limit,
    )


#: No page is smaller, unless it is the last.
_SMALLEST_PAGE: Final = 200


def _by_id(table: Table, predicates: tuple[Predicate, ...], limit: int | None) -> bool:
    """In the order of Ids, where there may be several pages: see `paging`."""
    for predicate in predicates:
        match predicate:
            case Compare(column="Id", op="="):
                return False
            case In(column="Id", values=values) if len(values) <= _SMALLEST_PAGE:
                return False
    if table.primary_key != ("Id",) or not table.column("Id").properties.get("sortable"):
        return False
    return limit is None or limit > PAGE_ROWS
