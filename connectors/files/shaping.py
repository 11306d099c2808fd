"""Brings a file's batches into the table's schema."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.errors import DataError

__all__ = ["empty_rows", "fitted", "sliced"]


def fitted(batch: pa.RecordBatch, schema: pa.Schema, file: str) -> pa.RecordBatch:
    """The batch with exactly the schema's columns; those it lacks are null.

    Raises:
        DataError: a value does not fit the table's type.
    """
    if not len(schema):
        return empty_rows(batch.num_rows)
    columns = []
    for field in schema:
        at = batch.schema.get_field_index(field.name)
        if at < 0:
            columns.append(pa.nulls(batch.num_rows, field.type))
        elif batch.schema.field(at).type == field.type:
            columns.append(batch.column(at))
        else:
            columns.append(_cast(batch.column(at), field, file))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def empty_rows(rows: int) -> pa.RecordBatch:
    """A batch without columns that still has rows."""
    return pa.record_batch([pa.nulls(rows)], names=["_"]).select([])


def sliced(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    """The batch in pieces of at most so many rows."""
    if batch.num_rows <= rows:
        yield batch
        return
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _cast(column: pa.Array, field: pa.Field, file: str) -> pa.Array:
    try:
        if isinstance(column, pa.ExtensionArray):
            column = column.storage
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        elif pa.types.is_run_end_encoded(column.type):
            column = pc.run_end_decode(column)
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise DataError(
            f"{file}: column {field.name!r} has a value that {field.type} can't hold: {error}",
            remedy="Write the files with one type.",
        ) from error
