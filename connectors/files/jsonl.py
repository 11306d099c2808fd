"""JSON lines: one object a line. Types come from a bounded sample of every file."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.json as pajson

from isthmus.catalog.model import RowCount
from isthmus.connectors.contract import ReadContext
from isthmus.connectors.files import jsonvalues
from isthmus.connectors.files.errors import reading
from isthmus.connectors.files.format import BATCH_ROWS, Format, Part, Shape
from isthmus.connectors.files.jsonvalues import JSON_TEXT
from isthmus.connectors.files.location import CountedFile, DataFile, decompressed, opened, packed
from isthmus.connectors.files.sample import Sample, estimated, sample_bytes
from isthmus.connectors.files.shaping import fitted, sliced
from isthmus.connectors.files.texts import Unfit, typed
from isthmus.errors import DataError

__all__ = ["JsonLines"]

_BLOCK_BYTES = 2 << 20


@dataclass(frozen=True)
class Start:
    """What the start of a file shows."""

    types: dict[str, pa.DataType]
    sample: Sample


class JsonLines(Format[Start]):
    """A table of JSON lines files."""

    def inspect(self, file: DataFile, share: int) -> Start:
        """Read the first lines of a file and find the types that fit them."""
        with reading(file.path), opened(file) as raw:
            plain = decompressed(raw, file.path)
            start = plain.read(sample_bytes(share))
            whole = len(start) < sample_bytes(share)
            compressed = raw.taken()
        if start.lstrip()[:1] == b"[":
            raise DataError(
                f"{file.path} holds one JSON array",
                remedy="Write one object a line (JSON lines), without brackets and commas.",
            )
        if not whole:
            start = start[: start.rfind(b"\n") + 1]
        try:
            types, rows = jsonvalues.sampled_types(start.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
        except ValueError as error:
            raise DataError(f"{file.path} is not JSON lines: {error}") from error
        taken = compressed if packed(file.path) else len(start)
        return Start(types, Sample(rows, max(taken, 1), whole))

    def shape(self, files: Sequence[DataFile]) -> Shape:
        """Each column with the type for all samples, or as declared."""
        found = self._found(files) | dict(self.settings.columns)
        return Shape(pa.schema([(n, _described(k)) for n, k in found.items()]))

    def row_count(self, files: Sequence[DataFile]) -> RowCount:
        """From the size of the files and of the sampled lines."""
        return estimated(files, [s.sample for s in self.facts(files)])

    def parts(self, file: DataFile, columns: Sequence[str]) -> Sequence[Part]:
        """The file as a whole."""
        rows = self.fact(file).sample.rows_of(file.size)
        return [Part(file, None, rows, file.size)]

    def read(
        self, parts: Sequence[Part], columns: pa.Schema, context: ReadContext
    ) -> Iterator[pa.RecordBatch]:
        """The file's rows."""
        file = parts[0].file
        with reading(file.path), opened(file) as raw:
            batches = (
                self._patient(raw, file, columns)
                if self._loose(columns)
                else self._quick(raw, file, columns)
            )
            for batch in batches:
                context.meter.add(bytes=raw.taken())
                for piece in sliced(batch, BATCH_ROWS):
                    yield fitted(piece, columns, file.path)
            context.meter.add(bytes=raw.taken())

    def _found(self, files: Sequence[DataFile]) -> dict[str, pa.DataType]:
        found: dict[str, pa.DataType] = {}
        for start in self.facts(files):
            for name, kind in start.types.items():
                found[name] = jsonvalues.wider_json(found[name], kind) if name in found else kind
        return found

    def _loose(self, columns: pa.Schema) -> bool:
        """Whether a column may hold values that Arrow's reader would refuse."""
        found = self._found(list(self._facts))
        return any(
            name in self.settings.columns or found.get(name) == JSON_TEXT for name in columns.names
        )

    def _quick(
        self, raw: CountedFile, file: DataFile, columns: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        texts = [c.name for c in columns if pa.types.is_temporal(c.type)]
        asked = pa.schema([c.with_type(pa.string()) if c.name in texts else c for c in columns])
        if not file.size:
            return
        try:
            reader = pajson.open_json(
                decompressed(raw, file.path),
                read_options=pajson.ReadOptions(block_size=_BLOCK_BYTES),
                parse_options=pajson.ParseOptions(
                    explicit_schema=asked, unexpected_field_behavior="ignore"
                ),
            )
            row = 0
            for batch in reader:
                yield self._converted(batch, columns, file, row) if texts else batch
                row += batch.num_rows
        except pa.ArrowInvalid as error:
            raise self._located(file, str(error), columns) from error

    def _patient(
        self, raw: CountedFile, file: DataFile, columns: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        lines = io.BufferedReader(_Readable(decompressed(raw, file.path)))  # type: ignore[type-var]
        try:
            yield from jsonvalues.batches(lines, columns)
        except Unfit as unfit:
            column, _, value = unfit.value.partition(": ")
            raise self._unfit(file, column, unfit.row, value, columns) from unfit
        except ValueError as error:
            raise DataError(f"{file.path} is not JSON lines: {error}") from error

    def _converted(
        self, batch: pa.RecordBatch, columns: pa.Schema, file: DataFile, row: int
    ) -> pa.RecordBatch:
        made = []
        for name in batch.schema.names:
            try:
                made.append(typed(batch.column(name), columns.field(name).type))
            except Unfit as unfit:
                raise self._unfit(file, name, row + unfit.row, unfit.value, columns) from unfit
        return pa.RecordBatch.from_arrays(made, batch.schema.names)

    def _unfit(
        self, file: DataFile, column: str, row: int, value: str, columns: pa.Schema
    ) -> DataError:
        kind = columns.field(column).type
        return DataError(
            f"{file.path}: column {column!r}, record {row + 1}: {value!r} does not fit "
            f"the type {kind}",
            remedy=self._remedy(column),
        )

    def _located(self, file: DataFile, message: str, columns: pa.Schema) -> DataError:
        """Read again, patiently, to tell which record Arrow's reader stumbled over."""
        with opened(file) as raw:
            try:
                for _ in self._patient(raw, file, columns):
                    pass
            except DataError as found:
                return found
        column = message.partition("Column(/")[2].partition(")")[0] or "COLUMN"
        # The row that Arrow names is counted in its block, not in the file.
        message = message.partition(" in row ")[0]
        return DataError(f"{file.path}: {message}", remedy=self._remedy(column))

    def _remedy(self, column: str) -> str:
        return (
            f"Under the source's tables.{self.settings.name}, declare the type: "
            f'columns = {{{column} = "varchar"}}'
        )


def _described(kind: pa.DataType) -> pa.DataType:
    return pa.string() if kind == JSON_TEXT or pa.types.is_null(kind) else _no_nulls(kind)


def _no_nulls(kind: pa.DataType) -> pa.DataType:
    """The type with text in place of "only nulls so far"."""
    if pa.types.is_null(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_no_nulls(kind.value_type))
    if pa.types.is_struct(kind):
        fields = (kind.field(i) for i in range(kind.num_fields))
        return pa.struct([(f.name, _no_nulls(f.type)) for f in fields])
    return kind


class _Readable(io.RawIOBase):
    """An Arrow stream as Python's own, so that its lines can be read."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
