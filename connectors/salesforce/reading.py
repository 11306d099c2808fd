"""The rows of what was planned: chunk by chunk, side by side."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import pyarrow as pa

from isthmus.connectors.contract import Declined, ReadContext
from isthmus.connectors.salesforce.aggregates import MOST_GROUPS
from isthmus.connectors.salesforce.apart import REFUSED, apart
from isthmus.connectors.salesforce.childpages import more_children, own_children
from isthmus.connectors.salesforce.children import subqueries_of
from isthmus.connectors.salesforce.client import Client
from isthmus.connectors.salesforce.decode import Decoder
from isthmus.connectors.salesforce.fields import Field
from isthmus.connectors.salesforce.gather import gathered
from isthmus.connectors.salesforce.joining import Parts, joined
from isthmus.connectors.salesforce.keys import matching
from isthmus.connectors.salesforce.lookups import existing
from isthmus.connectors.salesforce.paging import Reading, read
from isthmus.connectors.salesforce.planning import Chunk, Draft, halved
from isthmus.connectors.salesforce.ranges import read_ranges
from isthmus.connectors.salesforce.soql import Statement
from isthmus.connectors.salesforce.targets import kinds_of
from isthmus.errors import SourceError

__all__ = ["Org", "rows"]

_LOG: Final = logging.getLogger("isthmus.salesforce")

#: What the org answers to a statement that it finds too long (REST API Developer Guide, "Status
#: Codes"; SOQL and SOSL Reference v65.0, p. 10), by its code or, where there is none, its status.
_TOO_LONG: Final = frozenset(
    {
        "URI_TOO_LONG",
        "HTTP 414",
        "REQUEST_HEADER_FIELDS_TOO_LARGE",
        "HTTP 431",
        "QUERY_TOO_COMPLICATED",
    }
)


@dataclass(frozen=True)
class Org:
    """Where it is read.

    Attributes:
        source: the source's name.
        resource: ``query``, or ``queryAll`` for deleted rows as well.
        concurrency: how many reads may run side by side.
    """

    source: str
    client: Client
    resource: str
    concurrency: int


def rows(
    org: Org, draft: Draft, context: ReadContext, *, chains: int = 1
) -> Iterator[pa.RecordBatch]:
    """Every row of the draft, each once, with its columns.

    Args:
        org: where.
        draft: what.
        context: when to stop.
        chains: how many ranges of Ids are read side by side, where it is one statement.

    Raises:
        DataError: a value does not fit its column, or the org contradicts itself.
        Declined: there are more groups than the org gives; nothing was yielded.
        AuthError, SourceError, SourceUnavailable: the org can't be read.
        Cancelled, DeadlineExceeded: the query was stopped.
    """
    if draft.request.aggregates:
        yield from _groups(org, draft, context)
        return
    if chains > 1:
        yield from _ranges(org, draft, chains, context)
        return
    begun = False
    try:
        for batch in _chunks(org, draft, context):
            begun = True
            yield batch
    except SourceError as error:
        if begun or not draft.request.children or error.code not in REFUSED:
            raise
        _LOG.warning(
            "%s: child subqueries are refused, so they are left out: %s", org.source, error
        )
        yield from apart(draft, partial(_chunks, org, context=context))


def _chunks(org: Org, draft: Draft, context: ReadContext) -> Iterator[pa.RecordBatch]:
    reads = [partial(_chunk, org, draft, chunk) for chunk in draft.chunks]
    left = draft.limit
    for batch in gathered(reads, org.concurrency, context):
        if left is None:
            yield batch
            continue
        yield batch.slice(0, left)
        left -= batch.num_rows
        if left <= 0:
            return


def _ranges(org: Org, draft: Draft, chains: int, context: ReadContext) -> Iterator[pa.RecordBatch]:
    reading = _reading(org, draft, draft.parts[0], context)
    for batch in read_ranges(reading, draft.bare[0], chains):
        yield _finished(batch, draft)


def _chunk(org: Org, draft: Draft, chunk: Chunk, context: ReadContext) -> Iterator[pa.RecordBatch]:
    """The rows of a chunk; one that the org finds too long is asked for in two."""
    begun = False
    try:
        for batch in _rows(org, draft, chunk, context):
            begun = True
            yield batch
    except SourceError as error:
        parts = () if begun or error.code not in _TOO_LONG else halved(draft, chunk)
        if not parts:
            raise
        for part in parts:
            yield from _chunk(org, draft, part, context)


def _groups(org: Org, draft: Draft, context: ReadContext) -> Iterator[pa.RecordBatch]:
    """The groups, all or none of them: beyond 2,000 the org refuses."""
    try:
        pages = list(_pages(org, draft, draft.bare[0], draft.parts[0], context))
    except SourceError as error:
        if error.code != "EXCEEDED_ID_LIMIT":
            raise
        raise Declined(
            f"source {org.source}, grouping {draft.request.table.name}: there are more than "
            f"{MOST_GROUPS} groups, and the org gives no more ({error.code})"
        ) from error
    for page in pages:
        yield page.rename_columns(list(draft.columns))


def _rows(org: Org, draft: Draft, chunk: Chunk, context: ReadContext) -> Iterator[pa.RecordBatch]:
    """The rows of a chunk, with the draft's columns."""
    for batch in _whole(org, draft, chunk, context):
        if chunk.keys is not None and chunk.table is not None:
            batch = matching(batch, chunk.table, chunk.keys)
        for rows in _with_children(org, draft, batch, context):
            yield _finished(rows, draft)


def _with_children(
    org: Org, draft: Draft, batch: pa.RecordBatch, context: ReadContext
) -> Iterator[pa.RecordBatch]:
    for below in subqueries_of(draft.request):
        child = below.children
        decoder = Decoder(child.table.name, below.columns, child.columns)
        reading = Reading(org.source, org.client, decoder, org.resource, context)
        yield from more_children(reading, below, batch)
        batch = own_children(below, batch)
    yield batch


def _finished(batch: pa.RecordBatch, draft: Draft) -> pa.RecordBatch:
    if draft.request.lookups:
        batch = existing(batch, draft.request, draft.parts[0])
    return _named(batch, draft)


def _whole(org: Org, draft: Draft, chunk: Chunk, context: ReadContext) -> Iterator[pa.RecordBatch]:
    if len(chunk.statements) == 1:
        return _pages(org, draft, chunk.statements[0], draft.parts[0], context)
    asked = Parts(
        tuple(
            partial(_part, org, draft, statement, fields, context)
            for statement, fields in zip(chunk.statements, draft.parts, strict=True)
        ),
        table=f"source {org.source}, reading {draft.request.table.name}",
    )
    return joined(asked)


def _part(
    org: Org,
    draft: Draft,
    statement: Statement,
    fields: tuple[Field, ...],
    context: ReadContext,
    ids: tuple[str, ...] | None = None,
) -> Iterator[pa.RecordBatch]:
    """The rows of one statement; of some Ids only, where they are given."""
    if ids is not None:
        listed = ",".join(f"'{i}'" for i in ids)
        conditions = (*statement.conditions, f"Id IN ({listed})")
        statement = replace(statement, conditions=conditions, by_id=False, limit=None)
    return _pages(org, draft, statement, fields, context)


def _pages(
    org: Org,
    draft: Draft,
    statement: Statement,
    fields: tuple[Field, ...],
    context: ReadContext,
) -> Iterator[pa.RecordBatch]:
    return read(_reading(org, draft, fields, context), statement)


def _reading(org: Org, draft: Draft, fields: tuple[Field, ...], context: ReadContext) -> Reading:
    selected = tuple(field.selected for field in fields)
    wanted = tuple(field.path for field in fields)
    kinds, below = kinds_of(draft.request), subqueries_of(draft.request)
    decoder = Decoder(draft.request.table.name, selected, wanted, kinds, below)
    return Reading(org.source, org.client, decoder, org.resource, context)


def _named(batch: pa.RecordBatch, draft: Draft) -> pa.RecordBatch:
    """The batch with the draft's columns, under the names that the engine has for them."""
    paths = {field.name: field.path for part in draft.parts for field in part}
    chosen = batch.select([paths.get(name, name) for name in draft.columns])
    return chosen if not draft.request.lookups else chosen.rename_columns(list(draft.columns))
