"""Values in the types of their columns, by DuckDB's own casts; what does not fit is told by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa
from pyarrow import types

from isthmus.catalog.sqltypes import sql_type
from isthmus.engine.resolve import quote

__all__ = ["Misfit", "converted"]

_BATCH: Final = "__isthmus_batch"


@dataclass(frozen=True)
class Misfit:
    """A value that its column can't hold.

    Attributes:
        row: in the batch.
        column: its name.
        message: what is wrong.
    """

    row: int
    column: str
    message: str


def converted(
    batch: pa.RecordBatch,
    wanted: Mapping[str, pa.DataType | None],
    cursor: duckdb.DuckDBPyConnection,
) -> tuple[pa.RecordBatch, list[Misfit]]:
    """The batch with each column in the wanted type, and the values that do not fit it.

    A misfit's cell is null. Fractions are no whole numbers and times no dates; decimals are
    rounded to the column's places, as SQL does when it assigns.

    Args:
        batch: any rows.
        wanted: the type of each column; None leaves it as it is.
        cursor: whose session's time zone holds for times without one.
    """
    selected, tested = [], []
    for name, given in zip(batch.schema.names, batch.schema.types, strict=True):
        type = wanted[name]
        if type is None or type == given or types.is_null(given):
            continue
        column, sql = quote(name), sql_type(type)
        if _never(given, type):
            selected.append(f"CAST(NULL AS {sql}) AS {column}")
            tested.append((name, f"{column} IS NOT NULL"))
        else:
            cast = f"TRY_CAST({column} AS {sql})"
            selected.append(f"{cast} AS {column}")
            tested.append((name, f"{column} IS NOT NULL AND {_unlike(column, cast, given, type)}"))
    if not selected:
        return _as_wanted(batch, {}, wanted), []
    cursor.register(_BATCH, pa.Table.from_batches([batch]))
    try:
        flags = [f"{test} AS {quote(f'misfit·{name}')}" for name, test in tested]
        cast_table = cursor.sql(
            f"SELECT {', '.join(selected + flags)} FROM {_BATCH}"
        ).to_arrow_table()
    finally:
        cursor.unregister(_BATCH)
    misfits = []
    for name, _ in tested:
        flagged = cast_table[f"misfit·{name}"].to_pylist()
        type = wanted[name]
        for row in (i for i, bad in enumerate(flagged) if bad):
            misfits.append(Misfit(row, name, _message(batch.column(name)[row], name, type)))
    fresh = {name: cast_table[name] for name, _ in tested}
    return _as_wanted(batch, fresh, wanted), misfits


def _never(given: pa.DataType, type: pa.DataType) -> bool:
    """Whether no value of the one type has a meaning in the other."""
    if types.is_nested(given) or types.is_binary(given) or types.is_large_binary(given):
        return True
    clock = types.is_time(type) or types.is_date(type) or types.is_timestamp(type)
    return bool((_is_number(given) or types.is_boolean(given)) and clock)


def _unlike(column: str, cast: str, given: pa.DataType, type: pa.DataType) -> str:
    """Whether the cast failed, or lost more than SQL's own assignment may."""
    fraction = types.is_floating(given) or types.is_decimal(given)
    if types.is_integer(type) and fraction:
        return f"({cast} IS NULL OR {cast} <> {column})"
    if types.is_boolean(type) and _is_number(given):
        return f"({cast} IS NULL OR {column} NOT IN (0, 1))"
    if types.is_date(type) and types.is_timestamp(given):
        return f"({cast} IS NULL OR CAST({cast} AS TIMESTAMP) <> CAST({column} AS TIMESTAMP))"
    return f"{cast} IS NULL"


def _is_number(type: pa.DataType) -> bool:
    return bool(types.is_integer(type) or types.is_floating(type) or types.is_decimal(type))


def _message(value: pa.Scalar, column: str, type: pa.DataType | None) -> str:
    assert type is not None
    shown = repr(value.as_py())
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    return f"{shown} does not fit {column}, which is of type {sql_type(type)}"


def _as_wanted(
    batch: pa.RecordBatch,
    fresh: Mapping[str, pa.ChunkedArray],
    wanted: Mapping[str, pa.DataType | None],
) -> pa.RecordBatch:
    columns = []
    for name in batch.schema.names:
        column = batch.column(name)
        if name in fresh:
            column = fresh[name].combine_chunks()
        type = wanted[name]
        # DuckDB counts in microseconds and in the session's zone: the instant is the same.
        columns.append(column if type is None else column.cast(type, safe=False))
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
