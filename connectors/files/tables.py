"""Finds and describes a source's tables, and keeps what was found while it is fresh."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Meter
from isthmus.connectors.files.arrow import Arrow
from isthmus.connectors.files.csv import Csv
from isthmus.connectors.files.format import Format
from isthmus.connectors.files.jsonl import JsonLines
from isthmus.connectors.files.listing import Place, data_files, discover
from isthmus.connectors.files.location import DataFile, Location, locate
from isthmus.connectors.files.names import format_of
from isthmus.connectors.files.parquet import Parquet
from isthmus.connectors.files.partitions import partition_schema
from isthmus.connectors.files.selection import Snapshot
from isthmus.connectors.files.settings import Settings, TableSettings
from isthmus.errors import ConfigError, DataError, SourceError

__all__ = ["Found", "Tables"]

_FORMATS: dict[str, type[Format[object]]] = {
    "parquet": Parquet,  # type: ignore[dict-item]
    "csv": Csv,  # type: ignore[dict-item]
    "jsonl": JsonLines,  # type: ignore[dict-item]
    "arrow": Arrow,  # type: ignore[dict-item]
}
_REMOTE_REFRESH_SECONDS = 60.0


@dataclass(frozen=True)
class Found:
    """A table, described from the files it has just now."""

    table: Table
    snapshot: Snapshot
    looked: float


class Tables:
    """The tables of one source.

    Args:
        source: the source's name.
        settings: as configured.
        meter: counts calls for listings and looks into files.
    """

    def __init__(self, source: str, settings: Settings, meter: Meter) -> None:
        self.settings = settings
        self._source = source
        self._meter = meter
        self._lock = threading.RLock()
        self._root: Location | None = None
        self._places: tuple[Place, ...] = ()
        self._listed: float | None = None
        self._own: dict[str, Location] = {}
        self._found: dict[str, Found] = {}

    def names(self) -> list[str]:
        """The names of all tables, each once."""
        own = [t.name for t in self.settings.tables if t.url is not None]
        return sorted(dict.fromkeys([*own, *(p.table for p in self._discovered())]))

    def find(self, name: str) -> Found | None:
        """The table of that name: exactly, or else in any case."""
        with self._lock:
            spelt = _spelt(name, self.names())
            return None if spelt is None else self._described(spelt)

    def known(self, name: str) -> Found:
        """A table that was described before.

        Raises:
            SourceError: it is gone.
        """
        found = self.find(name)
        if found is None:
            raise SourceError(f"{self._source}.{name} is gone", remedy="Ask again.")
        return found

    def _described(self, name: str) -> Found:
        known = self._found.get(name)
        location, place, settings = self._place(name)
        if known is not None and self._fresh(location, known.looked):
            return known
        files = self._files(location, place, settings)
        now = time.monotonic()
        if known is not None and known.snapshot.files == files:
            found = replace(known, looked=now)
        else:
            found = self._look(name, files, settings, known, now)
        self._found[name] = found
        return found

    def _look(
        self,
        name: str,
        files: tuple[DataFile, ...],
        settings: TableSettings,
        known: Found | None,
        now: float,
    ) -> Found:
        chosen = _FORMATS[_format(f"{self._source}.{name}", files, settings)]
        same = known is not None and type(known.snapshot.format) is chosen
        format = known.snapshot.format if known is not None and same else chosen(settings)
        if not files[0].location.local:
            self._meter.add(metadata_calls=format.inspected(files))
        shape = format.shape(files)
        if not len(shape.schema):
            raise DataError(
                f"{self._source}.{name} has no columns: {files[0].path} holds nothing to name them",
                remedy="Write at least a header or one record, or take the file away.",
            )
        partitions = partition_schema(files)
        taken = {p.lower() for p in partitions.names}
        # A folder's name is what prunes, so it wins over a column of the same name.
        columns = pa.schema([c for c in shape.schema if c.name.lower() not in taken])
        snapshot = Snapshot(files, format, columns, partitions)
        table = Table(
            self._source,
            name,
            tuple(_column(c, statistics=c.name in shape.statistics) for c in columns)
            + tuple(_column(c, partition=True) for c in partitions),
            omitted=shape.omitted,
            properties={"snapshot": snapshot},
        )
        return Found(table, snapshot, now)

    def _place(self, name: str) -> tuple[Location, Place, TableSettings]:
        settings = self._settings(name)
        if settings.url is not None:
            if name not in self._own:
                self._own[name] = locate(settings.url, settings.storage_options)
            location = self._own[name]
            return location, Place(name, location.path), settings
        places = [p for p in self._discovered() if p.table == name]
        if len(places) > 1:
            raise ConfigError(
                f"{self._source}.{name} could be {' or '.join(p.path for p in places)}",
                remedy="Rename one of them, or name each under "
                f"[sources.{self._source}.tables] with its own url.",
            )
        assert self._root is not None
        return self._root, places[0], settings

    def _settings(self, name: str) -> TableSettings:
        for table in self.settings.tables:
            if table.name == name:
                return table
        for table in self.settings.tables:
            if table.name.lower() == name.lower() and table.url is None:
                return replace(table, name=name)
        return TableSettings(name)

    def _discovered(self) -> tuple[Place, ...]:
        if self.settings.root is None:
            return ()
        with self._lock:
            if self._root is None:
                self._root = locate(self.settings.root, self.settings.storage_options)
            if self._listed is None or not self._fresh(self._root, self._listed):
                if not self._root.local:
                    self._root.fs.invalidate_cache()
                    self._meter.add(metadata_calls=1)
                self._places = discover(self._root)
                self._listed = time.monotonic()
            return self._places

    def _files(
        self, location: Location, place: Place, settings: TableSettings
    ) -> tuple[DataFile, ...]:
        if not location.local:
            self._meter.add(metadata_calls=1)
        return data_files(location, place, any_name=settings.format is not None)

    def _fresh(self, location: Location, looked: float) -> bool:
        default = 0.0 if location.local else _REMOTE_REFRESH_SECONDS
        limit = default if self.settings.refresh is None else self.settings.refresh
        return time.monotonic() - looked < limit


def _spelt(name: str, names: Sequence[str]) -> str | None:
    if name in names:
        return name
    return next((n for n in names if n.lower() == name.lower()), None)


def _format(table: str, files: Sequence[DataFile], settings: TableSettings) -> str:
    if settings.format is not None:
        return settings.format
    examples: dict[str, str] = {}
    for file in files:
        examples.setdefault(format_of(file.path) or "", file.path)
    if len(examples) > 1:
        raise DataError(
            f"{table} mixes formats: {' and '.join(examples.values())}",
            remedy="Keep one format in a folder, or make them tables of their own.",
        )
    return next(iter(examples))


def _column(field: pa.Field, *, statistics: bool = False, partition: bool = False) -> Column:
    properties = {"partition": True} if partition else {"statistics": True} if statistics else {}
    kind = "partition" if partition else str(field.type)
    return Column(field.name, field.type, True, kind, properties=properties)
