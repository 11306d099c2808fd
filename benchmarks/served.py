"""A local org as a program of its own, for benchmarks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Served", "served_org"]

_START_SECONDS = 120


@dataclass(frozen=True)
class Served:
    """Where the org is, and what it was asked.

    Attributes:
        ready_file: addresses and secrets.
        log_file: its request log, a JSON line a request.
    """

    ready_file: Path
    log_file: Path

    @property
    def ready(self) -> dict[str, Any]:
        """What the ready file holds."""
        found: dict[str, Any] = json.loads(self.ready_file.read_text("utf-8"))
        return found

    def requests(self, start: int = 0) -> list[dict[str, Any]]:
        """The data requests from that byte of the log on."""
        return [r for r in self.calls(start) if "/query" in r["path"]]

    def calls(self, start: int = 0) -> list[dict[str, Any]]:
        """All API calls from that byte of the log on; logins are none."""
        if not self.log_file.exists():
            return []
        with self.log_file.open("rb") as lines:
            lines.seek(start)
            return [r for r in map(json.loads, lines) if _is_call(r["path"])]

    @property
    def logged(self) -> int:
        """How long the log is, in bytes."""
        return self.log_file.stat().st_size if self.log_file.exists() else 0


def _is_call(path: str) -> bool:
    return path.startswith("/services/") and "/oauth2/" not in path


@contextmanager
def served_org(scale: float, options: Sequence[str] = ()) -> Iterator[Served]:
    """Serve demo data of that scale; `options` are the program's own."""
    with tempfile.TemporaryDirectory() as folder:
        served = Served(Path(folder, "ready.json"), Path(folder, "requests.jsonl"))
        command = [sys.executable, "-m", "isthmus.localorg", "serve", "--scale", str(scale)]
        command += ["--ready-file", str(served.ready_file), "--request-log", str(served.log_file)]
        process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not served.ready_file.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the local org did not start")
                time.sleep(0.05)
            yield served
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)
