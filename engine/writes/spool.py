"""Rows that wait to be sent, on disk: first as they come, then in chunks.

A chunk is one batch of an Arrow file, so that any of them can be read without the others, also by
a later process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from isthmus.connectors.writing import Rows
from isthmus.engine.resolve import quote
from isthmus.errors import DataError

__all__ = ["ChunkFile", "Spool", "lay_out", "twice"]

POSITION: Final = "·position"
_GIVEN: Final = "·given·"
_SORTED: Final = "__isthmus_unsorted"
_KEYS: Final = "__isthmus_keys"
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4")


class Spool:
    """The rows of one part as they come. Memory holds one batch.

    Args:
        path: a file to be; further ones beside it where the columns change on the way.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: list[Path] = []
        self._writer: pa.RecordBatchWriter | None = None
        self._sink: pa.NativeFile | None = None
        self._schema: pa.Schema | None = None
        self._types: dict[str, pa.DataType] = {}
        self._partly: set[str] = set()
        self.rows = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that have come so far."""
        return tuple(self._types)

    def append(
        self, positions: pa.Array, batch: pa.RecordBatch, given: Mapping[str, pa.Array]
    ) -> None:
        """Add rows; `positions` says where in the input each one stands."""
        for field in batch.schema:
            if field.name not in self._types or pa.types.is_null(self._types[field.name]):
                self._types[field.name] = field.type
        self._partly |= set(given)
        self.rows += batch.num_rows
        if not batch.num_rows:
            return
        names = [POSITION, *batch.schema.names, *(_GIVEN + name for name in given)]
        whole = pa.RecordBatch.from_arrays([positions, *batch.columns, *given.values()], names)
        if self._writer is None or whole.schema != self._schema:
            self._open(whole.schema)
        assert self._writer is not None
        self._writer.write_batch(whole)

    def close(self) -> None:
        """No more rows come."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def remove(self) -> None:
        """Take the files away."""
        self.close()
        for file in self._files:
            file.unlink(missing_ok=True)

    def schema(self, columns: tuple[str, ...]) -> pa.Schema:
        """Of the batches that `batches` gives."""
        fields = [pa.field(POSITION, pa.int64())]
        fields += [pa.field(name, self._types[name]) for name in columns]
        absent = self._absent(columns)
        fields += [pa.field(_GIVEN + n, pa.bool_()) for n in columns if n in absent]
        return pa.schema(fields)

    def batches(self, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
        """All rows, in the same columns."""
        schema = self.schema(columns)
        for file in self._files:
            with pa.memory_map(str(file)) as source, pa.ipc.open_stream(source) as reader:
                for batch in reader:
                    yield _shaped(batch, schema)

    def _absent(self, columns: tuple[str, ...]) -> set[str]:
        """The columns in which some cells are to be left alone."""
        missing = {c for c in columns if len(self._files) > 1}
        return self._partly | missing

    def _open(self, schema: pa.Schema) -> None:
        self.close()
        file = self._path.with_suffix(f".{len(self._files)}")
        self._files.append(file)
        self._sink = pa.OSFile(str(file), "wb")
        self._writer = pa.ipc.new_stream(self._sink, schema, options=_OPTIONS)
        self._schema = schema


def _shaped(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in a schema: a column it does not have is null, and left alone."""
    columns = []
    for field in schema:
        if field.name in batch.schema.names:
            column = batch.column(field.name)
            try:
                columns.append(column if column.type == field.type else column.cast(field.type))
            except pa.ArrowInvalid as error:
                raise DataError(f"the values of {field.name} are of several kinds: {error}") from (
                    error
                )
        elif field.name.startswith(_GIVEN):
            there = field.name.removeprefix(_GIVEN) in batch.schema.names
            columns.append(pa.array([there] * batch.num_rows, pa.bool_()))
        else:
            columns.append(pa.nulls(batch.num_rows, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def lay_out(
    spool: Spool,
    columns: tuple[str, ...],
    path: Path,
    chunk_rows: int,
    together_by: str | None,
    cursor: duckdb.DuckDBPyConnection,
) -> tuple[int, ...]:
    """Write the rows in chunks; when this returns, a power cut can't lose them.

    Args:
        spool: closed.
        columns: in the order of the request, the stamp after them.
        path: the file.
        chunk_rows: rows of each chunk but the last.
        together_by: rows that agree in this column become neighbours.
        cursor: sorts, and spills where memory can't hold the rows.

    Returns:
        How many rows each chunk has.
    """
    schema = spool.schema(columns)
    batches = spool.batches(columns)
    if together_by is not None and spool.rows > chunk_rows:
        batches = _sorted(batches, schema, together_by, cursor)
    unfinished = path.with_suffix(".unfinished")
    sizes = []
    with (
        pa.OSFile(str(unfinished), "wb") as sink,
        pa.ipc.new_file(sink, schema, options=_OPTIONS) as writer,
    ):
        for chunk in _cut(batches, schema, chunk_rows):
            writer.write_batch(chunk)
            sizes.append(chunk.num_rows)
    _sync(unfinished)
    unfinished.replace(path)
    _sync(path.parent)
    return tuple(sizes)


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows has no handle to a folder
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sorted(
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    column: str,
    cursor: duckdb.DuckDBPyConnection,
) -> Iterator[pa.RecordBatch]:
    cursor.register(_SORTED, pa.RecordBatchReader.from_batches(schema, batches))
    order = f"{quote(column)} NULLS FIRST, {quote(POSITION)}"
    try:
        reader = cursor.sql(f"FROM {_SORTED} ORDER BY {order}").to_arrow_reader(65_536)
        for batch in reader:
            # DuckDB counts in microseconds and in the session's zone: the instants are the same.
            yield batch.cast(schema, safe=False)
    finally:
        cursor.unregister(_SORTED)


def _cut(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, rows: int
) -> Iterator[pa.RecordBatch]:
    """Batches of exactly so many rows, but for the last."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= rows:
            table = pa.Table.from_batches(held, schema).combine_chunks()
            yield _one(table.slice(0, rows), schema)
            rest = table.slice(rows)
            held, count = rest.to_batches(), rest.num_rows
    if count:
        yield _one(pa.Table.from_batches(held, schema), schema)


def _one(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    columns = [c.combine_chunks() if c.num_chunks != 1 else c.chunk(0) for c in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


class ChunkFile:
    """The chunks of one part. Safe to use from threads.

    Args:
        path: what `lay_out` wrote.

    Raises:
        DataError: the file is gone or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with self._reader() as reader:
                self.chunks: int = reader.num_record_batches
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(
                f"the rows that wait to be written can't be read from {path}: {error}",
                remedy="The write can't go on; its outcomes so far are known: con.writes().",
            ) from error

    def _reader(self) -> pa.ipc.RecordBatchFileReader:
        return pa.ipc.open_file(pa.memory_map(str(self._path)))

    def rows(self, chunk: int) -> Rows:
        """The rows of one chunk."""
        with self._reader() as reader:
            batch = reader.get_batch(chunk)
        names = batch.schema.names
        columns = [n for n in names if n != POSITION and not n.startswith(_GIVEN)]
        given = {n: batch.column(_GIVEN + n) for n in columns if _GIVEN + n in names}
        return Rows(
            batch.select(columns),
            batch.column(POSITION),
            {n: mask for n, mask in given.items() if mask.false_count},
        )


def twice(
    file: ChunkFile,
    key: str,
    forms: Callable[[pa.Array], pa.Array],
    cursor: duckdb.DuckDBPyConnection,
) -> tuple[int, int] | None:
    """The positions of the first two rows that mean the same row of the table, if there are any.

    Args:
        file: the rows.
        key: the column that says which row is meant.
        forms: keys in the form in which the source compares them.
        cursor: groups, and spills where memory can't hold the keys.
    """

    def keys() -> Iterator[pa.RecordBatch]:
        for chunk in range(file.chunks):
            rows = file.rows(chunk)
            form = forms(rows.records.column(key)).cast(pa.string())
            yield pa.RecordBatch.from_arrays([form, rows.positions], schema=schema)

    schema = pa.schema([("form", pa.string()), ("position", pa.int64())])
    cursor.register(_KEYS, pa.RecordBatchReader.from_batches(schema, keys()))
    try:
        found = cursor.sql(
            f"""SELECT list_sort(min(position, 2)) FROM {_KEYS}
                WHERE form IS NOT NULL GROUP BY form HAVING count(*) > 1 ORDER BY 1 LIMIT 1"""
        ).fetchall()
    finally:
        cursor.unregister(_KEYS)
    return (found[0][0][0], found[0][0][1]) if found else None
