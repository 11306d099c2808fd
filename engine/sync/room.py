"""The syncs of a connection: found by name or made for one call, planned and run."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from isthmus.catalog.model import View
from isthmus.catalog.names import quoted, split_name
from isthmus.catalog.suggest import did_you_mean
from isthmus.catalog.syncs import SyncSpec, read_sync
from isthmus.catalog.syncs_in import SyncInSpec, read_sync_in
from isthmus.catalog.toml_places import Places
from isthmus.engine.ledger import Terms
from isthmus.engine.sync.book import SyncBook
from isthmus.engine.sync.into import SyncInto
from isthmus.engine.sync.result import SyncPlan, SyncRun
from isthmus.engine.sync.subject import QuerySubject, Subject, TableSubject
from isthmus.engine.sync.sync import OnProgress, Sync
from isthmus.engine.sync.targets import make
from isthmus.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from isthmus.engine.session import Session

__all__ = ["SyncRoom"]

_TO: Final = "to"
#: How a query begins, and no name of a table.
_QUERY: Final = re.compile(
    r"\s*(?:--|/\*|\(|(?:select|from|with|values|table|pivot)\b(?!\s*\.))", re.I
)


class SyncRoom:
    """Runs the syncs of a connection.

    Args:
        connection: whose catalog, sources and budgets hold.
        folder: the state folder.
        book: the history.
    """

    def __init__(self, connection: Session, folder: Path | None, book: SyncBook) -> None:
        self._connection = connection
        self._folder = folder
        self._book = book

    def spec(self, what: str, given: Mapping[str, Any]) -> SyncSpec | SyncInSpec:
        """The sync of that name in the project; or one of a table or query, made of arguments.

        Raises:
            UnknownName: the project has no such sync, and no target is given.
            ConfigError: the arguments contradict each other.
        """
        given = {key: value for key, value in given.items() if value is not None}
        if _TO not in given:
            return self._of_project(what, given)
        name = given.pop("name", None)
        if name is None:
            name = f"sync_{zlib.crc32(f'{what} into {given[_TO]}'.encode()):08x}"
        table = {("query" if _QUERY.match(what) else "table"): what, **given}
        if table.get("direction") == "in":
            return read_sync_in(name, table, ("sync",), Places(), Path.cwd())
        return read_sync(name, table)

    def plan(self, spec: SyncSpec | SyncInSpec, *, full: bool, terms: Terms) -> SyncPlan:
        """What the next run would do, with its bill; no data call."""
        if isinstance(spec, SyncInSpec):
            return self._into(spec, terms, None).plan()
        with self._opened(spec, terms, None) as sync:
            return sync.plan(full=full)

    def run(
        self,
        spec: SyncSpec | SyncInSpec,
        *,
        full: bool,
        terms: Terms,
        on_progress: OnProgress | None,
    ) -> SyncRun:
        """One run; raises as `Sync.run` and `SyncInto.run`."""
        # a long session must not copy by the columns that it saw at its beginning
        self._connection.catalog.refresh()
        if isinstance(spec, SyncInSpec):
            return self._into(spec, terms, on_progress).run(full=full)
        with self._opened(spec, terms, on_progress) as sync:
            return sync.run(full=full)

    def _into(self, spec: SyncInSpec, terms: Terms, on_progress: OnProgress | None) -> SyncInto:
        folder = self._folder_of(spec.name)
        return SyncInto(self._connection, spec, folder, self._book, terms, on_progress)

    def _folder_of(self, name: str) -> Path:
        if self._folder is None:
            raise ConfigError(
                "a sync needs a state folder: it keeps there what it has fetched or sent, and its "
                "lock",
                remedy="Give connect(state=...) or ISTHMUS_STATE a folder.",
            )
        return self._folder / "syncs" / name.lower()

    @contextmanager
    def _opened(
        self, spec: SyncSpec, terms: Terms, on_progress: OnProgress | None
    ) -> Iterator[Sync]:
        folder = self._folder_of(spec.name)
        subject, target = self._subject(spec, terms), make(spec.to)
        try:
            yield Sync(spec, subject, target, folder, self._book, terms, on_progress)
        finally:
            target.close()

    def _of_project(self, name: str, given: Mapping[str, Any]) -> SyncSpec | SyncInSpec:
        known = {spec.name.lower(): spec for spec in self._connection.project.syncs}
        if name.lower() not in known:
            names = [spec.name for spec in known.values()]
            raise UnknownName(
                f"the project has no sync {name!r}",
                remedy=did_you_mean(name, names)
                or (f"Its syncs are {', '.join(names)}." if names else "Say where to: to=..."),
            )
        if given:
            raise ConfigError(
                f"{', '.join(sorted(given))} of the sync {name} stand in the project file",
                remedy="Change them there, or give a table or query and to=....",
            )
        return known[name.lower()]

    def _subject(self, spec: SyncSpec, terms: Terms) -> Subject:
        connection = self._connection
        if spec.query is not None:
            return self._query(spec.query, spec, terms)
        assert spec.table is not None
        found = connection.catalog.resolve(split_name(spec.table), spec.place)
        if isinstance(found, View):
            if spec.mode == "incremental" and (not spec.key or spec.cursor is None):
                raise ConfigError(
                    f"sync {spec.name}: the view {found.name} has neither key nor cursor",
                    place=spec.place,
                    remedy="Name the columns that tell its rows apart (key) and the one that "
                    "moves with each change (cursor).",
                )
            return self._query(f"SELECT * FROM main.{quoted(found.name)}", spec, terms)
        table = connection.catalog.table(found.source, found.table)
        return TableSubject(table, connection.connector(found.source))

    def _query(self, text: str, spec: SyncSpec, terms: Terms) -> QuerySubject:
        connection = self._connection
        sources = connection.sources_of(text)
        return QuerySubject(
            text,
            connection.asked,
            {name: connection.connector(name) for name in sources},
            spec.key,
            terms,
        )
