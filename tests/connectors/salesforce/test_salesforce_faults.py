"""Every fault at every request: the right rows or a clear error, never fewer rows."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from isthmus.connectors.contract import ReadContext, ScanRequest
from isthmus.connectors.salesforce import Salesforce
from isthmus.errors import AuthError, IsthmusError, SourceError, SourceUnavailable
from isthmus.localorg import LocalOrg

MENDED = [
    "expired-session",
    "server-unavailable",
    "server-error",
    "slow-page",
    "drop-connection",
    "too-many-requests",
    "query-timeout",
    "lost-locator",
    "malformed-json",
]
FINAL: dict[str, tuple[type[IsthmusError], str]] = {
    "expired-session": (AuthError, "INVALID_SESSION_ID"),
    "server-unavailable": (SourceUnavailable, "SERVER_UNAVAILABLE"),
    "server-error": (SourceUnavailable, "UNKNOWN_EXCEPTION"),
    "drop-connection": (SourceUnavailable, "BROKEN_BODY"),
    "too-many-requests": (SourceUnavailable, "ConcurrentRequests"),
    "query-timeout": (SourceUnavailable, "QUERY_TIMEOUT"),
    "malformed-json": (SourceUnavailable, "page is broken"),
    "request-limit": (SourceUnavailable, "TotalRequests"),
}


def scan(crm: Salesforce, context: ReadContext, limit: int | None = None) -> pa.Table:
    table = crm.describe("Account")
    assert table is not None
    request = ScanRequest(table, ("Name", "AnnualRevenue", "CreatedDate"), (), limit)
    return pa.Table.from_batches(crm.open(crm.plan(request), context))


@pytest.fixture(scope="module")
def whole(crm_org: LocalOrg) -> Callable[[Salesforce], pa.Table]:
    kept: list[pa.Table] = []

    def read(crm: Salesforce) -> pa.Table:
        if not kept:
            kept.append(scan(crm, ReadContext()))
        return kept[0]

    return read


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("fault", MENDED)
def test_one_fault_is_mended(
    org: LocalOrg,
    crm: Salesforce,
    whole: Callable[[Salesforce], pa.Table],
    fault: str,
    nth: int,
) -> None:
    wanted = whole(crm)
    org.clear_requests()
    org.set_fault(fault, nth=nth, delay=0.05, retry_after=0)
    context = ReadContext()
    got = scan(crm, context)
    assert got.equals(wanted)
    reached = [entry for entry in org.requests() if "/query" in str(entry["path"])]
    assert context.meter.bill.calls == len(reached)


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("fault", sorted(FINAL))
def test_a_fault_that_stays_is_a_clear_error(
    org: LocalOrg, crm: Salesforce, fault: str, nth: int
) -> None:
    crm.describe("Account")
    org.set_fault(fault, nth=nth, count=0, retry_after=0, path="/query")
    kind, told = FINAL[fault]
    with pytest.raises(kind, match=told) as raised:
        scan(crm, ReadContext())
    assert "source crm, reading Account" in str(raised.value)


@pytest.mark.parametrize("fault", ["server-unavailable", "drop-connection", "malformed-json"])
def test_descriptions_are_asked_for_again_too(org: LocalOrg, crm: Salesforce, fault: str) -> None:
    org.set_fault(fault, nth=1, count=2)
    assert crm.describe("Account") is not None


@pytest.mark.parametrize("nth", [1, 2])
def test_an_expired_session_is_renewed_for_descriptions(
    org: LocalOrg, crm: Salesforce, nth: int
) -> None:
    org.set_fault("expired-session", nth=nth)
    assert crm.describe("Account") is not None


def test_a_lost_query_goes_on_after_the_last_id(org: LocalOrg, crm: Salesforce) -> None:
    whole = scan(crm, ReadContext())
    org.clear_requests()
    org.set_fault("lost-locator", nth=2)
    assert scan(crm, ReadContext()).equals(whole)
    texts = [str(e["soql"]) for e in org.requests() if "q=" in str(e["path"]) or e.get("soql")]
    assert any("WHERE Id > '001" in text for text in texts)


def test_a_query_that_is_lost_after_each_page_still_completes(
    org: LocalOrg, crm: Salesforce
) -> None:
    whole = scan(crm, ReadContext())
    org.set_fault("lost-locator", nth=1, count=0)
    assert scan(crm, ReadContext()).equals(whole)


def test_a_limit_that_was_lost_is_an_error_and_never_other_rows(
    org: LocalOrg, crm: Salesforce
) -> None:
    org.set_fault("lost-locator", nth=1)
    with pytest.raises(SourceError, match="INVALID_QUERY_LOCATOR"):
        scan(crm, ReadContext(), limit=300)


def test_many_faults_by_chance_never_lose_a_row(org: LocalOrg, crm: Salesforce) -> None:
    whole = scan(crm, ReadContext())
    for seed in range(8):
        for fault in ("server-error", "drop-connection", "malformed-json", "lost-locator"):
            org.set_fault(fault, probability=0.15, seed=seed, retry_after=0)
        try:
            got = scan(crm, ReadContext())
        except IsthmusError as error:
            assert isinstance(error, SourceUnavailable | SourceError)
        else:
            assert got.equals(whole)
        org.clear_faults()


def test_salesforces_own_refusal_is_shown_with_the_statement(
    org: LocalOrg, crm: Salesforce
) -> None:
    table = crm.describe("Account")
    assert table is not None
    columns = (*table.columns, type(table.columns[0])("Nothing__c", pa.string()))
    changed = type(table)("crm", "Account", columns)
    fragment = crm.plan(ScanRequest(changed, ("Nothing__c",)))
    with pytest.raises(SourceError, match=r"INVALID_FIELD[\s\S]*SELECT Nothing__c") as raised:
        list(crm.open(fragment, ReadContext()))
    assert raised.value.code == "INVALID_FIELD"
