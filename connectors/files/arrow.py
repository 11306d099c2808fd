"""Arrow IPC, as a file with a footer (``.arrow``, ``.feather``) or as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from isthmus.catalog.model import RowCount
from isthmus.connectors.contract import ReadContext
from isthmus.connectors.files.errors import reading
from isthmus.connectors.files.format import BATCH_ROWS, Format, Part, Shape
from isthmus.connectors.files.location import CountedFile, DataFile, opened
from isthmus.connectors.files.sample import Sample, estimated
from isthmus.connectors.files.shaping import fitted, sliced
from isthmus.connectors.files.unify import unified

__all__ = ["Arrow"]

_MAGIC = b"ARROW1"


@dataclass(frozen=True)
class Start:
    """What the start of a file shows."""

    schema: pa.Schema
    sample: Sample


class Arrow(Format[Start]):
    """A table of Arrow IPC files or streams."""

    def inspect(self, file: DataFile, share: int) -> Start:
        """Read the schema and the first batch."""
        with reading(file.path), opened(file) as raw:
            schema, batches = _batches(raw, None)
            first = next(batches, None)
            second = next(batches, None)
        rows = 0 if first is None else first.num_rows
        size = file.size if first is None else max(first.nbytes, 1)
        return Start(schema, Sample(rows, max(size, 1), second is None))

    def shape(self, files: Sequence[DataFile]) -> Shape:
        """The columns of all files."""
        facts = self.facts(files)
        schema = unified((f.path, s.schema) for f, s in zip(files, facts, strict=True))
        omitted = tuple(
            (c.name, f"{c.type} has more digits than a decimal of 38")
            for c in schema
            if pa.types.is_decimal256(c.type)
        )
        left_out = {name for name, _ in omitted}
        return Shape(pa.schema([c for c in schema if c.name not in left_out]), omitted=omitted)

    def row_count(self, files: Sequence[DataFile]) -> RowCount:
        """From the files' sizes and their first batches; exact for files of one batch."""
        return estimated(files, [s.sample for s in self.facts(files)])

    def parts(self, file: DataFile, columns: Sequence[str]) -> Sequence[Part]:
        """The file as a whole."""
        rows = self.fact(file).sample.rows_of(file.size)
        return [Part(file, None, rows, file.size)]

    def read(
        self, parts: Sequence[Part], columns: pa.Schema, context: ReadContext
    ) -> Iterator[pa.RecordBatch]:
        """The file's batches."""
        file = parts[0].file
        with reading(file.path), opened(file) as raw:
            _, batches = _batches(raw, columns.names)
            for batch in batches:
                context.meter.add(bytes=raw.taken())
                for piece in sliced(batch, BATCH_ROWS):
                    yield fitted(piece, columns, file.path)
            context.meter.add(bytes=raw.taken())


def _batches(
    raw: CountedFile, columns: Sequence[str] | None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The schema and the batches of either form; the file form reads only the columns."""
    seekable = raw.seekable()
    magic = raw.read(len(_MAGIC)) if seekable else b""
    if seekable:
        raw.seek(0)
    file = pa.PythonFile(raw, mode="r")
    if magic != _MAGIC:
        stream = pa.ipc.open_stream(file)
        return stream.schema, iter(stream)
    reader = pa.ipc.open_file(file)
    schema = reader.schema
    if columns is not None:
        included = [i for i, n in enumerate(schema.names) if n in columns]
        # An empty list would mean every column.
        options = pa.ipc.IpcReadOptions(included_fields=included or [0])
        reader = pa.ipc.open_file(file, options=options)
    return schema, (reader.get_batch(i) for i in range(reader.num_record_batches))
