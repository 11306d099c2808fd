"""Which table or view a name in a query means: in any case, qualified or bare."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.catalog.model import View
from isthmus.catalog.suggest import did_you_mean, suggest
from isthmus.errors import ConfigError, Place, QueryError, UnknownName

__all__ = [
    "RESERVED_NAMES",
    "NameSource",
    "Names",
    "TableRef",
    "cycle_error",
    "quoted",
    "split_name",
    "suggest",
]

RESERVED_NAMES = frozenset({"main", "temp", "system", "information_schema", "isthmus"})
"""Names that neither a source nor a view may have: DuckDB or Isthmus use them."""

# duckdb_keywords() of DuckDB 2.0, categories "reserved" and "type_function".
_RESERVED_WORDS = frozenset(
    re.findall(
        r"\w+",
        """all analyse analyze and any array as asc asymmetric both case cast check collate column
    constraint create default deferrable desc describe distinct do else end except false fetch for
    foreign from group having in initially intersect into lambda lateral leading limit not null
    offset on only or order pivot pivot_longer pivot_wider placing primary qualify references
    returning select show some summarize symmetric table then to trailing true union unique unpivot
    using variadic when where window with
    anti asof at authorization binary by collation columns concurrently cross freeze full generated
    glob ilike inner is isnull join left like map natural notnull outer overlaps positional right
    semi similar struct tablesample try_cast tuple unpack verbose""",
    )
)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PARTS = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^".\s]+))\s*(\.|\Z)')


@dataclass(frozen=True)
class TableRef:
    """A table of a source, both spelt as they are there."""

    source: str
    table: str

    def __str__(self) -> str:
        return f"{quoted(self.source)}.{quoted(self.table)}"


@dataclass(frozen=True)
class NameSource:
    """What name resolution asks of a source.

    Attributes:
        find: the table of that name, found in any case, as the source spells it.
        tables: all names; asked only for bare names and for suggestions.
    """

    find: Callable[[str], str | None]
    tables: Callable[[], Sequence[str]]


class Names:
    """The names of a project.

    Args:
        sources: by name.
        views: the views of ``main``.
    """

    def __init__(self, sources: Mapping[str, NameSource], views: Iterable[View]) -> None:
        self._sources = sources
        self._spelt = {name.lower(): name for name in sources}
        self._views = {view.name.lower(): view for view in views}

    def source(self, name: str, place: Place | None = None) -> str:
        """The source of that name, as the project spells it.

        Raises:
            UnknownName: there is none.
        """
        spelt = self._spelt.get(name.lower())
        if spelt is None:
            raise UnknownName(
                f"there is no source {name!r}",
                place=place,
                remedy=did_you_mean(name, self._sources) or _list("The sources are", self._sources),
            )
        return spelt

    def resolve(self, parts: Sequence[str], place: Place | None = None) -> View | TableRef:
        """What a dotted name means; `parts` are unquoted.

        ``x`` is a view, or the table that one source alone has; ``main.x`` is a view; ``crm.x``
        and ``crm.main.x`` are tables of the source ``crm``.

        Raises:
            UnknownName: it is nothing, or more than one thing.
        """
        lowered = [part.lower() for part in parts]
        if len(parts) == 1:
            return self._bare(parts[0], place)
        if len(parts) == 2 and lowered[0] == "main":
            return self._view(parts[1], place)
        if len(parts) == 2:
            return self._table(parts[0], parts[1], place)
        if len(parts) == 3 and lowered[1] == "main":
            return self._table(parts[0], parts[2], place)
        raise UnknownName(
            f"there is no table {_dotted(parts)}",
            place=place,
            remedy="A table is named source.table, a view main.view.",
        )

    def _bare(self, name: str, place: Place | None) -> View | TableRef:
        view = self._views.get(name.lower())
        if view is not None:
            return view
        owners = [
            TableRef(source, table)
            for source, names in self._sources.items()
            for table in _same(name, names.tables())
        ]
        if len(owners) == 1:
            return owners[0]
        if owners:
            raise _ambiguous(name, owners, place)
        raise UnknownName(
            f"there is no table or view {name!r}",
            place=place,
            remedy=self._near(name) or "`isthmus catalog` lists what there is.",
        )

    def _view(self, name: str, place: Place | None) -> View:
        view = self._views.get(name.lower())
        if view is None:
            nearest = suggest(name, [v.name for v in self._views.values()])
            elsewhere = None if nearest else self._near(name)
            raise UnknownName(
                f"there is no view {name!r}",
                place=place,
                remedy=f"Did you mean main.{quoted(nearest)}?" if nearest else elsewhere,
            )
        return view

    def _table(self, source: str, name: str, place: Place | None) -> TableRef:
        spelt = self._spelt.get(source.lower())
        if spelt is None:
            raise UnknownName(
                f"there is no source {source!r}",
                place=place,
                remedy=self._near_source(source, name),
            )
        found = self._sources[spelt].find(name)
        if found is not None:
            return TableRef(spelt, found)
        same = _same(name, self._sources[spelt].tables())
        if len(same) > 1:
            raise _ambiguous(f"{source}.{name}", [TableRef(spelt, t) for t in same], place)
        nearest = suggest(name, self._sources[spelt].tables())
        raise UnknownName(
            f"{quoted(spelt)} has no table {name!r}",
            place=place,
            remedy=f"Did you mean {TableRef(spelt, nearest)}?"
            if nearest
            else self._near(name) or f"`isthmus catalog {spelt}` lists its tables.",
        )

    def _near(self, name: str) -> str | None:
        """A remedy that names the nearest view or table of all there are."""
        full = {view.name: quoted(view.name) for view in self._views.values()}
        for source, names in self._sources.items():
            for table in names.tables():
                full.setdefault(table, str(TableRef(source, table)))
        nearest = suggest(name, full)
        return None if nearest is None else f"Did you mean {full[nearest]}?"

    def _near_source(self, source: str, table: str) -> str:
        nearest = suggest(source, [*self._sources, "main"])
        if nearest is None:
            return self._near(table) or _list("The sources are", self._sources)
        return f"Did you mean {quoted(nearest)}.{quoted(table)}?"


def quoted(name: str) -> str:
    """A name as SQL takes it, in quotes only where it needs them.

    >>> quoted("Account"), quoted("Order"), quoted("2025 orders")
    ('Account', '"Order"', '"2025 orders"')
    """
    if _PLAIN.match(name) and name.lower() not in _RESERVED_WORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def split_name(name: str) -> tuple[str, ...]:
    """The parts of a dotted name, without their quotes.

    >>> split_name('crm."a.b"')
    ('crm', 'a.b')

    Raises:
        QueryError: it is not a dotted name.
    """
    parts: list[str] = []
    at = 0
    while match := _PARTS.match(name, at):
        parts.append(match[2] or match[1].replace('""', '"'))
        at = match.end()
        if not match[3]:
            return tuple(parts)
    raise QueryError(f"{name!r} is not a name", remedy='Write source.table, such as crm."Case".')


def cycle_error(views: Sequence[str]) -> ConfigError:
    """The error for views that read each other in a circle.

    Args:
        views: each reads the next; the last is the first again.
    """
    return ConfigError(
        f"views read each other in a circle: {' -> '.join(views)}",
        remedy="Let one of them read tables alone; each is a file or a key below [views].",
    )


def _same(name: str, tables: Iterable[str]) -> list[str]:
    """The tables of a name: the one spelt just so, else all that differ in case only."""
    found = [table for table in tables if table.lower() == name.lower()]
    return [name] if name in found else found


def _ambiguous(name: str, owners: Sequence[TableRef], place: Place | None) -> UnknownName:
    full = [str(owner) for owner in owners]
    return UnknownName(
        f"{name!r} is ambiguous: it is {' and '.join(full)}",
        place=place,
        remedy=f"Write {' or '.join(full)}.",
    )


def _list(words: str, names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"{words} {listed}." if listed else "The project has no sources."


def _dotted(parts: Sequence[str]) -> str:
    return ".".join(quoted(part) for part in parts)
