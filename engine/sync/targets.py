"""The target of a sync: the engine's own kind, or one of the connectors'."""

from __future__ import annotations

from isthmus.catalog.targets import TargetConfig
from isthmus.connectors.targets import kinds
from isthmus.connectors.targets.contract import Target

__all__ = ["make"]


def make(config: TargetConfig) -> Target:
    """The target. It opens nothing yet."""
    if config.kind == "duckdb":
        from isthmus.engine.sync.duckdb_file import DuckDBFile

        return DuckDBFile(config)
    return kinds.make(config)
