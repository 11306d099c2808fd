"""The project file, `isthmus.toml`: read once, checked whole, and kept as frozen values."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isthmus.catalog.budget import Budget, SourceBudget, read_budget, read_source_budget
from isthmus.catalog.kinds import Key, SourceKind, checked_options, unknown_key
from isthmus.catalog.model import View
from isthmus.catalog.names import RESERVED_NAMES
from isthmus.catalog.secrets import Secret
from isthmus.catalog.suggest import did_you_mean
from isthmus.catalog.syncs import SyncSpec, read_syncs
from isthmus.catalog.syncs_in import SyncInSpec
from isthmus.catalog.timezone import check_time_zone, session_time_zone
from isthmus.catalog.toml_places import Places, find_places
from isthmus.catalog.views import make_view, read_views
from isthmus.errors import ConfigError, Place

__all__ = ["FILE_NAME", "JobLimits", "Project", "Settings", "SourceConfig", "load_project"]

FILE_NAME = "isthmus.toml"

_SETTINGS = {
    "time_zone": Key("the IANA name of the session's time zone"),
    "memory_limit": Key("how much memory a join may take before it spills, such as 2GB"),
    "threads": Key("how many threads a join may use", (int,)),
    "temp_directory": Key("where a join spills to", path=True),
}
_JOBS = {
    "running": Key("how many jobs of one user run at once; more wait", (int,)),
    "queued": Key("how many jobs of one user may wait; more are refused", (int,)),
}
_VIEWS = {
    "folder": Key("a folder whose .sql files are views", path=True),
    "sql": Key("a table of views as texts", (dict,)),
}


@dataclass(frozen=True)
class SourceConfig:
    """One source of a project.

    Attributes:
        name: the schema of its tables in SQL.
        kind: which connector reads it.
        options: its other keys, checked: paths are absolute, secrets are `Secret`.
        place: where it stands in the project file.
        budget: what all queries together may cost it.
        writes: whether its tables may be written: all of them, those that are named, or none.
    """

    name: str
    kind: str
    # Not shown: a filesystem's storage options may hold secrets that nobody marked.
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    place: Place | None = None
    budget: SourceBudget = field(default_factory=SourceBudget)
    writes: bool | tuple[str, ...] = False

    @property
    def plain_secrets(self) -> tuple[str, ...]:
        """The keys whose secret is written down instead of being referred to."""
        return tuple(k for k, v in self.options.items() if isinstance(v, Secret) and v.plain)


@dataclass(frozen=True)
class Settings:
    """The settings of a session.

    Attributes:
        time_zone: an IANA name.
        memory_limit: DuckDB's limit, such as ``2GB``.
        threads: DuckDB's threads.
        temp_directory: where DuckDB spills to.
    """

    time_zone: str = "UTC"
    memory_limit: str | None = None
    threads: int | None = None
    temp_directory: str | None = None


@dataclass(frozen=True)
class JobLimits:
    """What one user may have.

    Attributes:
        running: jobs that run at once; more wait.
        queued: jobs that wait; more are refused.
    """

    running: int = 2
    queued: int = 1000


@dataclass(frozen=True)
class Project:
    """Sources, views, settings and syncs.

    Attributes:
        file: the project file, absolute; None for a project that is a dict.
        budget: what each query may cost.
        jobs: how many jobs a user may have.
        syncs: the copies that are kept.
    """

    sources: tuple[SourceConfig, ...] = ()
    views: tuple[View, ...] = ()
    settings: Settings = field(default_factory=Settings)
    file: Path | None = None
    budget: Budget = field(default_factory=Budget)
    jobs: JobLimits = field(default_factory=JobLimits)
    syncs: tuple[SyncSpec | SyncInSpec, ...] = ()


@dataclass(frozen=True)
class _Origin:
    places: Places
    folder: Path
    environ: Mapping[str, str]


def load_project(
    project: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    *,
    kinds: Mapping[str, SourceKind],
    environ: Mapping[str, str] | None = None,
) -> Project:
    """Read a project.

    Args:
        project: a path to a project file, a folder that holds an ``isthmus.toml``, a dict of the
            same shape, or None for the nearest one from the current folder upwards.
        kinds: what each kind of source may say.
        environ: the environment, for `TZ`.

    Raises:
        ConfigError: there is no project file, or it is wrong.
    """
    environ = os.environ if environ is None else environ
    if isinstance(project, Mapping):
        return _project(project, kinds, _Origin(Places(), Path.cwd(), environ), None)
    file = _find(project)
    shown = _shown(file)
    text = _read(file, shown)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(error, text, shown) from error
    origin = _Origin(find_places(text, shown), file.parent, environ)
    return _project(values, kinds, origin, file)


def _find(project: str | os.PathLike[str] | None) -> Path:
    if project is None:
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / FILE_NAME).is_file():
                return folder / FILE_NAME
        raise ConfigError(
            f"there is no {FILE_NAME} in {here} or a folder above it",
            remedy="Write one: isthmus init",
        )
    path = Path(project).expanduser().absolute()
    if path.is_dir():
        if not (path / FILE_NAME).is_file():
            raise ConfigError(
                f"the folder {path} holds no {FILE_NAME}", remedy=f"Write one: isthmus init {path}"
            )
        return path / FILE_NAME
    if not path.exists():
        raise ConfigError(
            f"there is no project file {path}", remedy=f"Write one: isthmus init {path.parent}"
        )
    return path


def _read(file: Path, shown: str) -> str:
    try:
        raw = file.read_bytes()
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        column = error.start - raw[: error.start].rfind(b"\n")
        raise ConfigError(
            "the project file is not UTF-8",
            place=Place(line, column, shown),
            remedy="Save it in UTF-8.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{shown} can't be read: {error.strerror}", remedy="Check the file and its rights."
        ) from error


def _shown(path: Path) -> str:
    """A path as errors show it: short where it is below the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


_AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)\s*\Z")


def _syntax_error(error: tomllib.TOMLDecodeError, text: str, shown: str) -> ConfigError:
    message = str(error)
    found = _AT.search(message)
    if found and found[1]:
        place = Place(int(found[1]), int(found[2]), shown)
    else:
        place = Place.at(text, len(text.rstrip()), shown)
    twice = "twice" in message or "overwrite" in message
    return ConfigError(
        f"the project file is not TOML: {_AT.sub('', message)}",
        place=place,
        remedy="Remove one of the two."
        if twice
        else "Texts stand in quotes, a source begins with a line such as [sources.crm].",
    )


def _project(
    values: Mapping[str, Any],
    kinds: Mapping[str, SourceKind],
    origin: _Origin,
    file: Path | None,
) -> Project:
    known = ("sources", "views", "settings", "budget", "jobs", "syncs")
    for key, value in values.items():
        if isinstance(value, Mapping) and "kind" in value and key not in known:
            raise ConfigError(
                f"{key} looks like a source, but is not among the sources",
                place=origin.places.of((key,)),
                remedy=f"Write [sources.{key}].",
            )
        if key not in known:
            raise unknown_key((key,), known, origin.places, "a project file")
    sources = _sources(_table(values, ("sources",), origin), kinds, origin)
    views = _views(_table(values, ("views",), origin), origin)
    _no_twins(sources, views, origin)
    settings = _settings(_table(values, ("settings",), origin), origin)
    budget = read_budget(_table(values, ("budget",), origin), ("budget",), origin.places)
    jobs = _jobs(_table(values, ("jobs",), origin), origin)
    syncs = read_syncs(_table(values, ("syncs",), origin), ("syncs",), origin.places, origin.folder)
    return Project(sources, views, settings, file, budget, jobs, syncs)


def _table(values: Mapping[str, Any], path: tuple[str, ...], origin: _Origin) -> Mapping[str, Any]:
    value = values.get(path[-1], {})
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"{'.'.join(path)} must be a table",
            place=origin.places.of(path),
            remedy=f"Write [{'.'.join(path)}] on a line of its own, its keys below.",
        )
    return value


def _sources(
    table: Mapping[str, Any], kinds: Mapping[str, SourceKind], origin: _Origin
) -> tuple[SourceConfig, ...]:
    sources: list[SourceConfig] = []
    for name in table:
        path = ("sources", name)
        place = origin.places.of(path)
        _check_name(name, "source", place, (s.name for s in sources))
        options = dict(_table(table, path, origin))
        kind = _kind(options.pop("kind", None), kinds, path, origin)
        inner = (*path, "budget")
        budget = read_source_budget(_table(options, inner, origin), inner, origin.places)
        options.pop("budget", None)
        writes = _writes(options.pop("writes", False), path, origin)
        checked = checked_options(kind, options, path, origin.places, origin.folder)
        sources.append(SourceConfig(name, kind.name, checked, place, budget, writes))
    return tuple(sources)


def _writes(value: object, path: tuple[str, ...], origin: _Origin) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ConfigError(
        f"{'.'.join(path)}.writes must be true, false or a list of tables",
        place=origin.places.of((*path, "writes")),
        remedy='Write writes = ["Account", "Contact"], or writes = true for every table.',
    )


def _kind(
    name: object, kinds: Mapping[str, SourceKind], path: tuple[str, ...], origin: _Origin
) -> SourceKind:
    if isinstance(name, str) and name in kinds:
        return kinds[name]
    every = ", ".join(kinds)  # only now: it looks through every installed package
    if name is None:
        raise ConfigError(
            f"{'.'.join(path)} does not say its kind",
            place=origin.places.of(path),
            remedy=f'Add a line such as kind = "{next(iter(kinds), "files")}"; kinds are {every}.',
        )
    raise ConfigError(
        f"{'.'.join(path)} is of the kind {name!r}, which no connector reads",
        place=origin.places.of((*path, "kind")),
        remedy=did_you_mean(str(name), kinds) or f"The kinds are {every}.",
    )


def _views(table: Mapping[str, Any], origin: _Origin) -> tuple[View, ...]:
    shape = SourceKind("views", (), _VIEWS)
    for key in table:
        if key not in _VIEWS:
            error = unknown_key(("views", key), _VIEWS, origin.places, "[views]")
            raise ConfigError(
                error.message,
                place=error.place,
                remedy=f"{error.remedy} A view as text goes below [views.sql].",
            )
    options = checked_options(shape, table, ("views",), origin.places, origin.folder)
    found: list[tuple[View, Place | None]] = []
    if "folder" in options:
        found += [(v, Place(1, 1, v.file)) for v in _folder(options["folder"], origin)]
    for name, text in options.get("sql", {}).items():
        path = ("views", "sql", name)
        place = origin.places.of(path)
        if not isinstance(text, str):
            raise ConfigError(
                f"{'.'.join(path)} must be text", place=place, remedy='Write "SELECT ...".'
            )
        found.append((make_view(name, text, place=place), place))
    views: list[View] = []
    for view, place in found:
        _check_name(view.name, "view", place, (v.name for v in views))
        views.append(view)
    return tuple(views)


def _folder(folder: str, origin: _Origin) -> list[View]:
    path = Path(folder)
    if not path.is_dir():
        raise ConfigError(
            f"the folder of views {_shown(path)} does not exist",
            place=origin.places.of(("views", "folder")),
            remedy="Make it, or remove the line.",
        )
    return read_views(path, _shown(path))


def _settings(table: Mapping[str, Any], origin: _Origin) -> Settings:
    for key in table:
        if key not in _SETTINGS:
            raise unknown_key(("settings", key), _SETTINGS, origin.places, "[settings]")
    shape = SourceKind("settings", (), _SETTINGS)
    options = checked_options(shape, table, ("settings",), origin.places, origin.folder)
    if "time_zone" in options:
        place = origin.places.of(("settings", "time_zone"))
        check_time_zone(options["time_zone"], place, what="settings.time_zone")
    else:
        options["time_zone"] = session_time_zone(origin.environ)
    if options.get("threads", 1) < 1:
        raise ConfigError(
            "settings.threads must be at least 1", place=origin.places.of(("settings", "threads"))
        )
    return Settings(**options)


def _jobs(table: Mapping[str, Any], origin: _Origin) -> JobLimits:
    for key in table:
        if key not in _JOBS:
            raise unknown_key(("jobs", key), _JOBS, origin.places, "[jobs]")
    shape = SourceKind("jobs", (), _JOBS)
    options = checked_options(shape, table, ("jobs",), origin.places, origin.folder)
    for key, value in options.items():
        if value < 1:
            place = origin.places.of(("jobs", key))
            raise ConfigError(f"jobs.{key} must be at least 1", place=place)
    return JobLimits(**options)


def _check_name(name: str, what: str, place: Place | None, others: Any) -> None:
    if not name.isidentifier():
        raise ConfigError(
            f"{name!r} can't be the name of a {what}",
            place=place,
            remedy="Use letters, digits and _, and begin with a letter.",
        )
    if name.lower() in RESERVED_NAMES:
        raise ConfigError(
            f"no {what} can be called {name}: SQL uses the name itself",
            place=place,
            remedy="Choose another name.",
        )
    for other in others:
        if other.lower() == name.lower():
            raise ConfigError(
                f"there are two {what}s {other} and {name}, and names are found in any case",
                place=place,
                remedy="Rename one of them.",
            )


def _no_twins(sources: tuple[SourceConfig, ...], views: tuple[View, ...], origin: _Origin) -> None:
    names = {source.name.lower(): source for source in sources}
    for view in views:
        source = names.get(view.name.lower())
        if source is not None:
            raise ConfigError(
                f"a source and a view are both called {source.name}",
                place=source.place or origin.places.of(("views",)),
                remedy="Rename one of them.",
            )
