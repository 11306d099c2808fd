"""A copy as Parquet files in a folder or object store, listed in a manifest.

Changes are merged on write: a file that holds a changed key is written anew, the others stay.
One file is in memory at a time, so memory is bounded by the rows of a file and of a part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from isthmus.catalog.targets import TargetConfig
from isthmus.connectors.targets.contract import (
    ColumnChange,
    Layout,
    Part,
    PartKind,
    Target,
    foreign,
)
from isthmus.connectors.targets.evolving import evolved
from isthmus.connectors.targets.keyed import demand_unique, places
from isthmus.connectors.targets.manifest import DataFile, Manifest, Store
from isthmus.errors import TargetError

__all__ = ["Parquet"]

_ROWS_PER_FILE: Final = 100_000


class Parquet(Target):
    """A folder of Parquet files.

    Args:
        config: where it is.
        rows_per_file: the most rows of a file.
    """

    def __init__(self, config: TargetConfig, *, rows_per_file: int = _ROWS_PER_FILE) -> None:
        super().__init__(config)
        self._rows_per_file = rows_per_file
        self._kept: Store | None = None

    def stored(self, type: pa.DataType) -> pa.DataType | None:
        """Every type as it is, but intervals."""
        if pa.types.is_interval(type):
            return None
        if is_parent(type):
            inner = [type.field(i).type for i in range(type.num_fields)]
            return None if any(self.stored(t) is None for t in inner) else type
        return type

    def read_state(self) -> str | None:
        """As `Target.read_state`."""
        with self._caught():
            manifest = self._store.read()
            if manifest is None and self._store.is_foreign():
                raise foreign(self.name)
        return None if manifest is None else manifest.state

    def replace(self, layout: Layout, batches: Iterable[pa.RecordBatch], state: str) -> None:
        """As `Target.replace`."""
        with self._step() as before:
            seen = demand_unique(layout, self.name)
            files = tuple(self._written(self._cut(map(seen, batches), layout.schema)))
            self._store.commit(before, files, state)

    def evolve(
        self, changes: Sequence[ColumnChange], before: Layout, after: Layout, state: str
    ) -> None:
        """As `Target.evolve`: every file is written anew."""
        with self._step() as manifest:
            files = [
                self._write(
                    pa.Table.from_batches(
                        [evolved(b, changes, after.schema) for b in self._read(file).to_batches()],
                        after.schema,
                    )
                )
                for file in _files(manifest)
            ]
            self._store.commit(manifest, tuple(files), state)

    def apply(self, part: Part, layout: Layout, state: str) -> None:
        """As `Target.apply`."""
        rows = part.rows
        with self._step() as manifest:
            files: list[DataFile] = []
            new = pa.array([True] * rows.num_rows, pa.bool_())
            for file in _files(manifest):
                keys = self._read(file, layout.key)
                at = places(keys, rows.select(list(layout.key)))
                if at.null_count == len(at):
                    files.append(file)
                    continue
                found = pc.is_in(pa.array(range(rows.num_rows), pa.int32()), at.drop_null())
                new = pc.and_(new, pc.invert(found))
                merged = _MERGES[part.kind](self._read(file), rows, at)
                files += [self._write(merged)] if merged.num_rows else []
            if part.kind is PartKind.UPSERT:
                files = self._with_new(files, rows.filter(new))
            self._store.commit(manifest, tuple(files), state)

    def save_state(self, state: str) -> None:
        """As `Target.save_state`."""
        with self._caught():
            manifest = self._store.read()
            assert manifest is not None  # a copy has been made
            self._store.commit(manifest, manifest.files, state)

    def rows(self, layout: Layout, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """As `Target.rows`."""
        with self._caught():
            manifest = self._store.read()
        for file in _files(manifest):
            yield from self._read(file, columns).to_batches()

    # --- files

    @property
    def _store(self) -> Store:
        if self._kept is None:
            options = self.config.options
            self._kept = Store(options["path"], options.get("storage_options"))
        return self._kept

    def _with_new(self, files: list[DataFile], rows: pa.Table) -> list[DataFile]:
        """The files with new rows: in the smallest file if they fit there, else in files of own."""
        if not rows.num_rows:
            return files
        room = min(files, key=lambda file: file.rows, default=None)
        if room is not None and room.rows + rows.num_rows <= self._rows_per_file:
            files = [file for file in files if file is not room]
            rows = pa.concat_tables([self._read(room), rows])
        return [*files, *self._written(self._cut(rows.to_batches(), rows.schema))]

    def _cut(self, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
        """The rows in tables of as many rows as a file has."""
        waiting: list[pa.RecordBatch] = []
        count = 0
        for given in batches:
            batch = given
            while count + batch.num_rows >= self._rows_per_file:
                head = batch.slice(0, self._rows_per_file - count)
                yield pa.Table.from_batches([*waiting, head], schema)
                batch = batch.slice(head.num_rows)
                waiting, count = [], 0
            if batch.num_rows:
                waiting.append(batch)
                count += batch.num_rows
        if waiting:
            yield pa.Table.from_batches(waiting, schema)

    def _written(self, tables: Iterable[pa.Table]) -> Iterator[DataFile]:
        return map(self._write, tables)

    def _write(self, rows: pa.Table) -> DataFile:
        path = self._store.new_file()
        with self._store.fs.open(self._store.full(path), "wb") as file:
            pq.write_table(rows, file, compression="zstd")
        return DataFile(path, rows.num_rows)

    def _read(self, file: DataFile, columns: Sequence[str] | None = None) -> pa.Table:
        names = None if columns is None else list(columns)
        with self._caught(), self._store.fs.open(self._store.full(file.path), "rb") as opened:
            return pq.ParquetFile(opened).read(columns=names)

    @contextmanager
    def _step(self) -> Iterator[Manifest | None]:
        """Between these two points files may be left behind; the next step removes them."""
        with self._caught():
            store = self._store
            manifest = store.read()
            store.make()
            store.sweep(manifest)
            yield manifest

    @contextmanager
    def _caught(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowInvalid) as error:
            raise TargetError(
                f"{self.name} can't be read or written: {error}",
                remedy="Look at the folder and its rights.",
            ) from error


def is_parent(type: pa.DataType) -> bool:
    """Whether a type has types inside."""
    return bool(pa.types.is_nested(type))


def _files(manifest: Manifest | None) -> tuple[DataFile, ...]:
    return () if manifest is None else manifest.files


def _upserted(old: pa.Table, rows: pa.Table, at: pa.Int32Array) -> pa.Table:
    kept = old.filter(pc.is_null(at))
    return pa.concat_tables([kept, rows.take(at.drop_null())])


def _patched(old: pa.Table, rows: pa.Table, at: pa.Int32Array) -> pa.Table:
    hit = pc.is_valid(at)
    for name in rows.schema.names:
        index = old.schema.get_field_index(name)
        given = rows.column(name).take(at)
        column = pc.if_else(hit, given, old.column(name))
        old = old.set_column(index, old.schema.field(name), column)
    return old


def _deleted(old: pa.Table, rows: pa.Table, at: pa.Int32Array) -> pa.Table:
    return old.filter(pc.is_null(at))


_MERGES: Final[dict[PartKind, Callable[[pa.Table, pa.Table, pa.Int32Array], pa.Table]]] = {
    PartKind.UPSERT: _upserted,
    PartKind.PATCH: _patched,
    PartKind.DELETE: _deleted,
}
