"""What may come next: sources, tables, views, the columns of the tables in reach, words of SQL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from isthmus.catalog.model import View
from isthmus.catalog.names import split_name
from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from isthmus.engine.connection import Connection

__all__ = ["NameCompleter"]

_WORDS = (
    "all and any as asc asof between by case cast count current_date date_trunc desc "
    "describe distinct else end exists explain extract false from full group having in "
    "inner interval is join lateral left like limit not null offset on or order outer "
    "over partition pivot qualify right select summarize sum then true union unpivot "
    "using values when where window with "
)

_TABLE_WORDS = re.compile(r"\b(?:from|join|describe|summarize|,)\s*[\w.\"]*\Z", re.IGNORECASE)
_NAMED = re.compile(
    r"\b(?:from|join|describe|summarize)\s+((?:\"[^\"]+\"|\w+)(?:\.(?:\"[^\"]+\"|\w+))*)"
    r"(?:\s+(?:as\s+)?(?!on\b|where\b|join\b|left\b|group\b|order\b|limit\b|asof\b)(\w+))?",
    re.IGNORECASE,
)
_TYPED = re.compile(r"[\w.\"]*\Z")


class NameCompleter(Completer):
    """Completes names of a connection's catalog.

    Tables are listed from the catalog; only the tables that the text names are described.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._view_columns: dict[str, tuple[str, ...]] = {}

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterator[Completion]:
        """Offer what begins with the typed part, in any case."""
        found = _TYPED.search(document.text_before_cursor)
        typed = found[0] if found else ""
        if not typed and not event.completion_requested:
            return
        before, _, last = typed.rpartition(".")
        try:
            offers = self._members(before, document) if before else self._names(document)
            for text, kind in dict(offers).items():
                if text.lower().startswith(last.lower().strip('"')):
                    yield Completion(text, start_position=-len(last), display_meta=kind)
        except IsthmusError:
            return  # a source that is down offers nothing; the query itself will say why

    def _names(self, document: Document) -> Iterator[tuple[str, str]]:
        catalog = self._connection.catalog
        if not _TABLE_WORDS.search(document.text_before_cursor):
            for name, alias in _named(document.text):
                yield from ((c, name) for c in self._columns(name))
                if alias:
                    yield alias, name
            yield from ((word, "") for word in _WORDS.split())
        for source in catalog.sources:
            yield source.name, source.kind
        for view in catalog.views:
            yield view.name, "view"

    def _members(self, owner: str, document: Document) -> Iterator[tuple[str, str]]:
        """The tables of a source, or the columns of a table or of an alias."""
        catalog = self._connection.catalog
        for source in catalog.sources:
            if source.name.lower() == owner.lower():
                yield from ((t.name, t.description or "table") for t in catalog.tables(owner))
                return
        if owner.lower() == "main":
            yield from ((view.name, "view") for view in catalog.views)
            return
        aliases = {a.lower(): name for name, a in _named(document.text) if a}
        name = aliases.get(owner.lower(), owner)
        yield from ((column, name) for column in self._columns(name))

    def _columns(self, name: str) -> Iterable[str]:
        catalog = self._connection.catalog
        try:
            found = catalog.resolve(split_name(name))
            if isinstance(found, View):
                return self._columns_of_view(found.name)
            return [c.name for c in catalog.table(found.source, found.table).columns]
        except IsthmusError:
            return ()

    def _columns_of_view(self, name: str) -> Iterable[str]:
        if name not in self._view_columns:
            rows = self._connection.sql(f'DESCRIBE "{name}"').fetchall()
            self._view_columns[name] = tuple(row[0] for row in rows)
        return self._view_columns[name]


def _named(text: str) -> Iterator[tuple[str, str]]:
    """The tables that a text names, and their aliases.

    >>> list(_named("select from crm.Account a join lake.orders on "))
    [('crm.Account', 'a'), ('lake.orders', '')]
    """
    for found in _NAMED.finditer(text):
        yield found[1], found[2] or ""
