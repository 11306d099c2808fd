"""Batches written as they come, in a format of the user's choice; nothing is kept in memory."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO, Final, Protocol

import orjson
import pyarrow as pa

from isthmus.interfaces.formats.text import unique
from isthmus.interfaces.formats.vectors import (
    as_vector,
    constant,
    csv_cells,
    join_rows,
    json_cells,
    lines,
)

__all__ = ["BINARY", "FORMATS", "Writer", "open_writer"]

#: The streamed formats. ``table`` is not one: its widths need the rows first.
FORMATS: Final = ("csv", "json", "jsonl", "arrow", "parquet")
#: Those that are no text.
BINARY: Final = frozenset({"arrow", "parquet"})


class Writer(Protocol):
    """Takes batches of one schema; `close` completes the output but leaves the stream open."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the rows of one batch."""

    def close(self) -> None:
        """Write what ends the format."""


def open_writer(format: str, stream: BinaryIO, schema: pa.Schema, *, seekable: bool) -> Writer:
    """Begin to write one answer.

    Args:
        format: one of `FORMATS`.
        stream: where the bytes go.
        schema: of the batches to come.
        seekable: whether the bytes land in a file, where Arrow is written in its file form,
            which has a footer; else in its stream form.
    """
    made: dict[str, Callable[[], Writer]] = {
        "csv": lambda: _Csv(stream, schema),
        "json": lambda: _Json(stream, schema),
        "jsonl": lambda: _JsonLines(stream, schema),
        "arrow": lambda: _Arrow(stream, schema, seekable),
        "parquet": lambda: _Parquet(stream, schema),
    }
    return made[format]()


class _Csv:
    """RFC 4180, with line feeds. Null is nothing at all; empty text is ``""``."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        self._stream = stream
        head = csv_cells(as_vector(schema.names))
        stream.write(lines(head, ",") + b"\n")

    def write(self, batch: pa.RecordBatch) -> None:
        parts: list[pa.Array | pa.Scalar] = []
        for column in batch.columns:
            parts += [csv_cells(column), constant(",")]
        rows = join_rows([*parts[:-1], constant("\n")])
        self._stream.write(lines(rows, ""))

    def close(self) -> None:
        self._stream.flush()


class _JsonLines:
    """One object a line."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        self._stream = stream
        keys = [orjson.dumps(name).decode() + ":" for name in unique(schema.names)]
        opening = ["{", *[","] * (len(keys) - 1)]
        self._keys = [constant(o + k) for o, k in zip(opening, keys, strict=True)]

    def write(self, batch: pa.RecordBatch) -> None:
        self._stream.write(lines(self.rows(batch, "}\n"), ""))

    def rows(self, batch: pa.RecordBatch, end: str) -> pa.Array:
        parts: list[pa.Array | pa.Scalar] = []
        for key, column in zip(self._keys, batch.columns, strict=True):
            parts += [key, json_cells(column)]
        return join_rows([*parts, constant(end)])

    def close(self) -> None:
        self._stream.flush()


class _Json(_JsonLines):
    """One array of objects, a row a line."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        super().__init__(stream, schema)
        self._before = b"[\n"

    def write(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            self._stream.write(self._before + lines(self.rows(batch, "}"), ",\n"))
            self._before = b",\n"

    def close(self) -> None:
        self._stream.write(b"[]\n" if self._before == b"[\n" else b"\n]\n")
        self._stream.flush()


class _Counted(io.RawIOBase):
    """A pipe that knows how many bytes went in: Arrow and Parquet ask for their position."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        view = memoryview(data)
        self._stream.write(view)
        self._position += view.nbytes
        return view.nbytes

    def flush(self) -> None:
        if not self.closed:
            self._stream.flush()


class _Arrow:
    """Arrow IPC: the file form where there is a file, the stream form in a pipe."""

    def __init__(self, stream: BinaryIO, schema: pa.Schema, seekable: bool) -> None:
        begin = pa.ipc.new_file if seekable else pa.ipc.new_stream
        self._writer = begin(pa.PythonFile(_Counted(stream), "w"), schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()


class _Parquet:
    """Parquet with a row group a hundred thousand rows."""

    _ROWS = 100_000

    def __init__(self, stream: BinaryIO, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self._sink = pa.PythonFile(_Counted(stream), "w")
        self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        if sum(b.num_rows for b in self._waiting) >= self._ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
            self._waiting = []

    def close(self) -> None:
        self._flush()
        self._writer.close()
