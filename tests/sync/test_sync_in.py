"""Syncs into an org: what differs is sent once, what is gone goes when asked, failures show."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import isthmus
from isthmus.errors import ConfigError, DataError, Refused, SyncRunning
from isthmus.localorg import LocalOrg

QUERY = "SELECT key AS External_Id__c, name AS Name, revenue AS AnnualRevenue FROM lake.shop"


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=0.02) as org:
        yield org


class Shop:
    """A shop's customers, kept up to date in the org under keys of their own."""

    def __init__(self, org: LocalOrg, folder: Path, prefix: str) -> None:
        self.org, self.folder, self.prefix = org, folder, prefix
        self.rows: dict[str, tuple[str | None, float | None]] = {}
        (folder / "lake").mkdir()
        (folder / "org.json").write_text(json.dumps(org.ready))
        self.sync()

    def sync(self, **more: Any) -> None:
        """Write the project file."""
        keys = {"direction": "in", "query": QUERY, "to": "crm.Account", "key": "External_Id__c"}
        lines = [f"{name} = {json.dumps(value)}" for name, value in (keys | more).items()]
        (self.folder / "isthmus.toml").write_text(
            '[sources.crm]\nkind = "salesforce"\nready_file = "org.json"\nwrites = ["Account"]\n'
            '[sources.lake]\nkind = "files"\nroot = "lake"\n[syncs.shop]\n' + "\n".join(lines)
        )

    def put(self, *numbers: int, name: str | None = "n", revenue: float | None = 1.0) -> None:
        for number in numbers:
            self.rows[f"{self.prefix}{number:03}"] = (name, revenue)
        self.save()

    def save(self) -> None:
        keys, rows = list(self.rows), list(self.rows.values())
        table = pa.table(
            {
                "key": pa.array(keys, pa.string()),
                "name": pa.array([r[0] for r in rows], pa.string()),
                "revenue": pa.array([r[1] for r in rows], pa.float64()),
                "moved": pa.array(range(len(keys)), pa.int64()),
            }
        )
        pq.write_table(table, self.folder / "lake" / "shop.parquet")

    def connect(self, **more: Any) -> isthmus.Connection:
        return isthmus.connect(self.folder, state=self.folder / "state", **more)

    def in_org(self) -> dict[str, tuple[str, float | None]]:
        with self.connect() as con:
            found = con.sql(
                "SELECT External_Id__c, Name, AnnualRevenue::DOUBLE FROM crm.Account "
                f"WHERE External_Id__c LIKE '{self.prefix}%' ORDER BY 1"
            ).fetchall()
        return {key: (name, revenue) for key, name, revenue in found}

    def writes(self) -> int:
        """Requests that write, since asked last."""
        found = [r for r in self.org.requests() if r["method"] in ("POST", "PATCH", "DELETE")]
        self.org.clear_requests()
        return sum("oauth" not in r["path"] for r in found)


@pytest.fixture
def shop(org: LocalOrg, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    org.clear_faults()
    yield Shop(org, tmp_path, f"{request.node.name[:20]}-{abs(hash(request.node.name)) % 1000}-")
    org.clear_faults()


def test_what_is_new_or_different_is_sent_and_nothing_else(shop: Shop) -> None:
    shop.put(*range(5))
    with shop.connect() as con:
        first = con.sync("shop")
        assert (first.rows_in, first.rows_out, first.failed) == (5, 5, 0)
        assert shop.in_org() == shop.rows
        shop.writes()
        again = con.sync("shop")
        assert (again.rows_in, again.rows_out) == (5, 0)
        assert shop.writes() == 0
        shop.put(3, name="other", revenue=None)
        shop.put(7)
        third = con.sync("shop")
        assert (third.rows_in, third.rows_out) == (6, 2)
    assert shop.in_org() == shop.rows


def test_a_full_run_sends_everything_again(shop: Shop) -> None:
    shop.put(1, 2)
    with shop.connect() as con:
        con.sync("shop")
        assert con.sync("shop", full=True).rows_out == 2


def test_rows_that_the_query_has_lost_stay_unless_asked_otherwise(shop: Shop) -> None:
    shop.put(1, 2, 3)
    with shop.connect() as con:
        con.sync("shop")
    del shop.rows[f"{shop.prefix}002"]
    shop.save()
    with shop.connect() as con:
        assert con.sync("shop").deleted == 0
    assert len(shop.in_org()) == 3
    shop.sync(deletes="apply")
    with shop.connect() as con:
        assert con.sync("shop").deleted == 1
        assert con.sync("shop").deleted == 0
    assert shop.in_org() == shop.rows


def test_a_row_that_somebody_else_has_deleted_is_gone(shop: Shop) -> None:
    shop.sync(deletes="apply")
    shop.put(1, 2, 3)
    with shop.connect() as con:
        con.sync("shop")
        con.sql(f"DELETE FROM crm.Account WHERE External_Id__c = '{shop.prefix}002'")
        del shop.rows[f"{shop.prefix}002"]
        shop.save()
        run = con.sync("shop")
        assert (run.deleted, run.failed) == (1, 0)
        assert con.sync("shop").deleted == 0


def test_too_many_deletions_are_refused(shop: Shop) -> None:
    shop.sync(deletes="apply")
    shop.put(1, 2, 3)
    with shop.connect() as con:
        con.sync("shop")
        kept, shop.rows = shop.rows, {}
        shop.save()
        with pytest.raises(DataError, match=r"would delete 3 of 3 rows.*\n.*most_deletes"):
            con.sync("shop")
    assert shop.in_org() == kept
    shop.sync(deletes="apply", most_deletes=1.0)
    with shop.connect() as con:
        assert con.sync("shop").deleted == 3
    assert shop.in_org() == {}


def test_rows_that_fail_are_in_a_file_and_tried_again(shop: Shop) -> None:
    shop.put(1, 2)
    shop.put(3, name=None)
    with shop.connect() as con:
        run = con.sync("shop")
        assert (run.rows_out, run.failed) == (2, 1)
        assert "1 rows were not written" in str(run)
        with (shop.folder / "state/syncs/shop/rejected.csv").open() as file:
            [rejected] = csv.DictReader(file)
        assert rejected["External_Id__c"] == f"{shop.prefix}003"
        assert rejected["error_code"] == "REQUIRED_FIELD_MISSING"
        shop.put(3, name="mended")
        assert con.sync("shop").rows_out == 1
        assert not (shop.folder / "state/syncs/shop/rejected.csv").exists()
    assert shop.in_org() == shop.rows


def test_rows_that_could_not_be_deleted_are_in_the_file_beside_the_others(shop: Shop) -> None:
    shop.sync(deletes="apply", most_deletes=1.0)
    shop.put(*range(5))
    with shop.connect() as con:
        con.sync("shop")
        locked, gone = f"{shop.prefix}001", f"{shop.prefix}002"
        query = f"SELECT Id FROM crm.Account WHERE External_Id__c = '{locked}'"
        id = con.sql(query).fetchall()[0][0]
        con.sql(f"DELETE FROM crm.Account WHERE External_Id__c = '{gone}'")
        for key in (locked, gone, f"{shop.prefix}003"):
            del shop.rows[key]
        shop.put(4, name=None)
        shop.org.set_fault("row-lock", count=0, record=id)
        run = con.sync("shop")
        assert (run.rows_out, run.deleted, run.failed) == (0, 2, 2)
        with (shop.folder / "state/syncs/shop/rejected.csv").open() as file:
            rejected = list(csv.DictReader(file))
        assert [row["error_code"] for row in rejected] == [
            "REQUIRED_FIELD_MISSING",
            "UNABLE_TO_LOCK_ROW",
        ]
        assert rejected[0]["External_Id__c"] == f"{shop.prefix}004"
        assert rejected[1]["Id"] == id


def test_with_a_cursor_older_rows_are_not_read_but_those_that_failed_are(shop: Shop) -> None:
    query = QUERY.replace("SELECT ", "SELECT moved AS NumberOfEmployees, ")
    shop.sync(query=query, cursor="NumberOfEmployees")
    shop.put(0, 1, 2, 3)
    with shop.connect() as con:
        assert con.sync("shop").rows_in == 4
        shop.put(4)
        assert con.sync("shop").rows_in == 2, "the last one again, for its equals"
        shop.put(5, name=None)
        shop.put(6)
        assert con.sync("shop").failed == 1
        shop.put(5, name="mended")
        run = con.sync("shop")
        assert (run.rows_in, run.rows_out) == (2, 1)
    assert shop.in_org() == shop.rows


def test_two_rows_of_one_key_are_refused_before_anything_is_written(shop: Shop) -> None:
    shop.sync(query=f"{QUERY} UNION ALL {QUERY}")
    shop.put(1)
    with shop.connect() as con, pytest.raises(DataError, match="two rows have the key"):
        con.sync("shop")
    assert shop.in_org() == {}


@pytest.mark.parametrize("nth", range(1, 4))
def test_a_run_that_is_broken_off_goes_on(shop: Shop, nth: int) -> None:
    shop.put(*range(450))
    with shop.connect() as con:
        shop.org.set_fault("server-unavailable", count=0, nth=nth, path="/composite")
        with pytest.raises(isthmus.IsthmusError):
            con.sync("shop")
    shop.org.clear_faults()
    with shop.connect() as con:
        con.sync("shop")
        assert con.sync("shop").rows_out == 0
        states = con.sql("SELECT state FROM isthmus.sync_runs ORDER BY started").fetchall()
    assert states == [("failed",), ("done",), ("done",)]
    assert shop.in_org() == shop.rows


def test_it_must_be_allowed(shop: Shop) -> None:
    shop.put(1)
    with (
        shop.connect(allow_writes=False) as con,
        pytest.raises(Refused, match="allow_writes"),
    ):
        con.sync("shop")
    assert shop.in_org() == {}


def test_a_plan_makes_no_data_call(shop: Shop) -> None:
    shop.put(*range(3))
    shop.writes()
    with shop.connect() as con:
        plan = con.plan_sync("shop")
        assert "upsert by External_Id__c" in str(plan) and plan.calls_by_source["crm"] == 1
    assert shop.writes() == 0


def test_from_python_without_a_project_entry(shop: Shop) -> None:
    shop.put(1, 2)
    with shop.connect() as con:
        run = con.sync(QUERY, to="crm.Account", key="External_Id__c", direction="in", name="once")
    assert run.rows_out == 2


def test_two_runs_at_once_are_refused(shop: Shop) -> None:
    shop.put(1)
    with shop.connect() as con, shop.connect() as other:
        refused: list[Exception] = []

        def meanwhile(progress: object) -> None:
            if not refused:
                with pytest.raises(SyncRunning) as caught:
                    other.sync("shop")
                refused.append(caught.value)

        con.sync("shop", on_progress=meanwhile)
        assert len(refused) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": None}, "does not say key"),
        ({"to": None}, "does not say to"),
        ({"query": None}, "either its query or its table"),
        ({"cursor": "x", "deletes": "apply"}, "does not see which rows are gone"),
        ({"most_deletes": 2}, "most_deletes is 2"),
        ({"mode": "full"}, "mode"),
    ],
)
def test_a_sync_that_makes_no_sense_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    keys = {"direction": "in", "query": "SELECT 1", "to": "crm.Account", "key": "X__c"} | change
    sync = {name: value for name, value in keys.items() if value is not None}
    with pytest.raises(ConfigError) as caught:
        isthmus.connect({"syncs": {"a": sync}})
    assert words in str(caught.value)
