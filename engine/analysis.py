"""DuckDB's own bound and optimized plan of a query, over empty stand-ins for its tables.

DuckDB can't write out a plan over scans that live in this process. So the same text is planned
again with each scan replaced by a ``repeat_row`` of its columns' types, whose row count is the
number of the occurrence: that tells them apart. It takes a millisecond or two, reads no data, and
says in exact positions what the text means: which columns are used, by which joins, under which
limits. From it come hints alone; the text that runs is still the user's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa

from isthmus.engine.logical import MANY_ROWS, Node, read_node
from isthmus.engine.resolve import SCAN_PREFIX, Occurrence, Resolved
from isthmus.engine.syntax import parameter_spans

__all__ = ["analyse"]

_UNRESOLVED = '"BOUND_COLUMN_REF"'
_VARIABLE = "isthmus_parameter_"


def analyse(cursor: duckdb.DuckDBPyConnection, resolved: Resolved, parameters: Any) -> Node | None:
    """The logical plan of a resolved statement; None where DuckDB can't write it out.

    It is made on the query's own cursor: in its transaction, so that ``now()`` is the same.
    """
    if any(SCAN_PREFIX in s.text for s in resolved.statements) or not resolved.occurrences:
        return None
    text = _with_parameters(cursor, resolved, parameters)
    if text is None:
        return None
    for occurrence in resolved.occurrences:
        text = text.replace(f"FROM {occurrence.scan_name} AS", f"FROM {_stand_in(occurrence)} AS")
    rows = cursor.execute("SELECT json_serialize_plan(?, optimize := true)", [text]).fetchall()
    if _UNRESOLVED in rows[0][0]:
        return None  # below a function that takes a query, columns are not yet positions
    try:
        answer = json.loads(rows[0][0])
    except ValueError:
        return None  # DuckDB writes NaN as a word that JSON has not
    if answer.get("error") or len(answer.get("plans", ())) != 1:
        return None
    tables = {o.number: o.table for o in resolved.occurrences}
    return read_node(answer["plans"][0], tables)


def _stand_in(occurrence: Occurrence) -> str:
    nulls = ", ".join(f"NULL::{_sql_type(c.type)}" for c in occurrence.table.columns)
    return f"repeat_row({nulls}, num_rows={MANY_ROWS + occurrence.number})"


@lru_cache(maxsize=1024)
def _sql_type(kind: pa.DataType) -> str:
    """How DuckDB writes the type that it reads this Arrow type as."""
    for known, name in _KNOWN.items():
        if kind == known:
            return name
    if pa.types.is_decimal128(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    with duckdb.connect(":memory:") as own:
        own.register("one", pa.table({"c": pa.array([], kind)}))
        return str(own.sql("FROM one").types[0])


_KNOWN = {
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.float64(): "DOUBLE",
    pa.date32(): "DATE",
    pa.time64("us"): "TIME",
    pa.timestamp("us", "UTC"): "TIMESTAMPTZ",
    pa.timestamp("ms", "UTC"): "TIMESTAMPTZ",
}


def _with_parameters(
    cursor: duckdb.DuckDBPyConnection, resolved: Resolved, parameters: Any
) -> str | None:
    """The text with its parameters as variables of the session, which hold their values typed."""
    if not parameters:
        return resolved.sql
    given: Mapping[str, Any] = (
        parameters
        if isinstance(parameters, Mapping)
        else {str(i): v for i, v in enumerate(parameters, 1)}
    )
    names = {name: f"{_VARIABLE}{number}" for number, name in enumerate(given)}
    for name, variable in names.items():
        cursor.execute(f"SET VARIABLE {variable} = ?", [given[name]])
    return _replaced(resolved.sql, parameter_spans(resolved.sql), names)


def _replaced(
    sql: str, spans: Sequence[tuple[int, int, str]], names: Mapping[str, str]
) -> str | None:
    pieces, last = [], 0
    for start, end, name in spans:
        if name not in names:
            return None
        pieces += [sql[last:start], f"getvariable('{names[name]}')"]
        last = end
    return "".join([*pieces, sql[last:]])
