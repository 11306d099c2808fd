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

from isthmus.catalog.kinds import SourceKind
from isthmus.catalog.project import SourceConfig
from isthmus.connectors.contract import Connector
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


@dataclass(frozen=True)
class _Own:
    """One of our own kinds: loaded when a project has such a source, and not before.

    Attributes:
        settings: the module whose ``KIND`` is the declaration.
        module: the module of the connector.
        connector: its class, made from a name and the checked options.
    """

    settings: str
    module: str
    connector: str


_OWN = {
    "salesforce": _Own(
        "isthmus.connectors.salesforce.config",
        "isthmus.connectors.salesforce.connector",
        "Salesforce",
    ),
    "files": _Own(
        "isthmus.connectors.files.settings", "isthmus.connectors.files.connector", "Files"
    ),
}


class _Kinds(Mapping[str, SourceKind]):
    """Our own kinds first; other packages are looked for only when a name is not ours."""

    def __getitem__(self, name: str) -> SourceKind:
        if name in _OWN:
            kind: SourceKind = import_module(_OWN[name].settings).KIND
            return kind
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
        own = _OWN[config.kind]
        connector: Connector = getattr(import_module(own.module), own.connector)(
            config.name, config.options
        )
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
