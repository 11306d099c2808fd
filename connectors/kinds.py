"""The kinds of source there are: what each may say in a project file, and how one is made.

A third party adds a kind by an entry point in the group ``isthmus.connectors``: its name is the
kind, its object a `Registration`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from isthmus.catalog.kinds import Key, SourceKind
from isthmus.catalog.project import SourceConfig
from isthmus.connectors.contract import Connector
from isthmus.connectors.salesforce.config import KIND as SALESFORCE
from isthmus.errors import ConfigError

__all__ = ["GROUP", "KINDS", "Registration", "make"]

GROUP = "isthmus.connectors"


@dataclass(frozen=True)
class Registration:
    """A kind of source from another package.

    Attributes:
        kind: what a project file may say.
        make: turns a checked configuration into a connector; it opens nothing yet.
    """

    kind: SourceKind
    make: Callable[[SourceConfig], Connector]


FILES = SourceKind(
    "files",
    required=(("root",), ("tables",)),
    keys={
        "root": Key("a folder or fsspec URL; each file or folder below it is a table", path=True),
        "storage_options": Key("options of the fsspec filesystem", (dict,)),
        "format": Key("the format of all files", choices=("parquet", "csv", "jsonl", "arrow")),
        "options": Key("options of that format", (dict,)),
        "tables": Key(
            "tables with a URL of their own",
            each={
                "url": Key("the file or folder", path=True),
                "format": Key("its format", choices=("parquet", "csv", "jsonl", "arrow")),
                "options": Key("options of that format", (dict,)),
                "storage_options": Key("options of the fsspec filesystem", (dict,)),
                "description": Key("what the table holds"),
            },
        ),
    },
)

_OWN = {SALESFORCE.name: SALESFORCE, FILES.name: FILES}


class _Kinds(Mapping[str, SourceKind]):
    """Our own kinds first; other packages are looked for only when a name is not ours."""

    def __getitem__(self, name: str) -> SourceKind:
        if name in _OWN:
            return _OWN[name]
        return _registration(name).kind

    def __iter__(self) -> Iterator[str]:
        yield from _OWN
        yield from (name for name in _others() if name not in _OWN)

    def __len__(self) -> int:
        return sum(1 for _ in self)


KINDS: Mapping[str, SourceKind] = _Kinds()
"""Every kind of source, by name."""


def make(config: SourceConfig) -> Connector:
    """The connector of a source. It opens nothing until it is asked something.

    Raises:
        ConfigError: no installed package reads this kind, or its options contradict each other.
    """
    if config.kind in _OWN:
        module = import_module(f"isthmus.connectors.{config.kind}")
        connector: Connector = module.make(config)
        return connector
    try:
        return _registration(config.kind).make(config)
    except KeyError as error:
        raise ConfigError(
            f"no connector reads the kind {config.kind!r}", place=config.place
        ) from error


@cache
def _others() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


@cache
def _registration(name: str) -> Registration:
    entry = _others()[name]
    try:
        loaded = entry.load()
    except Exception as error:
        raise ConfigError(
            f"the connector {name!r} can't be loaded from {entry.value}: {error}",
            remedy="Update or remove the package that brings it.",
        ) from error
    if not isinstance(loaded, Registration):
        raise ConfigError(
            f"{entry.value} of the connector {name!r} is not a Registration",
            remedy="Update or remove the package that brings it.",
        )
    return loaded
