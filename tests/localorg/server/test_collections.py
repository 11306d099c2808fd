"""sObject Collections that write: an outcome for each record, alone or all or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from isthmus.localorg import LocalOrg

Get = Callable[..., requests.Response]


@pytest.fixture(scope="module")
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg("empty") as org:
        yield org


def account(**fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Account"}, **fields}


def send(
    get: Get, method: str, records: list[Any], *, whole: bool = False, to: str = ""
) -> requests.Response:
    body = {"allOrNone": whole, "records": records}
    return get(f"composite/sobjects{to}", method, json=body)


def count(get: Get, condition: str, name: str = "Account") -> int:
    soql = f"SELECT COUNT() FROM {name} WHERE {condition}"
    return int(get("query", params={"q": soql}).json()["totalSize"])


def commits(org: LocalOrg) -> int:
    return len(org.org.commits)


def test_records_are_created_in_order(get: Get) -> None:
    contact = {"attributes": {"type": "Contact"}, "LastName": "C"}
    answer = send(get, "POST", [account(Name="A"), contact, account(Name="B")])
    assert answer.status_code == 200
    made = answer.json()
    assert [set(one) for one in made] == [{"id", "success", "errors"}] * 3
    assert [one["id"][:3] for one in made] == ["001", "003", "001"]
    assert get(f"sobjects/Account/{made[2]['id']}").json()["Name"] == "B"


def test_one_that_fails_tells_why_and_leaves_the_others(get: Get) -> None:
    answer = send(get, "POST", [account(Name="kept 1"), account(), account(Name="kept 2")])
    assert answer.status_code == 200
    good, bad, other = answer.json()
    assert good["success"] and other["success"]
    assert bad == {
        "success": False,
        "errors": [
            {
                "statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]",
                "fields": ["Name"],
            }
        ],
    }
    assert count(get, "Name LIKE 'kept%'") == 2


def test_all_or_none_undoes_all(get: Get, org: LocalOrg) -> None:
    before = commits(org)
    answer = send(get, "POST", [account(Name="undone"), account(), account(Name="undone")],
                  whole=True)  # fmt: skip
    codes = [one["errors"][0]["statusCode"] for one in answer.json()]
    rolled = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    assert codes == [rolled, "REQUIRED_FIELD_MISSING", rolled]
    assert count(get, "Name = 'undone'") == 0
    assert commits(org) == before  # nothing that did not happen is in the log


def test_all_or_none_does_all(get: Get, org: LocalOrg) -> None:
    before = commits(org)
    answer = send(get, "POST", [account(Name="done"), account(Name="done")], whole=True)
    assert [one["success"] for one in answer.json()] == [True, True]
    assert count(get, "Name = 'done'") == 2
    assert [one.id for one in org.org.commits.since(before)] == [o["id"] for o in answer.json()]


def test_update_by_id(get: Get) -> None:
    first, second = (one["id"] for one in send(get, "POST", [account(Name="u")] * 2).json())
    answer = send(get, "PATCH", [
        account(id=first, Name="changed"), account(Id=second[:15], Name=None),
        account(Name="no id"), account(id="001000000000001", Name="x"),
    ])  # fmt: skip
    done, cleared, without, nobody = answer.json()
    assert done == {"id": first, "success": True, "errors": []}
    assert cleared["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert without["errors"][0]["statusCode"] == "MISSING_ARGUMENT"
    assert nobody["success"] is False
    assert get(f"sobjects/Account/{first}").json()["Name"] == "changed"
    assert get(f"sobjects/Account/{second}").json()["Name"] == "u"


def external(get: Get) -> str:
    fields = get("sobjects/Trap__c/describe").json()["fields"]
    return str(next(f["name"] for f in fields if f["externalId"] and f["type"] == "string"))


def trap(**fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Trap__c"}, **fields}


@pytest.mark.parametrize("whole", [False, True])
def test_upsert_by_external_id(get: Get, whole: bool) -> None:
    key = external(get)
    records = [trap(**{key: f"{whole} {n}", "Name": "first"}) for n in (1, 2, 1)]
    made = send(get, "PATCH", records, whole=whole, to=f"/Trap__c/{key}").json()
    # the third finds the first, also before the call is settled
    assert [one["created"] for one in made] == [True, True, False]
    assert made[0]["id"] == made[2]["id"] != made[1]["id"]
    without = send(get, "PATCH", [trap(Name="x")], to=f"/Trap__c/{key}").json()
    assert without[0]["errors"][0]["statusCode"] == "MISSING_ARGUMENT"


def test_upsert_without_an_id_creates(get: Get) -> None:
    (made,) = send(get, "PATCH", [account(Id=None, Name="new")], to="/Account/Id").json()
    assert made["created"] is True
    (same,) = send(get, "PATCH", [account(Id=made["id"], Name="n")], to="/Account/Id").json()
    assert (same["id"], same["created"]) == (made["id"], False)


def test_delete_by_ids(get: Get) -> None:
    made = [one["id"] for one in send(get, "POST", [account(Name="d")] * 3).json()]
    answer = get("composite/sobjects", "DELETE", params={"ids": f"{made[0]},{made[1]},nonsense"})
    assert [one["success"] for one in answer.json()] == [True, True, False]
    assert answer.json()[2]["errors"][0]["statusCode"] == "MALFORMED_ID"
    params = {"ids": f"{made[2]},{made[0]}", "allOrNone": "true"}
    again = get("composite/sobjects", "DELETE", params=params).json()
    codes = [one["errors"][0]["statusCode"] for one in again]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "ENTITY_IS_DELETED"]
    assert get(f"sobjects/Account/{made[2]}").status_code == 200


def test_two_hundred_and_no_more(get: Get) -> None:
    assert len(send(get, "POST", [account(Name="m")] * 200).json()) == 200
    answer = send(get, "POST", [account(Name="m")] * 201)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert "cannot submit more than 200 records" in answer.json()[0]["message"]


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([], "MISSING_ARGUMENT"),
        ("x", "JSON_PARSER_ERROR"),
        ([{"Name": "x"}], "INVALID_TYPE"),
        ([{"attributes": {"type": "Nowhere"}}], "INVALID_TYPE"),
        ([{"attributes": {"type": name}} for name in ["Account", "Lead"] * 6], "INVALID_INPUT"),
    ],
)
def test_wrong_calls(get: Get, records: Any, code: str) -> None:
    answer = send(get, "POST", records)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_a_field_error_is_the_records_own(get: Get) -> None:
    (bad,) = send(get, "POST", [account(Name="x", Nmae="y")]).json()
    assert bad["errors"][0]["statusCode"] == "INVALID_FIELD"
