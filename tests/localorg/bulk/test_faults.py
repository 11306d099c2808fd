"""Faults strike each resource of a job, and a client that asks again loses nothing."""

from __future__ import annotations

import time

import pytest
from urllib3.exceptions import ProtocolError

from isthmus.localorg import LocalOrg
from tests.localorg.bulk.conftest import Client, refused

SOQL = "SELECT Id, Name FROM Account"
STRIKES = {
    "server-unavailable": (503, "SERVER_UNAVAILABLE"),
    "server-error": (500, "UNKNOWN_EXCEPTION"),
    "request-limit": (403, "REQUEST_LIMIT_EXCEEDED"),
    "too-many-requests": (429, "REQUEST_LIMIT_EXCEEDED"),
    "concurrent-requests": (403, "REQUEST_LIMIT_EXCEEDED"),
}
PLACES = {
    "create": ("POST", "jobs/query"),
    "list": ("GET", "jobs/query"),
    "info": ("GET", "jobs/query/{}"),
    "results": ("GET", "jobs/query/{}/results"),
    "result pages": ("GET", "jobs/query/{}/resultPages"),
    "delete": ("DELETE", "jobs/query/{}"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", STRIKES)
def test_a_resource_is_struck_once(bulk: Client, org: LocalOrg, place: str, name: str) -> None:
    method, path = PLACES[place]
    path = path.format(bulk.run(SOQL))
    sent = {"json": {"operation": "query", "query": SOQL}} if method == "POST" else {}
    org.set_fault(name, path="/jobs/")
    assert refused(bulk.call(method, path, **sent)) == STRIKES[name]
    assert org.requests()[-1]["fault"] == name
    assert bulk.call(method, path, **sent).status in (200, 204)


def test_an_abort_is_struck(bulk: Client, org: LocalOrg) -> None:
    job = bulk.create(SOQL)
    org.set_fault("server-unavailable", path="/jobs/")
    answers = [bulk.call("PATCH", f"jobs/query/{job}", json={"state": "Aborted"}) for _ in range(2)]
    assert [answer.status for answer in answers] == [503, 200]


def test_a_page_is_lost_half_way(bulk: Client, org: LocalOrg) -> None:
    path = f"jobs/query/{bulk.run(SOQL)}/results"
    org.set_fault("drop-connection", path="/results")
    with pytest.raises(ProtocolError):
        bulk.get(path)
    assert bulk.get(path).status == 200


def test_a_page_is_cut_at_the_right_length(bulk: Client, org: LocalOrg) -> None:
    path = f"jobs/query/{bulk.run(SOQL)}/results"
    whole = bulk.get(path)
    org.set_fault("malformed-json", path="/results")
    half = bulk.get(path)
    # what a client can see of it: fewer rows than the header says
    assert half.headers["Sforce-NumberOfRecords"] == whole.headers["Sforce-NumberOfRecords"]
    assert whole.data.startswith(half.data) and len(half.data) < len(whole.data)


def test_a_page_is_slow(bulk: Client, org: LocalOrg) -> None:
    path = f"jobs/query/{bulk.run(SOQL)}/results"
    org.set_fault("slow-page", delay=0.4)
    bulk.get("jobs/query")  # no page
    began = time.monotonic()
    assert bulk.get(path).status == 200
    assert time.monotonic() - began >= 0.4


def test_a_session_ends_between_pages(open_client: object) -> None:
    with LocalOrg() as org:
        bulk = open_client(org)  # type: ignore[operator]
        path = f"jobs/query/{bulk.run(SOQL)}/results"
        org.set_fault("expired-session", path="/results")
        assert refused(bulk.get(path)) == (401, "INVALID_SESSION_ID")
        assert refused(bulk.get(path)) == (401, "INVALID_SESSION_ID")
        token = org.org.sessions.open(org.org.settings.user, org.clock.now()).token
        assert bulk.get(path, headers={"Authorization": f"Bearer {token}"}).status == 200


def test_long_requests_have_a_limit_of_their_own(bulk: Client, org: LocalOrg) -> None:
    org.set_fault("concurrent-long-requests")
    assert bulk.get("jobs/query").status == 200
    answer = bulk.get("query", fields={"q": SOQL})
    assert refused(answer) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert answer.json()[0]["message"] == "ConcurrentPerOrgLongTxn Limit exceeded."
