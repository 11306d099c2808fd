"""The writer of a Salesforce source: its methods say what happens, their modules how."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.client import Client, Sent
from isthmus.connectors.salesforce.writing.batch import Batch, batch_of
from isthmus.connectors.salesforce.writing.calls import Calls
from isthmus.connectors.salesforce.writing.claims import Claimant, Claims
from isthmus.connectors.salesforce.writing.clock import ServerClock
from isthmus.connectors.salesforce.writing.collections import Collections
from isthmus.connectors.salesforce.writing.columns import Target, targets_of
from isthmus.connectors.salesforce.writing.conditional import Conditional
from isthmus.connectors.salesforce.writing.fit import full_id
from isthmus.connectors.salesforce.writing.ingest import Ingest, jobs_of
from isthmus.connectors.salesforce.writing.ingestjob import IngestJob
from isthmus.connectors.salesforce.writing.looking import Looking, folding
from isthmus.connectors.salesforce.writing.outcomes import Outcome, Told, Written, table_of
from isthmus.connectors.salesforce.writing.paths import Path
from isthmus.connectors.salesforce.writing.plan import JOBS, OPTIONS, PATHS, SINGLE, fragment_of
from isthmus.connectors.salesforce.writing.problems import problems_of
from isthmus.connectors.salesforce.writing.sending import Around, Sending
from isthmus.connectors.salesforce.writing.single import Single
from isthmus.connectors.salesforce.writing.unknown_keys import unknown_rows
from isthmus.connectors.writing import Chunk, Notes, Rows, WriteFragment, WriteKind, WriteRequest

__all__ = ["SalesforceWriter"]

_DOING: Final = {
    WriteKind.INSERT: "inserting into",
    WriteKind.UPDATE: "updating",
    WriteKind.UPSERT: "upserting into",
    WriteKind.DELETE: "deleting from",
}


class SalesforceWriter:
    """Writes to one org.

    Args:
        source: the source's name.
        describe: gives the tables that references point to.
        connect: gives the org to talk to.
        concurrency: the most calls side by side.
    """

    options = OPTIONS

    def __init__(
        self,
        source: str,
        describe: Callable[[str], Table | None],
        connect: Callable[[ReadContext], Client],
        concurrency: int,
    ) -> None:
        self._source = source
        self._describe = describe
        self._connect = connect
        self._concurrency = concurrency
        self._clock = ServerClock()
        self._lock = threading.Lock()
        self._me: str | None = None
        self._claims = Claims()

    def plan(self, request: WriteRequest) -> WriteFragment:
        """How a request is carried out (`plan.fragment_of`).

        Raises:
            UnknownName: a column or relationship does not exist.
            Refused: the org can't do it.
        """
        return fragment_of(request, self._targets(request), concurrency=self._concurrency)

    def key_forms(self, request: WriteRequest, keys: pa.Array) -> pa.Array:
        """Keys as the org compares them: Ids in full, most texts in any case."""
        assert request.key is not None
        column = request.table.column(request.key)
        if not pa.types.is_string(column.type):
            return keys
        if column.source_type in ("id", "reference"):
            made = [None if k is None else full_id(k) or k for k in keys.to_pylist()]
        else:
            made = list(map(folding(request.table, column.name), keys.to_pylist()))
        return pa.array(made, pa.string())

    def problems(self, request: WriteRequest, rows: Rows) -> pa.Table:
        """What is visibly wrong with rows (`problems.problems_of`)."""
        return table_of(rows.positions, problems_of(self._batch(request, rows)))

    def unknown_keys(
        self, request: WriteRequest, rows: Rows, context: ReadContext
    ) -> Iterator[pa.Table]:
        """Rows that name records which are not there (`unknown_keys.unknown_rows`)."""
        batch = self._batch(request, rows)
        yield table_of(rows.positions, unknown_rows(batch, self._looking(context), self._describe))

    def write(
        self, fragment: WriteFragment, chunk: Chunk, notes: Notes, context: ReadContext
    ) -> pa.Table:
        """Send a chunk; see `sending` and `ingest`.

        Raises:
            SourceUnavailable: it is not known what became of the chunk, or nothing did; calling
                again with the same notes goes on.
            BudgetExceeded, Cancelled, DeadlineExceeded, AuthError, SourceError: also then.
        """
        context.meter.start()
        batch = self._batch(fragment.request, chunk.rows)
        outcomes, written = dict(batch.faults), list[Written]()
        sound = [row for row in range(len(batch)) if row not in outcomes]
        if sound:
            around = self._around(fragment.request, chunk, notes, context)
            sent = batch.take(sound) if outcomes else batch
            told = self._sent(fragment, sent, around)
            outcomes |= {sound[number]: outcome for number, outcome in told.each.items()}
            written = [one.among(sound) for one in told.written]
        made = [o.id for o in outcomes.values() if o.created and o.id]
        self._claims.claim(chunk.key, "", chain(made, *(one.new() for one in written)))
        return table_of(chunk.rows.positions, outcomes, written)

    def tidy(self, notes: Notes, context: ReadContext) -> None:
        """Delete the jobs that a chunk made."""
        ids = jobs_of(notes)
        if ids:
            calls = self._calls("tidying up", context)
            for id in ids:
                IngestJob(calls, id).clear()

    def _sent(self, fragment: WriteFragment, batch: Batch, around: Around) -> Told:
        if fragment.access_path in {PATHS[way] for way in JOBS}:
            return Ingest(batch, around, insisted=bool(JOBS & fragment.request.options)).run()
        path: Path
        if fragment.request.if_unmodified:
            path = Conditional(around.looking)
        elif fragment.access_path == PATHS[SINGLE]:
            path = Single()
        else:
            path = Collections()
        done: dict[int, Outcome] = {}
        for at in range(0, len(batch), path.most):
            few = range(at, min(at + path.most, len(batch)))
            told = Sending(batch.take(few), path, around, f"part{at}").run()
            done |= {few[number]: outcome for number, outcome in told.items()}
        return Told(done)

    def _targets(self, request: WriteRequest) -> tuple[Target, ...]:
        return targets_of(request, self._describe)

    def _batch(self, request: WriteRequest, rows: Rows) -> Batch:
        return batch_of(request, self._targets(request), rows)

    def _calls(self, doing: str, context: ReadContext) -> Calls:
        return Calls(self._source, self._connect(context), self._clock, doing, context)

    def _looking(self, context: ReadContext) -> Looking:
        return Looking(self._source, self._connect(context), self._concurrency, context)

    def _around(
        self, request: WriteRequest, chunk: Chunk, notes: Notes, context: ReadContext
    ) -> Around:
        calls = self._calls(f"{_DOING[request.kind]} {request.table.name}", context)
        if self._clock.told is None:
            self._identified(calls)
        return Around(
            calls=calls,
            looking=self._looking(context),
            notes=notes,
            now=self._clock.told or datetime.now(UTC),
            me=lambda: self._identified(calls),
            claimant=lambda part: Claimant(
                self._claims, chunk.key, part, chunk.elsewhere, context.check
            ),
        )

    def _identified(self, calls: Calls) -> str:
        """The id of the user that writes, asked for once; the answer tells the org's time too."""
        with self._lock:
            me = self._me
        if me is None:
            told: Any = calls.asked(Sent(calls.root), kind="metadata")
            me = str(told["identity"]).rstrip("/").rpartition("/")[2]
            with self._lock:
                self._me = me
        return full_id(me) or me
