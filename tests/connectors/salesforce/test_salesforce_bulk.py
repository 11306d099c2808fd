"""Bulk jobs: the same rows and types as REST, and nothing left in the org."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from isthmus.catalog.model import Table
from isthmus.connectors.contract import (
    Aggregate,
    Fragment,
    Lookup,
    Order,
    ReadContext,
    ScanRequest,
)
from isthmus.connectors.places import PlaceLost
from isthmus.connectors.predicates import Compare, In
from isthmus.connectors.salesforce import INCLUDE_DELETED, Salesforce
from isthmus.connectors.salesforce.bulk import job_calls
from isthmus.connectors.salesforce.retry import Policy
from isthmus.errors import Cancelled, ConfigError, DataError, SourceError, SourceUnavailable
from isthmus.localorg import LocalOrg
from isthmus.localorg.settings import Settings
from tests.connectors.salesforce.hard import HARD, described, fill

QUICK = Policy(base=0.01, cap=0.05)
BULK = frozenset({"bulk"})
REST = frozenset({"rest"})

SWITCHES = [
    {"bulk-integers": "whole", "bulk-datetime": "z"},
    {"bulk-integers": "point", "bulk-datetime": "offset"},
]


@pytest.fixture(scope="module", params=SWITCHES, ids=["plain", "other"])
def hard(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Salesforce]:
    """An org with one object of every type and its hardest values, a null for each column."""
    folder = tmp_path_factory.mktemp("hard")
    (folder / "Hard__c.json").write_text(json.dumps(described()))
    with LocalOrg("empty", describes=folder, switches=request.param) as org:
        fill(org)
        made = _connector(org, folder)
        yield made
        made.close()


def _connector(org: LocalOrg, folder: Path, **more: Any) -> Salesforce:
    path = folder / "ready.json"
    path.write_text(json.dumps(org.ready))
    return Salesforce("crm", {"ready_file": str(path), **more}, policy=QUICK)


def table(crm: Salesforce, name: str) -> Table:
    found = crm.describe(name)
    assert found is not None
    return found


def read(crm: Salesforce, request: ScanRequest, context: ReadContext | None = None) -> pa.Table:
    return pa.Table.from_batches(crm.open(crm.plan(request), context or ReadContext()))


def both(crm: Salesforce, request: ScanRequest) -> tuple[pa.Table, pa.Table]:
    """The rows by REST and by a job, in one order."""
    ways = []
    for way in (REST, BULK):
        ways.append(read(crm, replace(request, options=request.options | way)).sort_by("Id"))
    return ways[0], ways[1]


def test_every_type_and_hard_value_is_the_same_as_by_rest(hard: Salesforce) -> None:
    described = table(hard, "Hard__c")
    names = tuple(column.name for column in described.columns)
    rest, job = both(hard, ScanRequest(described, names))
    assert rest.num_rows == len(HARD["T__c"]) + 1
    assert job.schema == rest.schema
    for name in names:
        assert job.column(name).to_pylist() == rest.column(name).to_pylist(), name
    for name, values in HARD.items():  # and what was stored
        if name != "S__c":
            assert job.column(name).to_pylist()[:-1] == values, name


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalOrg, Path]]:
    """An org whose result pages have 200 rows."""
    settings = Settings(bulk_page_rows=200)
    with LocalOrg("demo", scale=1, seed=7, settings=settings) as org:
        yield org, tmp_path_factory.mktemp("world")


def remove_jobs(org: LocalOrg) -> None:
    now = org.org.clock.now()
    for job in org.org.bulk.listed(now):
        if job.ended(now) is None:
            job.abort(now)
        org.org.bulk.delete(job, now)


@pytest.fixture
def org(world: tuple[LocalOrg, Path]) -> Iterator[LocalOrg]:
    world[0].clear_requests()
    remove_jobs(world[0])  # of a create whose answer broke off
    yield world[0]
    world[0].clear_faults()


@pytest.fixture
def crm(world: tuple[LocalOrg, Path]) -> Iterator[Salesforce]:
    made = _connector(*world)
    yield made
    made.close()


def everything(crm: Salesforce, name: str, *where: Any) -> ScanRequest:
    described = table(crm, name)
    names = tuple(column.name for column in described.columns)
    return ScanRequest(described, names, where, options=BULK)


def jobs_of(org: LocalOrg) -> list[str]:
    return [str(job.id) for job in org.org.bulk.listed(org.org.clock.now())]


def cleared(org: LocalOrg) -> bool:
    end = time.monotonic() + 5
    while jobs_of(org) and time.monotonic() < end:
        time.sleep(0.02)
    return jobs_of(org) == []


@pytest.mark.parametrize("name", ["Account", "Contact", "Opportunity", "Case", "Task", "Trap__c"])
def test_a_job_has_the_rows_of_rest(org: LocalOrg, crm: Salesforce, name: str) -> None:
    request = replace(everything(crm, name), options=frozenset())
    rest, job = both(crm, request)
    assert job.equals(rest)
    assert cleared(org)


def test_the_fragment_says_what_is_sent(org: LocalOrg, crm: Salesforce) -> None:
    request = replace(everything(crm, "Contact", Compare("IsDeleted", "=", False)), columns=("Id",))
    fragment = crm.plan(request)
    assert fragment.access_path == "Bulk query job"
    assert fragment.text == "SELECT Id FROM Contact WHERE IsDeleted = FALSE"
    context = ReadContext()
    found = pa.Table.from_batches(crm.open(fragment, context))
    bill = context.meter.bill
    assert bill.rows == found.num_rows and bill.calls == bill.bulk_calls
    counted = [e for e in org.requests() if "/jobs/query" in str(e["path"])]
    assert bill.calls == len(counted)
    assert fragment.low is not None and fragment.low.calls <= bill.calls


def test_deleted_rows_come_when_asked_for(crm: Salesforce) -> None:
    request = everything(crm, "Account")
    whole = read(crm, request)
    more = read(crm, replace(request, options=BULK | {INCLUDE_DELETED}))
    assert more.num_rows > whole.num_rows


def test_an_old_version_reads_pages_one_by_one(org: LocalOrg, world: tuple[LocalOrg, Path]) -> None:
    old = _connector(*world, api_version="57.0")
    whole = read(old, everything(old, "Contact"))
    assert whole.num_rows == read(old, replace(everything(old, "Contact"), options=REST)).num_rows
    assert not [e for e in org.requests() if "resultPages" in str(e["path"])]
    old.close()


def test_what_a_job_can_not_do_goes_by_pages(crm: Salesforce) -> None:
    contacts, accounts = table(crm, "Contact"), table(crm, "Account")
    order = (Order("CreatedDate"),)
    for request in (
        ScanRequest(contacts, ("Id",), limit=5),
        ScanRequest(contacts, ("Id",), limit=5, order=order),
        ScanRequest(contacts, (), aggregates=(Aggregate("count"),)),
        ScanRequest(contacts, ("Id",), lookups=(Lookup("AccountId", accounts, ("Name",)),)),
        ScanRequest(contacts, ("Id",), (In("Id", tuple(f"003{n:012}" for n in range(99))),)),
    ):
        path = crm.plan(replace(request, options=BULK)).access_path
        keys = any(isinstance(p, In) for p in request.predicates)
        assert path.startswith("REST") or keys
    history = ScanRequest(contacts, ("Id",), options=BULK | REST)
    with pytest.raises(ConfigError, match="at once"):
        crm.plan(history)


def test_the_cheaper_way_is_chosen(world: tuple[LocalOrg, Path]) -> None:
    crm = _connector(*world)
    small = replace(everything(crm, "Contact"), options=frozenset())
    assert crm.plan(small).access_path == "REST query"
    from isthmus.catalog.model import RowCount

    crm.row_count = lambda table: RowCount(1_000_000, False, "told")  # type: ignore[method-assign]
    big = crm.plan(small)
    assert big.access_path == "Bulk query job"
    assert big.estimate.calls == big.estimate.bulk_calls == job_calls(1_000_000) < 40
    parallel = crm.plan(replace(small, options=frozenset({"parallel"})))
    assert "4 ranges" in parallel.access_path and parallel.text.endswith("ORDER BY Id")
    assert crm.plan(replace(small, options=REST)).access_path == "REST query"
    crm.close()
    pages = _connector(*world, access="rest")
    assert pages.plan(replace(small, table=table(pages, "Contact"))).access_path == "REST query"
    pages.close()
    with pytest.raises(ConfigError, match="access"):
        _connector(*world, access="soap")


def test_ranges_have_the_rows_of_rest(crm: Salesforce) -> None:
    request = replace(everything(crm, "Contact"), options=frozenset({"parallel"}))
    rest = read(crm, replace(request, options=REST)).sort_by("Id")
    assert read(crm, request).sort_by("Id").equals(rest)


def test_an_org_without_jobs_is_read_by_pages_unless_a_job_is_asked_for(
    org: LocalOrg, crm: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isthmus.localorg.errors import OrgError

    def refuse(*args: Any, **more: Any) -> None:
        raise OrgError(400, "FeatureNotEnabled", "Async API not enabled")

    request = everything(crm, "Contact")
    fragment = crm.plan(request)
    monkeypatch.setattr("isthmus.localorg.resources.bulk_query.prepare", refuse)
    with pytest.raises(SourceError, match="Async API not enabled"):
        list(crm.open(fragment, ReadContext()))
    unasked = replace(fragment, request=replace(request, options=frozenset()))
    found = pa.Table.from_batches(crm.open(unasked, ReadContext()))
    assert found.num_rows == read(crm, replace(request, options=REST)).num_rows


@pytest.mark.parametrize(
    "fault",
    ["expired-session", "server-unavailable", "server-error", "drop-connection", "malformed-json"],
)
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5, 8])
def test_one_fault_is_mended(org: LocalOrg, crm: Salesforce, fault: str, nth: int) -> None:
    request = everything(crm, "Contact")
    wanted = read(crm, replace(request, options=REST)).sort_by("Id")
    org.set_fault(fault, nth=nth, delay=0.05, retry_after=0)
    assert read(crm, request).sort_by("Id").equals(wanted)


def test_a_job_that_fails_is_an_error_and_is_deleted(org: LocalOrg, crm: Salesforce) -> None:
    fragment = crm.plan(everything(crm, "Contact"))
    org.set_fault("failed-job")
    with pytest.raises(SourceError, match=r"ended bulk job 750\w+ as Failed"):
        list(crm.open(fragment, ReadContext()))
    assert cleared(org)


@pytest.mark.parametrize("nth", [1, 3])
def test_a_cancel_stops_the_read_and_ends_the_job(org: LocalOrg, crm: Salesforce, nth: int) -> None:
    fragment = crm.plan(everything(crm, "Contact"))
    org.set_fault("slow-page", nth=nth, count=1, delay=8)
    context = ReadContext()
    threading.Timer(0.3, context.cancelled.set).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        list(crm.open(fragment, context))
    assert time.monotonic() - started < 1.3
    org.clear_faults()
    assert cleared(org)


def test_a_reader_that_leaves_early_leaves_no_job(org: LocalOrg, crm: Salesforce) -> None:
    batches = crm.open(crm.plan(everything(crm, "Contact")), ReadContext())
    next(iter(batches))
    batches.close()  # type: ignore[attr-defined]  # it is a generator
    assert cleared(org)


def test_a_job_that_still_runs_is_aborted(world: tuple[LocalOrg, Path], tmp_path: Path) -> None:
    with LocalOrg("demo", scale=0.1, settings=Settings(bulk_polls=10_000)) as org:
        crm = _connector(org, tmp_path)
        fragment = crm.plan(everything(crm, "Contact"))
        context = ReadContext(deadline=time.monotonic() + 0.5)
        with pytest.raises(Exception, match="timeout"):
            list(crm.open(fragment, context))
        assert cleared(org)
        changed = [e["method"] for e in org.requests() if "/jobs/query/" in str(e["path"])]
        assert changed[-2:] == ["PATCH", "DELETE"]
        crm.close()


def test_a_job_is_taken_over_by_its_id(org: LocalOrg, crm: Salesforce) -> None:
    """As after a crash: the job is there, and another process reads its results."""
    fragment: Fragment = crm.plan(everything(crm, "Contact"))
    left: list[str] = []
    batches = crm.open(fragment, ReadContext())
    next(iter(batches))
    left += jobs_of(org)
    assert len(left) == 1
    found = pa.Table.from_batches(crm.resume(fragment, left[0], ReadContext()))
    rest = read(crm, replace(fragment.request, options=REST))
    assert found.sort_by("Id").equals(rest.sort_by("Id"))
    with pytest.raises((SourceError, SourceUnavailable)):
        list(crm.resume(fragment, left[0], ReadContext()))  # it was deleted


def test_a_read_by_places_goes_on_from_each_of_them(org: LocalOrg, crm: Salesforce) -> None:
    """The job is left where a read ends early, and is cleared away by the one that ends it."""
    fragment: Fragment = crm.plan(everything(crm, "Contact"))
    whole = list(crm.open_from(fragment, None, ReadContext()))
    assert not jobs_of(org) and len({placed.place for placed in whole}) > 3
    rest = read(crm, replace(fragment.request, options=REST))
    assert pa.Table.from_batches([p.rows for p in whole]).sort_by("Id").equals(rest.sort_by("Id"))
    for stop in range(1, len(whole) + 1):
        come = crm.open_from(fragment, None, ReadContext())
        begun = [next(come) for _ in range(stop)]
        come.close()  # type: ignore[attr-defined]
        (job,) = jobs_of(org)
        place, at = begun[-1].place, begun[-1].offset
        assert place is not None and job in place
        again = list(crm.open_from(fragment, place, ReadContext()))
        assert not jobs_of(org)
        before = [p.rows for p in begun[:-1] if p.place != place]
        same = [p.rows for p in begun[:-1] if p.place == place]
        assert sum(rows.num_rows for rows in same) == at
        found = pa.Table.from_batches([*before, *(p.rows for p in again)], rest.schema)
        assert found.sort_by("Id").equals(rest.sort_by("Id"))


@pytest.mark.parametrize("stop", [1, 3])
def test_the_place_in_a_job_that_is_gone_is_lost(org: LocalOrg, crm: Salesforce, stop: int) -> None:
    fragment: Fragment = crm.plan(everything(crm, "Contact"))
    come = crm.open_from(fragment, None, ReadContext())
    begun = [next(come) for _ in range(stop)]
    come.close()  # type: ignore[attr-defined]
    remove_jobs(org)
    with pytest.raises(PlaceLost):
        next(crm.open_from(fragment, begun[-1].place, ReadContext()))


def test_pages_of_a_query_have_no_places(org: LocalOrg, crm: Salesforce) -> None:
    fragment = crm.plan(replace(everything(crm, "Contact"), options=REST))
    assert {p.place for p in crm.open_from(fragment, None, ReadContext())} == {None}


def test_a_job_of_other_columns_is_refused(org: LocalOrg, crm: Salesforce) -> None:
    batches = crm.open(crm.plan(everything(crm, "Contact")), ReadContext())
    next(iter(batches))
    (job,) = jobs_of(org)
    other = crm.plan(replace(everything(crm, "Contact"), columns=("Id", "LastName")))
    with pytest.raises(DataError, match="columns"):
        list(crm.resume(other, job, ReadContext()))
