"""What a write would do, who may write, and budgets: all before the first call that writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import isthmus
from isthmus.engine.connection import Connection
from isthmus.engine.writes.plan import WritePlan
from isthmus.errors import BudgetExceeded, ConfigError, ParameterError, QueryError, Refused
from isthmus.localorg import LocalOrg
from tests.engine.writes.conftest import MakeConnection, writing_calls

INSERT = "INSERT INTO crm.Account (Name) SELECT Name FROM crm.Contact WHERE LastName = 'x'"


def test_explaining_makes_no_data_call(con: Connection, org: LocalOrg) -> None:
    con.catalog.table("crm", "Account")
    con.sql("SELECT count(*) FROM crm.Contact WHERE Id = 'x'").arrow()
    con.explain(INSERT)  # counts and describes are kept from here on
    org.clear_requests()
    plan = con.explain(INSERT)
    assert isinstance(plan, WritePlan)
    text = "\n".join(line for (line,) in con.sql("EXPLAIN " + INSERT).fetchall())
    assert text == str(plan)
    assert org.requests() == []
    assert "insert crm.Account" in text
    assert "a guess: as many as are read" in text
    assert "SELECT" in text.split("the rows come from:")[1]
    assert json.loads(json.dumps(plan.to_dict(), default=str))["mode"] == "insert"


def test_rows_that_the_text_or_python_has_are_counted(con: Connection, org: LocalOrg) -> None:
    values = "INSERT INTO crm.Account (Name, Site) VALUES ('a', DEFAULT), ('b', 'c')"
    for plan in (
        con.plan_write(values),
        con.plan_write("INSERT INTO crm.Account (Name) SELECT i FROM range(2) r(i)"),
        con.plan_write("crm.Account", "SELECT 'a' AS Name UNION ALL SELECT 'b'"),
        con.plan_write("crm.Account", [{"Name": "a"}, {"Name": "b"}]),
    ):
        assert (plan.rows, plan.basis) == (2, "counted")
        assert plan.write_estimate.calls == 1
        assert plan.problems is None
    assert writing_calls(org) == []


def test_a_dry_run_finds_what_can_be_seen(con: Connection, org: LocalOrg) -> None:
    rows: list[dict[str, Any]] = [
        {"Name": "good"},
        {"Name": "x" * 256},
        {"Name": None},
        {"Name": "x", "AnnualRevenue": "much"},
        {"Name": "x", "ParentId": "001000000000001AAA"},
        {"Name": "x", "ParentId": "nonsense"},
    ]
    plan = con.plan_write("crm.Account", rows, dry_run=True)
    assert plan.problems is not None
    found = {p["position"]: p["error_code"] for p in plan.problems.to_pylist()}
    assert found == {
        1: "STRING_TOO_LONG",
        2: "REQUIRED_FIELD_MISSING",
        3: "VALUE_DOES_NOT_FIT",
        4: "INVALID_CROSS_REFERENCE_KEY",
        5: "MALFORMED_ID",
    }
    assert "problems: 5 rows" in str(plan)
    assert writing_calls(org) == []


def test_a_dry_run_of_a_statement_reads_and_counts(con: Connection, org: LocalOrg) -> None:
    plan = con.plan_write(
        "UPDATE crm.Account SET Name = NULL WHERE External_Id__c IN (?, ?)",
        params=["ACC-000001", "ACC-000002"],
        dry_run=True,
    )
    assert (plan.rows, plan.basis) == (2, "counted")
    assert plan.problems is not None
    assert plan.problems["error_code"].to_pylist() == ["REQUIRED_FIELD_MISSING"] * 2
    assert writing_calls(org) == []


def test_a_plan_leaves_nothing_behind(con: Connection, state: Path) -> None:
    con.plan_write("crm.Account", [{"Name": "a"}], dry_run=True)
    assert not list(state.glob("writes/*"))


def test_what_is_no_write_is_not_planned_as_one(con: Connection) -> None:
    with pytest.raises(QueryError, match="no rows to write"):
        con.plan_write("SELECT 1")


# --- permission


def refused(con: Connection, table: str = "Account") -> bool:
    try:
        con.sql(f"DELETE FROM crm.{table} WHERE Id = 'none'")
    except Refused as error:
        assert "allow_writes" in str(error)
        assert "[sources.crm]" in str(error)
        return True
    return False


@pytest.mark.parametrize(
    ("project", "connection", "account", "contact"),
    [
        (None, None, True, True),
        (True, None, False, False),
        (["account"], None, False, True),
        (None, True, False, False),
        (None, ["crm"], False, False),
        (None, ["CRM.Account"], False, True),
        (None, "crm.Account", False, True),
        (None, ["other"], True, True),
        (True, False, True, True),
        (True, ["crm.Contact"], True, False),
    ],
)
def test_who_may_write(
    project: Any, connection: Any, account: bool, contact: bool, connect: MakeConnection
) -> None:
    source = {} if project is None else {"writes": project}
    con = connect(source, allow_writes=connection)
    assert refused(con) == account
    assert refused(con, "Contact") == contact
    with pytest.raises(Refused) if account else _nothing():
        con.write("crm.Account", [])


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def test_a_refusal_costs_no_data_call_and_shows_in_the_plan(
    connect: MakeConnection, org: LocalOrg
) -> None:
    con = connect(allow_writes=None)
    with pytest.raises(Refused):
        con.sql(INSERT)
    assert all("/query" not in r["path"] for r in org.requests())
    assert "refused: writing to crm.Account is not allowed" in str(con.explain(INSERT))


def test_names_that_mean_nothing_are_refused(connect: MakeConnection) -> None:
    with pytest.raises(ParameterError, match=r"crm\.main\.account"):
        connect(allow_writes=["crm.main.Account"])
    with pytest.raises(ConfigError, match="must be true, false or a list"):
        connect({"writes": "yes"})


def test_a_source_that_is_only_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a\n1\n")
    sources = {"lake": {"kind": "files", "root": str(tmp_path)}}
    with (
        isthmus.connect({"sources": sources}, allow_writes=True) as con,
        pytest.raises(Refused, match="lake can't be written to"),
    ):
        con.sql("INSERT INTO lake.t (a) VALUES (1)")


# --- budgets


def test_a_write_that_costs_too_much_is_refused_before_it_begins(
    con: Connection, org: LocalOrg, mark: str
) -> None:
    data = [{"Name": mark} for _ in range(450)]
    with pytest.raises(BudgetExceeded, match="nothing was written"):
        con.write("crm.Account", data, max_calls=2)
    assert writing_calls(org) == []
    assert con.writes().arrow().num_rows == 0
    with pytest.raises(BudgetExceeded, match="nothing was written"):
        con.sql("INSERT INTO crm.Account (Name) SELECT ? FROM range(450)", [mark], max_calls=2)


def test_calls_that_write_are_counted_and_bound(
    connect: MakeConnection, org: LocalOrg, mark: str
) -> None:
    con = connect({"concurrency": 1}, budget={"max_calls": 3})
    rows = [{"Name": mark, "External_Id__c": f"{mark}-{i}"} for i in range(300)]
    result = con.write("crm.Account", rows, mode="upsert", key="External_Id__c", max_calls=2)
    assert result.bill.writing.calls == len(writing_calls(org)) == 2
    with pytest.raises(BudgetExceeded):
        con.write("crm.Account", rows, mode="upsert", key="External_Id__c")
    # One call is left, and an answer is lost: looking for it is over the budget.
    org.set_fault("drop-connection", path="/composite/sobjects|/sobjects/", keep=0)
    with pytest.raises(BudgetExceeded, match=r"con\.resume") as caught:
        con.write("crm.Account", rows[:1], mode="upsert", key="External_Id__c", write_id=mark)
    assert "3 calls" in str(caught.value)
    with pytest.raises(BudgetExceeded):
        con.resume(mark)
    assert connect().resume(mark).succeeded == 1


def test_a_source_budget_counts_writes(connect: MakeConnection, mark: str) -> None:
    con = connect({"budget": {"calls_per_day": 6}})
    con.write("crm.Account", [{"Name": mark}])
    with pytest.raises(BudgetExceeded):
        for _ in range(6):
            con.write("crm.Account", [{"Name": mark}])
