"""How the target of a configuration is made; a kind's module is loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from isthmus.catalog.targets import TargetConfig
from isthmus.connectors.targets.contract import Target

__all__ = ["make"]

_HOMES: Final = {
    "parquet": ("isthmus.connectors.targets.parquet", "Parquet"),
    "delta": ("isthmus.connectors.targets.delta", "Delta"),
    "sqlite": ("isthmus.connectors.targets.sqlite", "Sqlite"),
    "postgres": ("isthmus.connectors.targets.postgres", "Postgres"),
}


def make(config: TargetConfig) -> Target:
    """The target of a configuration. It opens nothing yet.

    Raises:
        KeyError: of a kind that connectors know nothing of.
    """
    module, name = _HOMES[config.kind]
    target: Target = getattr(import_module(module), name)(config)
    return target
