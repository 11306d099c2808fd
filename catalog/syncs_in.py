"""Syncs that go into a source: which query's rows are kept up to date in which of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from isthmus.catalog.kinds import Key, SourceKind, checked_options, unknown_key
from isthmus.catalog.schedules import Schedule, read_schedule
from isthmus.catalog.toml_places import Places
from isthmus.errors import ConfigError, Place

__all__ = ["KEYS_IN", "SyncInSpec", "read_sync_in"]

KEYS_IN: Final = {
    "direction": Key("which way rows go", choices=("in", "out")),
    "query": Key("the query whose rows are brought in"),
    "table": Key("the table or view whose rows are brought in, such as lake.customers"),
    "to": Key("the table that they go into, such as crm.Account"),
    "key": Key("the unique column of that table that tells its rows, such as External_Id__c"),
    "cursor": Key("a column of the rows that moves with each change: older rows are not read"),
    "deletes": Key("what becomes of rows that the query has lost", choices=("apply", "ignore")),
    "most_deletes": Key("the largest part of the rows that one run deletes, 0 to 1", (int, float)),
    "rejected": Key("the file of rows that were not written, .csv", path=True),
    "options": Key("the source's own ways of writing, such as bulk", (list,)),
    "schedule": Key("when isthmus sync serve runs it", (str, dict)),
}
_MOST_DELETES: Final = 0.5


@dataclass(frozen=True)
class SyncInSpec:
    """One sync into a source: an upsert of what has changed since it was sent last.

    Attributes:
        name: unique in the project.
        to: the table that is written, such as ``crm.Account``.
        key: the unique column of that table that tells its rows.
        query: what is read, if it is a query.
        table: what is read, if it is a table or view.
        cursor: a column of what is read that moves with each change; rows that are older than the
            last run saw are then not read. None: everything is read, and what is new or different
            is sent.
        deletes: whether rows that the query has lost are deleted in the table.
        most_deletes: a run that would delete a larger part of what was sent is refused.
        rejected: the file of rows that were not written; None: one in the state folder.
        options: the source's own ways of writing.
        schedule: when it runs by itself, where syncs are served; None: never.
        place: where it stands in the project file.
    """

    name: str
    to: str
    key: str
    query: str | None = None
    table: str | None = None
    cursor: str | None = None
    deletes: Literal["apply", "ignore"] = "ignore"
    most_deletes: float = _MOST_DELETES
    rejected: str | None = None
    options: tuple[str, ...] = ()
    schedule: Schedule | None = None
    place: Place | None = None

    @property
    def mode(self) -> str:
        """What it sends: always what has changed."""
        return "incremental"

    @property
    def subject(self) -> str:
        """What is read, in a word."""
        return self.table or "a query"

    @property
    def target(self) -> str:
        """Where it goes."""
        return self.to


def read_sync_in(
    name: str, table: Mapping[str, Any], path: tuple[str, ...], places: Places, folder: Path
) -> SyncInSpec:
    """One sync into a source, checked.

    Raises:
        ConfigError: a key is unknown or missing, or the keys contradict each other.
    """
    place, where = places.of(path), ".".join(path)
    for key in table:
        if key not in KEYS_IN:
            raise unknown_key((*path, key), KEYS_IN, places, 'a sync of direction = "in"')
    checked = checked_options(
        SourceKind("sync", (), KEYS_IN), table, path, places, folder, "a sync"
    )
    if ("table" in checked) == ("query" in checked):
        raise ConfigError(
            f"{where} must say either its query or its table",
            place=place,
            remedy='Write query = "SELECT ...", or table = "lake.customers".',
        )
    for needed, such in (("to", "crm.Account"), ("key", "External_Id__c")):
        if needed not in checked:
            raise ConfigError(
                f"{where} goes into a source and does not say {needed}",
                place=place,
                remedy=f'Add a line such as {needed} = "{such}".',
            )
    if checked.get("deletes") == "apply" and "cursor" in checked:
        raise ConfigError(
            f"{where} has a cursor, so that it does not see which rows are gone",
            place=places.of((*path, "deletes")),
            remedy="Remove the cursor, or leave deletes out.",
        )
    most = float(checked.get("most_deletes", _MOST_DELETES))
    if not 0 <= most <= 1:
        raise ConfigError(
            f"{where}.most_deletes is {most:g}",
            place=places.of((*path, "most_deletes")),
            remedy="Write a part of all rows, from 0 to 1.",
        )
    return SyncInSpec(
        name,
        to=checked["to"],
        key=checked["key"],
        query=checked.get("query"),
        table=checked.get("table"),
        cursor=checked.get("cursor"),
        deletes=checked.get("deletes", "ignore"),
        most_deletes=most,
        rejected=checked.get("rejected"),
        options=tuple(map(str, checked.get("options", ()))),
        schedule=read_schedule(table["schedule"], (*path, "schedule"), places, folder)
        if "schedule" in table
        else None,
        place=place,
    )
