"""Rows by a Bulk job: for scans whose pages would cost more calls than a job does.

Which scans: of one object, without parents, groups, order, LIMIT and lists of keys, whose columns
are all of types that read the same from CSV. A job takes seconds to minutes before its first row,
so it must save much: see `pays`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

import pyarrow as pa

from isthmus.connectors.contract import ReadContext, ScanRequest
from isthmus.connectors.salesforce.bulkcsv import CsvDecoder, Torn
from isthmus.connectors.salesforce.bulkjob import Job, JobPage
from isthmus.connectors.salesforce.flight import Flight
from isthmus.connectors.salesforce.gather import Read, gathered
from isthmus.connectors.salesforce.planning import Draft
from isthmus.connectors.salesforce.reading import Org
from isthmus.connectors.salesforce.soql import Statement
from isthmus.connectors.salesforce.types import EXTERNAL, LOOSE
from isthmus.errors import DataError, SourceUnavailable

__all__ = ["ACCESS_PATH", "bulk_statement", "job_calls", "pays", "refusal", "rows_of_job"]

ACCESS_PATH: Final = "Bulk query job"
_LOG: Final = logging.getLogger("isthmus.salesforce")

#: Rows on a page of results (the guide: "a default value based on the service").
PAGE_ROWS: Final = 50_000
#: Looks at a job before it is complete, usually, and how many more there may be: half an hour's.
LOOKS: Final = 4
MORE_LOOKS: Final = 60
#: Characters of a job's statement (SOQL and SOSL Reference v65.0, p. 9).
_STATEMENT_CHARS: Final = 100_000
#: Pages that are read at a time.
_SIDE_BY_SIDE: Final = 2
#: A job is chosen where pages take this many times its calls.
_WORTH: Final = 3


def refusal(request: ScanRequest, draft: Draft) -> str | None:
    """Why a request can't be answered by a job; None where it can."""
    if request.aggregates:
        return "a Bulk job gives no groups"
    if request.lookups:
        return "in Bulk results a checkbox of a missing parent is false, not null"
    if request.children:
        return "a Bulk job takes no child subqueries"
    if request.order or draft.limit is not None:
        return "for some first rows a Bulk job is too much"
    if len(draft.chunks) > 1:
        return "a list of keys is asked for page by page"
    for part in draft.parts:
        for field in part:
            if field.column.properties.get(LOOSE):
                return f"{field.column.source_type} values are told from text in JSON only"
            if field.column.properties.get(EXTERNAL) and pa.types.is_string(field.column.type):
                return "empty texts of an external object are no nulls"
    if len(bulk_statement(draft).text) >= _STATEMENT_CHARS:
        return "the statement is too long"
    return None


def bulk_statement(draft: Draft) -> Statement:
    """One statement for all columns; unordered, so that the org may read it in parts."""
    first = draft.bare[0]
    columns = dict.fromkeys(path for statement in draft.bare for path in statement.columns)
    return replace(first, columns=tuple(columns), by_id=False)


def job_calls(rows: float) -> int:
    """About how many calls a job of so many rows takes.

    >>> job_calls(0), job_calls(1_000_000)
    (7, 30)
    """
    pages = max(1, -(-int(rows) // PAGE_ROWS))
    return 1 + LOOKS + pages + (-(-(pages - 1) // 5)) + 1


def pays(rows: float, page_calls: int) -> bool:
    """Whether a job is worth its wait.

    >>> pays(20_000, 10), pays(50_000, 25)
    (False, True)
    """
    return page_calls >= _WORTH * job_calls(rows)


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
    statement = bulk_statement(draft)
    doing = f"reading {statement.table} by a bulk job"
    job = Job(org.source, org.client, doing, statement.text, org.resource, context, id=resumed)
    complete = False
    try:
        job.start()
        _LOG.info("source %s: bulk job %s reads %s", org.source, job.id, statement.table)
        total = job.wait()
        received = 0
        for batch in _pages(org, draft, job, statement, context):
            received += batch.num_rows
            context.meter.add(rows=batch.num_rows)
            yield batch.select(list(draft.columns))
        if received != total:
            raise DataError(
                f"source {org.source}, {doing}: the org announced {total} rows and sent {received}",
                remedy="Run the query again.",
            )
        complete = True
    finally:
        if complete:
            job.clear()
        else:  # whoever stops, or fails, does not wait for this
            Flight(lambda stop: job.clear())


def _pages(
    org: Org, draft: Draft, job: Job, statement: Statement, context: ReadContext
) -> Iterator[pa.RecordBatch]:
    by_path = {field.path: field.column for part in draft.parts for field in part}
    decoder = CsvDecoder(statement.table, tuple(by_path[path] for path in statement.columns))
    locator, pieces = _page(org, decoder, partial(job.page, None), context)
    yield from pieces
    if locator is not None and job.tells_addresses:
        del pieces
        reads: Iterator[Read] = (
            partial(_at, org, decoder, job, path) for path in job.addresses(locator)
        )
        yield from gathered(reads, min(org.concurrency, _SIDE_BY_SIDE), context)
        return
    while locator is not None:
        locator, pieces = _page(org, decoder, partial(job.page, locator), context)
        yield from pieces


def _at(
    org: Org, decoder: CsvDecoder, job: Job, path: str, context: ReadContext
) -> Iterator[pa.RecordBatch]:
    _, pieces = _page(org, decoder, partial(job.page_at, path), context)
    yield from pieces


def _page(
    org: Org, decoder: CsvDecoder, ask: Callable[[ReadContext], JobPage], context: ReadContext
) -> tuple[str | None, list[pa.RecordBatch]]:
    """A page's rows and the next one's locator; a page that is not whole is asked for again."""
    policy = org.client.policy
    for broken in range(policy.repeats + 1):
        page = ask(context)
        try:
            return page.following, decoder.page(page)
        except Torn as error:
            fault = error
        context.wait(policy.wait(broken))
    raise SourceUnavailable(
        f"source {org.source}: a page of bulk results is broken: {fault} "
        f"(tried {policy.repeats + 1} times)",
        code="BAD_CSV",
        remedy="Try again later.",
    ) from fault
