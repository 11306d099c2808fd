"""The trials of `kill`: the first run and a later one, broken off everywhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isthmus.engine.connection import connect
from tests.sync.kill import Forker, forking, spread
from tests.sync.org import Crm, accounts, running_crm

__all__ = ["trials"]

_ROWS = 60
_PART = 20


def trials(folder: Path, kind: str, points: int, to: Any = None) -> Iterator[tuple[str, int]]:
    """Kill at so many points of each kind of run; raises where a copy is not as it should be.

    Gives the name of a kind of run, and at how many points it was killed.
    """
    with running_crm(switches={"page-size": 200}) as crm:
        ready = folder / "org.json"
        ready.write_text(json.dumps(crm.org.ready))
        table = "" if kind in ("parquet", "delta") else "#account"
        to = to or f"{kind}:{folder / 'copy'}{table}"
        sync = {"table": "crm.Account", "to": to, "mode": "incremental", "rows_per_part": _PART}
        source = {"kind": "salesforce", "ready_file": str(ready)}
        project = {"sources": {"crm": source}, "syncs": {"accounts": sync}}
        (folder / "project.json").write_text(json.dumps(project))
        for number in range(_ROWS):
            crm.create(Name=f"a{number}")
        crm.pass_time(60)
        trial = _Trial(crm, folder, project, to)
        with forking(folder) as forker:
            yield "first runs", trial.first_runs(forker, points // 3)
            yield "later runs", trial.later_runs(forker, points - points // 3)


class _Trial:
    def __init__(self, crm: Crm, folder: Path, project: dict[str, Any], to: Any) -> None:
        self._crm = crm
        self._folder = folder
        self._project = project
        self._to = to
        self._number = 0

    def first_runs(self, forker: Forker, count: int) -> int:
        found = forker.run()
        assert found is not None
        chosen = spread(found, count)
        for point in chosen:
            self._forget()
            assert forker.run(point) is None, point
            forker.run()
            self._check(point)
        return len(chosen)

    def later_runs(self, forker: Forker, count: int) -> int:
        self._change()
        found = forker.run()
        assert found is not None
        self._check("an unbroken run")
        chosen = spread(found, count)
        for point in chosen:
            self._change()
            killed = forker.run(point) is None
            if killed:
                self._crm.pass_time(1)
                forker.run()
            self._check(point)
        return len(chosen)

    def _change(self) -> None:
        """Rows change, come and go; the session must not grow old."""
        crm = self._crm
        ids = sorted(crm.live())
        self._number += 1
        for id in ids[self._number % 7 :: 7][:25]:
            crm.update(id, Name=f"changed {self._number}")
        for id in ids[self._number % 11 :: 11][:2]:
            crm.delete(id)
        for _ in range(2):
            crm.create(Name=f"new {self._number}")
        crm.pass_time(1)

    def _forget(self) -> None:
        shutil.rmtree(self._folder / "state", ignore_errors=True)
        copy = self._folder / "copy"
        if copy.is_dir():
            shutil.rmtree(copy)
        for file in self._folder.glob("copy*"):
            file.unlink()

    def _check(self, where: str) -> None:
        with connect(self._project, state=None) as con:
            assert accounts(con, self._to) == self._crm.live(), f"killed at {where}"
