"""What it costs that children come along: their rows count towards pages as any others do.

A page ends before the record whose children have no room on it (REST API Developer Guide, "Query
Options Header"), and a record with more children than a page holds has pages of its own for the
rest of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from isthmus.connectors.contract import Bill, ScanRequest
from isthmus.connectors.salesforce.children import sent_of
from isthmus.connectors.salesforce.estimate import (
    LONG_PAGE_ROWS,
    PAGE_ROWS,
    PAGE_SECONDS,
    Known,
    Predicted,
    is_long,
    predict,
)
from isthmus.connectors.salesforce.selectivity import Rows, equal_share, rows_passing

__all__ = ["with_children"]


def with_children(
    predicted: Predicted,
    request: ScanRequest,
    rows: Rows,
    known: Known,
    below: Sequence[Known],
    *,
    chunks: int = 1,
) -> Predicted:
    """The bills of rows with their children.

    Args:
        predicted: the bills of the rows alone.
        request: rows and children.
        rows: how many rows will come.
        known: of the object.
        below: of the children's objects.
        chunks: how many statements the rows are spread over.
    """
    counts = [_children(request, i, rows, known) for i, known in enumerate(below)]
    page = _page_rows(request)
    pace = known.call_seconds or PAGE_SECONDS
    likely, high = predicted.likely, predicted.high
    came = sum(c.likely.rows for c in counts)
    calls = chunks * max(1, math.ceil((rows.likely + came) / chunks / page))
    for count in counts:
        each = count.likely.rows / max(rows.likely, 1.0)
        calls += math.ceil(rows.likely) * max(math.ceil(each / page) - 1, 0)
    likely = _with(likely, sum((c.likely for c in counts), Bill()), max(calls, likely.calls), pace)
    most = [c.high for c in counts if c.high is not None]
    if high is None or rows.high is None or len(most) < len(counts):
        return Predicted(predicted.low, likely, None)
    every = sum(most, Bill())
    # two pages in a row hold more than one can, and children that have pages of their own fill
    # all but one of them
    calls = 2 * (rows.high + every.rows) // page + every.rows // page + chunks
    return Predicted(predicted.low, likely, _with(high, every, max(calls, high.calls), pace))


def _with(rows: Bill, children: Bill, calls: int, pace: float) -> Bill:
    return replace(
        rows,
        calls=calls,
        rows=rows.rows + children.rows,
        bytes=rows.bytes + children.bytes,
        seconds=calls * pace,
    )


def _children(request: ScanRequest, which: int, rows: Rows, known: Known) -> Predicted:
    """The bills of one relationship's children, were they read by themselves."""
    child = request.children[which]
    passing = rows_passing(child.table, sent_of(child), known.count, known.facts)
    share = equal_share(child.table, child.key, passing.likely, known.facts)
    kept = passing.likely * min(1.0, rows.likely * share)
    found = replace(passing, low=0, likely=kept)
    return predict([child.table.column(name) for name in child.columns], found, known)


def _page_rows(request: ScanRequest) -> int:
    # whether long texts in a subquery make pages small as well is documented nowhere
    levels = [[request.table.column(name) for name in request.columns]]
    levels += [[c.table.column(name) for name in c.columns] for c in request.children]
    long = any(sum(map(is_long, columns)) > 1 for columns in levels)
    return LONG_PAGE_ROWS if long else PAGE_ROWS
