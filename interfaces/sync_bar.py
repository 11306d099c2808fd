"""A bar for a run of a sync, in a terminal and in a notebook."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

from isthmus.engine.sync.result import SyncProgress

__all__ = ["SyncBar"]


class SyncBar:
    """Shows what a run does, and how many rows have come of about how many.

    Give it as `on_progress`, inside its block. Rich finds out by itself whether it is in a
    notebook.

    Args:
        name: of the sync.
        quiet: show nothing.
        console: where to; standard error, if None.
    """

    def __init__(self, name: str, *, quiet: bool = False, console: Console | None = None) -> None:
        where = console or _console()
        self._progress = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("rows, {task.fields[calls]} calls"),
            TimeElapsedColumn(),
            console=where,
            disable=quiet,
            transient=True,
        )
        self._name = name
        self._task: Any = None

    def __call__(self, progress: SyncProgress) -> None:
        """Show how far it is."""
        if self._task is None:
            self._task = self._progress.add_task(self._name, total=None, calls=0)
        total = progress.of if progress.of is None else max(progress.of, progress.rows)
        self._progress.update(
            self._task,
            description=f"{self._name}: {progress.doing}",
            completed=progress.rows,
            total=total,
            calls=f"{progress.calls:,}",
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


def _console() -> Console:
    # a notebook's cell shows what goes to its own console, not to standard error
    console = Console()
    return console if console.is_jupyter else Console(file=sys.stderr)
