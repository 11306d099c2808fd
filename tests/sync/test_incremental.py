"""What an incremental run reads and writes, and what it leaves alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from isthmus.catalog.syncs import SyncSpec
from isthmus.connectors.salesforce.replication import Replicas
from isthmus.engine.connection import Connection
from isthmus.engine.sync.result import SyncProgress
from isthmus.errors import BudgetExceeded, ConfigError, DataError, SourceUnavailable
from tests.sync.org import NOW, Crm, accounts, copied, running_crm


@pytest.fixture(scope="module")
def shared() -> Iterator[Crm]:
    with running_crm(switches={"page-size": 200}) as crm:
        yield crm


@pytest.fixture
def crm(shared: Crm) -> Crm:
    """One org for all tests; each begins without accounts, a day later."""
    shared.sql(f"DELETE FROM {shared.table()}")
    shared.org.clear_faults()
    shared.pass_time(86_400 - shared.now.timestamp() % 86_400)
    shared.calls()
    return shared


@pytest.fixture
def con(crm: Crm, tmp_path: Path) -> Iterator[Connection]:
    with crm.connected(tmp_path) as con:
        yield con


@pytest.fixture
def to(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'copy.sqlite'}#account"


INCREMENTAL: dict[str, Any] = {"mode": "incremental"}


def test_the_first_run_copies_everything_and_the_next_what_has_changed(
    crm: Crm, con: Connection, to: str
) -> None:
    ids = [crm.create(Name=f"a{i}") for i in range(30)]
    crm.pass_time(3600)
    first = con.sync("crm.Account", to=to, **INCREMENTAL)
    assert (first.mode, first.rows_in, first.rows_out, first.since) == ("full", 30, 30, None)
    assert first.until == crm.now
    crm.pass_time(3600)
    crm.update(ids[3], Name="changed")
    new = crm.create(Name="new")
    crm.pass_time(5)
    second = con.sync("crm.Account", to=to, **INCREMENTAL)
    assert (second.mode, second.rows_in, second.rows_out) == ("incremental", 2, 2)
    assert second.since == first.until - timedelta(minutes=10) and second.until == crm.now
    assert accounts(con, to) == crm.live()
    assert accounts(con, to)[new][0] == "new"


def test_a_tenth_of_a_percent_costs_five_requests_and_just_its_rows(
    tmp_path: Path, to: str
) -> None:
    with running_crm(data="demo", scale=5) as crm, crm.connected(tmp_path) as con:
        crm.pass_time(1800)
        con.sync("crm.Account", to=to, **INCREMENTAL)
        crm.pass_time(3600)  # within the life of a session
        chosen = sorted(crm.live())[:5]
        for id in chosen:
            crm.update(id, Name="x")
        crm.pass_time(1)
        crm.org.clear_requests()
        run = con.sync("crm.Account", to=to, **INCREMENTAL)
        # describe, count and time among them
        assert len(crm.org.requests()) <= 5
        assert run.bill.calls <= 5 and run.bill.rows <= 1.05 * len(chosen)
        assert run.rows_in == len(chosen)
        assert accounts(con, to) == crm.live()


def test_equal_stamps_at_the_boundary_are_not_lost(crm: Crm, con: Connection, to: str) -> None:
    one = crm.create(Name="one")
    crm.pass_time(7)
    con.sync("crm.Account", to=to, **INCREMENTAL, overlap=0)
    # stamped in the very second in which the window ended, but committed after it was read
    crm.update(one, Name="later in the second")
    crm.create(Name="two")
    crm.pass_time(1)
    run = con.sync("crm.Account", to=to, **INCREMENTAL, overlap=0)
    assert run.rows_in == 2 and accounts(con, to) == crm.live()


def test_rows_that_were_committed_late_are_found_within_the_overlap(
    crm: Crm, con: Connection, to: str
) -> None:
    early, late = crm.create(), crm.create()
    crm.pass_time(3600)
    con.sync("crm.Account", to=to, **INCREMENTAL)
    before = crm.now
    crm.pass_time(3600)
    crm.update(early, Name="within")
    crm.update(late, Name="beyond")
    crm.stamp(early, before - timedelta(minutes=9))
    crm.stamp(late, before - timedelta(minutes=11))
    con.sync("crm.Account", to=to, **INCREMENTAL)
    found = accounts(con, to)
    assert found[early] == crm.live()[early]
    assert found[late] != crm.live()[late], "beyond the overlap nothing is promised"
    con.sync("crm.Account", to=to, **INCREMENTAL, overlap="3 hours")
    assert accounts(con, to) == crm.live()


def test_a_lag_leaves_the_last_seconds_to_the_next_run(crm: Crm, con: Connection, to: str) -> None:
    crm.create(Name="old")
    crm.pass_time(600)
    con.sync("crm.Account", to=to, **INCREMENTAL, lag="1 minute")
    crm.pass_time(600)
    crm.create(Name="too new")
    crm.pass_time(30)
    run = con.sync("crm.Account", to=to, **INCREMENTAL, lag="1 minute")
    assert run.until == crm.now - timedelta(minutes=1)
    assert {row[0] for row in accounts(con, to).values()} == {"old"}
    crm.pass_time(60)
    con.sync("crm.Account", to=to, **INCREMENTAL, lag="1 minute")
    assert accounts(con, to) == crm.live()


@pytest.mark.parametrize("hard", [False, True])
def test_deleted_rows_go(
    crm: Crm, con: Connection, to: str, hard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    of: Any = Replicas.of
    kept, gone = crm.create(), crm.create()
    crm.pass_time(3600)
    con.sync("crm.Account", to=to, **INCREMENTAL)
    crm.pass_time(3600)
    crm.delete(gone)
    crm.pass_time(1)
    if hard:  # the list of deletions is all that tells of it
        monkeypatch.setattr(
            Replicas, "of", lambda self, table: replace(of(self, table), deleted=None)
        )
    run = con.sync("crm.Account", to=to, **INCREMENTAL)
    assert run.deleted == 1 and set(accounts(con, to)) == {kept}


def test_a_row_that_came_back_stays(crm: Crm, con: Connection, to: str) -> None:
    one = crm.create(Name="phoenix")
    crm.pass_time(3600)
    con.sync("crm.Account", to=to, **INCREMENTAL)
    crm.pass_time(60)
    crm.delete(one)
    crm.pass_time(1)
    con.sync("crm.Account", to=to, **INCREMENTAL)
    assert accounts(con, to) == {}
    crm.pass_time(60)
    crm.undelete(one)
    crm.pass_time(1)
    con.sync("crm.Account", to=to, **INCREMENTAL)
    assert accounts(con, to) == crm.live() != {}


def test_deleted_rows_may_be_marked_or_left(crm: Crm, con: Connection, tmp_path: Path) -> None:
    marked, left = f"sqlite:{tmp_path}/m.sqlite#a", f"sqlite:{tmp_path}/l.sqlite#a"
    one = crm.create()
    crm.pass_time(3600)
    for to, deletes in ((marked, "mark"), (left, "ignore")):
        con.sync("crm.Account", to=to, **INCREMENTAL, deletes=deletes)
    crm.delete(one)
    crm.pass_time(1)
    for to, deletes in ((marked, "mark"), (left, "ignore")):
        con.sync("crm.Account", to=to, **INCREMENTAL, deletes=deletes)
    assert copied(con, marked, ["Id", "IsDeleted"]) == [{"Id": one, "IsDeleted": True}]
    assert copied(con, left, ["Id", "IsDeleted"]) == [{"Id": one, "IsDeleted": False}]
    crm.erase(one)
    con.sync("crm.Account", to=marked, **INCREMENTAL, deletes="mark", reconcile=0)
    assert copied(con, marked, ["Id", "IsDeleted"]) == [{"Id": one, "IsDeleted": True}]


def test_keys_are_compared_when_they_are_due(crm: Crm, con: Connection, to: str) -> None:
    kept, gone = crm.create(), crm.create()
    crm.pass_time(3600)
    con.sync("crm.Account", to=to, **INCREMENTAL, reconcile="1 day")
    crm.erase(gone)  # nothing tells of it
    missed = crm.create(Name="missed")
    crm.stamp(missed, NOW)
    crm.pass_time(3600)
    con.sync("crm.Account", to=to, **INCREMENTAL, reconcile="1 day")
    assert set(accounts(con, to)) == {kept, gone}, "a comparison is not due yet"
    crm.pass_time(86_400)
    run = con.sync("crm.Account", to=to, **INCREMENTAL, reconcile="1 day")
    assert run.deleted == 1 and set(accounts(con, to)) == {kept, missed}
    run = con.sync("crm.Account", to=to, **INCREMENTAL, reconcile="1 day")
    assert run.deleted == 0, "it is not due again"


def test_a_hole_in_the_list_of_deletions_has_all_keys_compared(
    crm: Crm, con: Connection, to: str
) -> None:
    kept, gone = crm.create(), crm.create()
    crm.pass_time(3600)
    con.sync("crm.Account", to=to, **INCREMENTAL)
    crm.erase(gone)
    crm.pass_time(86_400 * 20)  # the source tells deletions of 15 days
    run = con.sync("crm.Account", to=to, **INCREMENTAL)
    assert run.deleted == 1 and set(accounts(con, to)) == {kept}


def test_columns_that_move_no_stamp_are_named_and_read_whole_when_due(
    crm: Crm, con: Connection, to: str
) -> None:
    table = crm.table("Trap__c")
    crm.sql(f"DELETE FROM {table}")
    one = crm.create("Trap__c", Name="t")
    crm.pass_time(3600)
    untracked = _formula(con)
    first = con.sync("crm.Trap__c", to=to, **INCREMENTAL)
    assert any(untracked in warning for warning in first.warnings)
    options = {**INCREMENTAL, "refresh": {untracked: "1 day"}}
    con.sync("crm.Trap__c", to=to, **options, full=True)
    crm.sql(f'UPDATE {table} SET "{untracked}" = {_other(con, untracked)} WHERE Id = ?', [one])
    crm.pass_time(3600)
    con.sync("crm.Trap__c", to=to, **options)
    before = copied(con, to, ["Id", untracked])
    crm.pass_time(86_400)
    run = con.sync("crm.Trap__c", to=to, **options)
    after = copied(con, to, ["Id", untracked])
    assert (
        before != after == con.sql(f'SELECT Id, "{untracked}" FROM crm.Trap__c').arrow().to_pylist()
    )
    assert all(untracked not in warning for warning in run.warnings)


def _formula(con: Connection) -> str:
    table = con.catalog.table("crm", "Trap__c")
    told = con.connector("crm").replicator()
    assert told is not None
    found = told.of(table)
    assert found is not None
    return found.untracked[0]


def _other(con: Connection, column: str) -> str:
    type = str(con.catalog.table("crm", "Trap__c").column(column).type)
    return {"string": "'other'", "bool": "true"}.get(type, "42")


def test_a_query_is_kept_up_by_its_cursor(crm: Crm, con: Connection, to: str) -> None:
    query = """SELECT a.Id, upper(a.Name) AS name, a.SystemModstamp AS at
               FROM crm.Account a LEFT JOIN crm.User u ON u.Id = a.OwnerId"""
    options = {"to": to, **INCREMENTAL, "key": "id", "cursor": "AT"}
    one = crm.create(Name="one")
    gone = crm.create(Name="gone")
    crm.pass_time(3600)
    run = con.sync(query, **options)
    assert "reconcile" in run.warnings[0]
    crm.pass_time(3600)
    crm.update(one, Name="eins")
    crm.create(Name="two")
    crm.delete(gone)
    crm.pass_time(1)
    run = con.sync(query, **options)
    assert run.rows_in == 2
    assert {r["name"] for r in copied(con, to, ["name"])} == {"EINS", "TWO", "GONE"}
    con.sync(query, **options, reconcile=0)
    assert {r["name"] for r in copied(con, to, ["name"])} == {"EINS", "TWO"}


def test_rows_without_a_cursor_are_read_each_time(crm: Crm, con: Connection, to: str) -> None:
    query = (
        "SELECT Id, Name, CASE WHEN Name <> 'never' THEN SystemModstamp END AS at FROM crm.Account"
    )
    options = {"to": to, **INCREMENTAL, "key": "Id", "cursor": "at"}
    one = crm.create(Name="never")
    crm.pass_time(3600)
    con.sync(query, **options)
    crm.sql(f"UPDATE {crm.table()} SET Description = 'x' WHERE Id = ?", [one])
    crm.pass_time(3600)
    assert con.sync(query, **options).rows_in == 1


def test_a_full_sync_of_a_view_replaces_the_copy(crm: Crm, tmp_path: Path, to: str) -> None:
    views = {
        "views": {"sql": {"names": "SELECT Name, count(*) AS n FROM crm.Account GROUP BY Name"}}
    }
    with crm.connected(tmp_path, views) as con:
        one = crm.create(Name="a")
        assert con.sync("names", to=to).mode == "full"
        crm.update(one, Name="b")
        run = con.sync("main.names", to=to)
        assert (run.rows_out, run.until) == (1, None)
        assert copied(con, to, ["Name", "n"]) == [{"Name": "b", "n": 1}]
        with pytest.raises(ConfigError, match="key"):
            con.sync("names", to=to, **INCREMENTAL)


def test_syncs_of_the_project_run_by_name(crm: Crm, tmp_path: Path, to: str) -> None:
    spec = {"table": "crm.Account", "to": to, "mode": "incremental"}
    with crm.connected(tmp_path, {"syncs": {"accounts": spec}}) as con:
        crm.create()
        crm.pass_time(1)
        assert con.sync("Accounts").sync == "accounts"
        assert accounts(con, to) == crm.live()
        with pytest.raises(Exception, match=r"(?i)did you mean accounts"):
            con.sync("acounts")
        with pytest.raises(ConfigError, match="project file"):
            con.sync("accounts", mode="full")


@pytest.mark.parametrize(
    ("what", "options", "said"),
    [
        ("crm.Account", {"key": "Nmae"}, "Nmae"),
        ("crm.Account", {"cursor": "Name"}, "the time of a row's last change"),
        ("crm.Account", {"refresh": {"Nope": "1 day"}}, "Nope"),
        ("SELECT 1 AS a, now() AS b", {"key": "a", "cursor": "a"}, "time of a row"),
        ("SELECT 1 AS a, now() AS b", {"key": "a", "cursor": "b", "deletes": "mark"}, "marks"),
    ],
)
def test_what_can_not_be_copied_so_is_told(
    crm: Crm, con: Connection, to: str, what: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        con.sync(what, to=to, **INCREMENTAL, **options)


def test_a_table_without_a_stamp_says_which_columns_it_has(
    crm: Crm, con: Connection, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Replicas, "of", lambda self, table: None)
    with pytest.raises(ConfigError, match="LastModifiedDate"):
        con.sync("crm.Account", to=to, **INCREMENTAL)
    crm.create()
    crm.pass_time(1)
    con.sync("crm.Account", to=to, **INCREMENTAL, cursor="LastModifiedDate")
    assert accounts(con, to) == crm.live()


def test_a_target_that_holds_another_copy_is_refused(crm: Crm, con: Connection, to: str) -> None:
    crm.create()
    con.sync("crm.Account", to=to, **INCREMENTAL)
    with pytest.raises(ConfigError, match="something else"):
        con.sync("crm.Contact", to=to, **INCREMENTAL)
    con.sync("crm.Contact", to=to, **INCREMENTAL, full=True)
    assert copied(con, to, ["Id"]) == []


def test_a_dry_run_reads_no_row_and_writes_nothing(
    crm: Crm, con: Connection, to: str, tmp_path: Path
) -> None:
    crm.create()
    crm.calls()
    plan = con.plan_sync("crm.Account", to=to, **INCREMENTAL)
    assert plan.mode == "full" and plan.estimate.calls >= 1 and "SELECT" in str(plan)
    assert not any("query" in call for call in crm.calls())
    con.sync("crm.Account", to=to, **INCREMENTAL)
    crm.calls()
    plan = con.plan_sync("crm.Account", to=to, **INCREMENTAL)
    assert plan.mode == "incremental" and "SystemModstamp" in str(plan)
    assert plan.calls_by_source["crm"] == plan.questions[0].estimate.calls + 1
    assert not any("query" in call or "deleted" in call for call in crm.calls())


@pytest.mark.parametrize(
    ("deletes", "reconcile"), [("apply", None), ("ignore", None), ("apply", "1 second")]
)
def test_what_comes_lies_in_the_range_that_was_told(
    crm: Crm, con: Connection, to: str, deletes: str, reconcile: str | None
) -> None:
    """Also where more has changed than there was when rows were counted."""
    for i in range(20):
        crm.create(Name=f"n{i}")
        crm.pass_time(86_400)
    con.sql("SELECT * FROM crm.Account").arrow()  # teaches when rows were changed
    given = {**INCREMENTAL, "deletes": deletes, "reconcile": reconcile}
    con.sync("crm.Account", to=to, **given)
    for changed in (0, 250):
        for i in range(changed):
            crm.create(Name=f"m{i}")
        crm.pass_time(3_600)
        plan = con.plan_sync("crm.Account", to=to, **given)
        assert plan.mode == "incremental"
        assert 1 <= plan.estimate.rows <= 100
        assert "rows (0 or more)" in str(plan) and "from values seen" in str(plan)
        run = con.sync("crm.Account", to=to, **given)
        assert run.rows_in == changed
        assert plan.low.rows <= run.bill.rows and plan.low.calls <= run.bill.calls
        assert plan.high is None, "nobody counts what is to come"


def test_budgets_hold(crm: Crm, tmp_path: Path, to: str) -> None:
    for _ in range(3):
        crm.create()
    crm.pass_time(1)
    with crm.connected(tmp_path) as con:
        with pytest.raises(BudgetExceeded, match="predicted"):
            con.sync("crm.Account", to=to, max_calls=0)
        con.sync("crm.Account", to=to, **INCREMENTAL)
        crm.pass_time(60)
        crm.calls()
        # a repeated call is a call: the second is not allowed any more
        crm.org.set_fault("server-unavailable", count=0)
        with pytest.raises((BudgetExceeded, SourceUnavailable)):
            con.sync("crm.Account", to=to, **INCREMENTAL, max_calls=2)
        crm.org.clear_faults()
        assert len([c for c in crm.calls() if "describe" not in c]) <= 4
        con.sync("crm.Account", to=to, **INCREMENTAL)
        assert accounts(con, to) == crm.live()


def test_a_key_that_is_not_unique_is_refused(crm: Crm, con: Connection, to: str) -> None:
    crm.create(Name="twin")
    crm.create(Name="twin")
    with pytest.raises(DataError, match="unique"):
        con.sync("SELECT Name FROM crm.Account", to=to, key="Name")


def test_runs_can_be_queried(crm: Crm, con: Connection, to: str) -> None:
    crm.create()
    crm.pass_time(1)
    con.sync("crm.Account", to=to, name="good", **INCREMENTAL)
    with pytest.raises(ConfigError):
        con.sync("crm.Account", to=to, name="good", **{**INCREMENTAL, "key": "Name"})
    rows = con.sql(
        """SELECT sync, mode, state, rows_in, rows_out, deleted, calls,
                  lag_seconds BETWEEN 0 AND 60, error
           FROM isthmus.sync_runs ORDER BY started"""
    ).fetchall()
    assert rows[0] == ("good", "full", "done", 1, 1, 0, 1, True, None)
    assert rows[1][:3] == ("good", "incremental", "failed") and "key" in rows[1][8]
    assert "isthmus" not in str(con.sql("SHOW TABLES").arrow())


def test_progress_is_told(crm: Crm, con: Connection, to: str) -> None:
    for i in range(25):
        crm.create(Name=f"a{i}")
    seen: list[SyncProgress] = []
    con.sync("crm.Account", to=to, rows_per_part=10, on_progress=seen.append)
    assert [p.rows for p in seen if p.doing == "reading"] == [10, 20, 25]
    assert all(p.of is not None and p.calls >= 1 for p in seen)


@pytest.fixture
def every_to(place: Callable[[str], dict[str, Any]], kind: str) -> dict[str, Any]:
    return place(kind)


def test_every_field_type_in_every_target(
    tmp_path: Path, kind: str, every_to: dict[str, Any]
) -> None:
    with running_crm(data="demo", scale=0.2) as crm, crm.connected(tmp_path) as con:
        con.sync("crm.Trap__c", to=every_to, **INCREMENTAL)
        names = [c.name for c in con.catalog.table("crm", "Trap__c").columns]
        wanted = con.sql("SELECT * FROM crm.Trap__c").arrow()
        from isthmus.engine.sync.targets import make

        spec = con._sync_room().spec("t", {"to": every_to})
        assert isinstance(spec, SyncSpec)
        target = make(spec.to)
        found = {r["Id"]: r for r in copied(con, every_to, names)}
        assert len(found) == wanted.num_rows > 100
        for field in wanted.schema:
            stored = target.stored(_plain(field.type))
            column = wanted.column(field.name).cast(_plain(field.type)).cast(stored)
            for row, value in zip(wanted.column("Id").to_pylist(), column.to_pylist(), strict=True):
                assert found[row][field.name] == value, field.name


def _plain(type: Any) -> Any:
    from isthmus.engine.sync.layout import plain

    return plain(type)


def test_sqlite_holds_exact_decimals_as_text(crm: Crm, con: Connection, tmp_path: Path) -> None:
    con.sync("SELECT 0.10::DECIMAL(18, 2) AS d", to=f"sqlite:{tmp_path}/d.sqlite#d")
    db = sqlite3.connect(tmp_path / "d.sqlite")
    assert db.execute("SELECT d, typeof(d) FROM d").fetchall() == [("0.10", "text")]
    db.close()
