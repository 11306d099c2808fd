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

from tests.kill.moments import Moments

# Imported once, for all runs.
IMPORTED = (
    "isthmus.engine.connection",
    "isthmus.connectors.salesforce.connector",
    "isthmus.connectors.files.connector",
    "simple_salesforce",
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
    moments, report = Moments(asked["kill_at"]), Path(asked["report"])
    error = None
    try:
        moments.install()
        module, _, function = asked["act"].partition(":")
        getattr(importlib.import_module(module), function)(asked["arguments"])
    except BaseException:
        error = traceback.format_exc()
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
