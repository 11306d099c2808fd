"""A write goes by fewer calls where budgets leave too few for its usual way, and only there."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.connectors.writing import WriteKind
from isthmus.engine.connection import Connection
from isthmus.engine.writes.parts import Part
from isthmus.engine.writes.plan import WritePlan
from isthmus.engine.writes.ways import fragments_of
from isthmus.errors import BudgetExceeded, IsthmusError
from isthmus.localorg import LocalOrg
from tests.engine.writes.conftest import MakeConnection, writing_calls

#: Ten calls of Collections, or a job of nine.
ROWS = 1_900
KEY = "External_Id__c"
COLLECTIONS, BULK = "sObject Collections", "Bulk 2.0 ingest"
INSERT = f"INSERT INTO crm.Account (Name) SELECT i FROM range({ROWS}) r(i)"


def rows(mark: str, count: int = ROWS) -> list[dict[str, Any]]:
    return [{"Name": mark, KEY: f"{mark}-{i}"} for i in range(count)]


def there(con: Connection, mark: str) -> int:
    text = f"SELECT count(*) FROM crm.Account WHERE starts_with({KEY}, ?)"
    return int(con.sql(text, [f"{mark}-"]).fetchall()[0][0])


def test_a_plan_says_by_which_way_and_why(con: Connection) -> None:
    usual, forced = con.plan_write(INSERT), con.plan_write(INSERT, max_calls=9)
    assert str(usual).splitlines()[:4] == [
        "insert crm.Account: 1,900 rows (counted)",
        "  insert: Name",
        "    path: sObject Collections, up to 200 rows at once, 4 at a time",
        "    calls: 10 for 1,900 rows",
    ]
    assert str(forced).splitlines()[:5] == [
        "insert crm.Account: 1,900 rows (counted)",
        "  insert: Name",
        "    path: Bulk 2.0 ingest, up to 100,000 rows at once, 1 at a time",
        "    why: sObject Collections would be 10 calls, and budgets leave 9",
        "    calls: 9 for 1,900 rows",
    ]
    assert forced.to_dict()["writes"][0]["why"] == forced.fragments[0].why
    told = con.sql(f"EXPLAIN {INSERT}", max_calls=9).fetchall()
    assert "\n".join(line for (line,) in told) == str(forced)


@pytest.mark.parametrize("kind", ["connection", "day", "reserve"])
@pytest.mark.parametrize(("most", "path"), [(9, BULK), (10, COLLECTIONS)])
def test_each_budget_decides(
    kind: str, most: int, path: str, connect: MakeConnection, org: LocalOrg
) -> None:
    used = org.org.usage.used(org.clock.now())
    source, connection = {
        "connection": ({}, {"max_calls": most}),
        "day": ({"calls_per_day": most + 1}, {}),
        "reserve": ({"reserve": org.org.settings.daily_requests - used - most - 1}, {}),
    }[kind]
    con = connect({"budget": source}, budget=connection)
    con.catalog.table("crm", "Account")  # one call, whose answer tells the org's own count
    explained = con.explain(INSERT)
    assert isinstance(explained, WritePlan)
    for plan in (explained, con.plan_write("crm.Account", rows("x"))):
        assert [fragment.access_path for fragment in plan.fragments] == [path]


def test_what_the_reading_needs_is_not_left(con: Connection) -> None:
    text = "INSERT INTO crm.Account (Name) SELECT i FROM crm.Contact, range(60) r(i) LIMIT 1900"
    for most, path in ((10, BULK), (11, COLLECTIONS)):
        plan = con.plan_write(text, max_calls=most, dry_run=True)
        assert plan.reading is not None and plan.reading.estimate.calls == 1
        assert (plan.rows, plan.fragments[0].access_path) == (ROWS, path)


def test_the_org_counts_no_more_than_the_budget(con: Connection, org: LocalOrg, mark: str) -> None:
    con.catalog.table("crm", "Account")
    org.clear_requests()
    done = con.write("crm.Account", rows(mark), max_calls=9)
    assert done.succeeded == ROWS
    assert done.plan.fragments[0].access_path == BULK
    jobs = [r for r in org.requests() if "/jobs/ingest" in r["path"]]
    assert len(jobs) == done.bill.writing.calls <= 9
    assert there(con, mark) == ROWS


def test_where_no_way_fits_nothing_is_written(con: Connection, org: LocalOrg, mark: str) -> None:
    for count, most, path in ((ROWS, 8, BULK), (450, 2, COLLECTIONS)):
        with pytest.raises(BudgetExceeded, match=rf"nothing was written\n(.|\n)*path: {path}"):
            con.write("crm.Account", rows(mark, count), max_calls=most)
    assert writing_calls(org) == []
    assert con.writes().arrow().num_rows == 0


def test_what_the_user_asks_for_is_done_or_refused(con: Connection, org: LocalOrg) -> None:
    for options, on_error in ((["collections"], "stop"), ([], "all_or_none")):
        plan = con.plan_write(
            "crm.Account", rows("x"), options=options, on_error=on_error, max_calls=9
        )
        assert plan.fragments[0].access_path == COLLECTIONS
    with pytest.raises(BudgetExceeded):
        con.write("crm.Account", rows("x"), options=["collections"], max_calls=9)
    assert writing_calls(org) == []


def test_parts_share_what_is_left(con: Connection) -> None:
    """Of three parts, as many go another way as must."""
    table, writer = con.catalog.table("crm", "Account"), con._connectors["crm"].writer()
    parts = [
        (Part(table, WriteKind.INSERT, ("Name",), None, (0,)), ROWS),
        (Part(table, WriteKind.UPDATE, ("Id", "Name"), "Id", (0, 1)), 100),
        (Part(table, WriteKind.DELETE, ("Id",), "Id", (0,)), ROWS),
    ]
    for left, jobs in ((None, 0), (21, 0), (20, 1), (19, 2), (3, 2)):
        chosen = fragments_of(parts, writer, all_or_none=False, calls_left=left)
        assert [f.access_path for f in chosen].count(BULK) == jobs
        assert chosen[1].access_path == COLLECTIONS
        assert sum(f.estimate.calls for f in chosen) == 21 - jobs


@pytest.mark.parametrize(("most", "path"), [(9, BULK), (None, COLLECTIONS)])
def test_a_write_goes_on_by_the_way_that_it_was_begun(
    most: int | None, path: str, connect: MakeConnection, org: LocalOrg, mark: str
) -> None:
    con = connect({"concurrency": 1})
    org.set_fault("server-unavailable", path="/batches|/composite/sobjects", count=0)
    with pytest.raises(IsthmusError, match=r"con\.resume"):
        con.write(
            "crm.Account",
            rows(mark),
            mode="upsert",
            key=KEY,
            write_id=mark,
            timeout=1.0,
            max_calls=most,
        )
    org.clear_faults()
    result = con.resume(mark, max_calls=None if path == BULK else 11)
    assert result.plan.fragments[0].access_path == path
    assert result.succeeded == there(con, mark) == ROWS
