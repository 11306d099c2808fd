"""The bounds of a plan hold whatever the other scans of the query bring."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

import isthmus
from isthmus.connectors.contract import Bill
from isthmus.engine.connection import Connection
from isthmus.engine.plan import Plan
from isthmus.localorg import LocalOrg


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(scale=3, now=datetime(2025, 6, 1, tzinfo=UTC)) as org:
        yield org


@pytest.fixture(scope="module")
def con(org: LocalOrg) -> Iterator[Connection]:
    token = org.ready["access_token"]
    crm = {"kind": "salesforce", "instance_url": org.https, "access_token": token}
    with isthmus.connect({"sources": {"crm": {**crm, "ca_file": org.ca_file}}}, state=None) as con:
        yield con


QUERIES = [
    "SELECT Id, Name FROM crm.Account",
    "SELECT Id, Name FROM crm.Account WHERE Industry = 'Energy'",
    "SELECT Id FROM crm.Account WHERE length(Name) > 3 LIMIT 5",
    "SELECT Id FROM crm.Account LIMIT 0",
    "SELECT count(*) FROM crm.Opportunity",
    "SELECT StageName, count(*) FROM crm.Opportunity GROUP BY 1",
    "SELECT a.Name, o.Amount FROM crm.Account a JOIN crm.Opportunity o ON o.AccountId = a.Id",
    "SELECT a.Name, c.LastName FROM crm.Account a LEFT JOIN crm.Contact c ON c.AccountId = a.Id",
    "SELECT * FROM crm.Account a JOIN (VALUES ('x')) v(k) ON a.Id = v.k",
    "SELECT Id FROM crm.Account WHERE Id IN (SELECT AccountId FROM crm.Contact WHERE false)",
    "SELECT Id FROM crm.Account UNION ALL SELECT Id FROM crm.Contact",
    "SELECT Id FROM crm.Account WHERE Name = 'no such' AND Id IN (SELECT AccountId FROM crm.Case)",
    "SELECT Name FROM crm.Opportunity ORDER BY Amount DESC NULLS LAST, Id LIMIT 3",
]


@pytest.mark.parametrize("query", QUERIES)
def test_the_actual_calls_and_rows_are_within_the_range(
    con: Connection, org: LocalOrg, query: str
) -> None:
    con.explain(query)  # descriptions and counts are known now
    org.clear_requests()
    result = con.sql(query)
    plan = result.plan
    result.arrow()
    calls = sum("/query" in r["path"] for r in org.requests())
    assert calls == result.bill.actual.calls
    assert plan.high is not None, str(plan)
    assert plan.low.calls <= calls <= plan.high.calls, str(plan)
    rows = result.bill.actual.rows
    assert plan.low.rows <= rows <= plan.high.rows, str(plan)


def test_a_scan_that_is_certainly_read_has_a_least(con: Connection) -> None:
    plan = con.explain("SELECT Industry, sum(AnnualRevenue) FROM crm.Account GROUP BY 1")
    assert isinstance(plan, Plan)
    assert plan.low.rows > 2_000 and plan.low.calls == 2


def test_a_scan_behind_a_join_may_not_be_read(con: Connection) -> None:
    plan = con.explain("SELECT * FROM crm.Account a JOIN crm.Case c ON a.Name = c.Subject")
    assert isinstance(plan, Plan)
    assert plan.low == Bill()
