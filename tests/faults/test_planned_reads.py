"""Faults where scans wait for each other: keys, rows that come along, shared fetches, counts.

The answer is the right rows or a clear error; never fewer rows, and nothing stays open.
"""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.catalog.project import load_project
from isthmus.connectors.kinds import KINDS
from isthmus.connectors.salesforce.connector import Salesforce
from isthmus.engine.connection import Connection
from isthmus.errors import Cancelled, DeadlineExceeded, IsthmusError
from isthmus.localorg import LocalOrg
from tests.faults.test_every_request import ARGUMENTS, FINAL, IMPATIENT, assert_nothing_runs

QUERIES = {
    "push_keys": """SELECT c.Id, a.Name FROM crm.Account a
      JOIN crm.Contact c ON c.LastName = a.BillingCity OR c.AccountId = a.Id
      JOIN crm.Opportunity o ON o.AccountId = a.Id WHERE a.NumberOfEmployees > 1000""",
    "co_fetch": """SELECT o.Id, a.Name, u.LastName FROM crm.Opportunity o
      JOIN crm.Account a ON o.AccountId = a.Id LEFT JOIN crm.User u ON a.OwnerId = u.Id""",
    "child_fetch": """SELECT a.Id, c.LastName, o.Name FROM crm.Account a
      LEFT JOIN crm.Contact c ON c.AccountId = a.Id
      LEFT JOIN crm.Opportunity o ON o.AccountId = a.Id WHERE a.NumberOfEmployees > 4000""",
    "share_scans": """SELECT x.Id, y.Id AS other FROM crm.Account x
      JOIN crm.Account y ON x.Name = y.Name WHERE x.NumberOfEmployees > 10""",
    "count_rows": """SELECT (SELECT count(*) FROM crm.Contact) AS n, Id FROM crm.Account
      WHERE NumberOfEmployees > 1000""",
}
FAULTS = ("drop-connection", "lost-locator", "request-limit")
PREFER = {
    "push_keys": "keys",
    "co_fetch": "lookups",
    "child_fetch": "children",
    "count_rows": "keys",
}


@pytest.fixture(scope="module")
def org() -> Any:
    with LocalOrg(scale=0.2, switches={"page-size": 60, "child-page": 8}) as org:
        yield org


def connect(org: LocalOrg, rule: str | None) -> Connection:
    ready = org.ready
    login = {key: ready[key] for key in ("username", "password", "security_token", "ca_file")}
    crm = {"kind": "salesforce", "auth": "password", "login_url": org.https, **login}
    project = load_project({"sources": {"crm": crm}}, kinds=KINDS)
    source = Salesforce("crm", project.sources[0].options, policy=IMPATIENT)
    return Connection(
        project,
        time_zone="UTC",
        connectors={"crm": source},
        pushdown=rule is not None,
        prefer=PREFER.get(rule or ""),
    )


@pytest.fixture(scope="module")
def expected(org: LocalOrg) -> dict[str, list[tuple[Any, ...]]]:
    with connect(org, None) as con:
        return {rule: sorted(con.sql(query).fetchall()) for rule, query in QUERIES.items()}


@pytest.mark.parametrize("rule", QUERIES)
@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_at_every_request(
    org: LocalOrg,
    expected: dict[str, list[tuple[Any, ...]]],
    name: str,
    rule: str,
    request: pytest.FixtureRequest,
) -> None:
    if (name, rule) == ("lost-locator", "child_fetch"):
        why = "children whose page is lost are asked for anew, by a statement of their own"
        request.applymarker(pytest.mark.log_differs(why))
    struck, failed = 0, list[str]()
    for nth in range(1, 80):
        org.clear_faults()
        org.set_fault(name, nth=nth, **ARGUMENTS.get(name, {}))
        with connect(org, rule) as con:
            try:
                result = con.sql(QUERIES[rule], timeout=20)
                assert sorted(result.fetchall()) == expected[rule], f"{name} at request {nth}"
                assert rule in result.plan.rules_fired
            except IsthmusError as error:
                assert "crm" in str(error), f"a clear error: {error}"
                failed.append(f"request {nth}: {error!r}")
        assert_nothing_runs()
        if not org.org.faults.listed()[0]["struck"]:
            break
        struck += 1
    org.clear_faults()
    assert struck, "the fault met a request"
    assert bool(failed) == (name in FINAL), failed


@pytest.mark.parametrize("rule", QUERIES)
def test_a_query_that_waits_is_stopped_in_a_second(org: LocalOrg, rule: str) -> None:
    org.clear_faults()
    org.set_fault("slow-page", nth=1, count=0, delay=30)
    try:
        with connect(org, rule) as con, pytest.raises((Cancelled, DeadlineExceeded)):
            con.sql(QUERIES[rule], timeout=1).fetchall()
        assert_nothing_runs()
    finally:
        org.clear_faults()


def test_a_counted_scan_whose_keys_another_waits_for_is_read_once_for_both(org: LocalOrg) -> None:
    org.clear_faults()
    query = """SELECT o.Id FROM (SELECT DISTINCT CloseDate AS d FROM crm.Opportunity) k
      JOIN crm.Task t ON t.ActivityDate = k.d
      JOIN crm.Opportunity o ON o.CloseDate = t.ActivityDate"""
    with connect(org, None) as con:
        whole = sorted(con.sql(query).fetchall())
    with connect(org, "count_rows") as con:
        result = con.sql(query)
        assert sorted(result.fetchall()) == whole and whole
        assert {"count_rows", "push_keys"} <= set(result.plan.rules_fired)
