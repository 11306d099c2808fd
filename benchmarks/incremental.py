"""What a run of an incremental sync costs when one row in a thousand has changed.

    python -m benchmarks.incremental --rows 1000000

Opportunity, all columns, into a DuckDB file. Between two runs 0.1 % of the rows change at moments
that are spread over the time from run to run: of ten changes eight are updates, one is a new row
and one a deletion. The org is in this process, so that its clock can be moved: runs are a day, an
hour and a quarter of an hour apart. Each run begins with a new connection, as a scheduled command
does; all calls count that count for Salesforce, describes and one with a session that has expired
too (logins and the list of versions do not). The overlap of 10 minutes reads again what changed
shortly before the last run. After each run the copy's keys and stamps must be the org's.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import duckdb

import isthmus
from isthmus.engine.sync.result import SyncRun
from isthmus.localorg import LocalOrg
from isthmus.localorg.demo import ADMIN_ID

TABLE = "Opportunity"
ROWS_PER_SCALE = 980  # of 1,000, the demo has deleted 20
INTERVALS = {"a day": 86_400, "an hour": 3_600, "15 minutes": 900}
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Round:
    """One run: how many rows had changed before it, and what it took."""

    changed: int
    run: SyncRun
    calls: int


class World:
    """An org whose clock is moved by hand, and a copy of one of its tables."""

    def __init__(self, org: LocalOrg, folder: Path, seed: int) -> None:
        self._org = org
        self._folder = folder
        self._random = Random(seed)
        self._ready = folder / "org.json"
        self._ready.write_text(json.dumps(org.ready))
        self._copy = folder / "copy.duckdb"

    def sync(self, overlap: str | None = None) -> tuple[SyncRun, int]:
        """A run, and its API calls."""
        self._org.clear_requests()
        source = {"kind": "salesforce", "ready_file": str(self._ready)}
        with isthmus.connect(
            {"sources": {"crm": source}}, state=self._folder / "state", time_zone="UTC"
        ) as con:
            run = con.sync(
                f"crm.{TABLE}", to=f"duckdb:{self._copy}#copy", mode="incremental", overlap=overlap
            )
        asked = [r["path"] for r in self._org.requests() if r["path"].startswith("/services/data/")]
        return run, len(asked)

    def change(self, count: int, seconds: float) -> None:
        """So many rows change in the course of so much time."""
        records, clock = self._org.org.records, self._org.clock
        ids = self._ids()
        for number, id in enumerate(self._random.sample(ids, count)):
            clock.advance(seconds / count)
            if number % 10 == 0:
                fields = {"Name": "new", "StageName": "Closed Won", "CloseDate": "2026-03-01"}
                records.create(TABLE, fields, now=clock.now(), user_id=ADMIN_ID)
            elif number % 10 == 1:
                records.delete(TABLE, id, now=clock.now(), user_id=ADMIN_ID)
            else:
                changed = {"Description": f"changed {number}"}
                records.update(TABLE, id, changed, now=clock.now(), user_id=ADMIN_ID)
        clock.advance(5)  # what has the stamp of a window's end belongs to the next one

    def _ids(self) -> list[str]:
        return [id for id, _ in self._live()]

    def _live(self) -> list[tuple[Any, ...]]:
        store = self._org.store
        with store.writing() as cursor:
            return cursor.execute(
                f"SELECT Id, epoch_us(SystemModstamp) FROM {store.table(TABLE)} "
                "WHERE NOT IsDeleted ORDER BY Id"
            ).fetchall()

    def demand_equal(self) -> None:
        """Return if the copy has the org's rows; RuntimeError if not."""
        with duckdb.connect(str(self._copy), read_only=True) as copy:
            found = copy.execute(
                "SELECT Id, epoch_us(SystemModstamp) FROM copy ORDER BY Id"
            ).fetchall()
        if found != self._live():
            raise RuntimeError("the copy does not have the rows of the org")


@contextmanager
def world(rows: int) -> Iterator[World]:
    scale = max(rows // ROWS_PER_SCALE, 1)
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalOrg(scale=scale, now=NOW) as org,
    ):
        yield World(org, Path(folder), seed=7)


def rounds(rows: int) -> Iterator[tuple[str, Round]]:
    """The first run, then two for each interval, of which the second counts."""
    changed = rows // 1_000
    with world(rows) as made:
        run, calls = made.sync()
        made.demand_equal()
        yield "the first run", Round(run.rows_in, run, calls)
        for name, seconds in INTERVALS.items():
            for counted in (False, True):
                made.change(changed, seconds)
                run, calls = made.sync()
                made.demand_equal()
                if counted:
                    yield name, Round(changed, run, calls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    print("| runs apart | rows changed | rows read / changed | calls | MB | s |")
    print("|---|---|---|---|---|---|")
    for name, one in rounds(options.rows):
        run = one.run
        print(
            f"| {name} | {one.changed:,} | {run.rows_in / one.changed:.3f} | {one.calls} "
            f"| {run.bill.bytes / 1e6:.1f} | {run.seconds:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
