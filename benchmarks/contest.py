"""What one contender costs, measured in a process of its own and by the org's request log."""

from __future__ import annotations

import http.client
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.served import Served

__all__ = ["contended", "measured", "medians", "session_of"]

_ROOT = Path(__file__).parents[1]


def contended(work: Callable[[], dict[str, Any]], modules: Sequence[str]) -> None:
    """Do the work in this process and print its figures as JSON.

    Args:
        work: gives counts, which go among the figures.
        modules: imported before the clock starts: imports are not what is compared.
    """
    for module in modules:
        import_module(module)
    sent = _counting()
    peak, used, began = _peak_mb(), _cpu(), time.perf_counter()
    counts = work()
    figures = {
        "seconds": time.perf_counter() - began,
        "cpu": _cpu() - used,
        "peak_mb": _peak_mb() - peak,
        "whole_mb": _peak_mb(),
        "sent": sent(),
    }
    print(json.dumps(counts | figures))


def measured(module: str, arguments: Sequence[str], served: Served) -> dict[str, Any]:
    """The figures of a contender that `module` runs when it is called with `arguments`.

    Raises:
        RuntimeError: it failed; with what it wrote.
    """
    start = served.logged
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    calls = served.calls(start)
    return figures | {
        "calls": len(calls),
        "received": sum(call["bytes"] for call in calls),
        "served": sum(call["rows"] or 0 for call in calls),
    }


def medians(taken: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The middle of each figure."""
    return {key: sorted(one[key] for one in taken)[len(taken) // 2] for key in taken[0]}


def session_of(ready: dict[str, Any]) -> Any:
    """A session of requests that trusts the local org."""
    import requests

    session = requests.Session()
    session.verify, session.trust_env = ready["ca_file"], False  # a CA of the environment would win
    return session


def _cpu() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak_mb() -> float:
    """The most memory that this process, or the largest it has waited for, has had so far.

    Not `ru_maxrss` of this process: it begins with what the parent had.
    """
    status = Path("/proc/self/status").read_text("ascii")
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def _counting() -> Callable[[], int]:
    """Counts the bytes that this process sends by HTTP, headers included, before TLS."""
    send, sent = http.client.HTTPConnection.send, [0]

    def counted(connection: Any, data: Any) -> None:
        sent[0] += len(data) if hasattr(data, "__len__") else 0
        send(connection, data)

    http.client.HTTPConnection.send = counted  # type: ignore[method-assign]
    return lambda: sent[0]
