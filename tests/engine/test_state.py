"""The state folder and the calls of a day: several threads and processes, damage, a fork."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from isthmus.engine.daybook import DayBook, Entry
from isthmus.engine.state import AUTO, StateFile, find_folder
from isthmus.errors import ConfigError


def test_the_folder_is_named_by_the_caller_then_the_environment(tmp_path: Path) -> None:
    named = {"ISTHMUS_STATE": str(tmp_path / "e"), "HOME": str(tmp_path)}
    assert find_folder(tmp_path / "given", named) == tmp_path / "given"
    assert find_folder(AUTO, named) == tmp_path / "e"
    assert find_folder(None, named) is None
    assert find_folder(AUTO, {"ISTHMUS_STATE": "off"}) is None
    usual = find_folder(AUTO, {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "x")})
    assert usual is not None and usual.is_relative_to(tmp_path)
    assert usual.name == "isthmus" and usual.is_dir()


def test_a_named_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="can't be written") as caught:
        find_folder(tmp_path / "file" / "inner")
    assert caught.value.remedy and "ISTHMUS_STATE" in caught.value.remedy
    home = {"HOME": str(tmp_path / "file")}
    assert find_folder(AUTO, home) is None, "nobody asked for it: nothing is remembered"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def below(most: int):  # type: ignore[no-untyped-def]
    return lambda entry: entry.today < most


def test_a_day_ends_at_midnight_utc(tmp_path: Path) -> None:
    clock = Clock()
    book = DayBook(tmp_path, clock)
    assert book.spend("crm", below(1)) is not None
    assert book.spend("crm", below(1)) is None
    assert book.spend("other", below(1)) is not None, "each source has its own day"
    clock.now += timedelta(minutes=2)
    assert book.spend("crm", below(1)) is not None
    assert book.read("crm") == Entry(today=1, sent=2, ended=0)


def test_what_others_used_is_told_by_the_answers(tmp_path: Path) -> None:
    book = DayBook(tmp_path)
    for _ in range(3):
        book.spend("crm", below(99))
    assert book.read("crm").used is None
    book.end("crm", 0, (50, 100))
    # the two on their way may be among the 50 or still to come: the bound says to come
    assert book.read("crm").used == 52
    book.end("crm", 0, (50, 100))
    book.end("crm", 0, (50, 100))
    assert book.read("crm").used == 52, "on the safe side: nobody knows which were on their way"
    book.spend("crm", below(99))
    book.end("crm", 3, (53, 100))  # two of somebody else's
    assert book.read("crm") == Entry(today=4, sent=4, ended=4, others=49, allowed=100)
    assert book.read("crm").used == 53


def test_calls_that_never_arrived_are_given_back(tmp_path: Path) -> None:
    book = DayBook(tmp_path)
    book.spend("crm", below(1))
    book.give_back("crm", 1)
    assert book.spend("crm", below(1)) is not None
    assert book.read("crm").sent == 1


def test_threads_never_pass_the_day(tmp_path: Path) -> None:
    book = DayBook(tmp_path)
    had: list[bool] = []

    def spend() -> None:
        had.extend(book.spend("crm", below(50)) is not None for _ in range(20))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(had) == 50
    assert book.read("crm").today == 50


_PROCESS = """
import sys
from pathlib import Path
from isthmus.engine.daybook import DayBook
book = DayBook(Path(sys.argv[1]))
print(sum(book.spend("crm", lambda e: e.today < 100) is not None for _ in range(60)))
"""


def test_processes_never_pass_the_day(tmp_path: Path) -> None:
    had = [int(said) for said in _side_by_side(_PROCESS, tmp_path)]
    assert sum(had) == 100
    assert DayBook(tmp_path).read("crm").today == 100


_OPENING = """
import sys, time
from pathlib import Path
from isthmus.engine.state import StateFile
for number in range(40):
    file = StateFile(Path(sys.argv[1]) / f"{number}.sqlite", "CREATE TABLE IF NOT EXISTS t (x);",
        patience=30)
    while time.time() < float(sys.argv[2]) + number / 50:
        pass
    with file.transaction() as book:
        book.execute("INSERT INTO t VALUES (1)")
    file.close()
"""


def test_processes_may_begin_a_file_at_the_same_moment(tmp_path: Path) -> None:
    """SQLite refuses one of them at once, whatever its time-out says: it has to ask again."""
    _side_by_side(_OPENING, tmp_path, str(time.time() + 1))
    for number in range(40):
        with StateFile(tmp_path / f"{number}.sqlite", "", patience=1).transaction() as book:
            assert book.execute("SELECT count(*) FROM t").fetchone() == (3,)


def _side_by_side(program: str, folder: Path, *others: str) -> list[str]:
    """What three processes say that run a program at once; none fails."""
    command = [sys.executable, "-c", program, str(folder), *others]
    with contextlib.ExitStack() as stack:
        running = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            for _ in range(3)
        ]
        said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    return said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_counts_on(tmp_path: Path) -> None:
    book = DayBook(tmp_path)
    book.spend("crm", below(9))
    child = os.fork()
    if child == 0:
        os._exit(0 if book.spend("crm", below(9)) is not None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert book.read("crm").today == 2


def test_a_damaged_file_lets_no_call_through(tmp_path: Path) -> None:
    (tmp_path / "budgets.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigError, match="can't be counted") as caught:
        DayBook(tmp_path).spend("crm", below(9))
    assert "budgets.sqlite" in str(caught.value)
    assert caught.value.remedy and "Remove the file" in caught.value.remedy


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    DayBook(tmp_path).spend("crm", below(9))
    assert (tmp_path / "budgets.sqlite").stat().st_mode & 0o077 == 0


def test_without_a_folder_the_day_is_this_process_own() -> None:
    book = DayBook(None)
    assert book.spend("crm", below(1)) is not None
    assert book.spend("crm", below(1)) is None
