"""Each fault at the first, second, third ... request until the query completes.

The answer is the right rows or a clear error of ours; never fewer rows, and nothing stays open.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

import isthmus
from isthmus.catalog.project import load_project
from isthmus.connectors.kinds import KINDS
from isthmus.connectors.salesforce.connector import Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.engine.connection import Connection
from isthmus.errors import (
    Cancelled,
    DeadlineExceeded,
    IsthmusError,
    SourceError,
    SourceUnavailable,
)
from isthmus.localorg import LocalOrg
from isthmus.localorg.faults import SCOPES
from tests.own_threads import own_threads

#: Asked over two objects of several pages each, so that every kind of request occurs.
QUERY = """SELECT t.Id, t.Name, t.Number_18_8__c, a.Name AS account
  FROM crm.Trap__c t LEFT JOIN crm.Account a ON t.Account__c = a.Id
  WHERE t.Checkbox__c AND t.Picklist__c IS NOT NULL"""
IMPATIENT = Policy(repeats=3, slow_repeats=2, base=0.002, cap=0.01)
ARGUMENTS: dict[str, dict[str, Any]] = {
    "slow-page": {"delay": 0.05},
    "too-many-requests": {"retry_after": 0},
}
#: They strike jobs and writes, of which this query has none.
JOBS_AND_WRITES = {"failed-job", "batch-retry", "row-lock"}
#: After these alone, asking again brings no rows.
FINAL = {"request-limit"}
#: What comes when a fault never ends.
ENDLESS: dict[str, tuple[type[IsthmusError], ...]] = {
    "expired-session": (isthmus.errors.AuthError,),
    "request-limit": (SourceUnavailable,),
    "too-many-requests": (SourceUnavailable,),
    "server-unavailable": (SourceUnavailable,),
    "server-error": (SourceUnavailable, SourceError),
    "drop-connection": (SourceUnavailable,),
    "malformed-json": (SourceUnavailable, SourceError, isthmus.errors.DataError),
    "query-timeout": (SourceUnavailable, SourceError),
}


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    now = datetime(2025, 6, 1, tzinfo=UTC)
    with LocalOrg(scale=0.2, switches={"page-size": 60}, now=now) as org:
        yield org


@contextmanager
def connection(org: LocalOrg) -> Iterator[Connection]:
    """A connection whose Salesforce repeats quickly; afterwards no thread of ours is left."""
    ready = org.ready
    login = {key: ready[key] for key in ("username", "password", "security_token", "ca_file")}
    crm = {"kind": "salesforce", "auth": "password", "login_url": org.https, **login}
    project = load_project({"sources": {"crm": crm}}, kinds=KINDS)
    source = Salesforce("crm", project.sources[0].options, policy=IMPATIENT)
    with Connection(project, time_zone="UTC", connectors={"crm": source}) as con:
        yield con
    assert_nothing_runs()


def assert_nothing_runs() -> None:
    """Threads end by themselves soon after: a request in flight is cut, not waited for."""
    end = time.monotonic() + 3
    while own_threads() and time.monotonic() < end:
        time.sleep(0.02)
    assert own_threads() == []


def rows(con: Connection) -> list[tuple[Any, ...]]:
    return sorted(con.sql(QUERY, timeout=20).fetchall())


@pytest.fixture(scope="module")
def expected(org: LocalOrg) -> list[tuple[Any, ...]]:
    """The rows, taken from the org's own store."""
    trap, account = org.store.table("Trap__c"), org.store.table("Account")
    with org.store.cursor() as cursor:
        found = cursor.execute(
            f"""SELECT t.Id, t.Name, t.Number_18_8__c, a.Name FROM {trap} t
              LEFT JOIN {account} a ON t.Account__c = a.Id AND NOT a.IsDeleted
              WHERE NOT t.IsDeleted AND t.Checkbox__c AND t.Picklist__c IS NOT NULL"""
        ).fetchall()
    assert len(found) > 150, "several pages"
    return sorted(found)


@pytest.mark.parametrize("name", sorted(SCOPES.keys() - JOBS_AND_WRITES))
def test_one_fault_at_every_request(
    org: LocalOrg, expected: list[tuple[Any, ...]], name: str
) -> None:
    struck, failed = 0, list[str]()
    for nth in range(1, 60):
        org.clear_faults()
        org.set_fault(name, nth=nth, **ARGUMENTS.get(name, {}))
        with connection(org) as con:
            try:
                assert rows(con) == expected, f"{name} at request {nth}"
            except IsthmusError as error:
                assert str(error).strip() and "crm" in str(error), f"a clear error: {error}"
                failed.append(f"request {nth}: {error!r}")
        if not org.org.faults.listed()[0]["struck"]:
            break
        struck += 1
    org.clear_faults()
    assert struck >= 3, "the fault met describes, counts and pages"
    assert bool(failed) == (name in FINAL), failed


@pytest.mark.parametrize("name", sorted(ENDLESS))
def test_a_fault_that_never_ends_is_a_clear_error(org: LocalOrg, name: str) -> None:
    org.clear_faults()
    org.set_fault(name, nth=1, count=0, **ARGUMENTS.get(name, {}))
    try:
        with connection(org) as con, pytest.raises(IsthmusError) as caught:
            rows(con)
    finally:
        org.clear_faults()
    assert isinstance(caught.value, ENDLESS[name]), repr(caught.value)
    assert "crm" in str(caught.value)


@pytest.mark.parametrize("name", ["server-unavailable", "drop-connection", "lost-locator"])
def test_faults_by_chance_lose_no_row(
    org: LocalOrg, expected: list[tuple[Any, ...]], name: str
) -> None:
    for seed in range(8):
        org.clear_faults()
        org.set_fault(name, probability=0.3, seed=seed)
        with connection(org) as con:
            try:
                assert rows(con) == expected
            except (SourceUnavailable, SourceError):
                continue  # four bad answers in a row are an honest failure
    org.clear_faults()


def test_a_locator_lost_on_every_page_is_read_around(
    org: LocalOrg, expected: list[tuple[Any, ...]]
) -> None:
    org.clear_faults()
    org.set_fault("lost-locator", count=0)
    with connection(org) as con:
        assert rows(con) == expected
    org.clear_faults()


def test_after_a_failure_the_connection_goes_on(
    org: LocalOrg, expected: list[tuple[Any, ...]]
) -> None:
    org.clear_faults()
    with connection(org) as con:
        assert rows(con) == expected
        org.set_fault("request-limit", nth=3)
        with pytest.raises(SourceUnavailable):
            rows(con)
        org.clear_faults()
        assert rows(con) == expected


def test_a_deadline_cuts_a_slow_page(org: LocalOrg) -> None:
    org.clear_faults()
    with connection(org) as con:
        result = con.sql(QUERY, timeout=0.5)
        org.set_fault("slow-page", nth=2, delay=30)
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            result.fetchall()
        assert time.monotonic() - started < 3
    org.clear_faults()


def test_a_cancel_cuts_a_slow_page(org: LocalOrg) -> None:
    org.clear_faults()
    with connection(org) as con:
        result = con.sql(QUERY)
        org.set_fault("slow-page", nth=2, delay=30)
        timer = threading.Timer(0.3, con.interrupt)
        timer.start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            result.fetchall()
        assert time.monotonic() - started < 2
        timer.join()
    org.clear_faults()


def test_a_limit_stops_reading_and_leaves_nothing_open(org: LocalOrg) -> None:
    org.clear_faults()
    org.clear_requests()
    with connection(org) as con:
        assert (
            len(con.sql("SELECT Id FROM crm.Trap__c WHERE length(Name) > 0 LIMIT 2").fetchall())
            == 2
        )
        with con.sql("SELECT * FROM crm.Trap__c") as result:
            assert result.reader().read_next_batch().num_rows > 0
    pages = [r for r in org.requests() if "/query" in r["path"] and r.get("soql") is None]
    assert len(pages) < 14, "two whole reads would be 16 later pages"
