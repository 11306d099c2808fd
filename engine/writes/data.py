"""Rows from Python: Arrow, pandas, Polars, dicts; each as batches under the table's own names."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.engine.writes.columns import once, spelt
from isthmus.errors import DataError, ParameterError

__all__ = ["Piece", "batches_of", "pieces_of"]

_ROWS: Final = 10_000
_SCALARS: Final = (bool, int, float, Decimal, str, date, datetime, time, UUID)


@dataclass(frozen=True)
class Piece:
    """Some rows.

    Attributes:
        batch: under the table's own column names.
        given: for a column in which some cells are to be left alone: false where they are.
    """

    batch: pa.RecordBatch
    given: Mapping[str, pa.Array] = field(default_factory=dict)


def pieces_of(data: Any, table: Table) -> Iterator[Piece]:
    """The rows of Python data.

    In a dict, a key that is missing leaves the column alone, and None sets it to null. Arrow,
    pandas and Polars give every column of every row: what pandas shows as NaN or NaT is null.

    Args:
        data: an Arrow table, batch or reader, a data frame, or dicts; an iterator is used up.
        table: whose columns they are.

    Raises:
        ParameterError: it is nothing of the kind.
        UnknownName: the table has no such column.
        DataError: a frame's column holds values of several kinds.
    """
    batches = batches_of(data)
    if batches is not None:
        names: tuple[str, ...] | None = None
        for batch in batches:
            names = names or once(spelt(table, n) for n in batch.schema.names)
            yield Piece(batch.rename_columns(list(names)))
        return
    if isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable):
        raise ParameterError(
            f"rows to write can't be taken from {type(data).__name__}",
            remedy="Give an Arrow table, a data frame, a list of dicts, or the text of a query.",
        )
    rows = iter(data)
    start = 0
    while taken := list(itertools.islice(rows, _ROWS)):
        yield _of_dicts(taken, table, start)
        start += len(taken)


def batches_of(data: Any) -> Iterator[pa.RecordBatch] | None:
    """The batches of anything that is columns already; None for anything else."""
    if isinstance(data, pa.RecordBatch):
        return iter([data])
    if isinstance(data, pa.Table):
        return _schema_first(data.to_reader(_ROWS))
    if isinstance(data, pa.RecordBatchReader):
        return _schema_first(data)
    if type(data).__module__.partition(".")[0] == "pandas":
        try:
            frame = pa.Table.from_pandas(data, preserve_index=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(
                f"a column of the data frame holds values of several kinds: {error}",
                remedy="Make each column of one type: frame.astype(...).",
            ) from error
        return _schema_first(frame.to_reader(_ROWS))
    if hasattr(data, "__arrow_c_stream__"):
        return _schema_first(pa.RecordBatchReader.from_stream(data))
    return None


def _schema_first(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The names must be looked at even where there are no rows."""
    yield pa.RecordBatch.from_arrays(
        [pa.array([], field.type) for field in reader.schema], names=reader.schema.names
    )
    yield from reader


def _of_dicts(rows: Sequence[Any], table: Table, start: int) -> Piece:
    names: dict[str, str] = {}  # as given -> as the table spells it
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise ParameterError(
                f"row {start + i} is a {type(row).__name__}",
                remedy='Each row is a dict such as {"Name": "Acme"}.',
            )
        for key in row:
            if key not in names:
                if not isinstance(key, str):
                    raise ParameterError(f"row {start + i} has a key {key!r}, which is no text")
                names[key] = spelt(table, key)
    columns: dict[str, pa.Array] = {}
    given: dict[str, pa.Array] = {}
    for name in dict.fromkeys(names.values()):
        keys = [k for k, n in names.items() if n == name]
        there = [[k for k in keys if k in row] for row in rows]
        for i, found in enumerate(there):
            if len(found) > 1:
                raise ParameterError(
                    f"row {start + i} gives {name} twice: {found[0]!r}, {found[1]!r}"
                )
        values = [_plain(row[k[0]]) if k else None for row, k in zip(rows, there, strict=True)]
        for i, value in enumerate(values):
            if value is not None and not isinstance(value, _SCALARS):
                raise ParameterError(
                    f"row {start + i} gives {name} a {type(value).__name__}, which no column holds",
                    remedy="Give None, bool, int, float, Decimal, str, date, datetime or time.",
                )
        columns[name] = _array(values)
        if not all(there):
            given[name] = pa.array([bool(k) for k in there])
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    if not columns:
        raise ParameterError(f"rows {start} to {start + len(rows) - 1} are empty dicts")
    return Piece(batch, given)


def _plain(value: Any) -> Any:
    """The value, out of a numpy scalar."""
    return value.item() if hasattr(value, "item") and callable(value.item) else value


def _array(values: list[Any]) -> pa.Array:
    """Values of one kind as they are, of several kinds as texts."""
    kinds = {type(v) for v in values if v is not None}
    if len(kinds) <= 1:
        try:
            return pa.array([str(v) if isinstance(v, UUID) else v for v in values])
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            pass
    return pa.array([_text(v) for v in values], pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
