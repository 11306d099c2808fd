"""A Bulk job's rows in the order of its pages, each with its place: a later process goes on there.

The job is made once, however often its reader breaks off. Source: *Bulk API 2.0 and Bulk API
Developer Guide*, "Get Results for a Query Job": a locator gives the same page for as long as the
job is kept, seven days. So a read that is broken off leaves its job where it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Final

import pyarrow as pa

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.places import Placed, PlaceLost
from isthmus.connectors.salesforce.bulkresults import Results
from isthmus.connectors.salesforce.gather import ordered
from isthmus.connectors.salesforce.planning import Draft
from isthmus.connectors.salesforce.reading import Org
from isthmus.errors import DataError, SourceError

__all__ = ["placed_rows"]

#: Pages that are on the wire, or wait, behind the one that is handed out: lost where the read ends.
_AHEAD: Final = 1


@dataclass(frozen=True)
class _Place:
    """The beginning of a page of a job.

    Attributes:
        job: its id.
        locator: the page's; None for the first one.
        before: how many rows of the job come before it.
        end: it is no page, but what comes after the last one.
    """

    job: str
    locator: str | None = None
    before: int = 0
    end: bool = False

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))


def placed_rows(
    org: Org, draft: Draft, context: ReadContext, place: str | None
) -> Iterator[Placed]:
    """Every row of a draft by a job, with the draft's columns, from a place on.

    Args:
        org: where.
        draft: what; the same as when the place was told.
        context: when to stop.
        place: None: the beginning, of a new job.

    Raises:
        PlaceLost: the job, or the page, is gone; nothing was yielded.
        NoJob: the org takes no job; nothing was yielded.
        DataError, SourceError: as `rows_of_job`; the job is cleared away.
        AuthError, BudgetExceeded, SourceUnavailable: the org can't be read now.
        Cancelled, DeadlineExceeded: the query was stopped.
    """
    at = None if place is None else _Place(**json.loads(place))
    results = Results(org, draft, context, job=None if at is None else at.job)
    try:
        if at is None:
            results.start()
            yield from _from(results, _Place(str(results.job.id)), context)
        else:
            yield from _taken_up(results, at, context)
    except (DataError, SourceError, PlaceLost):
        results.job.clear()  # what is wrong with it stays wrong
        raise
    results.job.clear()


def _taken_up(results: Results, at: _Place, context: ReadContext) -> Iterator[Placed]:
    """What follows a place that an earlier process was told."""
    if at.end:
        return
    rows = _from(results, at, context)
    try:
        begun = [next(rows), next(rows)]  # the place itself, and what shows that it is there
    except SourceError as error:
        raise PlaceLost(str(error)) from error
    yield from begun
    yield from rows


def _from(results: Results, at: _Place, context: ReadContext) -> Iterator[Placed]:
    yield Placed(results.none, at.text)
    announced = results.job.wait()
    received = at.before
    for locator, pieces in _pages(results, at.locator, context):
        place = replace(at, locator=locator, before=received)
        offset = 0
        for piece in pieces:
            yield Placed(results.counted(piece), place.text, offset)
            offset += piece.num_rows
        received += offset
    results.demand_all(received, announced)
    yield Placed(results.none, replace(at, before=received, end=True).text)


def _pages(
    results: Results, locator: str | None, context: ReadContext
) -> Iterator[tuple[str | None, list[pa.RecordBatch]]]:
    """The pages from a locator on, in their order, each with its own locator."""
    following, pieces = results.page(locator, context)
    yield locator, pieces
    if following is None:
        return
    del pieces
    if results.job.tells_addresses:
        asks = (partial(results.page_at, path) for path in results.job.addresses(following))
        for after, pieces in ordered(asks, _AHEAD, context):
            yield following, pieces
            following = after
        return
    while following is not None:
        locator = following
        following, pieces = results.page(locator, context)
        yield locator, pieces
