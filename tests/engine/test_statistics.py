"""What is learnt from answers: kept between connections, bounded, and never needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from isthmus.catalog.statistics import ColumnFacts, Counted, TableFacts
from isthmus.connectors.predicates import IsNull
from isthmus.connectors.shares import answer_key
from isthmus.engine.statistics import Learnt, StatisticsBook

AT = 1_700_000_000.0


def test_what_was_learnt_is_there_for_the_next(tmp_path: Path) -> None:
    column = ColumnFacts(10, 2, 5, Decimal("1.50"), Decimal("9"), AT)
    days = ColumnFacts(3, 0, 3, date(1700, 1, 1), date(9999, 12, 31), AT)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    moments = ColumnFacts(1, 0, 1, moment, moment, AT)
    text = ColumnFacts(10, 0, 7, None, None, AT)
    columns = {"n": column, "d": days, "t": moments, "s": text}
    StatisticsBook(tmp_path).of("crm").learn(
        "Account",
        Learnt(Counted(10, True, AT), columns, {"=k": (0.3, 3)}, ("w", 12.5), (4.0, 2)),
    )
    found = StatisticsBook(tmp_path, lambda: AT).of("crm")
    facts = found.of("Account")
    assert facts.counted == Counted(10, True, AT)
    assert dict(facts.columns) == columns
    assert facts.shares["=k"].share == 0.3 and facts.shares["=k"].times == 1
    assert facts.row_bytes == {"w": 12.5}
    assert found.call_seconds == 2.0
    assert StatisticsBook(tmp_path).of("other").of("Account") == TableFacts()


def test_shares_of_a_kind_are_averaged_and_of_one_question_the_last_holds(tmp_path: Path) -> None:
    book = StatisticsBook(tmp_path).of("crm")
    for share in (0.2, 0.4):
        book.learn("Account", Learnt(shares={"Stage =": (share, 1), "=digest": (share, 1)}))
    shares = book.of("Account").shares
    assert shares["Stage ="].share == pytest.approx(0.3)
    assert shares["=digest"].share == 0.4
    assert {s.times for s in shares.values()} == {2}


def test_a_table_s_questions_are_bounded(tmp_path: Path) -> None:
    times = iter(float(i) for i in range(10_000))
    book = StatisticsBook(tmp_path, lambda: next(times)).of("crm")
    for number in range(520):
        book.learn("Account", Learnt(shares={f"={number}": (0.1, 1)}))
    shares = book.of("Account").shares
    assert "=519" in shares and "=0" not in shares
    assert len(shares) <= 501


@pytest.mark.parametrize("damage", [b"no database" * 500, b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_file_is_a_warning_and_begins_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "statistics.sqlite").write_bytes(damage)
    book = StatisticsBook(tmp_path).of("crm")
    with pytest.warns(RuntimeWarning, match="damaged"):
        assert book.of("Account") == TableFacts()
    book.count("Account", Counted(3, False, AT))
    assert book.of("Account").counted == Counted(3, False, AT)


_PROCESS = """
import sys
from pathlib import Path
from isthmus.engine.statistics import Learnt, StatisticsBook
book = StatisticsBook(Path(sys.argv[1])).of("crm")
for number in range(50):
    book.learn("Account", Learnt(shares={f"={sys.argv[2]} {number}": (0.1, 1)}))
"""


def test_processes_write_side_by_side(tmp_path: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", _PROCESS, str(tmp_path), str(n)])
        for n in range(3)
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    # one that had to wait too long may have let a fact go; none has damaged the file
    assert len(StatisticsBook(tmp_path).of("crm").of("Account").shares) > 100


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    StatisticsBook(tmp_path).of("crm").count("Account", Counted(3, False, AT))
    assert (tmp_path / "statistics.sqlite").stat().st_mode & 0o077 == 0


ROWS = pa.table(
    {
        "id": pa.array(range(2_000)),
        "name": [f"secret-{i % 7}" for i in range(2_000)],
        "gone": pa.array([None if i % 4 == 0 else i for i in range(2_000)], pa.int64()),
    }
)


def test_answers_teach(memory: Callable[..., Any], tmp_path: Path) -> None:
    with memory({"m": {"t": ROWS}}, state=tmp_path) as con:
        assert len(con.sql("SELECT * FROM m.t").fetchall()) == 2_000
        con.sql("SELECT id FROM m.t WHERE gone IS NULL").fetchall()
    facts = StatisticsBook(tmp_path).of("memory:m").of("t")
    assert facts.counted is not None and facts.counted.rows == 2_000 and facts.counted.exact
    assert facts.columns["id"].distinct == 2_000
    assert (facts.columns["id"].least, facts.columns["id"].most) == (0, 1_999)
    assert facts.columns["name"].distinct == 7
    assert facts.columns["gone"].null_share == 0.25
    assert facts.shares["gone null"].share == 0.25
    key = answer_key([IsNull("gone")])
    assert key is not None and facts.shares[key].rows == 500


def test_no_text_of_a_row_is_kept(memory: Callable[..., Any], tmp_path: Path) -> None:
    with memory({"m": {"t": ROWS}}, state=tmp_path) as con:
        con.sql("SELECT * FROM m.t WHERE name = 'secret-3'").fetchall()
        con.sql("SELECT * FROM m.t").fetchall()
    assert all(b"secret" not in file.read_bytes() for file in tmp_path.iterdir())


def test_an_answer_that_is_not_read_to_its_end_teaches_nothing(
    memory: Callable[..., Any], tmp_path: Path
) -> None:
    with memory({"m": {"t": ROWS}}, state=tmp_path) as con:
        result = con.sql("SELECT * FROM m.t WHERE length(name) > 0 LIMIT 3")
        assert len(result.fetchall()) == 3
    assert StatisticsBook(tmp_path).of("memory:m").of("t").counted is None


def test_without_a_folder_nothing_is_learnt(
    memory: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTHMUS_STATE", str(tmp_path))
    with memory({"m": {"t": ROWS}}, state=None) as con:
        con.sql("SELECT * FROM m.t").fetchall()
    assert list(tmp_path.iterdir()) == []
