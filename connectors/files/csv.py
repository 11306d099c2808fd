"""CSV and TSV: types from a bounded sample of every file, then read strictly, without guesses.

Only an empty value without quotes is null, and the texts that ``null_values`` lists.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.csv as pacsv

from isthmus.catalog.model import RowCount
from isthmus.catalog.suggest import did_you_mean
from isthmus.connectors.contract import ReadContext
from isthmus.connectors.files.errors import reading
from isthmus.connectors.files.format import BATCH_ROWS, Format, Part, Shape
from isthmus.connectors.files.location import CountedFile, DataFile, decompressed, opened, packed
from isthmus.connectors.files.sample import Sample, estimated, sample_bytes
from isthmus.connectors.files.shaping import fitted, sliced
from isthmus.connectors.files.texts import Unfit, inferred, typed, wider_text
from isthmus.errors import ConfigError, DataError

__all__ = ["Csv"]

_BLOCK_BYTES = 2 << 20


@dataclass(frozen=True)
class Header:
    """What the start of a file shows.

    Attributes:
        types: of its columns, by name, in order.
        sample: how much was looked at.
    """

    types: dict[str, pa.DataType]
    sample: Sample


class Csv(Format[Header]):
    """A table of CSV files."""

    def inspect(self, file: DataFile, share: int) -> Header:
        """Read the first part of a file and find the types that fit it."""
        with reading(file.path), opened(file) as raw:
            plain = decompressed(raw, file.path)
            start = plain.read(sample_bytes(share))
            whole = len(start) < sample_bytes(share)
            compressed = raw.taken() if packed(file.path) else len(start)
        with reading(file.path):
            return self._header(start, whole, max(compressed, 1), file)

    def _header(self, start: bytes, whole: bool, compressed: int, file: DataFile) -> Header:
        names = self._names(start, file)
        if not whole:
            # The last record may be cut; one line less is surely whole outside of quotes.
            start = start[: start.rfind(b"\n") + 1]
        if not names:
            return Header({}, Sample(0, compressed, whole))
        table = self._sampled(start, names, file, whole)
        types = {n: inferred(table.column(n).combine_chunks()) for n in names}
        return Header(types, Sample(table.num_rows, compressed, whole))

    def shape(self, files: Sequence[DataFile]) -> Shape:
        """Each column with the type for all samples, or as declared."""
        found: dict[str, pa.DataType] = {}
        for header in self.facts(files):
            for name, kind in header.types.items():
                found[name] = wider_text(found[name], kind) if name in found else kind
        for name, kind in self.settings.columns.items():
            if name not in found:
                raise ConfigError(
                    f"tables.{self.settings.name}.columns declares {name!r}, "
                    "which is no column of the files",
                    remedy=did_you_mean(name, found) or f"The columns are {', '.join(found)}.",
                )
            found[name] = kind
        return Shape(
            pa.schema([(n, pa.string() if pa.types.is_null(k) else k) for n, k in found.items()])
        )

    def row_count(self, files: Sequence[DataFile]) -> RowCount:
        """From the size of the files and of the sampled rows."""
        samples = [h.sample for h in self.facts(files)]
        return estimated(files, samples)

    def parts(self, file: DataFile, columns: Sequence[str]) -> Sequence[Part]:
        """The file as a whole: CSV is read from the start to the end."""
        rows = self.fact(file).sample.rows_of(file.size)
        return [Part(file, None, rows, file.size)]

    def read(
        self, parts: Sequence[Part], columns: pa.Schema, context: ReadContext
    ) -> Iterator[pa.RecordBatch]:
        """The file's rows, with the text of each wanted column converted."""
        file = parts[0].file
        header = self.fact(file)
        names = list(header.types)
        if not names:
            return
        wanted = [n for n in columns.names if n in header.types]
        with reading(file.path), opened(file) as raw:
            row = 0
            for batch in self._records(raw, file, names, wanted or names[:1]):
                context.meter.add(bytes=raw.taken())
                for piece in sliced(batch, BATCH_ROWS):
                    yield fitted(self._typed(piece, columns, file, row), columns, file.path)
                    row += piece.num_rows
            context.meter.add(bytes=raw.taken())

    def _records(
        self, raw: CountedFile, file: DataFile, names: list[str], wanted: list[str]
    ) -> Iterator[pa.RecordBatch]:
        reader = pacsv.open_csv(
            decompressed(raw, file.path), **self._options(names, wanted, file, _BLOCK_BYTES)
        )
        with reader:
            yield from reader

    def _sampled(self, start: bytes, names: list[str], file: DataFile, whole: bool) -> pa.Table:
        options = self._options(names, names, file, max(len(start), 1) + 1)
        try:
            return pacsv.read_csv(pa.BufferReader(start), **options)
        except pa.ArrowInvalid:
            if whole:
                raise
        # The cut went through a quoted value with line breaks: try again with less.
        shorter = start[: start.rfind(b"\n", 0, max(len(start) // 2, 1)) + 1]
        return pacsv.read_csv(pa.BufferReader(shorter), **options)

    def _options(
        self, names: list[str], wanted: list[str], file: DataFile, block: int
    ) -> dict[str, object]:
        read = pacsv.ReadOptions(
            column_names=names,
            skip_rows_after_names=1 if self.settings.header else 0,
            block_size=block,
            encoding=self.settings.encoding,
        )
        parse = pacsv.ParseOptions(
            delimiter=self._delimiter(file),
            quote_char=self.settings.quote,
            newlines_in_values=True,
            # In a file of one column, an empty line is a row with null.
            ignore_empty_lines=len(names) > 1,
        )
        convert = pacsv.ConvertOptions(
            include_columns=wanted,
            column_types={n: pa.string() for n in wanted},
            null_values=["", *self.settings.null_values],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        return {"read_options": read, "parse_options": parse, "convert_options": convert}

    def _delimiter(self, file: DataFile) -> str:
        if self.settings.delimiter is not None:
            return self.settings.delimiter
        return "\t" if ".tsv" in file.path.lower() else ","

    def _names(self, start: bytes, file: DataFile) -> list[str]:
        """The columns' names: unique, and never empty."""
        text = start.decode(self.settings.encoding, errors="replace").removeprefix("\ufeff")
        records = csv.reader(
            io.StringIO(text, newline=""),
            delimiter=self._delimiter(file),
            quotechar=self.settings.quote,
        )
        first = next((r for r in records if r), [])
        taken: dict[str, None] = {}
        for number, name in enumerate(first):
            base = name if self.settings.header and name else f"column{number}"
            unique, again = base, 0
            while unique in taken:
                again += 1
                unique = f"{base}_{again}"
            taken[unique] = None
        return list(taken)

    def _typed(
        self, batch: pa.RecordBatch, columns: pa.Schema, file: DataFile, row: int
    ) -> pa.RecordBatch:
        made, names = [], []
        for name in batch.schema.names:
            if name not in columns.names:
                continue
            kind = columns.field(name).type
            try:
                declared = name in self.settings.columns
                made.append(typed(batch.column(name), kind, declared=declared))
            except Unfit as unfit:
                raise self._unfit(unfit, name, kind, file, row) from unfit
            names.append(name)
        if not names:
            return batch.select([])
        return pa.RecordBatch.from_arrays(made, names)

    def _unfit(
        self, unfit: Unfit, column: str, kind: pa.DataType, file: DataFile, row: int
    ) -> DataError:
        table = self.settings.name
        return DataError(
            f"{file.path}: column {column!r}, record {row + unfit.row + 1}: "
            f"{unfit.value!r} does not fit the type {kind}",
            remedy=f"Under the source's tables.{table}, declare the type: "
            f'columns = {{{column} = "varchar"}}; or, if the text means null: '
            f"null_values = [{unfit.value!r}].",
        )
