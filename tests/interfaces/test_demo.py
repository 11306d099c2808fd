"""The demo: from nothing to answers, a write, a copy; whatever happens, nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from isthmus.interfaces.demo.project import write_project

COMMAND = [sys.executable, "-m", "isthmus", "demo"]


def start(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *more],
        env={**os.environ, "TMPDIR": str(folder)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def children(folder: Path) -> list[str]:
    """Processes that name the folder in their command line or live in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line.replace("\0", " "))
    return found


def gone(folder: Path, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while children(folder):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def test_it_shows_questions_fragments_answers_and_bills(tmp_path: Path) -> None:
    process = start(tmp_path)
    out, _ = process.communicate(timeout=90)
    text = out.decode()
    assert process.returncode == 0, text
    for part in ("WITH deals AS", "FROM pipeline_360", "FROM visitors_deals", "FROM Opportunity"):
        assert part in text
    assert "lake.orders" in text
    assert "ecb.rates" in text
    assert len(re.findall(r"^\(8 rows\)$", text, re.MULTILINE)) == 2
    # keys of a file into the org, its keys into files, looked-up rows along with what looks them up
    assert re.search(r"IN \('ACC-\d+','ACC-\d+', \.\.\. \d\d keys\)", text)
    for words in (
        "push_keys: Account.AccountNumber IN (the keys of lake.visits.account_number)",
        "push_keys: account_number IN (the keys of crm.Account.AccountNumber)",
        "co_fetch: User comes along by OwnerId",
        "co_fetch: Account comes along by AccountId",
    ):
        assert words in text
    for number, calls in (1, 1), (2, 1):
        predicted = _figures(text, f"{number}. predicted, before asking")
        assert predicted[0] == calls
    within = re.findall(r"^   within (\d+) to ([\d,]+) calls; actual +(\d+) ", text, re.MULTILINE)
    assert [int(actual) for _, _, actual in within] == [1, 1]
    for low, high, actual in within:
        assert int(low) <= int(actual) <= int(high.replace(",", ""))
    actual = _figures(text, "both, actual")
    extract = _figures(text, "a full extract of three objects")
    assert actual[0] == 2
    assert extract[0] >= 10 * actual[0]
    assert extract[1] > 100 * actual[1]
    assert extract[2] > 100 * actual[2]
    _writes_and_copies_are_told(text)
    assert "isthmus demo --keep" in text
    assert "\x1b" not in text
    assert gone(tmp_path)
    assert not list(tmp_path.iterdir())


def _writes_and_copies_are_told(text: str) -> None:
    """The write's counts, its dry run's and those of the copy are of the same rows."""
    rows, updated, created, failed = _numbers(
        text, r"(\d+) rows: (\d+) updated, (\d+) created, (\d+) failed"
    )
    assert (updated + created, failed) == (rows, 0)
    assert updated > created > 0
    assert _numbers(text, r"merge crm\.Account: (\d+) rows \(counted\)") == [rows]
    assert _numbers(text, r"    calls: \d+ for (\d+) rows", 2) == [updated, created]
    assert "problems: none" in text
    for what in "find", "write":
        predicted, actual = _numbers(
            text, rf"to {what} them: predicted (\d+) .*actual (\d+) calls?"
        )
        assert predicted == actual
    every, changed = _figures(text, "everything"), _figures(text, "what has changed")
    assert changed[:2] == [2, rows]
    assert every[1] > 25_000
    assert _numbers(text, r"accounts: incremental, (\d+) rows in, (\d+) out, 0 deleted") == [
        rows,
        rows,
    ]
    (seconds,) = _numbers(text, r"all of it: (\d+) seconds")
    assert seconds < 90


def _numbers(text: str, pattern: str, times: int = 1) -> list[int]:
    """What the groups of a pattern hold that begins a line, and is there so many times."""
    found = re.findall(rf"^{pattern}", text, re.MULTILINE)
    assert len(found) == times, text
    return [int(n) for group in found for n in ([group] if isinstance(group, str) else group)]


def _figures(text: str, label: str) -> list[int]:
    found = re.search(rf"^{re.escape(label)} +([\d,]+) +([\d,]+) +([\d,]+)$", text, re.MULTILINE)
    assert found, text
    return [int(group.replace(",", "")) for group in found.groups()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("blow", "after"),
    [(signal.SIGINT, t) for t in (0.2, 0.8, 1.3, 2.0, 3.0)]
    + [(signal.SIGTERM, t) for t in (1.0, 2.0)]
    + [(signal.SIGKILL, t) for t in (1.0, 2.0)],
)
def test_a_blow_at_any_time_leaves_no_process(
    blow: signal.Signals, after: float, tmp_path: Path
) -> None:
    process = start(tmp_path, "--scale", "2")
    time.sleep(after)
    process.send_signal(blow)
    out, _ = process.communicate(timeout=30)
    assert gone(tmp_path)
    assert b"Traceback" not in out or blow is signal.SIGKILL, out.decode()
    # Before Python listens, the system's own way to end; after the demo's end, 0.
    assert process.returncode in (0, 128 + blow, -blow)


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("step", ["A copy", "Outcomes", "The copy, brought up to now"])
def test_a_blow_at_a_write_or_a_copy_leaves_no_process(step: str, tmp_path: Path) -> None:
    process = start(tmp_path, "--scale", "2")
    assert process.stdout is not None
    for line in process.stdout:  # a heading is printed before its step is done
        if line.decode().startswith(f"── {step}"):
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, b"Traceback" in out) == (130, False), out.decode()
    assert gone(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_kept_project_can_be_asked_again_later(tmp_path: Path) -> None:
    process = start(tmp_path, "--scale", "2", "--keep", "mine")
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 0, out.decode()
    assert "isthmus org serve" in out.decode()
    kept = {p.name for p in (tmp_path / "mine").iterdir()}
    assert {"isthmus.toml", "views", "ecb", "lake", "merge_orders.sql", "copy.duckdb"} <= kept
    with duckdb.connect(tmp_path / "mine/copy.duckdb", read_only=True) as copy:
        words = "SELECT count(*) FROM account WHERE Description LIKE 'Shop, last week: %'"
        (written,) = copy.execute(words).fetchall()[0]
    assert _numbers(out.decode(), r"(\d+) rows: \d+ updated") == [written]
    again = start(tmp_path, "--scale", "2", "--keep", "mine")
    out, _ = again.communicate(timeout=30)
    assert again.returncode == 1
    assert b"holds a project already" in out


def test_the_project_is_the_same_for_the_same_arguments(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_project(tmp_path / name, accounts=500, today=date(2026, 3, 1))
    part = "lake/orders/year=2025/part-0.parquet"
    assert (tmp_path / "a" / part).read_bytes() == (tmp_path / "b" / part).read_bytes()


def test_the_orders_are_skewed_and_have_strangers(tmp_path: Path) -> None:
    write_project(tmp_path, accounts=500, today=date(2026, 3, 1))
    orders = ds.dataset(tmp_path / "lake/orders", partitioning="hive").to_table()
    accounts = orders["account_number"].to_pylist()
    first = sum(number <= "ACC-000050" for number in accounts)
    assert first > 0.2 * len(accounts)  # a tenth of the accounts has much more than a tenth
    assert any(number > "ACC-000500" for number in accounts)
    assert max(orders["ordered_on"].to_pylist()) <= date(2026, 3, 1)
    new_year = tmp_path / "new-year"  # a week has as many orders in January as in March
    write_project(new_year, accounts=500, today=date(2026, 1, 3))
    assert 1 < pq.read_metadata(new_year / "lake/orders/year=2026/part-0.parquet").num_rows < 10
    kind = pq.read_schema(tmp_path / "lake/orders/year=2026/part-0.parquet").field("amount_eur")
    assert str(kind.type) == "decimal128(12, 2)"
    assert min(orders["amount_eur"].to_pylist()) >= Decimal(5)


def test_the_rates_are_the_ecbs_own(tmp_path: Path) -> None:
    write_project(tmp_path, accounts=10, today=date(2026, 3, 1))
    lines = (tmp_path / "ecb/rates.csv").read_text().splitlines()
    assert lines[0].startswith("Date,USD,JPY,")
    assert not any(line.endswith(",") for line in lines)
    assert len({line.count(",") for line in lines}) == 1
    assert lines[-1].startswith("1999-01-04,1.1789,133.73,")
