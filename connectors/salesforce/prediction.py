"""The predicted bills of what is planned, and of what might be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Bill, Lookup, Promise, ScanRequest
from isthmus.connectors.predicates import Compare, In, IsNull, Not, Predicate
from isthmus.connectors.salesforce.aggregates import MOST_GROUPS, shape
from isthmus.connectors.salesforce.childbill import with_children
from isthmus.connectors.salesforce.estimate import Known, Predicted, predict
from isthmus.connectors.salesforce.keys import KEY_ROOM, is_key, key_bytes
from isthmus.connectors.salesforce.length import STATEMENT_BYTES
from isthmus.connectors.salesforce.lookups import looked_up
from isthmus.connectors.salesforce.planning import Draft, draft
from isthmus.connectors.salesforce.retrieval import calls_for, could_be_found, pays
from isthmus.connectors.salesforce.selectivity import (
    UNKNOWN_ROWS,
    Rows,
    distinct,
    equal_share,
    rows_passing,
    values_expected,
)
from isthmus.connectors.salesforce.soql import encoded

__all__ = ["bill_of_keys", "bills_of"]

#: How many groups there are, where nothing is known of them.
_GROUPS: Final = 100
#: What part of the rows points at some of the objects that a lookup may point at: a guess.
_POINTS: Final = 0.5


def bills_of(draft: Draft, known: Known, below: Sequence[Known] = ()) -> Predicted:
    """The predicted bills of a draft.

    Args:
        draft: what is sent.
        known: of the object.
        below: of the objects whose rows come along as children.
    """
    if draft.request.aggregates:
        return _bills_of_groups(draft, known)
    rows = _passing(draft, known)
    chunks = len(draft.chunks)
    if draft.limit is not None:
        rows = rows.at_most(draft.limit)
        chunks = chunks if draft.limit else 0
    predicted = predict(_columns(draft), rows, known, chunks=chunks, parts=len(draft.parts))
    if draft.request.children:
        return with_children(predicted, draft.request, rows, known, below, chunks=chunks)
    if draft.limit and chunks > 1:  # the first chunk may have enough
        return replace(predicted, low=Bill(calls=1))
    return predicted


def _columns(draft: Draft) -> list[Column]:
    return [field.column for part in draft.parts for field in part]


def _bills_of_groups(draft: Draft, known: Known) -> Predicted:
    """One call; where there are too many groups, the rows are read after it."""
    request = draft.request
    rows, columns = _passing(draft, known), shape(request)
    if not request.columns:
        return predict(columns, Rows(1, 1.0, 1, "one row of aggregates"), known)
    likely = _groups(request, rows, known)
    groups = Rows(0, min(likely, float(MOST_GROUPS)), MOST_GROUPS, rows.basis)
    predicted = predict(columns, groups, known)
    if rows.high is not None and rows.high <= MOST_GROUPS:
        return predicted
    used = dict.fromkeys((*request.columns, *(a.column for a in request.aggregates if a.column)))
    read = predict([request.table.column(name) for name in used], rows, known)
    high = None if read.high is None else read.high + Bill(calls=1)
    if likely > MOST_GROUPS:
        refused = replace(read.likely + Bill(calls=1), basis="there are likely too many groups")
        return Predicted(predicted.low, refused, high)
    return replace(predicted, high=high)


def _groups(request: ScanRequest, rows: Rows, known: Known) -> float:
    """How many groups there are: as many as the values of the columns make, at most."""
    values = 1.0
    for name in request.columns:
        column, facts = request.table.column(name), known.facts.columns.get(name)
        if facts is not None:
            values *= distinct(facts, rows.likely) + (facts.nulls > 0)
        elif (name,) == request.table.primary_key:
            values *= rows.likely
        else:
            values *= values_expected(column, rows.likely)
    return min(values, rows.likely)


def _passing(draft: Draft, known: Known) -> Rows:
    request = draft.request
    rows = rows_passing(
        request.table,
        _sent(draft),
        known.count,
        known.facts,
        options=request.options,
        applied=_applied(draft),
    )
    # a looked-up row that fails takes the row that looks it up with it
    if request.points:
        rows = replace(rows, likely=rows.likely * _POINTS ** len(request.points))
    rows = replace(rows, likely=rows.likely * _looked_up_share(request.lookups, known))
    return replace(rows, low=0) if request.points or _narrowing(request.lookups) else rows


def _looked_up_share(lookups: Iterable[Lookup], known: Known) -> float:
    """What part of the rows looks up one that a list of keys names."""
    kept = 1.0
    for lookup in lookups:
        for keys in lookup.predicates:
            if isinstance(keys, In) and is_key(lookup.table.column(keys.column)):
                kept *= min(1.0, len(keys.values) * _part_of_one(lookup.table, keys.column, known))
        kept *= _looked_up_share(lookup.lookups, known)
    return kept


def _part_of_one(table: Table, column: str, known: Known) -> float:
    """What part of the rows looks up one that has a value of a column."""
    of = known.parents.get(table.name, Known())
    rows = UNKNOWN_ROWS if of.count is None else of.count.rows
    return equal_share(table, column, float(rows), of.facts)


def _narrowing(lookups: Iterable[Lookup]) -> bool:
    return any(lookup.predicates or _narrowing(lookup.lookups) for lookup in lookups)


def _applied(draft: Draft) -> list[Predicate]:
    """What the org makes of what is sent: of many a ``!=`` only that the column is not null."""
    pairs = zip(draft.request.predicates, draft.translations, strict=True)
    return [
        Not(IsNull(p.column))
        if isinstance(p, Compare | In) and t.condition == f"{p.column} != null"
        else p
        for p, t in pairs
        if t.promise is not Promise.LOCAL
    ]


def _sent(draft: Draft) -> list[Predicate]:
    pairs = zip(draft.request.predicates, draft.translations, strict=True)
    return [predicate for predicate, t in pairs if t.promise is not Promise.LOCAL]


def bill_of_keys(
    request: ScanRequest,
    column: str,
    keys: int,
    known: Known,
    below: Sequence[Known] = (),
    *,
    retrieves: bool = True,
) -> Bill | None:
    """The likeliest bill of a request with a list of so many values of a column added.

    None where such a list is not sent.

    Args:
        request: what is asked for without them.
        column: whose values they are; ``AccountId.Name`` for one of a looked-up row.
        keys: how many there are.
        known: of the object.
        below: of the objects whose rows come along as children.
        retrieves: whether the org gives its rows by their Ids.
    """
    own = any(known_as.name == column for known_as in request.table.columns)
    found = None if own else looked_up(request, column)
    if not own and found is None:
        return None
    described = request.table.column(column) if found is None else found[0].table.column(found[1])
    if not is_key(described):
        return None
    if own and column not in request.columns:  # text is compared again here
        request = replace(request, columns=(*request.columns, column))
    drafted = draft(request)
    longest = max(len(encoded(statement.text)) for statement in drafted.bare)
    room = max(STATEMENT_BYTES - longest, KEY_ROOM)
    table, rows = request.table, _passing(drafted, known)
    if found is None:
        kept = min(1.0, keys * equal_share(table, column, rows.likely, known.facts))
    else:
        kept = min(1.0, keys * _part_of_one(found[0].table, found[1], known))
    rows = replace(rows, low=0, likely=rows.likely * kept, basis=f"{rows.basis}, {keys:,} keys")
    if drafted.limit is not None:
        rows = rows.at_most(drafted.limit)
    chunks = max(1, math.ceil(keys * key_bytes(described.source_type) / room))
    by_query = predict(_columns(drafted), rows, known, parts=len(drafted.parts), chunks=chunks)
    if request.children:
        return with_children(by_query, request, rows, known, below, chunks=chunks).likely
    if column == "Id" and retrieves and could_be_found(drafted):
        by_ids = predict(
            _columns(drafted), _found(keys, rows, known), known, chunks=calls_for(keys)
        )
        if pays(by_query, by_ids):
            return by_ids.likely
    return by_query.likely


def _found(keys: int, rows: Rows, known: Known) -> Rows:
    """The rows of so many Ids, whatever else is asked of them."""
    counted = 0 if known.count is None else known.count.rows
    return replace(rows, likely=float(min(keys, counted or keys)))
