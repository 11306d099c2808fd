"""Conditional headers of sObject Rows, by themselves and within a composite call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from isthmus.localorg import LocalOrg

Get = Callable[..., requests.Response]
START = "Sat, 31 Jan 2026 12:00:00 GMT"
LATER = "Sat, 31 Jan 2026 12:00:05 GMT"


@pytest.fixture
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg("empty", now=datetime(2026, 1, 31, 12, tzinfo=UTC)) as org:
        yield org


@pytest.fixture
def made(get: Get) -> str:
    body = {"Name": "x", "External_Id__c": "k"}
    return str(get("sobjects/Account", "POST", json=body).json()["id"])


def change(get: Get, path: str, site: str, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return get(path, "PATCH", json={"Site": site}, headers=named)


@pytest.mark.parametrize("by_key", [False, True])
def test_a_change_wants_the_record_unmodified(
    get: Get, org: LocalOrg, made: str, by_key: bool
) -> None:
    path = "sobjects/Account/External_Id__c/k" if by_key else f"sobjects/Account/{made}"
    assert change(get, path, "1", If_Unmodified_Since=START).ok
    org.clock.advance(3)
    assert change(get, path, "2", If_Unmodified_Since=START).ok
    org.clock.advance(3)
    refused = change(get, path, "3", If_Unmodified_Since=START)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (412, "PRECONDITION_FAILED")
    assert get(f"sobjects/Account/{made}").json()["Site"] == "2"
    assert change(get, path, "4", If_Unmodified_Since=LATER).ok
    assert get(f"sobjects/Account/{made}").json()["Site"] == "4"


def test_an_upsert_that_creates_heeds_none(get: Get) -> None:
    path = "sobjects/Account/External_Id__c/new"
    headers = {"If-Unmodified-Since": START}
    assert get(path, "PATCH", json={"Name": "n"}, headers=headers).status_code == 201


def test_a_change_wants_the_tag_it_knows(get: Get, made: str) -> None:
    path = f"sobjects/Account/{made}"
    tag = get(path).headers["ETag"]
    assert change(get, path, "1", If_Match=tag).status_code == 204
    assert change(get, path, "2", If_Match=tag).status_code == 412
    assert change(get, path, "3", If_Match=f'"other", {get(path).headers["ETag"]}').ok
    assert change(get, path, "4", If_None_Match="*").status_code == 412
    assert get(path).json()["Site"] == "3"


def test_a_read_may_find_nothing_new(get: Get, org: LocalOrg, made: str) -> None:
    path = f"sobjects/Account/{made}"
    first = get(path)
    assert first.headers["Last-Modified"] == START
    same = get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert get(path, headers={"If-Modified-Since": START}).status_code == 304
    org.clock.advance(1)
    change(get, path, "1")
    assert get(path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    assert get(path, headers={"If-Modified-Since": START}).status_code == 200
    assert get(path, headers={"If-Unmodified-Since": START}).status_code == 412
    assert get(path, headers={"If-Match": first.headers["ETag"]}).status_code == 412
    assert get(path, headers={"If-Modified-Since": "nonsense"}).status_code == 200


def test_only_accounts_have_tags(get: Get) -> None:
    made = get("sobjects/Contact", "POST", json={"LastName": "x"}).json()["id"]
    path = f"sobjects/Contact/{made}"
    assert "ETag" not in get(path).headers
    assert get(path, headers={"If-Match": '"x"'}).status_code == 200
    assert get(path, headers={"If-Modified-Since": START}).status_code == 304


def test_a_bad_date_is_refused_in_a_change_alone(get: Get, made: str) -> None:
    path = f"sobjects/Account/{made}"
    for name in ("If_Unmodified_Since", "If_Modified_Since"):
        assert change(get, path, "1", **{name: "yesterday"}).status_code == 400


def test_a_delete_heeds_none(get: Get, org: LocalOrg, made: str) -> None:
    org.clock.advance(9)
    change(get, f"sobjects/Account/{made}", "1")
    gone = get(f"sobjects/Account/{made}", "DELETE", headers={"If-Unmodified-Since": START})
    assert gone.status_code == 204


def test_parts_of_a_composite_call_have_their_own(get: Get, org: LocalOrg, made: str) -> None:
    org.clock.advance(9)
    change(get, f"sobjects/Account/{made}", "1")

    def part(name: str, since: str) -> dict[str, Any]:
        url = f"/services/data/v60.0/sobjects/Account/{made}"
        headers = {"If-Unmodified-Since": since}
        return {"referenceId": name, "method": "PATCH", "url": url, "body": {"Site": name},
                "httpHeaders": headers}  # fmt: skip

    parts = [part("old", START), part("new", "Sat, 31 Jan 2026 12:00:09 GMT")]
    body = {"compositeRequest": parts, "allOrNone": False}
    answers = get("composite", "POST", json=body).json()["compositeResponse"]
    assert [one["httpStatusCode"] for one in answers] == [412, 204]
    assert answers[0]["body"][0]["errorCode"] == "PRECONDITION_FAILED"
    assert get(f"sobjects/Account/{made}").json()["Site"] == "new"
