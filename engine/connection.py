"""The front door: a project is opened, and what comes of it reads, writes, copies and works."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from isthmus.catalog.budget import Budget
from isthmus.catalog.project import load_project
from isthmus.connectors.kinds import KINDS
from isthmus.engine.jobs.front import Working
from isthmus.engine.session import Parameters
from isthmus.engine.state import AUTO, StateFolder
from isthmus.engine.writes.front import Writing
from isthmus.engine.writes.permission import AllowWrites

__all__ = ["Connection", "Parameters", "connect"]


class Connection(Writing, Working):
    """A session over a project. Safe to use from several threads; each query runs on its own."""


def connect(
    project: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    *,
    time_zone: str | None = None,
    memory_limit: str | None = None,
    threads: int | None = None,
    state: StateFolder = AUTO,
    budget: Budget | Mapping[str, float | None] | None = None,
    allow_writes: AllowWrites = None,
) -> Connection:
    """Open a project.

    Args:
        project: a path to an ``isthmus.toml``, a folder that holds one, a dict of the same
            shape, or None for the nearest one from the current folder upwards.
        time_zone: IANA name of the session's zone; else the project's, ``TZ``, the machine's.
        memory_limit: of the joining DuckDB, such as ``2GB``; more spills to disk.
        threads: of the joining DuckDB.
        state: the folder where statistics and the calls of the day are kept; by default
            ``$ISTHMUS_STATE`` (``off`` for none) or the platform's own place; None for none.
        budget: what all queries together may cost: ``max_calls``, ``max_rows``, ``max_bytes``.
        allow_writes: what may be written: True for every table, False for none, or names such
            as ``["crm", "hr.Employee"]``; None leaves it to the project file, which allows
            nothing unless it says so.

    Raises:
        ConfigError: the project file is wrong; the message has its line and the remedy.
    """
    return Connection(
        load_project(project, kinds=KINDS),
        time_zone=time_zone,
        memory_limit=memory_limit,
        threads=threads,
        state=state,
        budget=budget,
        allow_writes=allow_writes,
    )
