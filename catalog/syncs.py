"""The syncs of a project: which copy is kept of what, where, and how it is kept up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from isthmus.catalog.durations import duration
from isthmus.catalog.kinds import Key, SourceKind, checked_options, unknown_key
from isthmus.catalog.schedules import Schedule, read_schedule
from isthmus.catalog.syncs_in import SyncInSpec, read_sync_in
from isthmus.catalog.targets import TargetConfig, read_target
from isthmus.catalog.toml_places import Places
from isthmus.errors import ConfigError, Place

__all__ = ["Drift", "SyncSpec", "read_sync", "read_syncs"]

Policy = Literal["evolve", "ignore", "fail"]

_POLICIES: Final = ("evolve", "ignore", "fail")
_DRIFT: Final = {
    "new": Key("what becomes of columns that the source has got", choices=_POLICIES),
    "removed": Key("what becomes of columns that the source has lost", choices=_POLICIES),
    "widened": Key("what becomes of columns whose type holds more now", choices=_POLICIES),
    "renamed": Key("what becomes of columns that have another name now", choices=_POLICIES),
}
_LENGTH: Final = (str, int, float)
_KEYS: Final = {
    "direction": Key("which way rows go", choices=("in", "out")),
    "table": Key("the table that is copied, such as crm.Account"),
    "query": Key("the query whose answer is copied"),
    "to": Key("where to", (str, dict)),
    "mode": Key("whole, or what has changed", choices=("full", "incremental")),
    "key": Key("the column or columns that tell rows apart", (str, list)),
    "cursor": Key("the column that moves when a row changes"),
    "overlap": Key("how far back each run reads again, for late commits", _LENGTH),
    "lag": Key("how far behind now a run stops", _LENGTH),
    "deletes": Key(
        "what becomes of rows that the source has deleted", choices=("apply", "mark", "ignore")
    ),
    "reconcile": Key("how often all keys are compared", _LENGTH),
    "refresh": Key("how often columns that move no cursor are read whole", (dict,)),
    "drift": Key("what becomes of columns that change", (dict,)),
    "rows_per_part": Key("how many rows are fetched between two safe points", (int,)),
    "schedule": Key("when isthmus sync serve runs it", (str, dict)),
}
_ROWS_PER_PART: Final = 50_000


@dataclass(frozen=True)
class Drift:
    """What is done when the source's columns change: the copy follows, stays, or the run fails.

    Attributes:
        new: a column was added.
        removed: one is gone; `ignore` keeps it, null in rows that change from now on.
        widened: its type holds more than before.
        renamed: one is gone and one of the same type and label was added; `ignore` takes them
            for two columns.
    """

    new: Policy = "evolve"
    removed: Policy = "ignore"
    widened: Policy = "evolve"
    renamed: Policy = "ignore"


@dataclass(frozen=True)
class SyncSpec:
    """One sync.

    Attributes:
        name: unique in the project.
        to: the target.
        table: what is copied, if it is one table.
        query: what is copied, if it is a query.
        mode: everything each time, or what has changed since the last run.
        key: what tells rows apart; empty: the table's primary key.
        cursor: the column that moves with each change; None: the source's own.
        overlap: how far behind the last run's end a run begins, for rows that were committed
            late.
        lag: how far before the source's now a run ends.
        deletes: whether deleted rows go, are marked, or stay.
        reconcile: how often all keys are compared; None: only where deletes can't be told
            otherwise.
        refresh: columns that are read whole that often, since no cursor moves with them.
        drift: what is done when columns change.
        rows_per_part: how many rows are fetched between two safe points.
            schedule: when it runs by itself, where syncs are served; None: never.
        place: where it stands in the project file.
    """

    name: str
    to: TargetConfig
    table: str | None = None
    query: str | None = None
    mode: Literal["full", "incremental"] = "full"
    key: tuple[str, ...] = ()
    cursor: str | None = None
    overlap: timedelta = timedelta(minutes=10)
    lag: timedelta = timedelta(0)
    deletes: Literal["apply", "mark", "ignore"] = "apply"
    reconcile: timedelta | None = None
    refresh: Mapping[str, timedelta] = field(default_factory=dict)
    drift: Drift = field(default_factory=Drift)
    rows_per_part: int = _ROWS_PER_PART
    schedule: Schedule | None = None
    place: Place | None = None

    @property
    def subject(self) -> str:
        """What is copied, in a word."""
        return self.table or "a query"

    @property
    def target(self) -> str:
        """Where to, without secrets."""
        return self.to.identity


def read_syncs(
    table: Mapping[str, Any], path: tuple[str, ...], places: Places, folder: Path
) -> tuple[SyncSpec | SyncInSpec, ...]:
    """The syncs of a project.

    Args:
        table: specifications by name.
        path: where they stand.
        places: of the keys in the file.
        folder: where relative paths start.

    Raises:
        ConfigError: one is wrong, or two write to the same place.
    """
    specs: list[SyncSpec | SyncInSpec] = []
    for name, value in table.items():
        here = (*path, name)
        _check_name(name, places.of(here))
        if not isinstance(value, Mapping):
            raise ConfigError(
                f"{'.'.join(here)} must be a table",
                place=places.of(here),
                remedy=f"Write [{'.'.join(here)}] on a line of its own, its keys below.",
            )
        into = value.get("direction") == "in"
        spec = (read_sync_in if into else read_sync)(name, value, here, places, folder)
        for other in specs:
            if other.name.lower() == name.lower():
                raise ConfigError(
                    f"there are two syncs {other.name} and {name}, and names are found in any case",
                    place=spec.place,
                    remedy="Rename one of them.",
                )
        specs.append(spec)
    return tuple(specs)


def read_sync(
    name: str,
    table: Mapping[str, Any],
    path: tuple[str, ...] = ("sync",),
    places: Places | None = None,
    folder: Path | None = None,
) -> SyncSpec:
    """One sync out of the sources, checked.

    Raises:
        ConfigError: a key is unknown, or the keys contradict each other.
    """
    places, folder = places or Places(), folder or Path.cwd()
    place, where = places.of(path), ".".join(path)
    _check_name(name, place)
    given = {key: value for key, value in table.items() if value is not None}
    for key in given:
        if key not in _KEYS:
            raise unknown_key((*path, key), _KEYS, places, "a sync")
    checked = checked_options(SourceKind("sync", (), _KEYS), given, path, places, folder, "a sync")
    if ("table" in checked) == ("query" in checked):
        raise ConfigError(
            f"{where} must say either its table or its query",
            place=place,
            remedy='Write table = "crm.Account", or query = "SELECT ...".',
        )
    if "to" not in given:
        raise ConfigError(
            f"{where} does not say where to",
            place=place,
            remedy='Add a line such as to = "duckdb:copy.duckdb#account".',
        )
    lengths: dict[str, Any] = {
        n: duration(checked[n], f"{where}.{n}", places.of((*path, n)))
        for n in ("overlap", "lag", "reconcile")
        if n in checked
    }
    rest = {n: checked[n] for n in ("table", "query", "mode", "cursor", "deletes") if n in checked}
    spec = SyncSpec(
        name,
        read_target(given["to"], (*path, "to"), places, folder),
        **rest,
        **lengths,
        key=_names(checked.get("key", ()), (*path, "key"), places),
        refresh=_refresh(checked.get("refresh", {}), (*path, "refresh"), places),
        drift=_drift(checked.get("drift", {}), (*path, "drift"), places, folder),
        rows_per_part=_at_least_one(checked, path, places),
        schedule=read_schedule(given["schedule"], (*path, "schedule"), places, folder)
        if "schedule" in given
        else None,
        place=place,
    )
    _check_together(spec, path, places)
    return spec


def _check_name(name: str, place: Place | None) -> None:
    if not name.replace("-", "_").isidentifier():
        raise ConfigError(
            f"{name!r} can't be the name of a sync",
            place=place,
            remedy="Use letters, digits, - and _, and begin with a letter.",
        )


def _names(value: str | list[Any], path: tuple[str, ...], places: Places) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value)
    if not all(isinstance(name, str) and name for name in names) or len(set(names)) < len(names):
        raise ConfigError(
            f"{'.'.join(path)} must be names of columns, each once",
            place=places.of(path),
            remedy='Write key = "Id", or key = ["country", "number"].',
        )
    return names


def _refresh(
    table: Mapping[str, Any], path: tuple[str, ...], places: Places
) -> Mapping[str, timedelta]:
    lengths = {
        column: duration(value, ".".join((*path, column)), places.of((*path, column)))
        for column, value in table.items()
    }
    return MappingProxyType(lengths)


def _drift(table: Mapping[str, Any], path: tuple[str, ...], places: Places, folder: Path) -> Drift:
    kind = SourceKind("drift", (), _DRIFT)
    return Drift(**checked_options(kind, table, path, places, folder, "a sync's drift"))


def _at_least_one(checked: Mapping[str, Any], path: tuple[str, ...], places: Places) -> int:
    rows: int = checked.get("rows_per_part", _ROWS_PER_PART)
    if rows < 1:
        raise ConfigError(
            f"{'.'.join(path)}.rows_per_part is {rows}",
            place=places.of((*path, "rows_per_part")),
            remedy="Give a number from 1 up, or leave it out.",
        )
    return rows


def _check_together(spec: SyncSpec, path: tuple[str, ...], places: Places) -> None:
    """Refuse keys that only mean something with others that are not there."""
    if spec.mode == "full":
        for name in ("cursor", "reconcile", "refresh"):
            if getattr(spec, name):
                raise ConfigError(
                    f"{'.'.join(path)} is a full sync and says {name}, which it has no use for",
                    place=places.of((*path, name)),
                    remedy='Add mode = "incremental", or remove the key.',
                )
    elif spec.query is not None and (not spec.key or spec.cursor is None):
        missing = "key" if not spec.key else "cursor"
        raise ConfigError(
            f"{'.'.join(path)} is an incremental sync of a query and does not say its {missing}",
            place=spec.place,
            remedy="A query has neither of its own: name the columns that tell rows apart (key) "
            "and the one that moves with each change (cursor).",
        )
