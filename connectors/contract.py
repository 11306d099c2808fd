"""What a connector is: the questions the engine asks of a source, and the values it gets.

A connector is right first: `judge` answers LOCAL for all it does not know, and the engine
filters again. Connectors never see DuckDB; they take predicates and give Arrow batches.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal, Protocol

import pyarrow as pa

from isthmus.catalog.model import RowCount, Table, TableName
from isthmus.catalog.statistics import NOTHING_KNOWN, Statistics
from isthmus.connectors.places import Placed, PlaceLost
from isthmus.connectors.predicates import Predicate
from isthmus.errors import Cancelled, DeadlineExceeded, Refused

if TYPE_CHECKING:
    from isthmus.connectors.replication import Replicator
    from isthmus.connectors.writing import Writer

__all__ = [
    "OPEN",
    "Ability",
    "Aggregate",
    "Bill",
    "CallKind",
    "Children",
    "Connector",
    "Declined",
    "Finding",
    "Fragment",
    "Gate",
    "Judgement",
    "Lookup",
    "Meter",
    "Order",
    "PointsAt",
    "Promise",
    "ReadContext",
    "ScanRequest",
    "Verdict",
]


class Declined(Exception):
    """Raised by `Connector.open` before its first batch: the source won't answer in this form.

    It has too many groups, say. The engine then asks for the rows instead.
    """


class Promise(Enum):
    """A connector's word on one predicate."""

    EXACT = "the source returns just the rows that pass"
    SUPERSET = "the source may return more; the engine filters again"
    LOCAL = "it is not sent; the engine filters"


class Ability(Enum):
    """What a connector can do beyond reading a whole table; the contract tests demand each."""

    FILTER = "filter"
    PROJECT = "project"
    LIMIT = "limit"
    ORDER = "order"
    AGGREGATE = "aggregate"
    LOOKUP = "lookup"
    CHILDREN = "children"
    KEYS = "keys"
    WRITE = "write"
    REPLICATE = "replicate"


@dataclass(frozen=True)
class Judgement:
    """A promise on a predicate, and why, in words for EXPLAIN."""

    predicate: Predicate
    promise: Promise
    reason: str


@dataclass(frozen=True)
class Bill:
    """What a fragment costs, or did cost.

    Attributes:
        calls: requests that count against the source's own limit.
        rows: rows the source sends.
        bytes: bytes on the wire (compressed where the transport compresses).
        seconds: from the first request to the last byte.
        metadata_calls: requests for descriptions and counts, cached afterwards.
        basis: where an estimate comes from; empty for an actual bill.
        bulk_calls: how many of `calls` are of bulk jobs; the others are queries.
    """

    calls: int = 0
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    metadata_calls: int = 0
    basis: str = ""
    bulk_calls: int = 0

    @property
    def query_calls(self) -> int:
        """How many of `calls` are no bulk job's."""
        return self.calls - self.bulk_calls

    def __add__(self, other: Bill) -> Bill:
        return Bill(
            self.calls + other.calls,
            self.rows + other.rows,
            self.bytes + other.bytes,
            self.seconds + other.seconds,
            self.metadata_calls + other.metadata_calls,
            bulk_calls=self.bulk_calls + other.bulk_calls,
        )

    def __sub__(self, other: Bill) -> Bill:
        return Bill(
            self.calls - other.calls,
            self.rows - other.rows,
            self.bytes - other.bytes,
            self.seconds - other.seconds,
            self.metadata_calls - other.metadata_calls,
            bulk_calls=self.bulk_calls - other.bulk_calls,
        )


@dataclass(frozen=True)
class Order:
    """One key of an order; nulls stand where it says, whatever the source's habit."""

    column: str
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True)
class Aggregate:
    """A value over the rows of a group: ``count(*)`` has no column."""

    function: Literal["count", "min", "max"]
    column: str | None = None

    @property
    def name(self) -> str:
        """Its column's name in the answer.

        >>> Aggregate("count").name, Aggregate("min", "Amount").name
        ('count(*)', 'min(Amount)')
        """
        return f"{self.function}({self.column or '*'})"


@dataclass(frozen=True)
class Lookup:
    """The row that a foreign key points to, fetched with each row that has the key.

    Its columns come as ``KEY.COLUMN`` (``AccountId.Name``, ``AccountId.OwnerId.Name``), after the
    request's own, all null where there is no such row: none that a scan of the looked-up table
    would return (a deleted one, say, is not there).

    Attributes:
        key: the foreign key column of the table that looks up.
        table: the table looked up, found by its primary key.
        columns: names to return of it.
        predicates: what must hold of it. Rows whose looked-up row fails one, or is missing, are
            not needed; the engine filters again, so a SUPERSET will do.
        lookups: what it looks up itself.
    """

    key: str
    table: Table
    columns: tuple[str, ...]
    predicates: tuple[Predicate, ...] = ()
    lookups: tuple[Lookup, ...] = ()


@dataclass(frozen=True)
class PointsAt:
    """Rows whose foreign key points at a row of none of these tables are not needed.

    A source may send them all the same.

    Attributes:
        key: a foreign key column that may point at several tables.
        tables: names of some of them.
    """

    key: str
    tables: tuple[str, ...]


@dataclass(frozen=True)
class Children:
    """The rows of another table that point to a row by a foreign key, fetched along with it.

    They come in a list column named `name`, after all others: a record of `columns` for each
    row that a scan of the other table would return and that holds the row's key; an empty list or
    null where there are none. More of them may come in rows that are none of the table's: the
    primary key and everything else is null there, save the list. So nobody has to hold all the
    children of one row.

    Attributes:
        key: the foreign key column of the table that points here.
        table: that table.
        columns: names to return of it, its primary key and `key` among them.
        predicates: what must hold of it; a SUPERSET will do, the engine filters again.
    """

    key: str
    table: Table
    columns: tuple[str, ...]
    predicates: tuple[Predicate, ...] = ()

    @property
    def name(self) -> str:
        """What the list column is called: ``Contact(AccountId)``."""
        return f"{self.table.name}({self.key})"


@dataclass(frozen=True)
class ScanRequest:
    """One table occurrence: what of it is needed.

    Attributes:
        table: the table, as the connector described it.
        columns: names to return, in this order; may be empty (then only rows count). With
            `aggregates`, the columns to group by.
        predicates: all must pass; each is sent, or not, by the connector's own judgement.
        limit: any `limit` rows that pass will do. Only given when every predicate is EXACT.
        options: the source's documented scan options, such as ``include_deleted``.
        order: with `limit`: the first rows in this order, ties as the source likes.
        aggregates: not rows but groups: `columns`, then one column for each aggregate. Only
            given when every predicate is EXACT.
        lookups: rows of other tables of the source that are fetched along.
        children: rows of other tables that point to these. Only given with the primary key
            among `columns`, and without `limit` and `aggregates`.
        points: which rows need not come, by what their foreign keys point at.
        after: only rows whose primary key comes after this one in the source's own order of
            keys, and in that order. Only given to a source that can REPLICATE.
    """

    table: Table
    columns: tuple[str, ...]
    predicates: tuple[Predicate, ...] = ()
    limit: int | None = None
    options: frozenset[str] = frozenset()
    order: tuple[Order, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    children: tuple[Children, ...] = ()
    points: tuple[PointsAt, ...] = ()
    after: str | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a source can do a thing exactly, and why (not), in words for EXPLAIN."""

    able: bool
    reason: str


@dataclass(frozen=True)
class Fragment:
    """What is sent to a source for one scan. A value: opening it twice gives the same rows.

    Attributes:
        request: the scan it answers.
        text: what is sent, readable and complete (a SOQL text, a file filter); the first of
            `statements`, where there are several.
        access_path: how it is fetched, such as ``REST query``.
        judgements: one for each predicate of the request, in its order.
        columns: what `open` yields, in order; it begins with `request.columns` and may carry
            more, which the engine needs to filter again.
        estimate: the bill, predicted without a data call: the likeliest one.
        low: the least that it costs, if it is read to its end and no request fails.
        high: the most that it costs, if no request fails; None where nobody can tell.
        statements: all texts that are sent, where one can't hold it (a long list of keys, a
            table of many columns); empty where `text` is all.
    """

    request: ScanRequest
    text: str
    access_path: str
    judgements: tuple[Judgement, ...]
    columns: tuple[str, ...]
    estimate: Bill
    statements: tuple[str, ...] = ()
    low: Bill = field(default_factory=Bill)
    high: Bill | None = None

    @property
    def source(self) -> str:
        """The name of the source it is sent to."""
        return self.request.table.source

    @property
    def rechecked(self) -> tuple[Predicate, ...]:
        """The predicates that the engine must apply to the batches again."""
        return tuple(j.predicate for j in self.judgements if j.promise is not Promise.EXACT)


CallKind = Literal["query", "bulk", "metadata", "write"]


class Gate(Protocol):
    """Who is asked before each call whether it may be made. Safe to use from threads."""

    def spend(self, kind: CallKind, rows: int) -> None:
        """Let a call through and count it, with the rows that it is known to bring.

        Raises:
            BudgetExceeded: it would pass a budget; it is not counted and must not be made.
        """

    def give_back(self, kind: CallKind, calls: int, rows: int) -> None:
        """Calls that never arrived, or rows that did not come after all."""

    def take(self, *, calls: int, rows: int, bytes: int) -> None:
        """What has come, or was made without asking.

        Raises:
            BudgetExceeded: that was more than the budget allows.
        """

    def end(self, usage: tuple[int, int] | None) -> None:
        """A call that was let through is over.

        Args:
            usage: what the answer says of the source's own limit: calls used, this one among
                them, and allowed.
        """


class _Open:
    """The gate where there is no budget."""

    def spend(self, kind: CallKind, rows: int) -> None:
        return None

    def give_back(self, kind: CallKind, calls: int, rows: int) -> None:
        return None

    def take(self, *, calls: int, rows: int, bytes: int) -> None:
        return None

    def end(self, usage: tuple[int, int] | None) -> None:
        return None


OPEN: Final[Gate] = _Open()


class Meter:
    """Counts what a fragment really costs while it is read. Safe to use from threads.

    A connector calls `spend_call` before each call to its source, retries included, `end_call`
    when it is over, and `add` for what came.

    Args:
        gate: asked before each call.
    """

    def __init__(self, gate: Gate = OPEN) -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self._bill = Bill()
        self._started: float | None = None
        self._expected = 0
        self._calling: dict[int, float] = {}
        self._pace = (0.0, 0)
        self.pages = 0

    def spend_call(self, kind: CallKind = "query", *, rows: int = 0) -> None:
        """Count a call that is about to be made.

        Args:
            kind: which counter it belongs to.
            rows: how many rows it will bring, where that is known.

        Raises:
            BudgetExceeded: it would pass a budget. It must not be made.
        """
        self._gate.spend(kind, rows)
        with self._lock:
            self._expected += rows
            if kind == "query":
                self._calling[threading.get_ident()] = time.monotonic()
        if kind == "metadata":
            self._count(Bill(metadata_calls=1))
        else:
            self._count(Bill(calls=1, bulk_calls=int(kind == "bulk")))

    def give_back(self, kind: CallKind = "query", *, calls: int = 0, rows: int = 0) -> None:
        """Take back calls that never reached the source, or rows that were expected of a call."""
        self._gate.give_back(kind, calls, rows)
        with self._lock:
            self._expected -= rows
        if kind == "metadata":
            self._count(Bill(metadata_calls=-calls))
        elif calls:
            self._count(Bill(calls=-calls, bulk_calls=-calls if kind == "bulk" else 0))

    def expect(self, rows: int) -> None:
        """Tell how many rows an answer holds that has come and is not read yet.

        Raises:
            BudgetExceeded: they are more than a budget allows.
        """
        with self._lock:
            self._expected += rows
        self._gate.take(calls=0, rows=rows, bytes=0)

    def add(
        self, *, calls: int = 0, rows: int = 0, bytes: int = 0, metadata_calls: int = 0
    ) -> None:
        """Add to the bill; the clock starts with the first addition or `start`.

        Raises:
            BudgetExceeded: more has come than a budget allows; the bill has it all the same.
        """
        self._count(Bill(calls, rows, bytes, metadata_calls=metadata_calls))
        with self._lock:  # rows that were expected are known to the gate already
            expected = min(self._expected, rows)
            self._expected -= expected
        if calls or rows > expected or bytes:
            self._gate.take(calls=calls, rows=rows - expected, bytes=bytes)

    def end_call(self, usage: tuple[int, int] | None = None) -> None:
        """A call that was spent is over, whatever came of it.

        Args:
            usage: calls used and allowed of the source's own limit, where the answer says it.
        """
        with self._lock:
            began = self._calling.pop(threading.get_ident(), None)
            if began is not None:
                self._pace = (self._pace[0] + time.monotonic() - began, self._pace[1] + 1)
        self._gate.end(usage)

    def start(self) -> None:
        """Start the clock, if it does not run yet."""
        self.add()

    def _count(self, more: Bill) -> None:
        with self._lock:
            now = time.monotonic()
            if self._started is None:
                self._started = now
            self._bill = replace(self._bill + more, seconds=now - self._started)
            self.pages += 1 if more.rows else 0

    @property
    def bill(self) -> Bill:
        """The bill so far."""
        with self._lock:
            return self._bill

    @property
    def pace(self) -> tuple[float, int]:
        """The seconds that queries have taken, each by itself, and how many they were.

        Logins, waits between repeats and Bulk jobs are not in it.
        """
        with self._lock:
            return self._pace


@dataclass(frozen=True)
class ReadContext:
    """What a reader watches and reports to while it reads.

    Attributes:
        cancelled: set when nobody wants the rows any more.
        deadline: `time.monotonic()` value after which to stop, or None.
        meter: counts calls, rows and bytes.
    """

    cancelled: threading.Event = field(default_factory=threading.Event)
    deadline: float | None = None
    meter: Meter = field(default_factory=Meter)

    def check(self) -> None:
        """Return if the reader should go on.

        Raises:
            Cancelled: the query was cancelled.
            DeadlineExceeded: its time is up.
        """
        if self.cancelled.is_set():
            raise Cancelled("the query was cancelled")
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise DeadlineExceeded("the query's timeout passed while a source was being read")

    def wait(self, seconds: float) -> None:
        """Sleep, but wake and raise (as `check`) the moment the query is stopped."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.deadline is not None:
                left = min(left, max(self.deadline - time.monotonic(), 0.0))
            self.cancelled.wait(left)
            self.check()


@dataclass(frozen=True)
class Finding:
    """One line of `isthmus check`: a thing that was tried, how it went, how to mend it."""

    subject: str
    ok: bool
    detail: str
    remedy: str | None = None


class Connector(ABC):
    """One configured source.

    Making one opens nothing; the first question that needs the source does. All methods may be
    called from several threads. Errors are `isthmus.errors` types with the original as cause.
    """

    kind: str
    abilities: frozenset[Ability] = frozenset()
    #: Words that `ScanRequest.options` may hold; a query gives them as ``/*+ word */``.
    scan_options: frozenset[str] = frozenset()
    #: Whether it keeps its own answers for as long as they hold: the catalog then asks each time.
    remembers: bool = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.statistics: Statistics = NOTHING_KNOWN
        self.gate: Gate = OPEN

    @property
    def identity(self) -> str:
        """Names the system behind it, without secrets: what is learnt of it is kept under this.

        The same text from two projects means the same system.
        """
        return f"{self.kind}:{self.name}"

    def equip(self, statistics: Statistics, gate: Gate) -> None:
        """Be told, before the first question, what is remembered and whom to ask before calls.

        Args:
            statistics: what earlier answers have taught; for estimates only.
            gate: for the calls of descriptions and counts; a fragment's come with its context.
        """
        self.statistics = statistics
        self.gate = gate

    @abstractmethod
    def tables(self) -> Iterable[TableName]:
        """Every table of the source. May call the source once; the answer is kept."""

    @abstractmethod
    def describe(self, table: str) -> Table | None:
        """Describe the table of that name, found in any case; None when there is none."""

    @abstractmethod
    def row_count(self, table: Table) -> RowCount | None:
        """About how many rows the table has, as cheaply as the source can tell."""

    @abstractmethod
    def judge(self, table: Table, predicate: Predicate) -> Judgement:
        """Give a promise on one predicate. Pure: no call is made."""

    def refutes(self, table: Table, predicate: Predicate) -> str | None:
        """Why no row of the table can pass, by what the source vouches for of its values. Pure.

        None: one might. The engine asks of each predicate that must hold, and spares the call.
        """
        return None

    @abstractmethod
    def plan(self, request: ScanRequest) -> Fragment:
        """Make the fragment for a scan, with its predicted bill. No data call is made."""

    def can(self, request: ScanRequest) -> Verdict:
        """Whether it answers order, aggregates, lookups and children of a request exactly. Pure.

        And whether it makes use of its `points`.

        The engine asks before it plans with any of them.
        """
        along = request.lookups or request.children or request.points
        asked = bool(request.order or request.aggregates or along)
        return Verdict(not asked, "the source gives rows only" if asked else "")

    def estimate_keys(self, request: ScanRequest, column: str, keys: int) -> Bill | None:
        """The bill of a request to which an IN list of so many keys is added. No data call.

        The column is one of the table, or of a looked-up row: ``AccountId.Name``.

        None: such a list is not sent, or not for this column.
        """
        return None

    @abstractmethod
    def open(self, fragment: Fragment, context: ReadContext) -> Iterator[pa.RecordBatch]:
        """Read the fragment: batches with exactly `fragment.columns`, typed as described.

        Never a silent short read: all rows come, or an error is raised. Polls
        `context.check()` at least every half second, also while waiting for the network.
        """

    def open_from(
        self, fragment: Fragment, place: str | None, context: ReadContext
    ) -> Iterator[Placed]:
        """As `open`, and each batch says where it stands, if the source can go on from there.

        Args:
            fragment: the same one, or planned for the same request, as when the place was told.
            place: where to begin; None: with the first row.
            context: as `open`'s.

        Raises:
            PlaceLost: the source has the place no more; nothing was yielded.
        """
        if place is not None:
            raise PlaceLost(f"the source {self.name} tells no places")
        yield from map(Placed, self.open(fragment, context))

    def writer(self) -> Writer:
        """What writes to the source.

        Raises:
            Refused: nothing does.
        """
        raise Refused(
            f"the source {self.name} can't be written to",
            remedy=f"Sources of the kind {self.kind} are only read.",
        )

    def replicator(self) -> Replicator | None:
        """What tells changes of its tables; None where nothing does."""
        return None

    @abstractmethod
    def check(self) -> Iterable[Finding]:
        """Try the source as a user would and say what is wrong and how to mend it."""

    @property
    def metadata_bill(self) -> Bill:
        """What descriptions and counts have cost since the connector was made."""
        return Bill()

    def close(self) -> None:
        """Give back sockets and files. Closing twice is allowed."""
        return None
