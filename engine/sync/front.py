"""What a connection can do about syncs: the methods that a user calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from isthmus.engine.budget import budget_of
from isthmus.engine.session import Session
from isthmus.engine.sync.result import SyncPlan, SyncRun
from isthmus.engine.sync.room import SyncRoom
from isthmus.engine.sync.serving import ServedSyncs
from isthmus.engine.sync.sync import OnProgress

__all__ = ["Syncing"]


class Syncing(Session):
    """Keeps copies up to date."""

    def sync(
        self,
        what: str,
        *,
        to: str | Mapping[str, Any] | None = None,
        name: str | None = None,
        mode: str | None = None,
        key: str | Sequence[str] | None = None,
        cursor: str | None = None,
        overlap: str | float | None = None,
        lag: str | float | None = None,
        deletes: str | None = None,
        reconcile: str | float | None = None,
        refresh: Mapping[str, str | float] | None = None,
        drift: Mapping[str, str] | None = None,
        rows_per_part: int | None = None,
        direction: str | None = None,
        most_deletes: float | None = None,
        rejected: str | None = None,
        options: Sequence[str] | None = None,
        full: bool = False,
        on_progress: OnProgress | None = None,
        max_calls: int | None = None,
        max_rows: int | None = None,
        max_bytes: int | None = None,
    ) -> SyncRun:
        """Bring a copy up to now: of a table, a view or any query.

        A run that was broken off, however, is taken up by the next one of the same sync.

        Args:
            what: the name of a sync of the project; or, with `to`, a table or a query.
            to: where to, such as ``duckdb:copy.duckdb#account``, or a table of the same keys as
                in the project file.
            name: tells this sync from others; made of `what` and `to`, if not said.
            mode: ``full`` or ``incremental``; this and the next ones as in the project file.
            key: what tells rows apart.
            cursor: the column that moves with each change.
            overlap: how far back a run reads again.
            lag: how far before now it ends.
            deletes: ``apply``, ``mark`` or ``ignore``.
            reconcile: how often all keys are compared.
            refresh: how often columns that move no cursor are read whole.
            drift: what is done when columns change.
            rows_per_part: how many rows are fetched between two safe points.
            direction: ``in``: `to` is a table of a source, such as ``crm.Account``, whose rows
                are brought up to those of the query; `key` is its unique column.
            most_deletes: of a sync in, as in the project file; as are the next two.
            rejected: the file of rows that were not written.
            options: the source's own ways of writing.
            full: make the copy anew; of a sync in: send every row again.
            on_progress: told how far it is.
            max_calls: data calls that it may make, repeated ones included.
            max_rows: rows that sources may send for it.
            max_bytes: bytes that they may send.

        Raises:
            SyncRunning: another run of it has not ended; the message names it.
            ConfigError: it can't be copied so, or there is no state folder.
            BudgetExceeded: it is predicted to cost more than a budget allows, or did.
        """
        self._check_open()
        bounds = {"max_calls": max_calls, "max_rows": max_rows, "max_bytes": max_bytes}
        terms = self._ledger.terms(budget_of(bounds, "the sync"))
        given = {
            "to": to,
            "name": name,
            "mode": mode,
            "key": key,
            "cursor": cursor,
            "overlap": overlap,
            "lag": lag,
            "deletes": deletes,
            "reconcile": reconcile,
            "refresh": refresh,
            "drift": drift,
            "rows_per_part": rows_per_part,
            "direction": direction,
            "most_deletes": most_deletes,
            "rejected": rejected,
            "options": None if options is None else list(options),
        }
        room = self._sync_room()
        return room.run(room.spec(what, given), full=full, terms=terms, on_progress=on_progress)

    def plan_sync(self, what: str, *, full: bool = False, **given: Any) -> SyncPlan:
        """What the next run of a sync would do, with its bill. No data call is made.

        Args:
            what: as for `sync`.
            full: as for `sync`.
            given: the other arguments of `sync` that say what is copied how.

        Raises:
            ConfigError: it can't be copied so, or there is no state folder.
        """
        self._check_open()
        room = self._sync_room()
        return room.plan(room.spec(what, given), full=full, terms=self._free_terms())

    def serve_syncs(self, told: Callable[[str], object] = print) -> ServedSyncs:
        """The syncs of the project that have a schedule; ``.serve()`` runs them at their times.

        Args:
            told: called with a line for each run that begins, ends, fails or is left out.

        Raises:
            ConfigError: no sync has a schedule.
        """
        self._check_open()
        return ServedSyncs(self, self._syncs, told)

    def _sync_room(self) -> SyncRoom:
        return SyncRoom(self, self._folder, self._syncs)
