"""How a draft is fetched: page by page, in ranges of Ids side by side, by Ids, or by a Bulk job.

The fewest calls win, then the fewest seconds. A job takes a fraction of the calls of many pages,
but begins slowly, so it must save most of them; ranges cost a few calls more than one chain and
take a fraction of its time; a long list of Ids fits into few retrieves. A source or a request may
say which it shall be; where that can't be, pages it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from isthmus.connectors.contract import Bill, ScanRequest
from isthmus.connectors.salesforce import bulk, ranges
from isthmus.connectors.salesforce.estimate import PAGE_ROWS, PAGE_SECONDS, Known, Predicted
from isthmus.connectors.salesforce.options import ACCESSES, BULK, IDS, PARALLEL, REST
from isthmus.connectors.salesforce.planning import Draft
from isthmus.connectors.salesforce.retrieval import ACCESS_PATH as BY_IDS
from isthmus.connectors.salesforce.retrieval import bill_of_ids, pays, retrieval

__all__ = ["Access", "access_of", "chains_of", "choose", "wished"]

_CHAINS: Final = re.compile(r"(\d+) ranges of Ids")
#: Seconds until a job has its first page.
_JOB_SECONDS: Final = 8.0


@dataclass(frozen=True)
class Access:
    """One way to fetch a draft.

    Attributes:
        path: in words, for EXPLAIN; it tells all that a reader needs to go this way.
        draft: what is fetched, and which filters are sent for it.
        statements: what is sent.
        predicted: its bills.
    """

    path: str
    draft: Draft
    statements: tuple[str, ...]
    predicted: Predicted


def wished(request: ScanRequest, usual: str) -> str:
    """What the request says, or else the source: ``auto``, ``rest``, ``parallel`` or ``bulk``."""
    return next((option for option in request.options if option in ACCESSES), usual)


def choose(
    draft: Draft,
    predicted: Predicted,
    wish: str,
    resource: str,
    *,
    concurrency: int,
    known: Known,
    retrieves: bool = True,
) -> Access:
    """The way to go.

    Args:
        draft: what is fetched.
        predicted: its bills, page by page.
        wish: what the request or the source says.
        resource: ``query`` or ``queryAll``.
        concurrency: the most chains that the source allows.
        known: of the object.
        retrieves: whether the org gives its rows by their Ids.
    """
    rows, calls = predicted.likely.rows, predicted.likely.calls
    if bulk.refusal(draft.request, draft) is None and (
        wish == BULK or (wish == "auto" and bulk.pays(rows / len(draft.parts), calls))
    ):
        return Access(
            bulk.ACCESS_PATH, draft, (bulk.bulk_statement(draft).text,), _by_job(predicted, draft)
        )
    if wish == "auto" and retrieves:
        by_ids = _by_ids(draft, known)
        if by_ids is not None and pays(predicted, by_ids.predicted):
            return by_ids
    page_by_page = Access(f"REST {resource}", draft, draft.texts, predicted)
    if wish == PARALLEL:
        chains = concurrency
    elif wish == REST or not _in_ranges(draft):
        return page_by_page
    else:
        pace = known.call_seconds or PAGE_SECONDS
        chains = ranges.chains_worth(rows, PAGE_ROWS, pace, concurrency)
    if chains < 2 or not _in_ranges(draft):
        return page_by_page
    path = ranges.access_path(resource, chains)
    return Access(path, draft, draft.texts, _in_chains(predicted, chains))


def _by_ids(draft: Draft, known: Known) -> Access | None:
    found = retrieval(draft)
    if found is None:
        return None
    return Access(BY_IDS, found.draft, found.texts, bill_of_ids(found, known))


def _in_ranges(draft: Draft) -> bool:
    """Whether Ids can be parted: one statement, all rows, in the order of Ids."""
    (statement, *more) = draft.bare
    whole = statement.by_id and statement.limit is None and not more and len(draft.chunks) == 1
    return whole and not draft.request.aggregates and not draft.request.children


def _by_job(predicted: Predicted, draft: Draft) -> Predicted:
    """A job reads all columns at once, in a third of JSON's bytes before they are compressed."""
    parts = len(draft.parts)

    def bill(of: Bill) -> Bill:
        rows = of.rows // parts
        calls = bulk.job_calls(rows)
        return replace(of, calls=calls, bulk_calls=calls, rows=rows, seconds=_JOB_SECONDS)

    low = bill(predicted.low)
    fewest = low.calls - bulk.LOOKS + 1  # it may be complete at the first look
    low = replace(low, calls=fewest, bulk_calls=fewest)
    high = None if predicted.high is None else bill(predicted.high)
    if high is not None:
        high = replace(high, calls=high.calls + bulk.MORE_LOOKS, seconds=3_600.0)
        high = replace(high, bulk_calls=high.calls)
    return Predicted(low, bill(predicted.likely), high)


def _in_chains(predicted: Predicted, chains: int) -> Predicted:
    """Two calls find the ends, and each chain's last page is part empty, however it is cut."""
    more = Bill(calls=2 + chains // 2)
    cuts = 2 + chains * (1 + ranges.CUTS_A_CHAIN)
    likely = replace(
        predicted.likely + more,
        basis=predicted.likely.basis,
        seconds=predicted.likely.seconds / chains,
    )
    high = None if predicted.high is None else predicted.high + Bill(calls=cuts)
    return Predicted(predicted.low, likely, high)


def chains_of(path: str) -> int:
    """How many ranges an access path names; 1 for any other.

    >>> chains_of(ranges.access_path("query", 8)), chains_of("REST query")
    (8, 1)
    """
    found = _CHAINS.search(path)
    return 1 if found is None else int(found[1])


def access_of(path: str) -> str:
    """Which of the ways an access path is.

    >>> access_of("Bulk query job"), access_of("REST queryAll")
    ('bulk', 'rest')
    """
    if path == bulk.ACCESS_PATH:
        return BULK
    if path == BY_IDS:
        return IDS
    return PARALLEL if chains_of(path) > 1 else REST
