"""A process that has everything imported and forks for each run: a run then starts in no time.

It reads a line of JSON for each run and answers with a line: ``python -m tests.kill.zygote``.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from tests.kill.moments import Moment, Moments

# Imported once, for all runs.
IMPORTED = (
    "duckdb",
    "pandas",
    "pyarrow.csv",
    "pyarrow.parquet",
    "simple_salesforce.api",
    "deltalake",
    "isthmus.engine.connection",
    "isthmus.engine.sync.duckdb_file",
    "isthmus.connectors.salesforce.connector",
    "isthmus.connectors.files.connector",
    "isthmus.connectors.targets.delta",
    "isthmus.connectors.targets.parquet",
    "isthmus.connectors.targets.postgres",
    "isthmus.connectors.targets.sqlite",
    "tests.kill.scenarios",
)


def main() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(asked)
        print(json.dumps(_wait(child, asked["seconds"])), flush=True)


def _run(asked: dict[str, Any]) -> None:
    """Run in the child, which ends here."""
    kill_at = None if asked["kill_at"] is None else Moment(*asked["kill_at"])
    moments, report = Moments(asked["places"], kill_at), Path(asked["report"])
    error = None
    try:
        module, _, function = asked["act"].partition(":")
        act = getattr(importlib.import_module(module), function)
        moments.install()
        act(asked["arguments"])
    except BaseException:
        error = traceback.format_exc()
    moments.uninstall()
    report.write_text(json.dumps({"moments": moments.seen, "error": error}))
    sys.stdout.flush()
    os._exit(0)


def _wait(child: int, seconds: float) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            return {"killed": killed, "late": False}
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return {"killed": True, "late": True}


if __name__ == "__main__":
    main()
