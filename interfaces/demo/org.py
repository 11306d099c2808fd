"""The demo's org: a child process that can't outlive the demo."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from isthmus.errors import SourceUnavailable

__all__ = ["running_org", "serve_arguments"]

_READY_SECONDS = 60.0
_STOP_SECONDS = 5.0


def serve_arguments(folder: Path, *, scale: int, seed: int) -> list[str]:
    """What comes after ``isthmus org serve`` for the demo's org."""
    return [
        *("--http", "127.0.0.1:0", "--https", "127.0.0.1:0"),
        *("--data", "demo", "--scale", str(scale), "--seed", str(seed)),
        *("--ready-file", str(folder / "org.json")),
        *("--request-log", str(folder / "requests.jsonl")),
    ]


@contextlib.contextmanager
def running_org(folder: Path, *, scale: int, seed: int) -> Iterator[Path]:
    """Run an org until the block ends; gives its ready file.

    The child has a process group of its own, so that Ctrl-C reaches only the demo, which then
    stops it. It also ends by itself when its standard input closes: even a demo that is killed
    leaves nothing behind.

    Raises:
        SourceUnavailable: it did not start; the message holds what it said.
    """
    ready, log = folder / "org.json", folder / "org.log"
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "isthmus.interfaces.demo.org"]
    with log.open("wb") as said:
        child = subprocess.Popen(
            command + serve_arguments(folder, scale=scale, seed=seed),
            stdin=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        _wait_until_ready(child, ready, log)
        yield ready
    finally:
        _stop(child)
        ready.unlink(missing_ok=True)


def _wait_until_ready(child: subprocess.Popen[bytes], ready: Path, log: Path) -> None:
    end = time.monotonic() + _READY_SECONDS
    while not ready.exists():
        if child.poll() is not None or time.monotonic() > end:
            said = log.read_text("utf-8", "replace").strip()[-2000:]
            raise SourceUnavailable(
                f"the local org did not start (exit code {child.poll()}): {said or 'no output'}"
            )
        time.sleep(0.02)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    finally:
        if child.stdin is not None:
            child.stdin.close()


def _end_with_parent() -> None:
    """Wait for the end of standard input, which comes when the parent is gone, then stop."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_STOP_SECONDS)
    os._exit(1)


def _serve(arguments: Sequence[str]) -> None:
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    from isthmus.localorg.cli import org

    org.main(["serve", *arguments], prog_name="isthmus org")


if __name__ == "__main__":
    _serve(sys.argv[1:])
