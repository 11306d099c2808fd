"""The Salesforce source: tables from describes, filters as SOQL, rows by REST query."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import pyarrow as pa

from isthmus.catalog.model import RowCount, Table, TableName
from isthmus.catalog.statistics import Counted, Statistics
from isthmus.connectors.contract import (
    Ability,
    Bill,
    Connector,
    Finding,
    Fragment,
    Gate,
    Judgement,
    Lookup,
    ReadContext,
    ScanRequest,
    Verdict,
)
from isthmus.connectors.places import Placed
from isthmus.connectors.predicates import Predicate
from isthmus.connectors.salesforce.access import access_of, chains_of, choose, wished
from isthmus.connectors.salesforce.bulk import bulk_statement
from isthmus.connectors.salesforce.bulkjob import NoJob
from isthmus.connectors.salesforce.bulkplaces import placed_rows
from isthmus.connectors.salesforce.bulkresults import rows_of_job
from isthmus.connectors.salesforce.check import findings
from isthmus.connectors.salesforce.client import Client
from isthmus.connectors.salesforce.config import identity_of, read_config
from isthmus.connectors.salesforce.describe import Describes
from isthmus.connectors.salesforce.estimate import Known
from isthmus.connectors.salesforce.flight import Flight
from isthmus.connectors.salesforce.metadata import Metadata
from isthmus.connectors.salesforce.never import refuted
from isthmus.connectors.salesforce.options import (
    ACCESSES,
    BULK,
    IDS,
    INCLUDE_DELETED,
    REST,
    demand_known,
)
from isthmus.connectors.salesforce.planning import Draft, draft, judged, verdict
from isthmus.connectors.salesforce.prediction import bill_of_keys, bills_of
from isthmus.connectors.salesforce.queryplan import Plans, question
from isthmus.connectors.salesforce.reading import Org, rows
from isthmus.connectors.salesforce.replication import Replicas
from isthmus.connectors.salesforce.retrieval import retrieval, retrieved_rows
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.salesforce.session import Login
from isthmus.connectors.salesforce.slots import Slots
from isthmus.connectors.salesforce.transport import HttpTransport
from isthmus.connectors.salesforce.writing import SalesforceWriter
from isthmus.errors import BudgetExceeded, IsthmusError, SourceError

__all__ = ["INCLUDE_DELETED", "Salesforce"]

#: Seconds after which a count is asked for again.
COUNT_HOLDS: Final = 3_600.0


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
    scan_options = frozenset({INCLUDE_DELETED, *ACCESSES})
    abilities = frozenset(
        {
            Ability.FILTER,
            Ability.PROJECT,
            Ability.LIMIT,
            Ability.KEYS,
            Ability.ORDER,
            Ability.AGGREGATE,
            Ability.LOOKUP,
            Ability.REPLICATE,
            Ability.CHILDREN,
            Ability.WRITE,
        }
    )

    def __init__(
        self, name: str, config: Mapping[str, Any], *, policy: Policy | None = None
    ) -> None:
        super().__init__(name)
        self._config = read_config(name, config)
        self._policy = policy or Policy()
        self._access = self._config.access
        self._login = Login(self._config, self._policy, time.sleep)
        self._metadata = Metadata(name, self._login, self._policy, time.sleep)
        self._describes = Describes(name, self._metadata, self._config.decimal_places)
        self._transports: dict[str | None, HttpTransport] = {}
        self._slots = Slots(self._config.concurrency)
        self._counts: dict[str, Counted] = {}
        self._uncountable: set[str] = set()
        self._unretrieved: set[str] = set()
        self._plans = Plans(self._metadata, ask=self._config.query_plan == "auto")
        self._refreshed = 0.0
        self._lock = threading.Lock()
        self._writer = SalesforceWriter(
            name, self._describes.table, self._client, self._config.concurrency
        )

    @property
    def identity(self) -> str:
        """The org's address and the user's name, as they are configured."""
        return identity_of(self._config)

    def equip(self, statistics: Statistics, gate: Gate) -> None:
        """Be told what is remembered of the org, and whom to ask before each call."""
        super().equip(statistics, gate)
        self._metadata.ask_at(gate)

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
            self._uncountable.clear()
            self._refreshed = time.time()

    def row_count(self, table: Table) -> RowCount | None:
        """The org's own approximate count; None where it does not say or can't now."""
        known = self._kept_count(table.name)
        if known is not None:
            return _row_count(known)
        with self._lock:
            if table.name in self._uncountable:
                return None
        try:
            rows = self._metadata.count(table.name)
        except SourceError:
            with self._lock:
                self._uncountable.add(table.name)  # some objects, and for some users
            return None
        counted = Counted(rows, exact=False, at=time.time())
        self.statistics.count(table.name, counted)
        with self._lock:
            self._counts[table.name] = counted
        return _row_count(counted)

    def _kept_count(self, name: str) -> Counted | None:
        """What is remembered, by this connector or by earlier ones, unless it is too old."""
        with self._lock:
            own, since = self._counts.get(name), self._refreshed
        learnt = self.statistics.of(name).counted
        if learnt is not None and learnt.at >= since and (own is None or learnt.at > own.at):
            own = learnt
        return own if own is not None and time.time() - own.at < COUNT_HOLDS else None

    def judge(self, table: Table, predicate: Predicate) -> Judgement:
        """The promise for one predicate, by the allow-list in `judge.RULES`."""
        translation = judged(table, predicate)
        return Judgement(predicate, translation.promise, translation.reason)

    def refutes(self, table: Table, predicate: Predicate) -> str | None:
        """Why no record can pass: a malformed Id, an empty text; see `never`."""
        return refuted(table, predicate)

    def plan(self, request: ScanRequest) -> Fragment:
        """The SOQL for a scan.

        Raises:
            UnknownName: a column or option does not exist.
            SourceError: the columns alone are too many for one statement.
        """
        demand_known(request)
        request = self._as_configured(request)
        drafted = draft(request)
        known = self._told(drafted, self._known_of(request))
        access = choose(
            drafted,
            bills_of(drafted, known, self._known_below(request)),
            wished(request, self._access),
            _resource(request),
            concurrency=self._config.concurrency,
            known=known,
            retrieves=self._retrieves(request),
        )
        drafted, texts, predicted = access.draft, access.statements, access.predicted
        return Fragment(
            request=request,
            text=texts[0],
            access_path=access.path,
            judgements=tuple(
                Judgement(predicate, t.promise, t.reason)
                for predicate, t in zip(request.predicates, drafted.translations, strict=True)
            ),
            columns=drafted.columns,
            estimate=predicted.likely,
            statements=texts if len(texts) > 1 else (),
            low=predicted.low,
            high=predicted.high,
        )

    def can(self, request: ScanRequest) -> Verdict:
        """Whether order, groups, lookups and children mean the same there: `planning.verdict`."""
        demand_known(request)
        return verdict(self._as_configured(request))

    def estimate_keys(self, request: ScanRequest, column: str, keys: int) -> Bill | None:
        """The bill with an IN list of so many values of a column, in as few statements as can be.

        None for a column that is not compared exactly or as text.
        """
        demand_known(request)
        request = self._as_configured(request)
        return bill_of_keys(
            request,
            column,
            keys,
            self._known_of(request),
            self._known_below(request),
            retrieves=self._retrieves(request),
        )

    def open(self, fragment: Fragment, context: ReadContext) -> Iterator[pa.RecordBatch]:
        """Read the rows, a batch a page.

        Raises:
            DataError: a value does not fit its column, or the org contradicts itself.
            AuthError, SourceError, SourceUnavailable: the org can't be read.
            Cancelled, DeadlineExceeded: the query was stopped.
        """
        drafted = draft(fragment.request)
        way = access_of(fragment.access_path)
        by_ids = retrieval(drafted) if way == IDS else None
        texts = (bulk_statement(drafted).text,) if way == BULK else drafted.texts
        if by_ids is not None:
            texts = by_ids.texts
        if texts != (fragment.statements or (fragment.text,)):
            raise SourceError(
                f"source {self.name}: the fragment was not planned by this connector",
                remedy="Plan the scan again.",
            )
        context.meter.start()
        if drafted.limit == 0:
            return
        org = self._org(fragment.request, context)
        if way == BULK:
            yield from self._by_job(org, drafted, context)
        elif by_ids is not None:
            refused = partial(self._unretrieved.add, by_ids.table.name)
            yield from retrieved_rows(org, by_ids, context, refused)
        else:
            yield from rows(org, drafted, context, chains=chains_of(fragment.access_path))

    def resume(
        self, fragment: Fragment, job: str, context: ReadContext
    ) -> Iterator[pa.RecordBatch]:
        """Read the results of a Bulk job that an earlier process made for the same fragment.

        The log names each job that is made. Raises as `open` does; a job that is gone, or has
        other columns, is an error.
        """
        drafted = draft(fragment.request)
        context.meter.start()
        yield from rows_of_job(self._org(fragment.request, context), drafted, context, resumed=job)

    def open_from(
        self, fragment: Fragment, place: str | None, context: ReadContext
    ) -> Iterator[Placed]:
        """The rows of a Bulk job have places: it is kept until they all are read.

        Raises as `open` does, and PlaceLost where the job is gone.
        """
        if place is None and access_of(fragment.access_path) != BULK:
            yield from super().open_from(fragment, place, context)
            return
        drafted = draft(fragment.request)
        context.meter.start()
        org = self._org(fragment.request, context)
        try:
            yield from placed_rows(org, drafted, context, place)
            return
        except NoJob as error:
            self._take_no_job(drafted, error)
        yield from map(Placed, rows(org, drafted, context))

    def _by_job(self, org: Org, drafted: Draft, context: ReadContext) -> Iterator[pa.RecordBatch]:
        """By a job; page by page where the org takes none and nobody insists on it."""
        try:
            yield from rows_of_job(org, drafted, context)
            return
        except NoJob as error:
            self._take_no_job(drafted, error)
        yield from rows(org, drafted, context)

    def _take_no_job(self, drafted: Draft, error: NoJob) -> None:
        if wished(drafted.request, self._access) == BULK and error.__cause__ is not None:
            raise error.__cause__ from None
        self._access = REST

    def writer(self) -> SalesforceWriter:
        """What writes to the org: always the same one, since it remembers what it has made."""
        return self._writer

    def replicator(self) -> Replicas:
        """What tells changes: SystemModstamp, and the org's own list of deletions."""
        return Replicas(self.name, self._client)

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

    def _retrieves(self, request: ScanRequest) -> bool:
        """Whether the org may be asked for rows by their Ids, as far as is known."""
        return self._access == "auto" and request.table.name not in self._unretrieved

    def _as_configured(self, request: ScanRequest) -> ScanRequest:
        """The request with what the source's settings add to it."""
        if not self._config.include_deleted:
            return request
        return replace(request, options=request.options | {INCLUDE_DELETED})

    def _known_below(self, request: ScanRequest) -> tuple[Known, ...]:
        return tuple(self._known(child.table) for child in request.children)

    def _known(self, table: Table) -> Known:
        try:
            count = self.row_count(table)
        except BudgetExceeded:
            raise
        except IsthmusError:
            count = None  # planning goes on; reading will say what is wrong
        return Known(count, self.statistics.of(table.name), self.statistics.call_seconds)

    def _known_of(self, request: ScanRequest) -> Known:
        """What is known of the object, and of those that it looks up."""
        known = self._with_plans(request.table.name, self._known(request.table))
        tables = {table.name: table for table in _looked_up_tables(request.lookups)}
        return replace(known, parents={name: self._known(t) for name, t in tables.items()})

    def _told(self, drafted: Draft, known: Known) -> Known:
        """What is known, and what the org's own plan says where that is nothing."""
        name = drafted.request.table.name
        asked = question(drafted, known)
        share = None if asked is None else self._plans.ask(name, *asked)
        if asked is None or share is None or known.count is None:
            return known
        self.statistics.tell(name, asked[0], share, round(share * known.count.rows))
        return self._with_plans(name, known)

    def _with_plans(self, name: str, known: Known) -> Known:
        shares = self._plans.with_shares(name, known.facts.shares)
        return replace(known, facts=replace(known.facts, shares=shares))

    def _org(self, request: ScanRequest, context: ReadContext) -> Org:
        return Org(
            source=self.name,
            client=self._client(context),
            resource=_resource(request),
            concurrency=self._config.concurrency,
        )

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
        return Client(self.name, self._login, transport, self._policy, self._slots)


def _looked_up_tables(lookups: Iterable[Lookup]) -> Iterator[Table]:
    for lookup in lookups:
        yield lookup.table
        yield from _looked_up_tables(lookup.lookups)


def _row_count(counted: Counted) -> RowCount:
    """Never exact: a whole answer was, and the org has gone on since."""
    basis = "rows of a whole answer" if counted.exact else "the org's own count"
    return RowCount(counted.rows, exact=False, basis=basis, at=counted.at)


def _resource(request: ScanRequest) -> str:
    return "queryAll" if INCLUDE_DELETED in request.options else "query"
