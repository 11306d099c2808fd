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
    first, second = (trap(**{key: f"{whole} {n}", "Name": "first"}) for n in (1, 2))
    (one,) = send(get, "PATCH", [first], whole=whole, to=f"/Trap__c/{key}").json()
    made = send(get, "PATCH", [second, first], whole=whole, to=f"/Trap__c/{key}").json()
    assert [one["created"], *(each["created"] for each in made)] == [True, True, False]
    assert made[1]["id"] == one["id"] != made[0]["id"]
    without = send(get, "PATCH", [trap(Name="x")], to=f"/Trap__c/{key}").json()
    assert without[0]["errors"][0]["statusCode"] == "MISSING_ARGUMENT"


def test_records_that_share_a_key_fail_all(get: Get) -> None:
    key = "External_Id__c"
    records = [account(Name="x", External_Id__c=name) for name in ("Twice", "once", "twICE")]
    made = send(get, "PATCH", records, to=f"/Account/{key}").json()
    assert [one["success"] for one in made] == [False, True, False]
    assert made[0]["errors"] == [
        {
            "statusCode": "DUPLICATE_VALUE",
            "message": "Duplicate external id specified: Twice",
            "fields": [key],
        }
    ]
    first, second = (one["id"] for one in send(get, "POST", [account(Name="t")] * 2).json())
    changes = [account(Id=one, Site="x") for one in (first, second, first[:15])]
    told = send(get, "PATCH", changes).json()
    assert [one["success"] for one in told] == [False, True, False]
    assert told[2]["errors"][0]["message"] == f"Duplicate id specified: {first}"


def test_a_unique_value_is_taken_by_the_first_of_a_call(get: Get) -> None:
    good, bad = send(get, "POST", [account(Name="q", External_Id__c=x) for x in "qQ"]).json()
    (error,) = bad["errors"]
    assert (good["success"], error["statusCode"]) == (True, "DUPLICATE_VALUE")
    assert error["message"].endswith(good["id"][:15])


def test_a_child_that_went_with_its_parent_is_gone(get: Get) -> None:
    (parent,) = send(get, "POST", [account(Name="p")]).json()
    contact = {"attributes": {"type": "Contact"}, "LastName": "c", "AccountId": parent["id"]}
    children = [one["id"] for one in send(get, "POST", [contact] * 2).json()]
    ids = ",".join([children[0], parent["id"], children[1]])
    told = get("composite/sobjects", "DELETE", params={"ids": ids}).json()
    assert [one["success"] for one in told] == [True, True, False]
    assert told[2]["errors"][0]["statusCode"] == "ENTITY_IS_DELETED"


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
