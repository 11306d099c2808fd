"""Fields that come and go, rows that commit late or vanish, while clients read on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from isthmus.localorg import LocalOrg

Get = Callable[..., requests.Response]


@pytest.fixture
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg("empty") as org:
        yield org


def account(get: Get, **fields: Any) -> str:
    return str(get("sobjects/Account", "POST", json={"Name": "x", **fields}).json()["id"])


def described(get: Get, name: str = "Account") -> dict[str, Any]:
    return {one["name"]: one for one in get(f"sobjects/{name}/describe").json()["fields"]}


def test_a_field_comes_and_goes(get: Get, org: LocalOrg) -> None:
    old = account(get)
    first = get("sobjects/Account/describe")
    org.add_field("account", "Rank__c", "int", digits=4)
    org.add_field("Account", "Flag__c", "boolean")
    again = get(
        "sobjects/Account/describe",
        headers={"If-Modified-Since": first.headers["Last-Modified"]},
    )
    assert again.status_code == 200  # not 304
    assert described(get)["Rank__c"]["type"] == "int"
    new = account(get, Rank__c=7, Flag__c=True)
    q = "SELECT Id, Rank__c, Flag__c FROM Account ORDER BY Rank__c NULLS FIRST"
    rows = get("query", params={"q": q}).json()["records"]
    assert [(row["Id"], row["Rank__c"], row["Flag__c"]) for row in rows] == [
        (old, None, False), (new, 7, True),
    ]  # fmt: skip
    org.remove_field("Account", "rank__c")
    assert get("query", params={"q": q}).json()[0]["errorCode"] == "INVALID_FIELD"
    assert "Rank__c" not in described(get)
    refused = get("sobjects/Account", "POST", json={"Name": "y", "Rank__c": 1})
    assert refused.json()[0]["errorCode"] == "INVALID_FIELD"


def test_a_field_is_renamed_and_widened(get: Get, org: LocalOrg) -> None:
    made = account(get, Site="here")
    org.rename_field("Account", "Site", "Place__c")
    assert get(f"sobjects/Account/{made}").json()["Place__c"] == "here"
    long = {"Place__c": "y" * 200}
    assert get(f"sobjects/Account/{made}", "PATCH", json=long).status_code == 400
    org.change_field("Account", "Place__c", length=255)
    assert get(f"sobjects/Account/{made}", "PATCH", json=long).status_code == 204
    org.change_field("Account", "AnnualRevenue", precision=18, scale=4)
    account(get, AnnualRevenue="1.2345")
    found = get("query", params={"q": "SELECT AnnualRevenue FROM Account WHERE AnnualRevenue > 0"})
    assert found.json()["records"][0]["AnnualRevenue"] == 1.2345
    with pytest.raises(ValueError, match=r"Account.Place__c does not become BIGINT"):
        org.change_field("Account", "Place__c", type="int")
    assert described(get)["Place__c"]["type"] == "string"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda org: org.add_field("Nope", "A__c", "int"), "no object Nope"),
        (lambda org: org.add_field("Account", "name", "int"), "has the field name already"),
        (lambda org: org.remove_field("Account", "Nope"), "no field Nope"),
        (lambda org: org.remove_field("Account", "BillingAddress"), "no field BillingAddress"),
        (lambda org: org.rename_field("Account", "Site", "Name"), "has the field Name already"),
    ],
)
def test_changes_that_cannot_be(org: LocalOrg, change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        change(org)


def test_a_row_commits_late(get: Get, org: LocalOrg) -> None:
    first, second = account(get), account(get)
    stamp = "SELECT SystemModstamp, LastModifiedDate FROM Account WHERE Id = '{}'"
    before = get("query", params={"q": stamp.format(first)}).json()["records"][0]
    org.backdate("Account", [second[:15]], 60)
    late = get("query", params={"q": stamp.format(second)}).json()["records"][0]
    assert late["SystemModstamp"] < before["SystemModstamp"]
    assert late["SystemModstamp"] == late["LastModifiedDate"]


def test_a_row_vanishes(get: Get, org: LocalOrg) -> None:
    made = account(get)
    org.erase("Account", [made])
    q = f"SELECT COUNT() FROM Account WHERE Id = '{made}'"
    assert get("queryAll", params={"q": q}).json()["totalSize"] == 0


def test_a_running_program_changes_as_well(get: Get, org: LocalOrg) -> None:
    made = account(get)
    admin = org.http + "/__isthmus__/"
    headers = {"Authorization": f"Bearer {org.ready['access_token']}"}

    def call(method: str, name: str, **kwargs: Any) -> requests.Response:
        return requests.request(method, admin + name, headers=headers, timeout=10, **kwargs)

    for body in (
        {"do": "add", "field": "New__c", "kind": "string", "length": 20},
        {"do": "change", "field": "New__c", "length": 40},
        {"do": "rename", "field": "New__c", "to": "Newer__c"},
    ):
        answer = call("POST", "schema", json={"object": "Account", **body})
        assert answer.status_code == 200, answer.text
    assert described(get)["Newer__c"]["length"] == 40
    gone = {"object": "Account", "do": "remove", "field": "Newer__c"}
    assert "Newer__c" not in call("POST", "schema", json=gone).json()["fields"]
    body = {"object": "Account", "ids": [made], "seconds": 5}
    assert call("POST", "stamps", json=body).json() == {"changed": 1}
    params = {"object": "Account", "ids": made}
    assert call("DELETE", "records", params=params).json() == {"erased": 1}
    for wrong in ({"object": "Account"}, {"do": "add", "field": "X__c"}, {**gone, "more": 1}):
        assert call("POST", "schema", json=wrong).status_code == 400
    assert call("POST", "stamps", json={}).status_code == 400
