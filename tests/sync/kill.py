"""Kill a run of a sync at a point of its own code, run it again, and compare: the whole at

    python -m tests.sync.kill --kind sqlite --points 200

Points are places in the modules of syncs and targets, before and after each call that they make.
A process that has imported all forks one child for each trial; the child is killed with SIGKILL
when it comes to its point.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TextIO

_OURS = ("/engine/sync/", "/connectors/targets/")
_NAME = "accounts"
_IMPORTS = (
    "duckdb",
    "pandas",
    "pyarrow.parquet",
    "simple_salesforce.api",
    "deltalake",
    "isthmus.engine.connection",
    "isthmus.engine.sync.duckdb_file",
    "isthmus.connectors.salesforce.connector",
    *(f"isthmus.connectors.targets.{kind}" for kind in ("parquet", "delta", "sqlite", "postgres")),
)


# --- in the process that forks


def _serve() -> None:
    """Run what standard input asks for, each in a child; says what came of it."""
    for name in _IMPORTS:  # so that no child need do it
        import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _child(asked)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": status}), flush=True)


def _child(asked: dict[str, Any]) -> None:
    import isthmus

    code = 1
    try:
        project, state = json.loads(Path(asked["project"]).read_text()), asked["state"]
        with isthmus.connect(project, state=state, time_zone="UTC") as con:
            points = _Points(asked.get("kill"))
            sys.setprofile(points.see)
            try:
                con.sync(_NAME)
            finally:
                sys.setprofile(None)
        Path(asked["points"]).write_text(json.dumps(points.seen))
        code = 0
    except BaseException as error:
        Path(asked["points"]).write_text(json.dumps(repr(error)))
    finally:
        os._exit(code)


class _Points:
    """Notes each place where a call begins or ends, and dies at one of them."""

    def __init__(self, kill: str | None) -> None:
        self._kill = kill
        self.seen: list[str] = []
        self._known: set[str] = set()
        self._ours: dict[CodeType, bool] = {}

    def see(self, frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        ours = self._ours.get(code)
        if ours is None:
            ours = self._ours[code] = any(part in code.co_filename for part in _OURS)
        if not ours:
            return
        file = code.co_filename
        called = getattr(argument, "__name__", "") if event.startswith("c_") else ""
        point = f"{file.rpartition('/')[2]}:{frame.f_lineno} {event} {called}".strip()
        if point == self._kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if point not in self._known:
            self._known.add(point)
            self.seen.append(point)


# --- in the process that asks


class Forker:
    """The process that forks.

    Args:
        folder: where the project, its state and its copy are.
    """

    def __init__(self, folder: Path, said: TextIO | None = None) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.sync.kill", "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def run(self, kill: str | None = None) -> list[str] | None:
        """The points of a run; None if it was killed. Raises if it failed otherwise."""
        points = self.folder / "points.json"
        points.unlink(missing_ok=True)
        asked = {
            "project": str(self.folder / "project.json"),
            "state": str(self.folder / "state"),
            "points": str(points),
            "kill": kill,
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        status = json.loads(self._process.stdout.readline())["status"]
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return None
        found = json.loads(points.read_text())
        assert isinstance(found, list), found
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextmanager
def forking(folder: Path) -> Iterator[Forker]:
    forker = Forker(folder)
    try:
        yield forker
    finally:
        forker.close()


def spread(points: list[str], count: int) -> list[str]:
    """So many of the points, from all over the run.

    >>> spread(list("abcdef"), 3)
    ['a', 'c', 'e']
    """
    step = max(len(points) / max(count, 1), 1)
    return [points[int(i * step)] for i in range(min(count, len(points)))]


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--kind", default="sqlite")
    parser.add_argument("--points", type=int, default=60)
    given = parser.parse_args()
    if given.serve:
        _serve()
        return
    from tests.sync.kill_trials import trials

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for name, count in trials(Path(folder), given.kind, given.points):
            print(f"{name}: {count} points, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    _main()
