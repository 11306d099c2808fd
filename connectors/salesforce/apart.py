"""Children by statements of their own, where the org refuses them as child subqueries.

Which objects can't stand in a child subquery is documented for few. A query must not fail for it
that would have been answered without: the rows are read alone then, and after them all children,
in rows of their own (see `isthmus.connectors.contract.Children`). It costs a refused call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa

from isthmus.connectors.contract import ScanRequest
from isthmus.connectors.salesforce.children import subqueries_of
from isthmus.connectors.salesforce.childrows import lists_of
from isthmus.connectors.salesforce.planning import Draft, draft

__all__ = ["REFUSED", "apart"]

#: What the org answers to a statement that it does not understand, or not as a whole. If it is not
#: the subquery's fault, the statements without it fail as well, and say so.
REFUSED: Final = frozenset(
    {
        "INVALID_FIELD",
        "INVALID_QUERY_FILTER_OPERATOR",
        "INVALID_TYPE",
        "MALFORMED_QUERY",
        "QUERY_TOO_COMPLICATED",
    }
)

#: Every row of a draft.
Rows = Callable[[Draft], Iterator[pa.RecordBatch]]


def apart(drafted: Draft, rows: Rows) -> Iterator[pa.RecordBatch]:
    """What the draft would bring, without subqueries.

    Args:
        drafted: rows with children.
        rows: reads a draft without children.
    """
    request, schema = drafted.request, _schema(drafted)
    for batch in rows(draft(replace(request, children=()))):
        yield _filled(batch, schema)
    for child in request.children:
        alone = ScanRequest(child.table, child.columns, child.predicates)
        for batch in rows(draft(alone)):
            structs = batch.select(list(child.columns)).to_struct_array()
            lists = lists_of(np.array([len(structs)]), structs)
            yield _filled(pa.RecordBatch.from_arrays([lists], names=[child.name]), schema)


def _schema(drafted: Draft) -> pa.Schema:
    types = {field.name: field.column.type for part in drafted.parts for field in part}
    types |= {s.children.name: pa.list_(s.type) for s in subqueries_of(drafted.request)}
    return pa.schema([(name, types[name]) for name in drafted.columns])


def _filled(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with null for what it lacks."""
    arrays = [
        batch.column(field.name)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, names=schema.names)
