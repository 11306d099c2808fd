"""The rows of a Bulk job, from its making to its clearing away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import pyarrow as pa

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.bulk import bulk_statement
from isthmus.connectors.salesforce.bulkcsv import CsvDecoder, Torn
from isthmus.connectors.salesforce.bulkjob import Job, JobPage
from isthmus.connectors.salesforce.flight import Flight
from isthmus.connectors.salesforce.gather import Read, gathered
from isthmus.connectors.salesforce.planning import Draft
from isthmus.connectors.salesforce.reading import Org
from isthmus.errors import DataError, SourceUnavailable

__all__ = ["Results", "rows_of_job"]

_LOG: Final = logging.getLogger("isthmus.salesforce")

#: Pages that are read at a time.
_SIDE_BY_SIDE: Final = 2

#: The locator of the page after this one, and this one's rows.
Page = tuple[str | None, list[pa.RecordBatch]]


class Results:
    """One job and its result pages.

    Args:
        org: where.
        draft: what.
        context: whom to bill for the job's own calls, and when to stop.
        job: the id of a job with the same statement that is there already.

    Attributes:
        job: the job.
        none: no row, with the draft's columns.
    """

    def __init__(
        self, org: Org, draft: Draft, context: ReadContext, *, job: str | None = None
    ) -> None:
        statement = bulk_statement(draft)
        by_path = {field.path: field.column for part in draft.parts for field in part}
        self._org = org
        self._columns = list(draft.columns)
        self._context = context
        self._table = statement.table
        self._doing = f"reading {statement.table} by a bulk job"
        selected = tuple(by_path[path] for path in statement.columns)
        self._decoder = CsvDecoder(statement.table, selected)
        schema = pa.schema([(column.name, column.type) for column in selected])
        self.none = pa.RecordBatch.from_pylist([], schema).select(self._columns)
        self.job = Job(
            org.source, org.client, self._doing, statement.text, org.resource, context, id=job
        )

    def start(self) -> None:
        """Make the job, unless it is there; raises as `Job.start`."""
        self.job.start()
        _LOG.info("source %s: bulk job %s reads %s", self._org.source, self.job.id, self._table)

    def page(self, locator: str | None, context: ReadContext) -> Page:
        """The page at a locator that the org gave; the first one without."""
        return self._whole(partial(self.job.page, locator), context)

    def page_at(self, path: str, context: ReadContext) -> Page:
        """The page at an address that the job gave."""
        return self._whole(partial(self.job.page_at, path), context)

    def counted(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Rows that are handed out: the draft's columns of them, on the bill."""
        self._context.meter.add(rows=rows.num_rows)
        return rows.select(self._columns)

    def demand_all(self, received: int, announced: int) -> None:
        """Never a silent short read.

        Raises:
            DataError: rows are missing, or there are too many.
        """
        if received != announced:
            raise DataError(
                f"source {self._org.source}, {self._doing}: the org announced {announced} rows "
                f"and sent {received}",
                remedy="Run the query again.",
            )

    def _whole(self, ask: Callable[[ReadContext], JobPage], context: ReadContext) -> Page:
        """A page's rows and the next one's locator; one that is not whole is asked for again."""
        policy = self._org.client.policy
        for broken in range(policy.repeats + 1):
            page = ask(context)
            try:
                return page.following, self._decoder.page(page)
            except Torn as error:
                fault = error
            context.wait(policy.wait(broken))
        raise SourceUnavailable(
            f"source {self._org.source}: a page of bulk results is broken: {fault} "
            f"(tried {policy.repeats + 1} times)",
            code="BAD_CSV",
            remedy="Try again later.",
        ) from fault


def rows_of_job(
    org: Org, draft: Draft, context: ReadContext, *, resumed: str | None = None
) -> Iterator[pa.RecordBatch]:
    """Every row of a draft by a job, with the draft's columns; batches in any order.

    Args:
        org: where.
        draft: what.
        context: when to stop.
        resumed: the id of a job with the same statement, whose maker did not come to its end.

    Raises:
        NoJob: the org takes no job; nothing was yielded.
        DataError: a value does not fit its column, or the org contradicts itself.
        AuthError, SourceError, SourceUnavailable: the org can't be read.
        Cancelled, DeadlineExceeded: the query was stopped.
    """
    results = Results(org, draft, context, job=resumed)
    job, complete = results.job, False
    try:
        results.start()
        total = job.wait()
        received = 0
        for batch in _in_any_order(results, min(org.concurrency, _SIDE_BY_SIDE), context):
            received += batch.num_rows
            yield results.counted(batch)
        results.demand_all(received, total)
        complete = True
    finally:
        if complete:
            job.clear()
        else:  # whoever stops, or fails, does not wait for this
            Flight(lambda stop: job.clear())


def _in_any_order(results: Results, width: int, context: ReadContext) -> Iterator[pa.RecordBatch]:
    locator, pieces = results.page(None, context)
    yield from pieces
    if locator is not None and results.job.tells_addresses:
        del pieces
        reads: Iterator[Read] = (partial(_at, results, p) for p in results.job.addresses(locator))
        yield from gathered(reads, width, context)
        return
    while locator is not None:
        locator, pieces = results.page(locator, context)
        yield from pieces


def _at(results: Results, path: str, context: ReadContext) -> Iterator[pa.RecordBatch]:
    _, pieces = results.page_at(path, context)
    yield from pieces
