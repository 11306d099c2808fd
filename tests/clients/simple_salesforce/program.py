"""What simple-salesforce does against a local org."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checks import ORG, Check, asked, count, forget, main, rows
from simple_salesforce import Salesforce, SalesforceMalformedRequest, SalesforceResourceNotFound

VERSION = "60.0"
SOON = 0.02  # seconds between two looks at a job; its own default is five

sf: Any = Salesforce(session_id=ORG["access_token"], instance_url=ORG["https"], version=VERSION)


def _can_read(other: Any) -> None:
    assert len(other.query("SELECT Id FROM Account LIMIT 2")["records"]) == 2


def login_by_soap() -> None:
    _can_read(
        Salesforce(
            username=ORG["username"],
            password=ORG["password"],
            security_token=ORG["security_token"],
            version=VERSION,
        )
    )


def login_by_password() -> None:
    _can_read(
        Salesforce(
            username=ORG["username"],
            password=ORG["password"],
            consumer_key=ORG["client_id"],
            consumer_secret=ORG["client_secret"],
            version=VERSION,
        )
    )


def login_by_jwt() -> None:
    _can_read(
        Salesforce(
            username=ORG["username"],
            consumer_key=ORG["client_id"],
            privatekey_file=ORG["jwt_key_file"],
            version=VERSION,
        )
    )


def login_by_client_credentials() -> None:
    _can_read(
        Salesforce(
            consumer_key=ORG["client_id"],
            consumer_secret=ORG["client_secret"],
            domain="local-org.my",
            version=VERSION,
        )
    )


def describe() -> None:
    names = {entry["name"] for entry in sf.describe()["sobjects"]}
    assert {"Account", "Opportunity", "Trap__c"} <= names
    fields = {field["name"] for field in sf.Account.describe()["fields"]}
    assert {"Id", "Name", "SystemModstamp"} <= fields
    assert sf.Account.metadata()["objectDescribe"]["keyPrefix"] == "001"


def limits() -> None:
    told = sf.limits()["DailyApiRequests"]
    used, allowed = sf.api_usage["api-usage"]
    assert told == {"Max": allowed, "Remaining": allowed - used}


def all_pages() -> None:
    forget()
    ids = [row["Id"] for row in sf.query_all_iter("SELECT Id FROM Contact")]
    assert len(ids) == len(set(ids)) == count("Contact")
    assert asked("GET", "/query/01g") > 1


def deleted_too() -> None:
    found = sf.query_all("SELECT Id, IsDeleted FROM Account", include_deleted=True)["records"]
    assert any(row["IsDeleted"] for row in found)
    assert sum(not row["IsDeleted"] for row in found) == count("Account")


def related() -> None:
    soql = (
        "SELECT Id, Owner.Name, (SELECT Id FROM Contacts) FROM Account"
        " WHERE Id IN (SELECT AccountId FROM Contact) LIMIT 5"
    )
    found = sf.query(soql)["records"]
    assert len(found) == 5
    assert all(row["Owner"]["Name"] and row["Contacts"]["totalSize"] for row in found)


def search() -> None:
    made = sf.Account.create({"Name": "Findable by simple"})["id"]
    found = sf.search("FIND {Findable simple} RETURNING Account(Id, Name)")["searchRecords"]
    assert [row["Id"] for row in found] == [made]
    assert made in [row["Id"] for row in sf.quick_search("Findable simple")["searchRecords"]]


def one_record() -> None:
    made = sf.Account.create({"Name": "Löwe & Söhne", "NumberOfEmployees": "12"})
    assert made["success"] is True
    record = sf.Account.get(made["id"])
    assert (record["Name"], record["NumberOfEmployees"]) == ("Löwe & Söhne", 12)
    assert sf.Account.update(made["id"], {"Name": "Löwe", "NumberOfEmployees": None}) == 204
    (row,) = rows(f"SELECT Name, NumberOfEmployees FROM Account WHERE Id = '{made['id']}'")
    assert (row["Name"], row["NumberOfEmployees"]) == ("Löwe", None)
    assert sf.Account.delete(made["id"]) == 204
    try:
        sf.Account.delete(made["id"])
    except SalesforceResourceNotFound as error:
        assert error.content[0]["errorCode"] == "ENTITY_IS_DELETED"
    else:
        raise AssertionError("a record was deleted twice")


def upsert_one() -> None:
    key = "External_Id__c/simple-1"
    assert sf.Trap__c.upsert(key, {"Name": "one"}) == 201
    assert sf.Trap__c.upsert(key, {"Name": "two"}) == 200
    assert sf.Trap__c.get_by_custom_id("External_Id__c", "simple-1")["Name"] == "two"
    assert count("Trap__c", "External_Id__c = 'simple-1'") == 1


def refused() -> None:
    try:
        sf.Contact.create({"FirstName": "Ann"})
    except SalesforceMalformedRequest as error:
        assert error.content[0]["errorCode"] == "REQUIRED_FIELD_MISSING"
        assert error.content[0]["fields"] == ["LastName"]
    else:
        raise AssertionError("a contact without a last name was taken")


def updated_and_deleted() -> None:
    start, end = datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + timedelta(minutes=5)
    kept, gone = (sf.Account.create({"Name": name})["id"] for name in ("kept", "gone"))
    sf.Account.delete(gone)
    assert kept in sf.Account.updated(start, end)["ids"]
    assert gone in [row["id"] for row in sf.Account.deleted(start, end)["deletedRecords"]]


def _collection(method: str, path: str = "", **kwargs: Any) -> Any:
    return sf.restful(f"composite/sobjects{path}", method=method, **kwargs)


def _accounts(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"attributes": {"type": "Account"}, **record} for record in records]


def collections() -> None:
    wanted = _accounts([{"Name": f"Collection {at}"} for at in range(200)])
    made = _collection("POST", json={"allOrNone": False, "records": wanted})
    assert [one["success"] for one in made] == [True] * 200
    ids = [one["id"] for one in made]
    changes = _accounts([{"Id": one, "Industry": "Energy"} for one in ids])
    assert all(one["success"] for one in _collection("PATCH", json={"records": changes}))
    read = _collection("POST", "/Account", json={"ids": ids[:3], "fields": ["Industry"]})
    assert [one["Industry"] for one in read] == ["Energy"] * 3
    gone = _collection("DELETE", params={"ids": ",".join(ids), "allOrNone": "true"})
    assert all(one["success"] for one in gone)
    assert count("Account", "Name LIKE 'Collection %'") == 0


def collections_upsert() -> None:
    wanted = [
        {"attributes": {"type": "Trap__c"}, "Name": f"n{at}", "External_Id__c": f"simple-c{at}"}
        for at in range(3)
    ]
    for created in (True, False):
        made = _collection("PATCH", "/Trap__c/External_Id__c", json={"records": wanted})
        assert [one["created"] for one in made] == [created] * 3


def collections_partly() -> None:
    wanted = _accounts([{"Name": "kept"}, {"Industry": "Energy"}])
    partly = _collection("POST", json={"allOrNone": False, "records": wanted})
    assert [one["success"] for one in partly] == [True, False]
    assert partly[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    whole = _collection("POST", json={"allOrNone": True, "records": wanted})
    assert whole[0]["errors"][0]["statusCode"] == "ALL_OR_NONE_OPERATION_ROLLED_BACK"


def composite() -> None:
    base = f"/services/data/v{VERSION}/sobjects/Account"
    parts = [
        {"method": "POST", "url": base, "referenceId": "acme", "body": {"Name": "Composite"}},
        {"method": "GET", "url": base + "/@{acme.id}", "referenceId": "read"},
    ]
    body = {"allOrNone": True, "compositeRequest": parts}
    answer = sf.restful("composite", method="POST", json=body)["compositeResponse"]
    assert [part["httpStatusCode"] for part in answer] == [201, 200]
    assert answer[1]["body"]["Name"] == "Composite"


def bulk2_query() -> None:
    forget()
    pages = sf.bulk2.Contact.query("SELECT Id, Name FROM Contact", max_records=700, wait=SOON)
    found = [row["Id"] for page in pages for row in csv.DictReader(io.StringIO(page, newline=""))]
    assert len(found) == len(set(found)) == count("Contact")
    assert asked("POST", "/jobs/query") == 1
    assert asked("GET", "/results") > 1


def bulk2_query_all() -> None:
    pages = sf.bulk2.Account.query_all("SELECT Id, IsDeleted FROM Account", wait=SOON)
    found = [row for page in pages for row in csv.DictReader(io.StringIO(page, newline=""))]
    assert "true" in {row["IsDeleted"] for row in found}


def bulk2_download() -> None:
    folder = Path.cwd() / "pages"
    folder.mkdir()
    found = sf.bulk2.Account.download("SELECT Id FROM Account", str(folder), wait=SOON)
    assert sum(one["number_of_records"] for one in found) == count("Account")


def _loaded(results: list[dict[str, Any]], wanted: int, failed: int = 0) -> list[dict[str, str]]:
    assert sum(one["numberRecordsProcessed"] for one in results) == wanted + failed, results
    assert sum(one["numberRecordsFailed"] for one in results) == failed, results
    texts = [sf.bulk2.Account.get_successful_records(one["job_id"]) for one in results]
    found = [row for text in texts for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert len(found) == wanted
    return found


def bulk2_ingest() -> None:
    accounts = sf.bulk2.Account
    wanted = [{"Name": f'Bulk2 "{at}",\n é', "Industry": "Media"} for at in range(500)]
    made = _loaded(accounts.insert(records=wanted, batch_size=200, wait=SOON), 500)
    assert count("Account", "Name LIKE 'Bulk2 %'") == 500
    ids = [row["sf__Id"] for row in made]
    changes = [{"Id": one, "Industry": "#N/A"} for one in ids]
    _loaded(accounts.update(records=changes, wait=SOON), 500)
    assert count("Account", "Name LIKE 'Bulk2 %' AND Industry = null") == 500
    _loaded(accounts.delete(records=[{"Id": one} for one in ids], wait=SOON), 500)
    assert count("Account", "Name LIKE 'Bulk2 %'") == 0


def bulk2_upsert() -> None:
    wanted = [{"Name": f"u{at}", "External_Id__c": f"simple-u{at}"} for at in range(2)]
    for created in ("true", "false"):
        done = sf.bulk2.Trap__c.upsert(
            records=wanted, external_id_field="External_Id__c", wait=SOON
        )
        assert {row["sf__Created"] for row in _loaded(done, 2)} == {created}


def bulk2_failures() -> None:
    wanted = [{"LastName": "Good", "FirstName": "A"}, {"LastName": "", "FirstName": "Bad"}]
    done = sf.bulk2.Contact.insert(records=wanted, wait=SOON)
    _loaded(done, 1, failed=1)
    text = sf.bulk2.Contact.get_failed_records(done[0]["job_id"])
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["sf__Error"].startswith("REQUIRED_FIELD_MISSING:Required fields are missing:")
    assert row["FirstName"] == "Bad"


def bulk2_hard_delete() -> None:
    made = sf.Account.create({"Name": "hard"})["id"]
    _loaded(sf.bulk2.Account.hard_delete(records=[{"Id": made}], wait=SOON), 1)
    everything = sf.query(f"SELECT Id FROM Account WHERE Id = '{made}'", include_deleted=True)
    assert everything["totalSize"] == 0


def bulk1_query() -> None:
    found = sf.bulk.Contact.query(
        "SELECT Id, LastName FROM Contact", lazy_operation=False, wait=SOON
    )
    assert len({row["Id"] for row in found}) == len(found) == count("Contact")


def bulk1_query_all() -> None:
    found = sf.bulk.Account.query_all(
        "SELECT Id, IsDeleted FROM Account", lazy_operation=False, wait=SOON
    )
    assert any(row["IsDeleted"] for row in found)


def bulk1_ingest() -> None:
    wanted = [{"Name": f"Bulk1 {at}"} for at in range(300)]
    made = sf.bulk.Account.insert(wanted, batch_size=100, use_serial=True)
    assert [one["success"] for one in made] == [True] * 300
    ids = [one["id"] for one in made]
    changed = sf.bulk.Account.update([{"Id": one, "Industry": "Energy"} for one in ids])
    assert all(one["success"] for one in changed)
    assert count("Account", "Name LIKE 'Bulk1 %' AND Industry = 'Energy'") == 300
    gone = sf.bulk.Account.delete([{"Id": one} for one in ids])
    assert all(one["success"] for one in gone)
    assert count("Account", "Name LIKE 'Bulk1 %'") == 0


def bulk1_upsert() -> None:
    wanted = [{"Name": f"v{at}", "External_Id__c": f"simple-v{at}"} for at in range(2)]
    for created in (True, False):
        made = sf.bulk.Trap__c.upsert(wanted, "External_Id__c")
        assert [(one["success"], one["created"]) for one in made] == [(True, created)] * 2


def bulk1_failures() -> None:
    wanted = [{"LastName": "Good"}, {"FirstName": "Bad"}]
    made = sf.bulk.Contact.insert(wanted)
    assert [one["success"] for one in made] == [True, False]
    assert made[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"


main(
    [
        Check("login by SOAP", login_by_soap),
        Check("login by password", login_by_password),
        Check("login by JWT", login_by_jwt),
        Check("login by client credentials", login_by_client_credentials),
        Check("describe", describe),
        Check("limits", limits),
        Check("query, all pages", all_pages),
        Check("queryAll", deleted_too),
        Check("parents and children", related),
        Check("search by SOSL", search),
        Check("create, read, update, delete one", one_record),
        Check("upsert one", upsert_one),
        Check("refusal with its fields", refused),
        Check("Collections: create, update, read, delete", collections),
        Check("Collections: upsert", collections_upsert),
        Check("Collections: partly, all or none", collections_partly),
        Check("Composite with references", composite),
        Check("updated and deleted", updated_and_deleted),
        Check("Bulk 2.0 query", bulk2_query),
        Check("Bulk 2.0 queryAll", bulk2_query_all),
        Check("Bulk 2.0 download", bulk2_download),
        Check("Bulk 2.0 insert, update, delete", bulk2_ingest),
        Check("Bulk 2.0 upsert", bulk2_upsert),
        Check("Bulk 2.0 failed records", bulk2_failures),
        Check("Bulk 2.0 hard delete", bulk2_hard_delete),
        Check("Bulk 1.0 query", bulk1_query),
        Check("Bulk 1.0 queryAll", bulk1_query_all),
        Check("Bulk 1.0 insert, update, delete", bulk1_ingest),
        Check("Bulk 1.0 upsert", bulk1_upsert),
        Check("Bulk 1.0 failed records", bulk1_failures),
    ]
)
