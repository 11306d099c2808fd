"""The rows of what was planned: chunk by chunk, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import pyarrow as pa

from isthmus.connectors.contract import Declined, ReadContext
from isthmus.connectors.salesforce.aggregates import MOST_GROUPS, shape
from isthmus.connectors.salesforce.client import Client
from isthmus.connectors.salesforce.decode import Decoder
from isthmus.connectors.salesforce.gather import gathered
from isthmus.connectors.salesforce.keys import matching
from isthmus.connectors.salesforce.paging import Reading, read
from isthmus.connectors.salesforce.planning import Chunk, Draft, halved
from isthmus.errors import SourceError

__all__ = ["Org", "rows"]

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


def rows(org: Org, draft: Draft, context: ReadContext) -> Iterator[pa.RecordBatch]:
    """Every row of the draft, each once, with its columns.

    Raises:
        DataError: a value does not fit its column, or the org contradicts itself.
        Declined: there are more groups than the org gives; nothing was yielded.
        AuthError, SourceError, SourceUnavailable: the org can't be read.
        Cancelled, DeadlineExceeded: the query was stopped.
    """
    if draft.request.aggregates:
        yield from _groups(org, draft, context)
        return
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


def _chunk(org: Org, draft: Draft, chunk: Chunk, context: ReadContext) -> Iterator[pa.RecordBatch]:
    """The rows of a chunk; one that the org finds too long is asked for in two."""
    begun = False
    try:
        for batch in _pages(org, draft, chunk, context):
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
    request = draft.request
    selected = shape(request)
    decoder = Decoder(request.table.name, selected, tuple(c.name for c in selected))
    reading = Reading(org.source, org.client, decoder, org.resource, context)
    try:
        pages = list(read(reading, draft.bare))
    except SourceError as error:
        if error.code != "EXCEEDED_ID_LIMIT":
            raise
        raise Declined(
            f"source {org.source}, grouping {request.table.name}: there are more than "
            f"{MOST_GROUPS} groups, and the org gives no more ({error.code})"
        ) from error
    for page in pages:
        yield page.rename_columns(list(draft.columns))


def _pages(org: Org, draft: Draft, chunk: Chunk, context: ReadContext) -> Iterator[pa.RecordBatch]:
    table = draft.request.table
    selected = tuple(table.column(name) for name in chunk.statement.columns)
    decoder = Decoder(table.name, selected, draft.columns)
    reading = Reading(org.source, org.client, decoder, org.resource, context)
    for batch in read(reading, chunk.statement):
        yield batch if chunk.keys is None else matching(batch, table, chunk.keys)
