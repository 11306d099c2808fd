"""The predicted bills of what is planned, and of what might be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from isthmus.catalog.model import Column, RowCount
from isthmus.connectors.contract import Bill, Promise, ScanRequest
from isthmus.connectors.predicates import Predicate
from isthmus.connectors.salesforce.aggregates import shape
from isthmus.connectors.salesforce.estimate import bill_for
from isthmus.connectors.salesforce.keys import KEY_ROOM, is_key, key_bytes
from isthmus.connectors.salesforce.length import STATEMENT_BYTES
from isthmus.connectors.salesforce.planning import Draft, draft
from isthmus.connectors.salesforce.soql import encoded

__all__ = ["bill_of", "bill_of_keys"]

#: How many groups there are, where nothing is known of them.
_GROUPS: Final = 100


def bill_of(draft: Draft, count: RowCount | None) -> Bill:
    """The predicted bill of a draft.

    Args:
        draft: what is sent.
        count: about how many rows the object has.
    """
    table = draft.request.table
    if draft.request.aggregates:
        return _bill_of_groups(draft, count)
    return bill_for(
        table,
        _columns(draft),
        _sent(draft),
        count,
        draft.limit,
        chunks=len(draft.chunks),
        parts=len(draft.parts),
    )


def _columns(draft: Draft) -> list[Column]:
    return [field.column for part in draft.parts for field in part]


def _bill_of_groups(draft: Draft, count: RowCount | None) -> Bill:
    """One call; how many groups there are is a guess between one row and all rows."""
    request = draft.request
    columns = shape(request)
    limit = 1 if not request.columns else _GROUPS
    return bill_for(request.table, columns, _sent(draft), count, limit)


def _sent(draft: Draft) -> list[Predicate]:
    pairs = zip(draft.request.predicates, draft.translations, strict=True)
    return [predicate for predicate, t in pairs if t.promise is not Promise.LOCAL]


def bill_of_keys(
    request: ScanRequest, column: str, keys: int, count: RowCount | None
) -> Bill | None:
    """The predicted bill of a request with a list of so many values of a column added.

    None where such a list is not sent.
    """
    described = request.table.column(column)
    if not is_key(described):
        return None
    if column not in request.columns:  # text is compared again here
        request = replace(request, columns=(*request.columns, column))
    drafted = draft(request)
    longest = max(len(encoded(statement.text)) for statement in drafted.bare)
    room = max(STATEMENT_BYTES - longest, KEY_ROOM)
    table = request.table
    return bill_for(
        table,
        _columns(drafted),
        _sent(drafted),
        count,
        drafted.limit,
        keys=(column, keys),
        parts=len(drafted.parts),
        chunks=max(1, math.ceil(keys * key_bytes(described.source_type) / room)),
    )
