"""Parquet: footers tell types, counts and bounds, and which bytes a scan will read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from isthmus.catalog.model import RowCount
from isthmus.connectors.contract import ReadContext
from isthmus.connectors.files.errors import reading
from isthmus.connectors.files.filters import agrees
from isthmus.connectors.files.format import BATCH_ROWS, Format, Part, Shape
from isthmus.connectors.files.location import DataFile, checked, opened
from isthmus.connectors.files.prune import Bounds
from isthmus.connectors.files.shaping import empty_rows, fitted
from isthmus.connectors.files.unify import unified
from isthmus.errors import DataError

__all__ = ["Parquet"]


@dataclass(frozen=True, eq=False)
class Footer:
    """A file's footer.

    Attributes:
        metadata: as pyarrow has it.
        schema: the file's columns.
        leaves: for a column, the numbers of its Parquet leaf columns.
    """

    metadata: pq.FileMetaData
    schema: pa.Schema
    leaves: dict[str, tuple[int, ...]]


class Parquet(Format[Footer]):
    """A table of Parquet files."""

    def inspect(self, file: DataFile, share: int) -> Footer:
        """Read the footer."""
        with reading(file.path), _open(file, None) as parquet:
            metadata, schema = parquet.metadata, parquet.schema_arrow
        names = schema.names
        if len(set(names)) != len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise DataError(f"{file.path} has two columns named {twice!r}")
        leaves: dict[str, list[int]] = {n: [] for n in names}
        for number in range(metadata.num_columns):
            path = metadata.schema.column(number).path
            top = path if path in leaves else path.partition(".")[0]
            leaves.setdefault(top, []).append(number)
        return Footer(metadata, schema, {n: tuple(found) for n, found in leaves.items()})

    def shape(self, files: Sequence[DataFile]) -> Shape:
        """The columns of all footers."""
        footers = self.facts(files)
        schema = unified((f.path, t.schema) for f, t in zip(files, footers, strict=True))
        omitted = tuple(
            (c.name, f"{c.type} has more digits than a decimal of 38")
            for c in schema
            if pa.types.is_decimal256(c.type)
        )
        left_out = {name for name, _ in omitted}
        schema = pa.schema([c for c in schema if c.name not in left_out])
        plain = frozenset(c.name for c in schema if agrees(c.type))
        return Shape(schema, plain, omitted)

    def row_count(self, files: Sequence[DataFile]) -> RowCount:
        """The sum of the footers' counts."""
        rows = sum(f.metadata.num_rows for f in self.facts(files))
        return RowCount(rows, True, "Parquet footers")

    def parts(self, file: DataFile, columns: Sequence[str]) -> Sequence[Part]:
        """The row groups."""
        footer = self.fact(file)
        numbers = [n for c in columns for n in footer.leaves.get(c, ())]
        groups = []
        for index in range(footer.metadata.num_row_groups):
            group = footer.metadata.row_group(index)
            size = sum(group.column(n).total_compressed_size for n in numbers)
            groups.append(Part(file, index, group.num_rows, size, _Bounds(footer, group)))
        return groups

    def read(
        self, parts: Sequence[Part], columns: pa.Schema, context: ReadContext
    ) -> Iterator[pa.RecordBatch]:
        """The row groups' rows, one group after the other, so that one at most is held."""
        file = parts[0].file
        footer = self.fact(file)
        wanted = [n for n in columns.names if n in footer.schema.names]
        if not wanted:
            for part in parts:
                yield from _nulls(part.rows, columns)
            return
        with reading(file.path), _open(file, footer.metadata) as parquet:
            for part in parts:
                context.meter.add(bytes=part.bytes)
                batches = parquet.iter_batches(
                    BATCH_ROWS, row_groups=[part.group], columns=wanted, use_threads=True
                )
                rows = 0
                for batch in batches:
                    rows += batch.num_rows
                    yield fitted(batch, columns, file.path)
                if rows != part.rows:
                    raise DataError(
                        f"{file.path}: row group {part.group} gave {rows} rows "
                        f"where its footer says {part.rows}",
                        remedy="The file was changed or is damaged; ask again.",
                    )


class _Bounds:
    """The bounds of a row group's columns, read from its statistics when asked for."""

    def __init__(self, footer: Footer, group: Any) -> None:
        self._footer, self._group = footer, group
        self._known: dict[str, Bounds] = {}

    def __call__(self, column: str) -> Bounds:
        if column not in self._known:
            self._known[column] = self._read(column)
        return self._known[column]

    def _read(self, column: str) -> Bounds:
        leaves = self._footer.leaves.get(column)
        if not leaves:
            return Bounds.constant(None)
        if not agrees(_plain(self._footer.schema.field(column).type)):
            return Bounds()
        chunk = self._group.column(leaves[0])
        statistics = chunk.statistics
        if statistics is None:
            return Bounds()
        nulls = not statistics.has_null_count or statistics.null_count > 0
        values = not (statistics.has_null_count and statistics.null_count == self._group.num_rows)
        if not values or not statistics.has_min_max:
            return Bounds(nulls=nulls, values=values)
        low, high = statistics.min, statistics.max
        if not (isinstance(low, _COMPARABLE) and isinstance(high, _COMPARABLE)):
            return Bounds(nulls=nulls)
        return Bounds(low, high, nulls=nulls, distinct=_distinct(chunk, low, high))


#: Bytes of a page's header, and of a text's length before each text.
_PAGE_HEADER = 20
_LENGTH_BYTES = 4
_COMPARABLE = (bool, int, Decimal, str, bytes, date, time)


def _distinct(chunk: Any, low: Any, high: Any) -> int | None:
    """About how many values a column's dictionary holds, by its length; None where it has none."""
    if not (isinstance(low, str | bytes) and chunk.has_dictionary_page):
        return None
    length = chunk.data_page_offset - chunk.dictionary_page_offset - _PAGE_HEADER
    values: int = round(length / (_LENGTH_BYTES + (len(low) + len(high)) / 2))
    return max(1, values)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _nulls(rows: int, columns: pa.Schema) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, BATCH_ROWS):
        yield fitted(empty_rows(min(BATCH_ROWS, rows - start)), columns, "")


def _open(file: DataFile, metadata: pq.FileMetaData | None) -> pq.ParquetFile:
    if isinstance(file.location.fs, LocalFileSystem):
        path = checked(file).path
        return pq.ParquetFile(path, metadata=metadata, page_checksum_verification=True)
    raw = pa.PythonFile(opened(file), mode="r")
    return pq.ParquetFile(
        raw,
        metadata=metadata,
        pre_buffer=metadata is not None,
        page_checksum_verification=True,
    )
