"""The threads that the tests of a module have begun: those of others may go on."""

from __future__ import annotations

import threading

__all__ = ["begin", "own_threads"]

_before: set[threading.Thread] = set()


def begin() -> None:
    """What runs now is others'."""
    _before.clear()
    _before.update(threading.enumerate())


def own_threads() -> list[str]:
    """The names of our threads that have begun since; a local org's are not among them."""
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith("isthmus-")
        and not thread.name.startswith("isthmus-localorg")
        and thread not in _before
    ]
