"""Rows by their Ids: one call brings the records of up to 2,000 of them.

A list of Ids as a filter takes an address of 21 bytes an Id, so about 640 a call; a retrieve takes
them in its body (REST API Developer Guide, "Get Multiple Records with Fields Using sObject
Collections"). It knows no filter beside the Ids: the others are applied here. So it is used where
it saves calls and does not bring many rows more.

What it returns must be what a query would:

- An Id that leads nowhere, or to a row that the user may not see, is null in the answer. That a
  deleted row is null too is documented nowhere: `IsDeleted` is fetched along, where there is one.
- A query leaves archived rows out, and a retrieve may not: objects that have them are not read so.
- Two long texts make a query's pages small; what they do to a retrieve is documented nowhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Promise, ReadContext, ScanRequest
from isthmus.connectors.predicates import (
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    PartIn,
    Predicate,
    Value,
    columns_of,
)
from isthmus.connectors.salesforce.client import Asking, Sent
from isthmus.connectors.salesforce.decode import Decoder, Malformed
from isthmus.connectors.salesforce.estimate import PAGE_ROWS, Known, Predicted, is_long, predict
from isthmus.connectors.salesforce.fields import DELETED, Field, fields_of
from isthmus.connectors.salesforce.flight import Flight
from isthmus.connectors.salesforce.gather import gathered
from isthmus.connectors.salesforce.ids import is_full_id
from isthmus.connectors.salesforce.options import ACCESSES, INCLUDE_DELETED
from isthmus.connectors.salesforce.planning import Draft, draft
from isthmus.connectors.salesforce.reading import Org, rows
from isthmus.connectors.salesforce.refusals import Refusal, error_for
from isthmus.connectors.salesforce.selectivity import rows_passing
from isthmus.connectors.salesforce.translation import local
from isthmus.connectors.salesforce.types import EXTERNAL, LOOSE
from isthmus.errors import DataError, SourceError

__all__ = [
    "ACCESS_PATH",
    "MOST_IDS",
    "Retrieval",
    "bill_of_ids",
    "calls_for",
    "could_be_found",
    "pays",
    "retrieval",
    "retrieved_rows",
]

ACCESS_PATH: Final = "Id lookup"
#: Records that one call may ask for.
MOST_IDS: Final = 2_000
#: Only the first is documented to be left out of what queries return.
_ARCHIVED: Final = "IsArchived"
_LOCAL: Final = local("rows are found by their Ids alone, and filtered here")


@dataclass(frozen=True)
class Retrieval:
    """Rows that are asked for by their Ids.

    Attributes:
        draft: the columns and translations; of its filters only the Ids are sent.
        asked: the Ids, call by call; none is asked for twice.
    """

    draft: Draft
    asked: tuple[tuple[str, ...], ...]

    @property
    def table(self) -> Table:
        """The object."""
        return self.draft.request.table

    @property
    def fields(self) -> tuple[Field, ...]:
        """What is fetched of each."""
        return self.draft.parts[0]

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is sent, readable."""
        return tuple(
            f"POST composite/sobjects/{self.table.name} {self.body(ids)}" for ids in self.asked
        )

    def body(self, ids: tuple[str, ...]) -> str:
        """What a call for these Ids carries."""
        paths = [field.path for field in self.fields]
        return json.dumps({"ids": ids, "fields": paths}, separators=(",", ":"))


def could_be_found(drafted: Draft) -> bool:
    """Whether rows of the draft could be found by their Ids, if it had a list of them."""
    request = drafted.request
    columns = (field.column for field in drafted.parts[0])
    repeatable = all(
        _repeatable(p, request.table) for p, t in _judged(drafted) if t is Promise.EXACT
    )
    return _can_be_found(request.table, request) and repeatable and _as_described(columns)


def retrieval(drafted: Draft) -> Retrieval | None:
    """The request's rows by their Ids; None where that is not possible, or not sure to be right."""
    place = _list_of_ids(drafted)
    request = drafted.request
    if place is None or not _can_be_found(request.table, request):
        return None
    for i, (predicate, promise) in enumerate(_judged(drafted)):
        # what is no EXACT promise is filtered again in any case
        if i != place and promise is Promise.EXACT and not _repeatable(predicate, request.table):
            return None
    keys = request.predicates[place]
    assert isinstance(keys, In)
    ids = tuple(dict.fromkeys(v for v in keys.values if isinstance(v, str) and is_full_id(v)))
    found = _all_filtered_here(drafted, place)
    if not _as_described(field.column for field in found.parts[0]):
        return None
    asked = tuple(ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS))
    return Retrieval(found, asked)


def _judged(drafted: Draft) -> Iterator[tuple[Predicate, Promise]]:
    pairs = zip(drafted.request.predicates, drafted.translations, strict=True)
    return ((predicate, t.promise) for predicate, t in pairs)


def _list_of_ids(drafted: Draft) -> int | None:
    """Which filter lists the Ids of the rows: the shortest such list."""
    lists = [
        (len(p.values), i)
        for i, (p, promise) in enumerate(_judged(drafted))
        if isinstance(p, In) and p.column == "Id" and promise is Promise.EXACT
    ]
    return min(lists)[1] if lists else None


def _all_filtered_here(drafted: Draft, place: int) -> Draft:
    request = drafted.request
    translations = tuple(t if i == place else _LOCAL for i, t in enumerate(drafted.translations))
    others = [p for i, p in enumerate(request.predicates) if i != place]
    fields = fields_of(request, [name for p in others for name in columns_of(p)])
    names = tuple(field.name for field in fields)
    known = {column.name for column in request.table.columns}
    more = [n for n in ("Id", DELETED) if n in known and n not in names]
    fields += tuple(Field(name, name, request.table.column(name)) for name in more)
    return replace(drafted, translations=translations, columns=names, parts=(fields,))


def _can_be_found(table: Table, request: ScanRequest) -> bool:
    if request.limit is not None or request.order or request.aggregates:
        return False
    if request.lookups or request.children:
        return False
    if request.points or request.after is not None:
        return False
    if request.options & {INCLUDE_DELETED, *ACCESSES}:
        return False
    kinds = ("__b", "__e", "__mdt", "__x")  # other stores than the one that is documented
    return (
        table.primary_key == ("Id",)
        and bool(table.properties.get("retrieveable"))
        and not table.name.endswith(kinds)
        and all(column.name != _ARCHIVED for column in table.columns)
    )


def _as_described(columns: Iterator[Column]) -> bool:
    """Whether the values come as in a query."""
    found = tuple(columns)
    plain = not any(c.properties.get(LOOSE) or c.properties.get(EXTERNAL) for c in found)
    return plain and sum(map(is_long, found)) < 2


#: By a column's type: of which type a value is that it can surely be compared with here.
_COMPARED: Final[dict[pa.DataType, type]] = {
    pa.bool_(): bool,
    pa.string(): str,
    pa.int64(): int,
    pa.date32(): date,
    pa.timestamp("ms", "UTC"): datetime,
}


def _repeatable(predicate: Predicate, table: Table) -> bool:
    """Whether a filter that was promised EXACT can be applied here instead."""
    match predicate:
        case And(parts=parts) | Or(parts=parts):
            return all(_repeatable(part, table) for part in parts)
        case Not(part=part):
            return _repeatable(part, table)
        case IsNull(column=name):
            return not pa.types.is_floating(table.column(name).type)
        case Compare(column=name, value=value):
            return _compared(table.column(name), (value,))
        case In(column=name, values=values):
            return _compared(table.column(name), values)
        case Like() | HasItem() | PartIn():
            return False


def _compared(column: Column, values: tuple[Value, ...]) -> bool:
    kind = _COMPARED.get(column.type)
    return kind is not None and all(type(value) is kind for value in values)


def bill_of_ids(found: Retrieval, known: Known) -> Predicted:
    """The predicted bills of a retrieval."""
    keys = In("Id", tuple(i for ids in found.asked for i in ids))
    passing = rows_passing(found.table, [keys], known.count, known.facts)
    columns = [field.column for field in found.fields]
    return predict(columns, passing, known, chunks=len(found.asked))


def pays(by_query: Predicted, by_ids: Predicted) -> bool:
    """Whether calls are saved that are worth the rows that come besides: a page for a call."""
    saved = by_query.likely.calls - by_ids.likely.calls
    return saved > 0 and by_ids.likely.rows - by_query.likely.rows <= saved * PAGE_ROWS


def calls_for(keys: int) -> int:
    """How many calls so many Ids take.

    >>> calls_for(2_000), calls_for(5_000)
    (1, 3)
    """
    return max(1, math.ceil(keys / MOST_IDS))


def retrieved_rows(
    org: Org, found: Retrieval, context: ReadContext, refused: Callable[[], None]
) -> Iterator[pa.RecordBatch]:
    """Every row that there is, with the draft's columns.

    Args:
        org: where.
        found: what.
        context: when to stop.
        refused: called when the org does not take the question; the rows come by queries then.

    Raises:
        DataError: a value does not fit its column, or the org contradicts itself.
        AuthError, SourceError, SourceUnavailable: the org can't be read.
        Cancelled, DeadlineExceeded: the query was stopped.
    """
    decoder = Decoder(
        found.table.name,
        tuple(field.selected for field in found.fields),
        tuple(field.path for field in found.fields),
    )
    reads = [partial(_of_ids, org, found, decoder, refused, ids) for ids in found.asked]
    yield from gathered(reads, org.concurrency, context)


def _of_ids(
    org: Org,
    found: Retrieval,
    decoder: Decoder,
    refused: Callable[[], None],
    ids: tuple[str, ...],
    context: ReadContext,
) -> Iterator[pa.RecordBatch]:
    try:
        batch = _records(org, found, decoder, ids, context)
    except SourceError:  # it may be that records of this kind, or so many, are not given this way
        refused()
        yield from rows(org, _queries(found, ids), context)
        return
    context.meter.add(rows=batch.num_rows)
    if DELETED in batch.schema.names:
        batch = batch.filter(pc.invert(batch.column(DELETED)))
    yield batch.select(list(found.draft.columns))


def _queries(found: Retrieval, ids: tuple[str, ...]) -> Draft:
    request = found.draft.request
    plain = replace(request, columns=found.draft.columns, predicates=(In("Id", ids),))
    return draft(plain)


def _records(
    org: Org, found: Retrieval, decoder: Decoder, ids: tuple[str, ...], context: ReadContext
) -> pa.RecordBatch:
    """The records of one call; an answer that is broken is asked for again."""
    doing, policy = f"reading {found.table.name} by Ids", org.client.policy
    asking = Asking(doing, context.meter)
    sent = Sent(
        f"{org.client.root}/composite/sobjects/{found.table.name}",
        "POST",
        found.body(ids).encode(),
        {"Content-Type": "application/json"},
    )
    for broken in range(policy.repeats + 1):
        answer = Flight(lambda stop: org.client.send(sent, asking, stop)).result(context)
        try:
            come, batch = decoder.records(answer.body)
        except Malformed as error:
            fault = error
            context.wait(policy.wait(broken))
            continue
        if come != len(ids):
            raise DataError(
                f"source {org.source}, {doing}: {len(ids)} Ids were sent and {come} answers came",
                remedy="Run the query again with the hint /*+ rest */.",
            )
        return batch
    raise error_for(
        Refusal(0, "BAD_JSON", f"the answer is broken: {fault}"),
        source=org.source,
        doing=doing,
        tries=policy.repeats + 1,
    ) from fault
