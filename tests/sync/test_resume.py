"""A run that broke off is taken up: what was fetched is not fetched again, but for one part."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus.engine.connection import Connection
from isthmus.engine.sync.hold import held
from isthmus.errors import SourceUnavailable, SyncRunning
from isthmus.localorg.settings import Settings
from tests.sync.org import Crm, accounts, running_crm

ROWS, PAGE, PART = 2_000, 200, 400
BULK_PAGE = 300


@pytest.fixture(scope="module")
def crm() -> Iterator[Crm]:
    settings = Settings(bulk_page_rows=BULK_PAGE)
    with running_crm(switches={"page-size": PAGE}, settings=settings) as crm:
        first = crm.create(Name="first")
        table = crm.table()
        # as many as it takes for several pages, made at once
        made = [crm.create(Name=f"a{i}") for i in range(20)]
        columns = [r[0] for r in crm.sql(f"SELECT column_name FROM (DESCRIBE {table})")]
        others = ", ".join(f'"{c}"' for c in columns if c != "Id")
        from isthmus.localorg import ids

        numbers = [ids.make("001", 10_000 + i) for i in range(ROWS - 21)]
        crm.sql(
            f'INSERT INTO {table} ("Id", {others}) SELECT n, {others} FROM {table}, '
            "(SELECT unnest(?) AS n) WHERE Id = ?",
            [numbers, first],
        )
        assert len(crm.live()) == ROWS and made
        crm.pass_time(60)
        yield crm


@pytest.fixture
def con(crm: Crm, tmp_path: Path) -> Iterator[Connection]:
    with crm.connected(tmp_path) as con:
        yield con
    crm.org.clear_faults()


def rows_sent(crm: Crm) -> int:
    found = sum(r["rows"] or 0 for r in crm.org.requests() if "/query" in r["path"])
    crm.org.clear_requests()
    return found


@pytest.mark.parametrize("nth", [3, 4, 7, 9, 12])
def test_a_first_run_goes_on_behind_its_last_safe_part(
    crm: Crm, con: Connection, tmp_path: Path, nth: int
) -> None:
    to = f"sqlite:{tmp_path}/copy.sqlite#a"
    options: dict[str, Any] = {"to": to, "mode": "incremental", "rows_per_part": PART}
    crm.org.clear_requests()
    crm.org.set_fault("request-limit", nth=nth)
    with pytest.raises(SourceUnavailable):
        con.sync("crm.Account", **options)
    crm.org.clear_faults()
    run = con.sync("crm.Account", **options)
    assert rows_sent(crm) <= ROWS + PART
    assert run.rows_in == ROWS and accounts(con, to) == crm.live()
    states = con.sql("SELECT state, resumed FROM isthmus.sync_runs ORDER BY started").fetchall()
    assert [s for s, _ in states] == ["failed", "done"]
    if nth > 6:
        assert run.resumed and states[1][1]


@pytest.fixture
def by_job(crm: Crm, tmp_path: Path) -> Iterator[Connection]:
    with crm.connected(tmp_path, access="bulk") as con:
        yield con
    crm.org.clear_faults()
    crm.org.clear_requests()


def asked_of_jobs(crm: Crm) -> list[tuple[str, str]]:
    found = [(r["method"], r["path"].partition("/jobs/query")[2]) for r in crm.org.requests()]
    return [(method, path) for method, path in found if path or method == "POST"]


#: The job's requests: its making, two looks at it, a page, the addresses of the next five, these,
#: the address of the last one, and that.
@pytest.mark.parametrize("nth", range(1, 13))
def test_a_bulk_job_is_made_once_and_read_on_from_its_place(
    crm: Crm, by_job: Connection, tmp_path: Path, nth: int
) -> None:
    to = f"sqlite:{tmp_path}/copy.sqlite#a"
    options: dict[str, Any] = {"to": to, "mode": "incremental", "rows_per_part": PART}
    crm.org.clear_requests()
    crm.org.set_fault("request-limit", nth=nth, path="/jobs/query")
    with pytest.raises(SourceUnavailable):
        by_job.sync("crm.Account", **options)
    crm.org.clear_faults()
    run = by_job.sync("crm.Account", **options)
    asked = asked_of_jobs(crm)
    assert len([m for m, _ in asked if m == "POST"]) == 1 + (nth == 1), "one job, once it was made"
    assert asked[-1][0] == "DELETE" and not crm.org.org.bulk.listed(crm.now)
    # a part that was not full, the page that it began in, and the one on its way
    assert rows_sent(crm) <= ROWS + PART + 2 * BULK_PAGE
    assert run.rows_in == ROWS and accounts(by_job, to) == crm.live()


@pytest.mark.parametrize("nth", [3, 8, 11])
def test_where_the_job_is_gone_the_fetch_begins_anew(
    crm: Crm, by_job: Connection, tmp_path: Path, nth: int
) -> None:
    to = f"sqlite:{tmp_path}/copy.sqlite#a"
    options: dict[str, Any] = {"to": to, "mode": "incremental", "rows_per_part": PART}
    crm.org.set_fault("request-limit", nth=nth, path="/jobs/query")
    with pytest.raises(SourceUnavailable):
        by_job.sync("crm.Account", **options)
    crm.org.clear_faults()
    (job,) = crm.org.org.bulk.listed(crm.now)
    if job.ended(crm.now) is None:
        job.abort(crm.now)
    crm.org.org.bulk.delete(job, crm.now)
    run = by_job.sync("crm.Account", **options)
    assert run.rows_in == ROWS and accounts(by_job, to) == crm.live()


def test_staged_rows_are_gone_afterwards(crm: Crm, con: Connection, tmp_path: Path) -> None:
    con.sync("crm.Account", to=f"sqlite:{tmp_path}/copy.sqlite#a", name="tidy")
    assert sorted(p.name for p in (tmp_path / "state" / "syncs" / "tidy").iterdir()) == [
        "holder.json",
        "lock.sqlite",
    ]


def test_another_aim_begins_anew(crm: Crm, con: Connection, tmp_path: Path) -> None:
    to = f"sqlite:{tmp_path}/copy.sqlite#a"
    options: dict[str, Any] = {"to": to, "name": "x", "rows_per_part": PART}
    crm.org.set_fault("request-limit", nth=9)
    with pytest.raises(SourceUnavailable):
        con.sync("crm.Account", mode="full", **options)
    crm.org.clear_faults()
    run = con.sync("crm.Account", mode="incremental", **options)
    assert not run.resumed and accounts(con, to) == crm.live()


def test_a_second_run_at_once_is_refused_with_the_first_one_named(tmp_path: Path) -> None:
    folder = tmp_path / "syncs" / "accounts"
    with (
        held("accounts", folder),
        pytest.raises(SyncRunning) as caught,
        held("accounts", folder),
    ):
        pytest.fail("two hold it")
    said = str(caught.value)
    assert f"process {os.getpid()}" in said and socket.gethostname() in said and "since 20" in said
    with held("accounts", folder), held("others", tmp_path / "syncs" / "others"):
        pass


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    code = f"""
        import os, signal
        from pathlib import Path
        from isthmus.engine.sync.hold import held
        with held("a", Path({str(tmp_path)!r})):
            print("held", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "held\n" and done.returncode < 0
    assert json.loads((tmp_path / "holder.json").read_text())["pid"] != os.getpid()
    with held("a", tmp_path):
        assert json.loads((tmp_path / "holder.json").read_text())["pid"] == os.getpid()
