"""Unmodified simple-salesforce over HTTPS, from describe to delete."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

from isthmus.localorg import LocalOrg

PAGE = 7


@pytest.fixture(scope="module")
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg(scale=0.1, switches={"page-size": PAGE}) as org:
        yield org


@pytest.fixture
def sf(org: LocalOrg, session: requests.Session) -> Any:
    return Salesforce(
        session_id=org.ready["access_token"],
        instance_url=org.https,
        session=session,
        version="60.0",
    )


def told(failed: Any) -> Any:
    """The body that came with a refusal."""
    return failed.value.content


def test_describes_all_and_one(sf: Any) -> None:
    names = {entry["name"] for entry in sf.describe()["sobjects"]}
    assert {"Account", "Opportunity", "User"} <= names
    fields = {field["name"] for field in sf.Account.describe()["fields"]}
    assert {"Id", "Name", "SystemModstamp"} <= fields
    assert sf.Account.metadata()["objectDescribe"]["keyPrefix"] == "001"


def test_pages_hold_every_row_once(sf: Any) -> None:
    first = sf.query("SELECT Id FROM Account")
    assert (len(first["records"]), first["done"]) == (PAGE, False)
    assert first["nextRecordsUrl"].startswith("/services/data/v60.0/query/01g")
    ids = [row["Id"] for row in sf.query_all_iter("SELECT Id FROM Account")]
    assert len(ids) == len(set(ids)) == first["totalSize"]
    assert len(sf.query_all("SELECT Id FROM Account")["records"]) == first["totalSize"]


def test_query_all_shows_deleted_rows(sf: Any) -> None:
    live = sf.query("SELECT COUNT() FROM Account")["totalSize"]
    everything = sf.query("SELECT COUNT() FROM Account", include_deleted=True)["totalSize"]
    assert everything > live


def test_a_record_is_made_read_changed_and_deleted(sf: Any) -> None:
    made = sf.Account.create({"Name": "  Löwe & Söhne ", "NumberOfEmployees": "12"})
    assert made["success"] is True
    assert made["errors"] == []
    record = sf.Account.get(made["id"])
    assert (record["Name"], record["NumberOfEmployees"]) == ("Löwe & Söhne", 12)
    assert sf.Account.update(made["id"], {"Name": "Löwe"}) == 204
    found = sf.query(f"SELECT Name FROM Account WHERE Id = '{made['id']}'")
    assert found["records"][0]["Name"] == "Löwe"
    assert sf.Account.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound) as failed:
        sf.Account.delete(made["id"])
    assert told(failed)[0]["errorCode"] == "ENTITY_IS_DELETED"


def external_id(sf: Any) -> str:
    """An external id field of the demo's Trap__c."""
    fields = sf.Trap__c.describe()["fields"]
    return str(next(f["name"] for f in fields if f["externalId"] and f["type"] == "string"))


def test_upsert_creates_then_changes(sf: Any) -> None:
    key = external_id(sf) + "/" + uuid.uuid4().hex
    assert sf.Trap__c.upsert(key, {"Name": "one"}) == 201
    assert sf.Trap__c.upsert(key, {"Name": "two"}) == 200
    assert sf.Trap__c.get_by_custom_id(*key.split("/"))["Name"] == "two"


def test_several_matches_are_told(sf: Any, trust: Any, tmp_path: Path) -> None:
    key, described = external_id(sf), sf.Trap__c.describe()
    for field in described["fields"]:
        field["unique"] = False
    (tmp_path / "Trap__c.json").write_text(json.dumps(described), "utf-8")
    with LocalOrg("empty", describes=tmp_path) as org, trust(org) as session:
        sf = Salesforce(
            session_id=org.ready["access_token"], instance_url=org.https, session=session
        )
        made = [sf.Trap__c.create({"Name": "x", key: "same"})["id"] for _ in range(2)]
        with pytest.raises(SalesforceMoreThanOneRecord) as failed:
            sf.Trap__c.get_by_custom_id(key, "same")
        assert [url.rpartition("/")[2] for url in told(failed)] == made


def test_updated_and_deleted_name_what_was_written(sf: Any) -> None:
    start, end = datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + timedelta(minutes=5)
    kept, gone = (sf.Account.create({"Name": name})["id"] for name in ("kept", "gone"))
    sf.Account.delete(gone)
    assert kept in sf.Account.updated(start, end)["ids"]
    assert gone in [row["id"] for row in sf.Account.deleted(start, end)["deletedRecords"]]


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELEC Id FROM Account", "MALFORMED_QUERY"),
        ("SELECT Nmae FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Acount", "INVALID_TYPE"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)
def test_a_wrong_query_is_refused(sf: Any, soql: str, code: str) -> None:
    with pytest.raises(SalesforceMalformedRequest) as failed:
        sf.query(soql)
    assert told(failed)[0]["errorCode"] == code


def test_a_wrong_record_is_refused_with_its_fields(sf: Any) -> None:
    with pytest.raises(SalesforceMalformedRequest) as failed:
        sf.Contact.create({"FirstName": "Ann"})
    assert told(failed) == [
        {
            "message": "Required fields are missing: [LastName]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["LastName"],
        }
    ]


def test_an_unknown_object_is_not_found(sf: Any) -> None:
    with pytest.raises(SalesforceResourceNotFound):
        sf.Nothing__c.describe()


def test_limits_and_usage(sf: Any) -> None:
    limits = sf.limits()["DailyApiRequests"]
    used, allowed = sf.api_usage["api-usage"]
    assert limits == {"Max": allowed, "Remaining": allowed - used}
