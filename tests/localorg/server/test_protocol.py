"""What the server does with HTTP itself: versions, methods, sizes, compression, caching."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.request import Request, urlopen

import pytest
import requests

from isthmus.localorg import LocalOrg
from isthmus.localorg.settings import Settings

Get = Callable[..., requests.Response]
QUERY = {"q": "SELECT Id, Name, AnnualRevenue FROM Account"}


def test_versions_need_no_login_and_ascend(org: LocalOrg) -> None:
    listed = requests.get(org.http + "/services/data/", timeout=10).json()
    assert listed[1] == {"label": "Spring '11", "url": "/services/data/v21.0", "version": "21.0"}
    assert [entry["version"] for entry in listed] == sorted(entry["version"] for entry in listed)


@pytest.mark.parametrize("path", ["v19.0", "v69.0", "v60", "v60.1", "latest", "v60.0/nothing"])
def test_what_is_not_there_is_404(org: LocalOrg, get: Get, path: str) -> None:
    answer = get("../" + path) if "/" not in path else get("nothing")
    assert answer.status_code == 404
    assert answer.json() == [
        {"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}
    ]


def test_two_slashes_after_the_host_are_one(org: LocalOrg) -> None:
    # the sf command line keeps an instance URL with a slash at its end; requests would mend it
    asked = Request(org.http + "//services/data/v60.0/limits")
    asked.add_header("Authorization", f"Bearer {org.ready['access_token']}")
    with urlopen(asked, timeout=10) as answer:
        assert answer.status == 200


def test_headers_are_named_in_the_case_of_salesforce(org: LocalOrg) -> None:
    # airbyte-cdk takes a dict of them, and errs where it finds a `content-type`
    connection = HTTPConnection(org.http.removeprefix("http://"), timeout=10)
    headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
    connection.request("GET", "/services/data/v60.0/limits", headers=headers)
    named = dict(connection.getresponse().getheaders())
    connection.close()
    assert named["Content-Type"] == "application/json;charset=UTF-8"
    assert {"Content-Length", "Sforce-Limit-Info", "Vary"} <= named.keys()


def test_every_version_answers_at_its_own_urls(org: LocalOrg, get: Get) -> None:
    for version in ("v20.0", "v45.0", "v68.0"):
        record = get(f"../{version}/query/?q=SELECT Id FROM Account LIMIT 1").json()["records"][0]
        assert record["attributes"]["url"].startswith(f"/services/data/{version}/sobjects/Account/")


def test_a_wrong_method_is_405(get: Get) -> None:
    answer = get("limits", "DELETE")
    assert answer.status_code == 405
    assert answer.json()[0]["errorCode"] == "METHOD_NOT_ALLOWED"


def test_post_may_stand_for_patch(get: Get) -> None:
    made = get("sobjects/Account", "POST", json={"Name": "a"}).json()["id"]
    answer = get(f"sobjects/Account/{made}?_HTTP_METHOD=PATCH", "POST", json={"Name": "b"})
    assert answer.status_code == 204
    assert get(f"sobjects/Account/{made}?fields=Name").json()["Name"] == "b"


def test_created_records_have_a_place(get: Get) -> None:
    made = get("sobjects/account/", "POST", json={"Name": "a"})
    assert made.status_code == 201
    assert made.headers["Location"] == f"/services/data/v60.0/sobjects/Account/{made.json()['id']}"


def test_upserts_tell_of_creation_since_v46(get: Get) -> None:
    key = "sobjects/Trap__c/" + next(
        f["name"] for f in get("sobjects/Trap__c/describe").json()["fields"] if f["externalId"]
    )
    made = get(f"../v46.0/{key}/k1", "PATCH", json={"Name": "a"})
    assert (made.status_code, made.json()["created"]) == (201, True)
    changed = get(f"../v46.0/{key}/k1", "PATCH", json={"Name": "b"})
    assert (changed.status_code, changed.json()["created"]) == (200, False)
    assert get(f"../v45.0/{key}/k1", "PATCH", json={"Name": "c"}).status_code == 204
    assert "created" not in get(f"../v45.0/{key}/k2", "PATCH", json={"Name": "c"}).json()


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"<a/>", "application/xml", 415),
    ],
)
def test_a_body_that_is_no_json(get: Get, body: bytes, kind: str, status: int) -> None:
    answer = get("sobjects/Account", "POST", data=body, headers={"Content-Type": kind})
    assert answer.status_code == status


def test_zipped_request_bodies(get: Get) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps({"Name": "zipped"}).encode())
    assert get("sobjects/Account", "POST", data=body, headers=headers).status_code == 201
    assert get("sobjects/Account", "POST", data=b"no gzip", headers=headers).status_code == 400


def test_answers_are_zipped_on_request_only(get: Get) -> None:
    plain = get("query", params=QUERY, headers={"Accept-Encoding": "identity"})
    zipped = get("query", params=QUERY, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert int(zipped.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    assert zipped.content == plain.content


def test_pretty_answers_hold_the_same(get: Get) -> None:
    for path, params in (("query", QUERY), ("limits", {})):
        plain = get(path, params=params)
        pretty = get(path, params=params, headers={"X-PrettyPrint": "1"})
        assert pretty.text.count("\n") > 20
        if path == "query":
            assert pretty.json(parse_float=str) == plain.json(parse_float=str)


def test_a_uri_over_16384_bytes_is_414_and_with_headers_431(get: Get) -> None:
    assert get("query?q=" + "x" * 16_384).status_code == 414
    assert get("query?q=" + "x" * 16_200).status_code == 431
    assert get("query?q=" + "x" * 10_000).status_code == 400


def test_head_is_get_without_a_body(get: Get) -> None:
    answer = get("limits", "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "api-usage=" in answer.headers["Sforce-Limit-Info"]


def test_a_describe_that_is_known_is_not_sent_again(get: Get) -> None:
    first = get("sobjects/Account/describe", headers={"Accept-Encoding": "identity"})
    modified, tag = first.headers["Last-Modified"], first.headers["ETag"]
    again = get("sobjects/Account/describe", headers={"If-Modified-Since": modified})
    assert (again.status_code, again.content) == (304, b"")
    assert get("sobjects/Account/describe", headers={"If-None-Match": tag}).status_code == 304
    zipped = get("sobjects/Account/describe").headers["ETag"]
    assert zipped == tag[:-1] + '-gzip"'
    assert get("sobjects/Account/describe", headers={"If-None-Match": zipped}).status_code == 304
    old = {"If-Modified-Since": "Tue, 28 Jun 2022 03:46:54 GMT"}
    assert get("sobjects/Account/describe", headers=old).status_code == 200
    assert get("sobjects/Account/describe", headers={"If-Modified-Since": "x"}).status_code == 200


def test_record_counts_leave_out_what_has_no_rows(get: Get) -> None:
    counts = get("limits/recordCount", params={"sObjects": "Account, Nothing"}).json()["sObjects"]
    total = get("query", params={"q": "SELECT COUNT() FROM Account"}).json()["totalSize"]
    assert counts == [{"count": total, "name": "Account"}]


def test_both_addresses_serve_one_org(org: LocalOrg, get: Get) -> None:
    made = get("sobjects/Account", "POST", json={"Name": "both"}).json()["id"]
    headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
    url = f"{org.http}/services/data/v60.0/sobjects/Account/{made}"
    with requests.Session() as plain:
        assert plain.get(url, headers=headers, timeout=10).json()["Name"] == "both"


def test_localhost_is_proved_too(org: LocalOrg, session: requests.Session) -> None:
    url = org.https.replace("127.0.0.1", "localhost") + "/services/data"
    assert session.get(url, timeout=10).status_code == 200


def test_no_ca_no_trust(org: LocalOrg) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(org.https + "/services/data", timeout=10)


def test_the_daily_limit(trust: Any) -> None:
    settings = Settings(daily_requests=2, session_seconds=100_000)
    with LocalOrg("empty", settings=settings) as org, trust(org) as session:
        headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
        url = org.https + "/services/data/v60.0/limits"
        answers = [session.get(url, headers=headers, timeout=10) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 403]
        assert answers[1].headers["Sforce-Limit-Info"] == "api-usage=2/2"
        assert answers[2].json()[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
        org.clock.advance(86_400)
        assert session.get(url, headers=headers, timeout=10).status_code == 200


def test_requests_do_not_wait_for_each_other(org: LocalOrg, get: Get) -> None:
    org.set_fault("slow-page", delay=1.5)
    slow = threading.Thread(target=get, args=("query",), kwargs={"params": QUERY})
    slow.start()
    while not any(entry["fault"] for entry in org.requests()):
        time.sleep(0.01)
    began = time.monotonic()
    assert get("query", params=QUERY).status_code == 200
    assert time.monotonic() - began < 1.0
    assert slow.is_alive()
    slow.join()
