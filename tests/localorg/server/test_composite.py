"""Composite, Batch and Tree: references, rollback, limits, errors of each part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from isthmus.localorg import LocalOrg

Get = Callable[..., requests.Response]
BASE = "/services/data/v60.0"


@pytest.fixture(scope="module")
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg("empty") as org:
        yield org


def part(reference: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    made = {"referenceId": reference, "method": method, "url": f"{BASE}/{path}"}
    return made if body is None else {**made, "body": body}


def composite(get: Get, *parts: dict[str, Any], whole: bool = False) -> list[dict[str, Any]]:
    answer = get("composite", "POST", json={"allOrNone": whole, "compositeRequest": parts})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["compositeResponse"])


def count(get: Get, name: str) -> int:
    soql = f"SELECT COUNT() FROM Account WHERE Name = '{name}'"
    return int(get("query", params={"q": soql}).json()["totalSize"])


@pytest.mark.parametrize("whole", [False, True])
def test_later_requests_use_earlier_answers(get: Get, whole: bool) -> None:
    made, contact, found, record = composite(
        get,
        part("acc", "POST", "sobjects/Account", {"Name": "Parent", "NumberOfEmployees": 7}),
        part("con", "POST", "sobjects/Contact", {"LastName": "L", "AccountId": "@{acc.id}"}),
        part("q", "GET", "query?q=SELECT+Id,AccountId+FROM+Contact+WHERE+Id='@{con.id}'"),
        part("r", "GET", "sobjects/Account/@{q.records[0].AccountId}?fields=Name"),
        whole=whole,
    )
    assert (made["httpStatusCode"], made["referenceId"]) == (201, "acc")
    place = f"{BASE}/sobjects/Account/{made['body']['id']}"
    assert made["httpHeaders"] == {"Location": place}
    assert contact["body"]["success"] is True
    # what the call has written is seen by its own requests before it is settled
    assert found["body"]["records"][0]["AccountId"] == made["body"]["id"]
    assert record["body"]["Name"] == "Parent"
    assert count(get, "Parent") >= 1


def test_a_204_has_no_body(get: Get) -> None:
    made, changed = composite(
        get,
        part("acc", "POST", "sobjects/Account", {"Name": "x"}),
        part("up", "PATCH", "sobjects/Account/@{acc.id}", {"Name": "y"}),
    )
    assert (changed["httpStatusCode"], changed["body"]) == (204, None)
    assert get(f"sobjects/Account/{made['body']['id']}").json()["Name"] == "y"


def test_a_failed_dependency_halts_what_hangs_on_it(get: Get) -> None:
    failed, halted, other = composite(
        get,
        part("acc", "POST", "sobjects/Account", {}),
        part("con", "POST", "sobjects/Contact", {"LastName": "L", "AccountId": "@{acc.id}"}),
        part("free", "POST", "sobjects/Account", {"Name": "free"}),
    )
    assert failed["httpStatusCode"] == 400
    assert failed["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert halted["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert other["httpStatusCode"] == 201


def test_a_missing_value_is_told_as_recorded(get: Get) -> None:
    _, halted = composite(
        get,
        part("rt", "GET", "query?q=SELECT+Id+FROM+Account+WHERE+Name='nobody'"),
        part("a", "POST", "sobjects/Account", {"Name": "@{rt.records[0].Id}"}),
    )
    assert halted["body"] == [
        {
            "errorCode": "PROCESSING_HALTED",
            "message": (
                "Invalid reference specified. No value for rt.records[0].Id found in rt"
            ),
        }
    ]  # fmt: skip


def test_all_or_none_rolls_back(get: Get, org: LocalOrg) -> None:
    before = len(org.org.commits)
    first, failed, never = composite(
        get,
        part("one", "POST", "sobjects/Account", {"Name": "rolled back"}),
        part("two", "POST", "sobjects/Account", {}),
        part("three", "POST", "sobjects/Account", {"Name": "rolled back"}),
        whole=True,
    )
    for one in (first, never):
        assert one["httpStatusCode"] == 400
        assert one["body"][0]["errorCode"] == "PROCESSING_HALTED"
        assert "rolled back since another operation" in one["body"][0]["message"]
    assert failed["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert count(get, "rolled back") == 0 and len(org.org.commits) == before


def test_the_call_counts_once_and_a_batch_by_its_parts(get: Get) -> None:
    def used(answer: Any) -> int:
        return int(answer.headers["Sforce-Limit-Info"].split("=")[1].split("/")[0])

    before = used(get("limits"))
    parts = [part(f"r{n}", "GET", "limits") for n in range(3)]
    assert used(get("composite", "POST", json={"compositeRequest": parts})) == before + 1
    requests_ = [{"method": "GET", "url": "v60.0/limits"}] * 3
    assert used(get("composite/batch", "POST", json={"batchRequests": requests_})) == before + 4


WRONG: dict[str, list[Any]] = {
    "none": [],
    "too many": [part(f"r{n}", "GET", "limits") for n in range(26)],
    "twice": [part("r", "GET", "limits")] * 2,
    "no reference": [{"method": "GET", "url": f"{BASE}/limits"}],
    "a bad reference": [part("a-b", "GET", "limits")],
    "a bad method": [part("a", "FETCH", "limits")],
    "a relative url": [{"referenceId": "a", "method": "GET", "url": "limits"}],
    "six queries": [part(f"r{n}", "GET", "query?q=x") for n in range(6)],
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_call_is_refused_whole(get: Get, what: str) -> None:
    answer = get("composite", "POST", json={"compositeRequest": WRONG[what]})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_INPUT")


def test_some_resources_cannot_be_parts(get: Get) -> None:
    answers = composite(
        get,
        part("a", "POST", "composite", {"compositeRequest": []}),
        part("b", "POST", "jobs/query", {"operation": "query", "query": "SELECT Id FROM Lead"}),
        part("c", "GET", "nowhere"),
    )
    assert [one["httpStatusCode"] for one in answers] == [400, 400, 404]


def test_batch_answers_each_for_itself(get: Get) -> None:
    body = {
        "batchRequests": [
            {"method": "POST", "url": "v60.0/sobjects/Account", "richInput": {"Name": "batch"}},
            {"method": "GET", "url": "v60.0/sobjects/Account/001000000000000"},
            {"method": "GET", "url": "v60.0/query?q=SELECT+Name+FROM+Account+WHERE+Name='batch'"},
        ]
    }
    answer = get("composite/batch", "POST", json=body).json()
    assert answer["hasErrors"] is True
    assert [one["statusCode"] for one in answer["results"]] == [201, 404, 200]
    assert answer["results"][1]["result"][0]["errorCode"] == "NOT_FOUND"
    assert answer["results"][2]["result"]["records"][0]["Name"] == "batch"


def test_batch_halts_where_it_is_asked_to(get: Get) -> None:
    body = {"haltOnError": True, "batchRequests": [
        {"method": "GET", "url": "v60.0/nowhere"}, {"method": "GET", "url": "v60.0/limits"},
    ]}  # fmt: skip
    answer = get("composite/batch", "POST", json=body).json()
    assert [one["statusCode"] for one in answer["results"]] == [404, 412]
    assert answer["results"][1]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"


def node(reference: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind, "referenceId": reference}, **fields}


def tree(get: Get, *records: dict[str, Any], name: str = "Account") -> requests.Response:
    return get(f"composite/tree/{name}", "POST", json={"records": records})


def test_a_tree_is_created_with_its_children(get: Get) -> None:
    contacts = {"records": [node("c1", "Contact", LastName="One"),
                            node("c2", "Contact", LastName="Two")]}  # fmt: skip
    answer = tree(get, node("a1", "Account", Name="Tree", Contacts=contacts),
                  node("a2", "Account", Name="Bush"))  # fmt: skip
    assert answer.status_code == 201
    body = answer.json()
    assert body["hasErrors"] is False
    made = {one["referenceId"]: one["id"] for one in body["results"]}
    assert set(made) == {"a1", "a2", "c1", "c2"}
    assert get(f"sobjects/Contact/{made['c2']}").json()["AccountId"] == made["a1"]


def test_a_tree_with_an_error_is_not_created(get: Get, org: LocalOrg) -> None:
    before = len(org.org.commits)
    contacts = {"records": [node("ref3", "Contact"), node("c4", "Contact", LastName="x")]}
    answer = tree(get, node("a", "Account", Name="felled", Contacts=contacts))
    assert answer.status_code == 400
    assert answer.json() == {
        "hasErrors": True,
        "results": [
            {
                "referenceId": "ref3",
                "errors": [
                    {
                        "statusCode": "REQUIRED_FIELD_MISSING",
                        "message": "Required fields are missing: [LastName]",
                        "fields": ["LastName"],
                    }
                ],
            }
        ],
    }
    assert count(get, "felled") == 0 and len(org.org.commits) == before


@pytest.mark.parametrize(
    "records",
    [
        [],
        [{"Name": "x"}],
        [node("a", "Contact", LastName="x")],
        [node("a", "Account", Name="x"), node("a", "Account", Name="y")],
        [node(f"a{n}", "Account", Name="x") for n in range(201)],
    ],
)
def test_what_is_no_tree(get: Get, records: list[Any]) -> None:
    answer = tree(get, *records)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_INPUT")
