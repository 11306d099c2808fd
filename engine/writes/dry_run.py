"""A dry run: what is wrong with rows, as far as it can be seen before they are sent."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.contract import ReadContext
from isthmus.engine.writes.laying import Input
from isthmus.engine.writes.spool import ChunkFile

__all__ = ["problems_of"]


def problems_of(given: Input, context: ReadContext) -> pa.Table:
    """The outcomes that rows would have without being sent: each row's first fault, by position.

    Args:
        given: the rows.
        context: of the calls that look for rows which others point to.
    """
    found = [given.unsent.filter(pc.invert(given.unsent["success"]))]
    for one in given.laid:
        file, request = ChunkFile(one.path), one.fragment.request
        for chunk in range(file.chunks):
            rows = file.rows(chunk)
            found.append(one.writer.problems(request, rows))
            found += one.writer.unknown_keys(request, rows, context)
    every = pa.concat_tables(found)
    names = every.schema.names
    firsts = every.group_by("position", use_threads=False).aggregate(
        [(name, "first") for name in names if name != "position"]
    )
    return firsts.rename_columns(names).cast(every.schema).sort_by("position")
