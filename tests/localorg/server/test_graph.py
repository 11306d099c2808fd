"""Composite Graph: graphs of records, each written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from isthmus.localorg import LocalOrg

Get = Callable[..., requests.Response]
ROOT = "/services/data/v60.0/sobjects"


@pytest.fixture(scope="module")
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg("empty") as org:
        yield org


def node(reference: str, name: str, **body: Any) -> dict[str, Any]:
    return {"referenceId": reference, "method": "POST", "url": f"{ROOT}/{name}", "body": body}


def send(get: Get, **graphs: list[dict[str, Any]]) -> requests.Response:
    made = [{"graphId": name, "compositeRequest": parts} for name, parts in graphs.items()]
    return get("composite/graph", "POST", json={"graphs": made})


def count(get: Get, name: str) -> int:
    soql = f"SELECT COUNT() FROM Account WHERE Name = '{name}'"
    return int(get("query", params={"q": soql}).json()["totalSize"])


def test_each_graph_is_done_whole_or_not_at_all(get: Get) -> None:
    good = [
        node("a", "Account", Name="whole"),
        node("c", "Contact", LastName="x", AccountId="@{a.id}"),
    ]
    bad = [node("a", "Account", Name="undone"), node("c", "Contact", FirstName="nameless")]
    answer = send(get, good=good, bad=bad)
    assert answer.status_code == 200
    first, second = answer.json()["graphs"]
    assert (first["graphId"], first["isSuccessful"]) == ("good", True)
    parts = first["graphResponse"]["compositeResponse"]
    assert [one["httpStatusCode"] for one in parts] == [201, 201]
    contact = get(f"sobjects/Contact/{parts[1]['body']['id']}").json()
    assert contact["AccountId"] == parts[0]["body"]["id"]
    assert second["isSuccessful"] is False
    codes = [one["body"][0]["errorCode"] for one in second["graphResponse"]["compositeResponse"]]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert (count(get, "whole"), count(get, "undone")) == (1, 0)


def test_a_graph_may_be_as_large_as_a_call(get: Get) -> None:
    parts = [node(f"r{n}", "Account", Name="many") for n in range(500)]
    (graph,) = send(get, g=parts).json()["graphs"]
    assert graph["isSuccessful"] and count(get, "many") == 500


def test_after_fourteen_failures_no_more_is_done(get: Get) -> None:
    graphs = {f"g{n}": [node("a", "Account")] for n in range(14)}
    graphs["last"] = [node("a", "Account", Name="halted")]
    last = send(get, **graphs).json()["graphs"][-1]
    (part,) = last["graphResponse"]["compositeResponse"]
    assert (last["isSuccessful"], part["body"][0]["errorCode"]) == (False, "PROCESSING_HALTED")
    assert count(get, "halted") == 0


def chain(length: int) -> list[dict[str, Any]]:
    parts = [node("r0", "Account", Name="deep")]
    for n in range(1, length):
        parts.append(node(f"r{n}", "Account", Name="deep", ParentId=f"@{{r{n - 1}.id}}"))
    return parts


def test_a_chain_of_references_has_a_limit(get: Get) -> None:
    assert send(get, g=chain(15)).json()["graphs"][0]["isSuccessful"]
    assert send(get, g=chain(16)).status_code == 400


NAMES = [
    "Account", "Contact", "Lead", "Opportunity", "Case", "Task", "Event", "Campaign", "Asset",
    "Product2", "Pricebook2", "Trap__c", "User", "Contract", "Order", "Solution",
]  # fmt: skip


@pytest.mark.parametrize(
    "graphs",
    [
        {},
        {f"g{n}": [node("a", "Account", Name="x")] for n in range(76)},
        {"g": []},
        {"g": [node(f"r{n}", "Account", Name="x") for n in range(501)]},
        {"g": [node(f"r{n}", name) for n, name in enumerate(NAMES)]},
        {"g": [{"referenceId": "q", "method": "GET", "url": "/services/data/v60.0/limits"}]},
        {"g": [node("a", "Account", Name="x"), node("a", "Account", Name="x")]},
    ],
    ids=["none", "too many", "empty", "too large", "too varied", "no record", "twice"],
)
def test_a_wrong_call_is_refused_whole(get: Get, graphs: Any) -> None:
    answer = send(get, **graphs)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_INPUT")
