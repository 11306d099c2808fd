"""The kinds of target that a sync can write to, and what each may be told in a project file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from isthmus.catalog.kinds import Key, SourceKind, checked_options
from isthmus.catalog.secrets import Secret, is_reference
from isthmus.catalog.suggest import did_you_mean
from isthmus.catalog.toml_places import Places
from isthmus.errors import ConfigError, Place

__all__ = ["TARGETS", "TargetConfig", "read_target"]

_TABLE: Final = Key("the table that holds the copy")
_FILE: Final = {"path": Key("the database's file", path=True), "table": _TABLE}
_STORAGE: Final = Key("options of the filesystem or object store", (dict,))
_NEEDS_TABLE: Final = (("path", "table"),)

TARGETS: Final[Mapping[str, SourceKind]] = MappingProxyType(
    {
        "parquet": SourceKind(
            "parquet",
            (("path",),),
            {"path": Key("a folder or URL", path=True), "storage_options": _STORAGE},
        ),
        "delta": SourceKind(
            "delta",
            (("path",),),
            {"path": Key("a folder or URL", path=True), "storage_options": _STORAGE},
        ),
        "duckdb": SourceKind("duckdb", _NEEDS_TABLE, _FILE),
        "sqlite": SourceKind("sqlite", _NEEDS_TABLE, _FILE),
        "postgres": SourceKind(
            "postgres",
            (("url", "table"),),
            {"url": Key("postgresql://user@host/database", secret=True), "table": _TABLE},
        ),
    }
)
"""Every kind of target, by name."""


@dataclass(frozen=True)
class TargetConfig:
    """Where a sync writes to.

    Attributes:
        kind: a key of `TARGETS`.
        options: its other keys, checked.
        place: where it stands in the project file.
    """

    kind: str
    # Not shown: storage options may hold secrets that nobody marked.
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    place: Place | None = None

    @property
    def identity(self) -> str:
        """Names the copy without secrets: two syncs with the same text write to the same place."""
        if self.kind == "postgres":
            url = urlsplit(self.options["url"].reveal())
            return f"postgres:{url.hostname or ''}{url.path}?{url.query}#{self.options['table']}"
        table = f"#{self.options['table']}" if "table" in self.options else ""
        return f"{self.kind}:{self.options['path']}{table}"


def read_target(value: object, path: tuple[str, ...], places: Places, folder: Path) -> TargetConfig:
    """A target, checked.

    Args:
        value: a table with a ``kind``, or a text such as ``duckdb:copy.duckdb#account``,
            ``parquet:lake/account`` or ``postgresql://me@host/db#public.account``.
        path: where it stands.
        places: of the keys in the file.
        folder: where relative paths start.

    Raises:
        ConfigError: it is no target, or says too little.
    """
    place = places.of(path)
    options = _from_text(value, path, place) if isinstance(value, str) else value
    if not isinstance(options, Mapping) or not isinstance(options.get("kind"), str):
        raise ConfigError(
            f"{'.'.join(path)} does not say where to",
            place=place,
            remedy='Write to = "duckdb:copy.duckdb#account", or a table with a kind.',
        )
    options = dict(options)
    kind = options.pop("kind")
    if kind not in TARGETS:
        raise ConfigError(
            f"{'.'.join(path)} is of the kind {kind!r}, which no sync writes to",
            place=places.of((*path, "kind")),
            remedy=did_you_mean(kind, TARGETS) or f"The kinds are {', '.join(TARGETS)}.",
        )
    checked = checked_options(TARGETS[kind], options, path, places, folder, f"a {kind} target")
    return TargetConfig(kind, checked, place)


def _from_text(text: str, path: tuple[str, ...], place: Place | None) -> dict[str, Any]:
    if is_reference(text):
        text = Secret(text, place).reveal()
    where, _, table = text.partition("#")
    kind, _, rest = where.partition(":")
    if kind in ("postgres", "postgresql"):
        options = {"kind": "postgres", "url": where}
    elif kind in TARGETS and rest:
        options = {"kind": kind, "path": rest}
    else:
        raise ConfigError(
            f"{'.'.join(path)} is {text!r}, which is no target",
            place=place,
            remedy=f"Write KIND:PLACE or KIND:PLACE#TABLE; kinds are {', '.join(TARGETS)}.",
        )
    return {**options, "table": table} if table else options
