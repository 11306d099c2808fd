"""One process at a time is at work on a write, also while its folder comes and goes."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from isthmus.engine.writes.hold import cleared, held
from isthmus.errors import WriteRunning


def test_a_second_holder_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    with held(tmp_path / "w"):
        second = held(tmp_path / "w")
        with pytest.raises(WriteRunning, match=r"under way in process \d+ on"):
            second.__enter__()
    with held(tmp_path / "w"):
        pass


def test_who_only_looks_into_the_lock_does_not_hold_it(tmp_path: Path) -> None:
    """Of two that ask at once one gets it: neither is refused for the other's asking."""
    with held(tmp_path / "w"):
        pass
    with closing(sqlite3.connect(tmp_path / "w" / "lock", isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM sqlite_master")
        with held(tmp_path / "w"):
            pass


def test_nobody_holds_a_lock_that_was_cleared_away(tmp_path: Path) -> None:
    inside, most, turns = 0, 0, 0
    counting = threading.Lock()

    def work() -> None:
        nonlocal inside, most, turns
        for _ in range(150):
            try:
                with held(tmp_path / "w"):
                    with counting:
                        inside += 1
                        turns += 1
                        most = max(most, inside)
                    with counting:
                        inside -= 1
                    cleared(tmp_path / "w")
            except WriteRunning:
                pass

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1 and turns > 10
