"""Each fault, as a client meets it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from urllib3.exceptions import ProtocolError

from isthmus.localorg import LocalOrg
from isthmus.localorg.faults import SCOPES, fault, parse

Get = Callable[..., requests.Response]
QUERY = {"q": "SELECT Id, Name FROM Account"}

REFUSALS = {
    "expired-session": (401, "INVALID_SESSION_ID"),
    "server-unavailable": (503, "SERVER_UNAVAILABLE"),
    "server-error": (500, "UNKNOWN_EXCEPTION"),
    "request-limit": (403, "REQUEST_LIMIT_EXCEEDED"),
    "too-many-requests": (429, "REQUEST_LIMIT_EXCEEDED"),
    "concurrent-requests": (403, "REQUEST_LIMIT_EXCEEDED"),
    "concurrent-long-requests": (403, "REQUEST_LIMIT_EXCEEDED"),
    "query-timeout": (400, "QUERY_TIMEOUT"),
}


@pytest.fixture
def query(org: LocalOrg, session: requests.Session) -> Callable[[], requests.Response]:
    """Runs a query with a session of its own."""
    made = org.org.sessions.open(org.org.settings.user, org.clock.now()).token

    def call() -> requests.Response:
        headers = {"Authorization": f"Bearer {made}"}
        url = org.https + "/services/data/v60.0/query"
        return session.get(url, params=QUERY, headers=headers, timeout=10)

    return call


def statuses(query: Callable[[], requests.Response], count: int) -> list[int]:
    return [query().status_code for _ in range(count)]


@pytest.mark.parametrize("name", REFUSALS)
def test_the_nth_request_is_refused(org: LocalOrg, query: Any, name: str) -> None:
    org.set_fault(name, nth=2)
    assert query().status_code == 200
    refused = query()
    assert (refused.status_code, refused.json()[0]["errorCode"]) == REFUSALS[name]
    assert org.requests()[-1]["fault"] == name
    # An expired session stays expired: only a new login helps.
    assert query().status_code == (401 if name == "expired-session" else 200)


def test_429_says_when_to_come_back(org: LocalOrg, query: Any) -> None:
    org.set_fault("too-many-requests", retry_after=3)
    assert query().headers["Retry-After"] == "3"


def test_lost_locator_hits_the_next_page(trust: Any) -> None:
    switches = {"page-size": 100}
    with LocalOrg(switches=switches) as org, trust(org) as session:
        headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
        org.set_fault("lost-locator")
        url = org.https + "/services/data/v60.0/query"
        first = session.get(url, params=QUERY, headers=headers, timeout=10)
        assert first.status_code == 200
        following = org.https + first.json()["nextRecordsUrl"]
        lost = session.get(following, headers=headers, timeout=10)
        assert lost.json() == [
            {"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}
        ]


def test_slow_page_waits(org: LocalOrg, query: Any) -> None:
    org.set_fault("slow-page", delay=0.4)
    began = time.monotonic()
    assert query().status_code == 200
    assert time.monotonic() - began >= 0.4


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_drop_connection_in_mid_body(
    org: LocalOrg, session: requests.Session, scheme: str, coding: str
) -> None:
    org.set_fault("drop-connection", keep=1000)
    headers = {"Authorization": f"Bearer {org.ready['access_token']}", "Accept-Encoding": coding}
    url = org.ready[scheme] + "/services/data/v60.0/query"
    with session.get(url, params=QUERY, headers=headers, timeout=10, stream=True) as answer:
        assert int(answer.headers["Content-Length"]) > 1000
        with pytest.raises(ProtocolError, match=r"1000 bytes read"):
            answer.raw.read(decode_content=False)
    assert org.requests()[-1]["bytes"] == 1000


def test_malformed_json_has_the_right_length(org: LocalOrg, query: Any) -> None:
    org.set_fault("malformed-json")
    answer = query()
    assert answer.status_code == 200
    assert answer.text.startswith('{"totalSize":')
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_count_and_endless(org: LocalOrg, query: Any) -> None:
    org.set_fault("server-error", count=2)
    assert statuses(query, 4) == [500, 500, 200, 200]
    org.clear_faults()
    org.set_fault("server-error", nth=2, count=0)
    assert statuses(query, 4) == [200, 500, 500, 500]


def test_faults_take_turns(org: LocalOrg, query: Any) -> None:
    org.set_fault("server-error")
    org.set_fault("server-unavailable")
    assert statuses(query, 3) == [500, 503, 200]


def test_chance_repeats_from_its_seed(org: LocalOrg, query: Any) -> None:
    runs = []
    for _ in range(2):
        org.clear_faults()
        org.set_fault("server-error", probability=0.5, seed=3)
        runs.append(statuses(query, 20))
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 500}


def test_patterns_choose_requests(org: LocalOrg, get: Get) -> None:
    org.set_fault("server-error", soql="from contact", count=0)
    assert get("query", params=QUERY).status_code == 200
    assert get("query", params={"q": "SELECT Id FROM Contact"}).status_code == 500
    org.clear_faults()
    org.set_fault("server-error", path="/limits", count=0)
    assert get("query", params=QUERY).status_code == 200
    assert get("limits").status_code == 500


def test_logins_are_spared_unless_named(org: LocalOrg, session: requests.Session) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": org.ready["client_id"],
        "client_secret": org.ready["client_secret"],
    }
    url = org.https + "/services/oauth2/token"
    org.set_fault("server-error", count=0)
    assert session.post(url, data=form, timeout=10).status_code == 200
    assert session.get(org.https + "/services/data", timeout=10).status_code == 200
    org.set_fault("server-unavailable", path="/services/oauth2/token")
    assert session.post(url, data=form, timeout=10).status_code == 503


@pytest.mark.parametrize("name", SCOPES)
def test_every_fault_can_be_written(name: str) -> None:
    assert parse(f"{name}:nth=3,count=2,soql=IN \\(1,2\\),path=/query") == fault(
        name, nth=3, count=2, soql="IN \\(1,2\\)", path="/query"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("server-eror", "there is no fault 'server-eror'; the faults are expired-session"),
        ("server-error:when=2", "has no argument 'when'; the arguments are nth"),
        ("server-error:nth=x", "nth=x is no good"),
        ("server-error:nth=0", "nth counts from 1"),
        ("server-error:path=(", "path=( is no good"),
        ("server-error:second", "write arguments as key=value"),
    ],
)
def test_a_wrong_fault_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert words in str(refused.value)


@pytest.mark.parametrize(("name", "done"), [("lost-request", 0), ("lost-answer", 1)])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_is_lost_before_or_after_the_work(
    org: LocalOrg, session: requests.Session, name: str, done: int, scheme: str
) -> None:
    base = f"{org.ready[scheme]}/services/data/v60.0/"
    headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
    made = {"Name": f"{name} {scheme}"}
    org.set_fault(name, path="sobjects/Account")
    with pytest.raises(requests.ConnectionError):
        session.post(base + "sobjects/Account", json=made, headers=headers, timeout=10)
    assert org.requests()[-1]["fault"] == name and org.requests()[-1]["bytes"] == 0
    soql = f"SELECT COUNT() FROM Account WHERE Name = '{made['Name']}'"
    found = session.get(base + "query", params={"q": soql}, headers=headers, timeout=10)
    assert found.json()["totalSize"] == done


def test_rows_are_locked_by_what_they_hold(org: LocalOrg, get: Get) -> None:
    def send(*names: str) -> list[Any]:
        records = [{"attributes": {"type": "Account"}, "Name": name} for name in names]
        answer: list[Any] = get("composite/sobjects", "POST", json={"records": records}).json()
        return answer

    org.set_fault("row-lock", record="^Account .*held", count=2)
    told = send("free", "held 1", "held 2", "held 3")
    assert [one["success"] for one in told] == [True, False, False, True]
    (error,) = told[1]["errors"]
    assert error["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert error["message"].startswith("unable to obtain exclusive access to this record")
    org.clear_faults()
    made = told[0]["id"]
    org.set_fault("row-lock", record=made)
    assert get(f"sobjects/Account/{told[3]['id']}", "PATCH", json={"Site": "x"}).status_code == 204
    for method, body in (("PATCH", {"Site": "x"}), ("DELETE", None)):
        answers = [get(f"sobjects/Account/{made}", method, json=body) for _ in range(2)]
        assert [one.status_code for one in answers] == [400, 204]
        assert answers[0].json()[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
        org.clear_faults()
        org.set_fault("row-lock", record=made)


def test_a_share_of_the_rows_is_locked(org: LocalOrg, get: Get) -> None:
    org.set_fault("row-lock", probability=0.3, seed=4)
    record = {"attributes": {"type": "Account"}, "Name": "some"}
    told = get("composite/sobjects", "POST", json={"records": [record] * 200}).json()
    assert 30 < sum(not one["success"] for one in told) < 90
