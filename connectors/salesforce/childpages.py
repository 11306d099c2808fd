"""The children that a page of records does not show: read to the last, a bounded number at a time.

A record with many children shows the first of them, and says where the next are. Those come in
rows without a record (see `isthmus.connectors.contract.Children`). When the org forgets where they
are, the rest is asked for by a statement of its own, after the last Id that came: a subquery gives
its rows in the order of their Ids.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.salesforce.children import Subquery
from isthmus.connectors.salesforce.childrows import lists_of
from isthmus.connectors.salesforce.client import Lost
from isthmus.connectors.salesforce.paging import Reading, read, read_on
from isthmus.errors import DataError

__all__ = ["more_children", "own_children"]


def more_children(
    reading: Reading, below: Subquery, batch: pa.RecordBatch
) -> Iterator[pa.RecordBatch]:
    """The children of a batch's records that it does not show.

    Args:
        reading: reads pages of children.
        below: their subquery.
        batch: records with an Id, their children and where more of them are.

    Raises:
        DataError: the org contradicts itself, or a value does not fit its type.
        AuthError, SourceError, SourceUnavailable: the org can't be read.
        Cancelled, DeadlineExceeded: the query was stopped.
    """
    links = batch.column(below.link)
    if links.null_count == len(links):
        return
    shown, ids = batch.column(below.children.name), batch.column("Id")
    for place, link in enumerate(links.to_pylist()):
        if link is None:
            continue
        parent, before = ids[place].as_py(), shown[place].values
        for page in _rest(reading, below, parent, link, before):
            kept = page.filter(pc.equal(page.column(below.children.key), parent))
            if kept.num_rows:
                yield _alone(below, kept, batch.schema)


def _rest(
    reading: Reading, below: Subquery, parent: str, link: str, before: pa.StructArray
) -> Iterator[pa.RecordBatch]:
    table = below.children.table.name
    received = len(before)
    last = before.field("Id")[-1].as_py() if received else None
    try:
        for page in read_on(reading, table, link):
            rows = page.batch
            received += rows.num_rows
            if received > page.total or (page.next is None and received < page.total):
                raise DataError(
                    f"source {reading.source}, reading {table} of {parent}: the org announced "
                    f"{page.total} rows and sent {received}",
                    remedy="Rows may have been deleted while they were read: run the query again.",
                )
            if rows.num_rows:
                last = rows.column("Id")[-1].as_py()
            yield rows
    except Lost:
        yield from read(reading, below.of(parent, last))


def _alone(below: Subquery, rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Children without their record."""
    arrays = {field.name: pa.nulls(1, field.type) for field in schema}
    structs = rows.to_struct_array()
    arrays[below.children.name] = lists_of(np.array([len(structs)]), structs)
    del arrays[below.link]
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


def own_children(below: Subquery, batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with those children only that point to their record, and no links."""
    name = below.children.name
    children = batch.column(name)
    rows, places = children.flatten(), pc.list_parent_indices(children)
    owns = pc.equal(rows.field(below.children.key), batch.column("Id").take(places))
    owns = pc.fill_null(owns, False)
    if not pc.all(owns, min_count=0).as_py():
        lengths = np.bincount(places.filter(owns).to_numpy(), minlength=batch.num_rows)
        batch = batch.set_column(
            batch.schema.get_field_index(name), name, lists_of(lengths, rows.filter(owns))
        )
    return batch.drop_columns([below.link])
