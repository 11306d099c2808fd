"""A page of Bulk results, from CSV to the same Arrow columns that REST's JSON becomes.

An empty field is null, whatever the type: stored text is never empty (*Apex Developer Guide*,
"String"), and the texts ``null`` and ``NA`` are texts.
"""

from __future__ import annotations

import mmap
from typing import Final

import pyarrow as pa
import pyarrow.csv as pcsv

from isthmus.catalog.model import Column
from isthmus.connectors.salesforce.bulkjob import JobPage
from isthmus.connectors.salesforce.flat import clock_times
from isthmus.errors import DataError

__all__ = ["CsvDecoder", "Torn"]

# what the system's allocator keeps of pages that come and go is more
_POOL: Final = pa.default_memory_pool()
#: Bytes that are read at a time: small pieces leave the memory as it was.
_BLOCK: Final = 1 << 19
#: The most that Arrow reads at once.
_LARGEST: Final = (1 << 31) - 1


class Torn(Exception):
    """The page is not whole; another try may bring it."""


class CsvDecoder:
    """Decodes the pages of one job.

    Args:
        table: the object, for errors.
        selected: the columns that the statement selects, in its order.
    """

    def __init__(self, table: str, selected: tuple[Column, ...]) -> None:
        self._table = table
        self._selected = selected
        self._names = [column.name for column in selected]
        self._schema = pa.schema([(column.name, column.type) for column in selected])
        self._convert = pcsv.ConvertOptions(
            column_types={column.name: _wire(column.type) for column in selected},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            true_values=["true"],
            false_values=["false"],
            check_utf8=True,
        )

    def page(self, page: JobPage) -> list[pa.RecordBatch]:
        """The rows of a page, in small pieces: a page is as long as the org likes.

        Raises:
            Torn: it lacks rows that it says it has.
            DataError: its columns, or a value, are not as described.
        """
        if not page.body:
            raise Torn("the page is empty and lacks even its header")
        pieces = self._read(page.body)
        rows = sum(piece.num_rows for piece in pieces)
        if rows != page.rows:
            raise Torn(f"the page says that it has {page.rows} rows, and has {rows}")
        return pieces

    def _read(self, body: bytes | mmap.mmap) -> list[pa.RecordBatch]:
        try:
            try:
                return self._pieces(body, _BLOCK)
            except pa.ArrowInvalid:
                # a row longer than a block, or a value that does not fit: this tells them apart
                return self._pieces(body, min(len(body) + 1, _LARGEST))
        except pa.ArrowInvalid as error:
            if body[-1:] != b"\n":
                raise Torn(f"the page breaks off: {error}") from error
            raise self._misfit(error) from error

    def _pieces(self, body: bytes | mmap.mmap, block: int) -> list[pa.RecordBatch]:
        with pcsv.open_csv(
            pa.BufferReader(pa.py_buffer(body)),
            read_options=pcsv.ReadOptions(use_threads=False, block_size=block),
            parse_options=pcsv.ParseOptions(newlines_in_values=True, double_quote=True),
            convert_options=self._convert,
            memory_pool=_POOL,
        ) as reader:
            if reader.schema.names != self._names:
                raise DataError(
                    f"{self._table}: the bulk results have the columns {reader.schema.names[:9]}, "
                    f"and {self._names[:9]} were asked for",
                    remedy="Refresh the source: the object may have changed since it was "
                    "described.",
                )
            return [self._typed(piece) for piece in reader]

    def _typed(self, piece: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [self._cast(c, piece.column(n)) for n, c in enumerate(self._selected)]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _cast(self, column: Column, read: pa.Array) -> pa.Array:
        if read.type == column.type:
            return read
        try:
            return clock_times(read) if pa.types.is_time(column.type) else read.cast(column.type)
        except pa.ArrowInvalid as error:
            raise self._misfit(error, column) from error

    def _misfit(self, error: Exception, column: Column | None = None) -> DataError:
        name = self._table if column is None else f"{self._table}.{column.name}"
        return DataError(
            f"{name}: bulk results hold what does not fit its description: {error}",
            remedy='Refresh the source; for numbers, widen them by "decimal_places"; or read it '
            'page by page: access = "rest".',
        )


def _wire(kind: pa.DataType) -> pa.DataType:
    """How a type is read from text."""
    if pa.types.is_decimal(kind):
        return pa.decimal128(38, kind.scale)
    if pa.types.is_int64(kind):
        return pa.decimal128(38, 1)  # a whole number may be written 5.0
    return pa.string() if pa.types.is_time(kind) else kind
