"""What only SOAP can do: undelete, merge, empty the recycle bin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from isthmus.localorg import LocalOrg
from isthmus.localorg.commitlog import Kind

Get = Callable[..., requests.Response]
Soap = Callable[..., list[dict[str, list[str]]]]


@pytest.fixture
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg("empty") as org:
        yield org


def envelope(token: str, body: str) -> str:
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Header>'
        f'<SessionHeader xmlns="urn:partner.soap.sforce.com"><sessionId>{token}</sessionId>'
        f"</SessionHeader></e:Header><e:Body>{body}</e:Body></e:Envelope>"
    )


@pytest.fixture
def soap(org: LocalOrg) -> Soap:
    """Makes a call and gives its results: the texts of each by name."""

    def call(name: str, inner: str) -> list[dict[str, list[str]]]:
        body = f'<{name} xmlns="urn:partner.soap.sforce.com">{inner}</{name}>'
        url = org.http + "/services/Soap/u/60.0"
        data = envelope(org.ready["access_token"], body)
        answer = requests.post(url, data=data, headers={"SOAPAction": '""'}, timeout=10)
        assert answer.status_code == 200, answer.text
        made = []
        for result in ElementTree.fromstring(answer.content).iter():
            if result.tag.endswith("}result"):
                told: dict[str, list[str]] = {}
                for one in result.iter():
                    told.setdefault(one.tag.rpartition("}")[2], []).append(one.text or "")
                made.append(told)
        return made

    return call


def new(get: Get, name: str, **fields: Any) -> str:
    return str(get(f"sobjects/{name}", "POST", json=fields).json()["id"])


def ids(*given: str) -> str:
    return "".join(f"<ids>{one}</ids>" for one in given)


def test_undelete_brings_back_what_was_deleted_with_it(get: Get, soap: Soap) -> None:
    account = new(get, "Account", Name="x")
    contact = new(get, "Contact", LastName="y", AccountId=account)
    get(f"sobjects/Account/{account}", "DELETE")
    good, bad = soap("undelete", ids(account, "nonsense"))
    assert (good["id"], good["success"]) == ([account], ["true"])
    assert (bad["success"], bad["statusCode"]) == (["false"], ["MALFORMED_ID"])
    assert get(f"sobjects/Contact/{contact}").json()["AccountId"] == account
    (again,) = soap("undelete", ids(account))
    assert again["statusCode"] == ["UNDELETE_FAILED"]


def test_the_recycle_bin_is_emptied(get: Get, soap: Soap) -> None:
    gone, live = new(get, "Account", Name="x"), new(get, "Account", Name="y")
    get(f"sobjects/Account/{gone}", "DELETE")
    first, second = soap("emptyRecycleBin", ids(gone, live))
    assert first["success"] == ["true"]
    assert second["statusCode"] == ["ENTITY_NOT_IN_RECYCLEBIN"]
    found = get("queryAll", params={"q": "SELECT Id FROM Account"}).json()["records"]
    assert [row["Id"] for row in found] == [live]


def test_merge_makes_three_records_one(get: Get, org: LocalOrg, soap: Soap) -> None:
    master, one, two = (new(get, "Account", Name=name, Site=name) for name in ("m", "1", "2"))
    contact = new(get, "Contact", LastName="c", AccountId=one)
    below = new(get, "Account", Name="below", ParentId=two)
    before = len(org.org.commits)
    (result,) = soap(
        "merge",
        f"<request><masterRecord><type>Account</type><Id>{master}</Id><Name>merged</Name>"
        '<Site xsi:nil="true"/></masterRecord>'
        f"<recordToMergeIds>{one}</recordToMergeIds><recordToMergeIds>{two}</recordToMergeIds>"
        "</request>",
    )
    assert (result["success"], result["mergedRecordIds"]) == (["true"], [one, two])
    assert sorted(result["updatedRelatedIds"]) == sorted([contact, below])
    kept = get(f"sobjects/Account/{master}").json()
    assert (kept["Name"], kept["Site"]) == ("merged", None)
    assert get(f"sobjects/Contact/{contact}").json()["AccountId"] == master
    assert get(f"sobjects/Account/{below}").json()["ParentId"] == master
    soql = "SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true ORDER BY Id"
    found = get("queryAll", params={"q": soql}).json()["records"]
    assert [(row["Id"], row["MasterRecordId"]) for row in found] == [(one, master), (two, master)]
    log = [(commit.id, commit.kind) for commit in org.org.commits.since(before)]
    assert log[0] == (master, Kind.UPDATE)
    assert log[-2:] == [(one, Kind.DELETE), (two, Kind.DELETE)]
    assert {entry for entry in log[1:-2]} == {(contact, Kind.UPDATE), (below, Kind.UPDATE)}

    (back,) = soap("undelete", ids(one))
    assert back["success"] == ["true"]
    assert get(f"sobjects/Account/{one}").json()["MasterRecordId"] is None
    assert get(f"sobjects/Contact/{contact}").json()["AccountId"] == master


@pytest.mark.parametrize("count", [0, 3])
def test_a_merge_takes_one_or_two(get: Get, soap: Soap, count: int) -> None:
    given = [new(get, "Lead", LastName="x", Company="y") for _ in range(4)]
    more = "".join(f"<recordToMergeIds>{one}</recordToMergeIds>" for one in given[1 : 1 + count])
    record = f"<masterRecord><type>Lead</type><Id>{given[0]}</Id></masterRecord>"
    (result,) = soap("merge", f"<request>{record}{more}</request>")
    assert result["statusCode"] == ["INVALID_OPERATION"]


def test_only_some_objects_can_be_merged(get: Get, soap: Soap) -> None:
    first, second = (new(get, "Campaign", Name="x") for _ in range(2))
    record = f"<masterRecord><type>Campaign</type><Id>{first}</Id></masterRecord>"
    more = f"<recordToMergeIds>{second}</recordToMergeIds>"
    (result,) = soap("merge", f"<request>{record}{more}</request>")
    assert result["statusCode"] == ["INVALID_OPERATION"]


def test_a_call_wants_a_session(org: LocalOrg) -> None:
    url = org.http + "/services/Soap/u/60.0"
    body = '<undelete xmlns="urn:partner.soap.sforce.com"/>'
    answer = requests.post(url, data=envelope("no such", body), timeout=10)
    assert answer.status_code == 500 and "INVALID_SESSION_ID" in answer.text
    other = requests.post(
        url, data=envelope(org.ready["access_token"], "<convertLead/>"), timeout=10
    )
    assert "convertLead is not served here" in other.text
