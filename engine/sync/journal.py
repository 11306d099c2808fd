"""The run that is under way: what a broken one had begun, the next takes up."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from isthmus.connectors.targets.contract import Layout
from isthmus.engine.sync.layout import read_layout, write_layout

__all__ = ["Journal", "Unfinished"]


@dataclass(frozen=True)
class Unfinished:
    """What a run set out to do.

    Attributes:
        run: its id.
        replaces: whether it makes the copy anew.
        aim: what is copied, and how; another text means another aim.
        base: the run that the copy came from; empty where there was none.
        layout: the copy's columns.
        since: where its window begins.
        until: where it ends.
        fill: columns whose older rows it fills.
        refresh: columns that it reads whole.
        compare: whether it missed deletions.
    """

    run: str
    replaces: bool
    aim: str
    base: str
    layout: Layout
    since: datetime | None
    until: datetime | None
    fill: tuple[str, ...] = ()
    refresh: tuple[str, ...] = ()
    compare: bool = False


class Journal:
    """One sync's journal, and the folder of its staged rows.

    Args:
        folder: of the sync.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "run.json"
        self.staged = folder / "staged"

    @staticmethod
    def new_run() -> str:
        """An id that no run has had."""
        return uuid.uuid4().hex[:16]

    def read(self) -> Unfinished | None:
        """The run that has not ended; None: there is none, or it can't be told any more."""
        try:
            values: dict[str, Any] = json.loads(self._file.read_text("utf-8"))
            return Unfinished(
                layout=read_layout(values.pop("layout")),
                since=_moment(values.pop("since")),
                until=_moment(values.pop("until")),
                fill=tuple(values.pop("fill")),
                refresh=tuple(values.pop("refresh")),
                **values,
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            return None  # of another version: its rows are fetched again

    def begin(self, run: Unfinished) -> None:
        """Note what a run sets out to do; what another had staged is dropped."""
        self.end()
        values = {
            **run.__dict__,
            "layout": write_layout(run.layout),
            "since": None if run.since is None else run.since.isoformat(),
            "until": None if run.until is None else run.until.isoformat(),
        }
        new = self._file.with_suffix(".new")
        with open(new, "w", encoding="utf-8") as file:
            json.dump(values, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._file)

    def end(self) -> None:
        """Nothing is under way any more."""
        self._file.unlink(missing_ok=True)
        shutil.rmtree(self.staged, ignore_errors=True)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
