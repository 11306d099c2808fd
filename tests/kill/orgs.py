"""The orgs that the killed processes talk to, and what is in them, seen without them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from isthmus.catalog.project import load_project
from isthmus.connectors.kinds import KINDS
from isthmus.connectors.salesforce.connector import Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.engine.connection import Connection
from isthmus.localorg import LocalOrg
from isthmus.localorg.settings import Settings
from tests.sync.org import Crm, running_crm
from tests.sync.postgres import running_postgres

__all__ = ["Orgs", "aged", "connected", "rows", "source"]

#: Salesforce repeats as often as always, but the trials need not wait long.
_QUICK = Policy(base=0.01, cap=0.05)


class Orgs:
    """One org for each purpose, and a database to copy into, begun when they are first needed."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @cached_property
    def demo(self) -> LocalOrg:
        """With some records, and a clock that runs."""
        return self._stack.enter_context(LocalOrg(data="demo", scale=0.02))

    @cached_property
    def copied(self) -> Crm:
        """Empty, with a clock that stands: what is copied changes only between two runs."""
        settings = Settings(bulk_page_rows=25)
        return self._stack.enter_context(
            running_crm(switches={"page-size": 200}, settings=settings)
        )

    @cached_property
    def postgres(self) -> str:
        """The address of a PostgreSQL server of its own."""
        return self._stack.enter_context(running_postgres())


def source(org: LocalOrg, folder: Path) -> dict[str, Any]:
    """The org as a source that can log in again; kind on the wire, since many connect."""
    path = folder / "org.json"
    path.write_text(json.dumps({**org.ready, "access_token": None, "https": None}))
    return {"kind": "salesforce", "ready_file": str(path)}


def connected(project: Mapping[str, Any], state: Any, **more: Any) -> Connection:
    """A connection to a project whose ``crm`` repeats soon."""
    loaded = load_project(project, kinds=KINDS)
    options = next(one.options for one in loaded.sources if one.name == "crm")
    crm = Salesforce("crm", options, policy=_QUICK)
    return Connection(loaded, state=state, time_zone="UTC", connectors={"crm": crm}, **more)


def rows(org: LocalOrg, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows of the org's own database, whose tables are called as its objects are."""
    with org.store.cursor() as cursor:
        found: list[tuple[Any, ...]] = cursor.execute(sql, list(values)).fetchall()
        return found


def aged(org: LocalOrg, prefix: str) -> None:
    """Let the accounts whose keys begin so be older than this second.

    What the same user makes in the second in which a write begins, the write takes for its own.
    """
    table = org.store.table("Account")
    with org.store.writing() as cursor:
        cursor.execute(
            f"UPDATE {table} SET CreatedDate = CreatedDate - INTERVAL 1 MINUTE "
            'WHERE starts_with("External_Id__c", ?)',
            [prefix],
        )
