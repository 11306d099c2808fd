"""Records by their ids: `composite/sobjects/T`, and one record with chosen fields."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.localorg import LocalOrg
from isthmus.localorg.ids import make

FIELDS = ["Id", "name", "BillingAddress", "AnnualRevenue", "CreatedDate", "IsDeleted", "OwnerId"]


@pytest.fixture
def accounts(get: Any) -> list[dict[str, Any]]:
    found = get("query", params={"q": "SELECT Id, Name FROM Account ORDER BY Name LIMIT 300"})
    return list(found.json()["records"])


def post(get: Any, ids: list[str], fields: list[str], name: str = "Account") -> Any:
    return get(f"composite/sobjects/{name}", method="POST", json={"ids": ids, "fields": fields})


def test_records_come_in_the_order_of_their_ids(get: Any, accounts: Any, org: LocalOrg) -> None:
    ids = [one["Id"] for one in accounts]
    answer = post(get, ids, FIELDS)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert [record["Name"] for record in answer.json()] == [one["Name"] for one in accounts]
    last = org.requests()[-1]
    assert (last["api"], last["rows"], last["bytes"] > 0) == ("rest", 300, True)


def test_a_record_is_as_the_single_resource_gives_it(get: Any, accounts: Any) -> None:
    (record_id,) = [accounts[0]["Id"]]
    (many,) = post(get, [record_id], FIELDS).json()
    one = get(f"sobjects/Account/{record_id}", params={"fields": ",".join(FIELDS)})
    assert many == one.json()
    assert list(many) == ["attributes", "Id", "Name", *FIELDS[2:]]


def test_get_takes_lists_in_the_url(get: Any, accounts: Any) -> None:
    ids = [one["Id"][:15] for one in accounts[:3]]
    answer = get("composite/sobjects/account", params={"ids": ",".join(ids), "fields": "Id,Name"})
    assert [record["Id"] for record in answer.json()] == [one["Id"] for one in accounts[:3]]


def test_null_stands_where_there_is_no_record(get: Any, accounts: Any) -> None:
    everything = get("queryAll", params={"q": "SELECT Id FROM Account WHERE IsDeleted = TRUE"})
    gone = everything.json()["records"][0]["Id"]
    contact = get("query", params={"q": "SELECT Id FROM Contact LIMIT 1"}).json()["records"][0]
    there = accounts[0]["Id"]
    ids = [make("001", 60_000_000), there, gone, "no id", contact["Id"], there]
    found = post(get, ids, ["Name"]).json()
    assert [record and record["Name"] for record in found] == [
        None, accounts[0]["Name"], None, None, None, accounts[0]["Name"],
    ]  # fmt: skip


def test_two_thousand_ids_and_no_more(get: Any) -> None:
    ids = [make("001", number) for number in range(1, 2002)]
    assert len(post(get, ids[:2000], ["Id"]).json()) == 2000
    answer = post(get, ids, ["Id"])
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"ids": ["001000000000001"], "fields": ["Nmae"]}, 400, "INVALID_FIELD"),
        ({"ids": ["001000000000001"], "fields": ["Owner.Name"]}, 400, "INVALID_FIELD"),
        ({"ids": ["001000000000001"]}, 400, "MISSING_ARGUMENT"),
        ({"ids": [], "fields": ["Id"]}, 400, "MISSING_ARGUMENT"),
        ({"ids": "001000000000001", "fields": ["Id"]}, 400, "JSON_PARSER_ERROR"),
    ],
)
def test_wrong_calls(get: Any, body: dict[str, Any], status: int, code: str) -> None:
    answer = get("composite/sobjects/Account", method="POST", json=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)


def test_an_unknown_object(get: Any) -> None:
    assert post(get, ["001000000000001"], ["Id"], "Nowhere").status_code == 404


def test_one_record_with_chosen_fields(get: Any, accounts: Any) -> None:
    path = f"sobjects/Account/{accounts[0]['Id']}"
    record = get(path, params={"fields": "Name, Industry"}).json()
    assert list(record) == ["attributes", "Name", "Industry"]
    wrong = get(path, params={"fields": "Nmae"})
    assert (wrong.status_code, wrong.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_the_call_counts_once(get: Any, accounts: Any) -> None:
    def used(answer: Any) -> int:
        return int(answer.headers["Sforce-Limit-Info"].split("=")[1].split("/")[0])

    before = used(get("limits"))
    assert used(post(get, [one["Id"] for one in accounts], ["Id"])) == before + 1
