"""The catalog of a connection: what exists, asked of the sources only when it is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast, runtime_checkable

from isthmus.catalog import listing
from isthmus.catalog.model import Reference, RowCount, Table, TableName, View
from isthmus.catalog.names import Names, NameSource, TableRef, split_name
from isthmus.catalog.project import Project, SourceConfig
from isthmus.errors import IsthmusError, Place, UnknownName

__all__ = ["Catalog", "Relationship", "SourceReader"]

T = TypeVar("T")

_NOT_KEPT = object()


class SourceReader(Protocol):
    """What the catalog asks of a source; every connector has it."""

    def tables(self) -> Iterable[TableName]:
        """Every table of the source."""

    def describe(self, table: str) -> Table | None:
        """Describe the table of that name, found in any case; None when there is none."""

    def row_count(self, table: Table) -> RowCount | None:
        """About how many rows the table has."""


@runtime_checkable
class _Refreshable(Protocol):
    def refresh(self) -> None: ...


@dataclass(frozen=True)
class Relationship:
    """A foreign key: `column` of a table points at rows of the reference's targets."""

    source: str
    table: str
    column: str
    reference: Reference

    def __str__(self) -> str:
        targets = ", ".join(
            f"{TableRef(self.source, t)}.{self.reference.target_column}"
            for t in self.reference.targets
        )
        return f"{TableRef(self.source, self.table)}.{self.column} -> {targets}"


class Catalog:
    """What exists in a project. Descriptions are fetched once and kept until `refresh`.

    A source that `remembers` by itself is asked each time: it sees what has changed.

    Safe to use from several threads: a source is asked the same thing once.

    Args:
        project: its sources and views.
        connectors: the reader of each source, by the source's name.
    """

    def __init__(self, project: Project, connectors: Mapping[str, SourceReader]) -> None:
        self._project = project
        self._readers = dict(connectors)
        self._locks = {name: threading.RLock() for name in self._readers}
        self._kept: dict[tuple[str, Hashable], object] = {}
        self._names = Names(
            {name: self._name_source(name) for name in self._readers}, project.views
        )

    # --- what there is

    @property
    def sources(self) -> tuple[SourceConfig, ...]:
        """The sources, in the order of the project; without those of the engine itself."""
        configured = {source.name: source for source in self._project.sources}
        return tuple(
            configured.get(name) or SourceConfig(name, str(getattr(reader, "kind", "")))
            for name, reader in self._readers.items()
            if not getattr(reader, "hidden", False)
        )

    @property
    def views(self) -> tuple[View, ...]:
        """The views of ``main``."""
        return self._project.views

    def tables(self, source: str) -> tuple[TableName, ...]:
        """The tables of a source, not described.

        Raises:
            UnknownName: there is no such source.
        """
        name = self._names.source(source)
        return self._once(name, "tables", lambda: tuple(self._readers[name].tables()))

    def table(self, source: str, name: str) -> Table:
        """A table, described.

        Raises:
            UnknownName: there is no such source or table; the remedy may suggest one.
        """
        found = self._names.resolve((source, name))
        assert isinstance(found, TableRef)  # a name of a source's own is never a view
        table = self._describe(found.source, found.table)
        if table is None:
            raise UnknownName(f"{found} is gone", remedy="Refresh the catalog.")
        return table

    def row_count(self, table: Table) -> RowCount | None:
        """About how many rows a table has; asked of the source once."""
        reader = self._readers[table.source]
        return self._once(
            table.source, ("rows", table.name), lambda: reader.row_count(table), keep_none=True
        )

    def resolve(self, parts: Sequence[str], place: Place | None = None) -> View | TableRef:
        """What a dotted name in a query means, in any case.

        Args:
            parts: the parts of the name, without quotes.
            place: where it stands, for the error.

        Raises:
            UnknownName: it is nothing, or more than one thing; the remedy says what to write.
        """
        return self._names.resolve(parts, place)

    def relationships(
        self, source: str | None = None, table: str | None = None
    ) -> tuple[Relationship, ...]:
        """Foreign keys between tables.

        Args:
            source: only those of this source.
            table: only those of this table of it, which is described if need be.

        Without a table: those of the tables described so far. A source may have hundreds of
        tables, and each description is a call.
        """
        if source is not None and table is not None:
            return _relationships(self.table(source, table))
        wanted = None if source is None else self._names.source(source)
        return tuple(
            relationship
            for described in self._described()
            if wanted is None or described.source == wanted
            for relationship in _relationships(described)
        )

    def referring(self, table: Table) -> tuple[Relationship, ...]:
        """The foreign keys that point at a table, among the tables described so far."""
        return tuple(
            r for r in self.relationships(table.source) if table.name in r.reference.targets
        )

    def refresh(self) -> None:
        """Forget what the sources said; it is asked again when it is needed."""
        for name, reader in self._readers.items():
            with self._locks[name]:
                for key in [k for k in self._kept if k[0] == name]:
                    del self._kept[key]
                if isinstance(reader, _Refreshable):
                    reader.refresh()

    # --- showing it

    def to_text(self, name: str | None = None) -> str:
        """The sources with their tables and the views; or one source, table or view in full.

        Args:
            name: such as ``crm``, ``crm.Account`` or ``main.pipeline_360``. Only a table that is
                named is described.
        """
        return listing.to_text(self._listed(name))

    def to_html(self, name: str | None = None) -> str:
        """As `to_text`, for a notebook."""
        return listing.to_html(self._listed(name))

    def show(self, name: str | None = None) -> None:
        """Print `to_text`."""
        print(self.to_text(name))

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        return self.to_html()

    def _listed(self, name: str | None) -> list[listing.Item]:
        if name is None:
            items = [listing.of_source(s, self._tables_or_why(s.name)) for s in self.sources]
            return items + ([listing.of_views(self.views)] if self.views else [])
        parts = split_name(name)
        if len(parts) == 1:
            if parts[0].lower() == "main":
                return [listing.of_views(self.views)]
            for source in self.sources:
                if source.name.lower() == parts[0].lower():
                    return [listing.of_source(source, self.tables(source.name))]
        found = self.resolve(parts)
        if isinstance(found, View):
            return [listing.of_view(found)]
        table = self.table(found.source, found.table)
        pointing = [str(r) for r in self.referring(table)]
        return [listing.of_table(table, pointing)]

    def _tables_or_why(self, source: str) -> tuple[TableName, ...] | str:
        """The tables, or why they can't be told: one source that is down must not hide the rest."""
        try:
            return self.tables(source)
        except IsthmusError as error:
            return str(error)

    # --- asking once

    def _name_source(self, name: str) -> NameSource:
        def find(table: str) -> str | None:
            described = self._describe(name, table)
            return None if described is None else described.name

        return NameSource(find, lambda: [t.name for t in self.tables(name)])

    def _describe(self, source: str, table: str) -> Table | None:
        def ask() -> Table | None:
            described = self._readers[source].describe(table)
            if described is not None:
                self._kept[(source, ("table", described.name))] = described
            return described

        return self._once(source, ("table", table), ask)

    def _described(self) -> list[Table]:
        # A table may be kept under several spellings of its name.
        found = {(t.source, t.name): t for t in list(self._kept.values()) if isinstance(t, Table)}
        return list(found.values())

    def _once(
        self, source: str, what: Hashable, ask: Callable[[], T], *, keep_none: bool = False
    ) -> T:
        key = (source, what)
        if getattr(self._readers[source], "remembers", False):
            fresh = ask()
            self._kept[key] = fresh
            return fresh
        found = self._kept.get(key, _NOT_KEPT)
        if found is _NOT_KEPT:
            with self._locks[source]:
                found = self._kept.get(key, _NOT_KEPT)
                if found is _NOT_KEPT:
                    found = ask()
                    if found is not None or keep_none:
                        self._kept[key] = found
        return cast("T", found)


def _relationships(table: Table) -> tuple[Relationship, ...]:
    return tuple(
        Relationship(table.source, table.name, column.name, column.reference)
        for column in table.columns
        if column.reference is not None
    )
