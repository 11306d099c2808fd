"""Which scans a Bulk job reads: those whose pages would cost more calls than a job does.

They are of one object, without parents, groups, order, LIMIT and lists of keys, whose columns
are all of types that read the same from CSV. A job takes seconds to minutes before its first row,
so it must save much: see `pays`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pyarrow as pa

from isthmus.connectors.contract import ScanRequest
from isthmus.connectors.salesforce.planning import Draft
from isthmus.connectors.salesforce.soql import Statement
from isthmus.connectors.salesforce.types import EXTERNAL, LOOSE

__all__ = ["ACCESS_PATH", "bulk_statement", "job_calls", "pays", "refusal"]

ACCESS_PATH: Final = "Bulk query job"

#: Rows on a page of results (the guide: "a default value based on the service").
PAGE_ROWS: Final = 50_000
#: Looks at a job before it is complete, usually, and how many more there may be: half an hour's.
LOOKS: Final = 4
MORE_LOOKS: Final = 60
#: Characters of a job's statement (SOQL and SOSL Reference v65.0, p. 9).
_STATEMENT_CHARS: Final = 100_000
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
