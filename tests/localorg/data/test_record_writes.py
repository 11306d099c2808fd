from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from isthmus.localorg.commitlog import CommitLog, Kind
from isthmus.localorg.demo import ADMIN_ID
from isthmus.localorg.errors import OrgError
from isthmus.localorg.records import Records, SeveralMatches
from isthmus.localorg.schema import Schema
from isthmus.localorg.store import Store

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
BASE = "/services/data/v59.0"


class Desk:
    """The records of an org, written to by the administrator."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.now = NOW

    def create(self, name: str, /, **payload: Any) -> str:
        return self.records.create(name, payload, now=self.now, user_id=ADMIN_ID)

    def update(self, name: str, record_id: str, /, **payload: Any) -> None:
        self.records.update(name, record_id, payload, now=self.now, user_id=ADMIN_ID)

    def delete(self, name: str, record_id: str) -> None:
        self.records.delete(name, record_id, now=self.now, user_id=ADMIN_ID)

    def undelete(self, name: str, record_id: str) -> None:
        self.records.undelete(name, record_id, now=self.now, user_id=ADMIN_ID)

    def read(self, name: str, record_id: str, *fields: str) -> Any:
        made = self.records.retrieve(name, record_id, fields=fields or None, base_path=BASE)
        return orjson.loads(orjson.dumps(made))

    def text(self, name: str, record_id: str, *fields: str) -> str:
        made = self.records.retrieve(name, record_id, fields=fields or None, base_path=BASE)
        return orjson.dumps(made).decode()


@pytest.fixture
def desk(records: Records) -> Desk:
    return Desk(records)


def refusal(call: Any, *args: Any, **payload: Any) -> OrgError:
    with pytest.raises(OrgError) as caught:
        call(*args, **payload)
    return caught.value


# Create and read


def test_create_and_read_back(desk: Desk) -> None:
    made = desk.create("account", name="Foo", NumberOfEmployees="10000", AnnualRevenue="12.5")
    read = desk.read("Account", made)
    assert read["attributes"] == {"type": "Account", "url": f"{BASE}/sobjects/Account/{made}"}
    assert read["Id"] == made and made.startswith("001") and len(made) == 18
    assert (read["Name"], read["NumberOfEmployees"]) == ("Foo", 10000)
    assert read["AnnualRevenue"] == 13.0  # half up, to the scale
    assert read["CreatedDate"] == read["SystemModstamp"] == "2026-11-24T12:00:00.000+0000"
    assert read["OwnerId"] == read["CreatedById"] == ADMIN_ID
    assert read["IsDeleted"] is False
    assert read["CurrencyIsoCode"] == "USD"
    assert read["BillingAddress"] is None


def test_all_fields_come_in_describe_order(desk: Desk, schema: Schema) -> None:
    account = schema.get("Account")
    assert account is not None
    made = desk.create("Account", Name="Foo")
    names = list(desk.read("Account", made))
    assert names == ["attributes", *(field.name for field in account.fields)]
    assert list(desk.read("Account", made, "NAME", "id")) == ["attributes", "Name", "Id"]


def test_an_id_may_be_15_characters_long(desk: Desk) -> None:
    made = desk.create("Account", Name="Foo")
    assert desk.read("Account", made[:15], "Id")["Id"] == made


def test_texts_are_trimmed_and_empty_ones_null(desk: Desk) -> None:
    made = desk.create("Account", Name="  Foo\t", Site="   ", Phone="", Description=" a\nb ")
    read = desk.read("Account", made)
    assert (read["Name"], read["Site"], read["Phone"]) == ("Foo", None, None)
    assert read["Description"] == "a\nb"


def test_no_digit_is_lost(desk: Desk) -> None:
    made = desk.create(
        "Trap__c",
        Currency_18_2__c=Decimal("1234567890123456.78"),
        Number_18_0__c="9007199254740993",
        Number_18_8__c="0.00000001",
        Percent_5_2__c="33.335",
    )
    text = desk.text("Trap__c", made)
    assert '"Currency_18_2__c":1234567890123456.78,' in text
    assert '"Number_18_0__c":9007199254740993.0,' in text
    assert '"Number_18_8__c":0.00000001,' in text
    assert '"Percent_5_2__c":33.34,' in text


def test_dates_and_times(desk: Desk) -> None:
    made = desk.create(
        "Trap__c",
        Date__c="2024-02-29",
        Datetime__c="2024-12-31T23:59:59.999+02:00",
        Time__c="17:30:00.001Z",
    )
    read = desk.read("Trap__c", made)
    assert read["Date__c"] == "2024-02-29"
    assert read["Datetime__c"] == "2024-12-31T21:59:59.000+0000"
    assert read["Time__c"] == "17:30:00.001Z"


def test_compound_fields(desk: Desk) -> None:
    made = desk.create("Account", Name="Foo", BillingCity="Berlin", BillingLatitude="52.5")
    assert desk.read("Account", made)["BillingAddress"] == {
        "city": "Berlin", "country": None, "geocodeAccuracy": None, "latitude": 52.5,
        "longitude": None, "postalCode": None, "state": None, "street": None,
    }  # fmt: skip
    place = desk.create("Trap__c", Place__Latitude__s=1, Place__Longitude__s=-2)
    assert desk.read("Trap__c", place)["Place__c"] == {"latitude": 1.0, "longitude": -2.0}


def test_what_the_org_works_out(desk: Desk) -> None:
    contact = desk.create("Contact", FirstName="Ada", LastName="Lovelace")
    assert desk.read("Contact", contact)["Name"] == "Ada Lovelace"
    desk.update("Contact", contact, LastName="King")
    assert desk.read("Contact", contact)["Name"] == "Ada King"

    trap = desk.create("Trap__c", Text__c="q", Number_16_2__c="2.5")
    read = desk.read("Trap__c", trap)
    assert (read["Formula_Number__c"], read["Formula_Text__c"]) == (5.0, "#q")
    assert read["Name"] == trap


def test_an_opportunity_follows_its_stage(desk: Desk) -> None:
    made = desk.create(
        "Opportunity", Name="x", StageName="Prospecting", CloseDate="2026-05-01", Amount=1000
    )
    read = desk.read("Opportunity", made)
    assert (read["Probability"], read["ExpectedRevenue"]) == (10.0, 100.0)
    assert (read["IsClosed"], read["IsWon"]) == (False, False)
    assert (read["ForecastCategory"], read["Fiscal"]) == ("Pipeline", "2026 2")
    desk.update("Opportunity", made, StageName="Closed Won")
    read = desk.read("Opportunity", made)
    assert (read["IsClosed"], read["IsWon"], read["Probability"]) == (True, True, 100.0)
    assert (read["ForecastCategoryName"], read["ExpectedRevenue"]) == ("Closed", 1000.0)


def test_cases_are_numbered_on(desk: Desk) -> None:
    first = desk.read("Case", desk.create("Case", Subject="a"), "CaseNumber", "Status")
    second = desk.read("Case", desk.create("Case", Subject="b"), "CaseNumber")
    assert int(second["CaseNumber"]) == int(first["CaseNumber"]) + 1
    assert len(first["CaseNumber"]) == 8 and first["Status"] == "New"


def test_a_parent_may_be_named_by_its_external_id(desk: Desk) -> None:
    parent = desk.create("Account", Name="P", External_Id__c="Key-1")
    made = desk.create("Contact", LastName="x", Account={"External_Id__c": "key-1"})
    assert desk.read("Contact", made)["AccountId"] == parent
    error = refusal(desk.create, "Contact", LastName="x", Account={"External_Id__c": "none"})
    assert (error.code, "none not found" in error.message) == ("INVALID_FIELD", True)


# Checks


def test_required_fields(desk: Desk) -> None:
    error = refusal(desk.create, "Contact", FirstName="x")
    assert (error.status, error.code, error.fields) == (
        400,
        "REQUIRED_FIELD_MISSING",
        ("LastName",),
    )
    assert error.message == "Required fields are missing: [LastName]"
    made = desk.create("Contact", LastName="x")
    assert refusal(desk.update, "Contact", made, LastName=" ").code == "REQUIRED_FIELD_MISSING"


def test_string_too_long(desk: Desk) -> None:
    error = refusal(desk.create, "Contact", LastName="x", FirstName="y" * 41)
    assert (error.code, error.fields) == ("STRING_TOO_LONG", ("FirstName",))
    assert error.message == f"First Name: data value too large: {'y' * 41} (max length=40)"


def test_restricted_picklists(desk: Desk) -> None:
    error = refusal(desk.create, "Trap__c", Restricted__c="Test")
    assert error.code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert error.message == "Restricted: bad value for restricted picklist field: Test"
    made = desk.create("Trap__c", Picklist__c="Anything", Multi__c="CCC; AAA;AAA")
    read = desk.read("Trap__c", made)
    assert (read["Picklist__c"], read["Multi__c"]) == ("Anything", "AAA;CCC")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Int__c", "1e12", "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Int__c", "1.5", "JSON_PARSER_ERROR"),
        ("Percent_5_2__c", 1000, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Percent_5_2__c", "1e999", "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Number_16_2__c", "many", "JSON_PARSER_ERROR"),
        ("Number_16_2__c", "NaN", "JSON_PARSER_ERROR"),
        ("Number_16_2__c", True, "JSON_PARSER_ERROR"),
        ("Checkbox__c", "maybe", "JSON_PARSER_ERROR"),
        ("Date__c", "2024-02-30", "JSON_PARSER_ERROR"),
        ("Date__c", "1699-12-31", "NUMBER_OUTSIDE_VALID_RANGE"),
        ("Datetime__c", "yesterday", "JSON_PARSER_ERROR"),
        ("Time__c", "25:00", "JSON_PARSER_ERROR"),
        ("Text__c", 5, "JSON_PARSER_ERROR"),
        ("Text__c", ["x"], "JSON_PARSER_ERROR"),
        ("Email__c", "not an address", "INVALID_EMAIL_ADDRESS"),
        ("Account__c", "xx", "MALFORMED_ID"),
        ("Account__c", "003Ib0000000001", "MALFORMED_ID"),
        ("Account__c", "001Ib00000zzzzz", "INVALID_CROSS_REFERENCE_KEY"),
        ("Nope__c", "x", "INVALID_FIELD"),
        ("CreatedDate", "2024-01-01T00:00:00Z", "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Formula_Text__c", "x", "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Place__c", {}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ("Id", "a00Ib0000000001", "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ],
)
def test_values_that_do_not_fit(desk: Desk, field: str, value: Any, code: str) -> None:
    error = refusal(desk.create, "Trap__c", **{field: value})
    assert (error.status, error.code) == (400, code)


def test_texts_of_the_field_errors(desk: Desk) -> None:
    error = refusal(desk.create, "Account", Name="x", foo=1)
    assert error.message == "No such column 'foo' on sobject of type Account"
    error = refusal(desk.create, "Account", Name="x", CreatedDate=None)
    assert error.message.startswith("Unable to create/update fields: CreatedDate. Please check")
    error = refusal(desk.create, "Account", Name="x", ParentId="xx")
    assert error.message == "Parent Account ID: id value of incorrect type: xx"


def test_the_id_may_not_be_sent_on_update(desk: Desk) -> None:
    made = desk.create("Account", Name="x")
    error = refusal(desk.update, "Account", made, Id=made)
    assert error.message == "The Id field should not be specified in the sobject data."


def test_unique_values(desk: Desk) -> None:
    first = desk.create("Account", Name="x", External_Id__c="Only")
    error = refusal(desk.create, "Account", Name="y", External_Id__c="ONLY")
    assert error.code == "DUPLICATE_VALUE"
    assert error.message == (
        "duplicate value found: External_Id__c duplicates value on record with id: " + first[:15]
    )
    desk.update("Account", first, External_Id__c="only")  # its own value in another case


def test_a_case_sensitive_key_tells_case_apart(desk: Desk) -> None:
    desk.create("Trap__c", Unique_Case_Sensitive__c="Abc")
    desk.create("Trap__c", Unique_Case_Sensitive__c="ABC")
    error = refusal(desk.create, "Trap__c", Unique_Case_Sensitive__c="Abc")
    assert error.code == "DUPLICATE_VALUE"


def test_a_refused_write_leaves_nothing(desk: Desk, store: Store, log: CommitLog) -> None:
    desk.create("Account", Name="x", External_Id__c="k")
    with store.cursor() as cursor:
        query = f"SELECT count(*) FROM {store.table('Account')}"
        before = cursor.execute(query).fetchone()
        refusal(desk.create, "Account", Name="y", External_Id__c="k")
        assert cursor.execute(query).fetchone() == before
    assert len(log) == 1


def test_read_only_objects(desk: Desk) -> None:
    assert refusal(desk.create, "Organization", Name="x").code == "INVALID_TYPE_FOR_OPERATION"
    assert refusal(desk.delete, "User", ADMIN_ID).code == "INVALID_TYPE_FOR_OPERATION"
    assert refusal(desk.create, "Nope", Name="x").status == 404


# Missing and deleted records


@pytest.mark.parametrize("record_id", ["23foo", "001Ib00000zzzzz"])
def test_reading_what_is_not_there(desk: Desk, record_id: str) -> None:
    error = refusal(desk.read, "Account", record_id)
    assert (error.status, error.code) == (404, "NOT_FOUND")
    assert error.message == (
        f"Provided external ID field does not exist or is not accessible: {record_id}"
    )


def test_deleting_twice(desk: Desk) -> None:
    made = desk.create("Account", Name="x")
    desk.delete("Account", made)
    for call in (desk.delete, desk.read, desk.update):
        error = refusal(call, "Account", made)
        assert (error.status, error.code) == (404, "ENTITY_IS_DELETED")
        assert error.message == "entity is deleted"
    error = refusal(desk.delete, "Account", "001Ib00000zzzzz")
    assert (error.status, error.code) == (404, "INVALID_CROSS_REFERENCE_KEY")


def test_a_delete_takes_its_children_and_an_undelete_brings_them_back(desk: Desk) -> None:
    account = desk.create("Account", Name="x")
    contact = desk.create("Contact", LastName="y", AccountId=account)
    below = desk.create("Account", Name="z", ParentId=account)
    desk.delete("Account", account)
    assert refusal(desk.read, "Contact", contact).code == "ENTITY_IS_DELETED"
    assert desk.read("Account", below)["ParentId"] is None
    desk.undelete("Account", account)
    assert desk.read("Contact", contact)["AccountId"] == account
    assert refusal(desk.undelete, "Account", account).code == "UNDELETE_FAILED"


def test_cases_hold_their_account_fast(desk: Desk) -> None:
    account = desk.create("Account", Name="x")
    desk.create("Case", Subject="y", AccountId=account)
    assert refusal(desk.delete, "Account", account).code == "DELETE_FAILED"


def test_a_lookup_may_not_lead_to_a_deleted_record(desk: Desk) -> None:
    account = desk.create("Account", Name="x")
    desk.delete("Account", account)
    error = refusal(desk.create, "Contact", LastName="y", AccountId=account)
    assert error.code == "ENTITY_IS_DELETED"


# Upsert


def upsert(desk: Desk, field: str, value: str, **payload: Any) -> Any:
    return desk.records.upsert("Account", field, value, payload, now=NOW, user_id=ADMIN_ID)


def test_upsert_creates_then_updates(desk: Desk) -> None:
    first = upsert(desk, "External_Id__c", "Shop 1", Name="a")
    again = upsert(desk, "external_id__c", "shop 1", Name="b")
    assert (first.created, again.created) == (True, False)
    assert first.id == again.id
    read = desk.read("Account", first.id)
    assert (read["Name"], read["External_Id__c"]) == ("b", "Shop 1")
    assert desk.records.find("Account", "External_Id__c", "SHOP 1") == first.id


def test_upsert_by_a_field_that_is_no_key(desk: Desk) -> None:
    error = refusal(upsert, desk, "Namez", "x", Name="a")
    assert (error.status, error.code) == (404, "NOT_FOUND")
    assert error.message.endswith("is not accessible: Namez")


def test_upsert_may_not_repeat_its_key(desk: Desk) -> None:
    error = refusal(upsert, desk, "External_Id__c", "x", Name="a", External_Id__c="x")
    assert error.code == "INVALID_FIELD"


def test_update_only_creates_nothing(desk: Desk) -> None:
    with pytest.raises(OrgError) as caught:
        desk.records.upsert(
            "Account", "External_Id__c", "new", {"Name": "a"},
            now=NOW, user_id=ADMIN_ID, update_only=True,
        )  # fmt: skip
    assert caught.value.status == 404


def test_several_matches(desk: Desk) -> None:
    ids = [desk.create("Contact", LastName="x", Email="a@b.example") for _ in range(2)]
    with pytest.raises(SeveralMatches) as caught:
        desk.records.find("Contact", "Email", "A@B.example")
    assert list(caught.value.record_ids) == ids


# The log


def test_the_log_orders_all_writes(desk: Desk, log: CommitLog) -> None:
    account = desk.create("Account", Name="x")
    contact = desk.create("Contact", LastName="y", AccountId=account)
    desk.update("Account", account, Name="z", Site="s")
    desk.delete("Account", account)
    desk.undelete("Account", account)
    seen = [(commit.entity, commit.id, commit.kind) for commit in log.since()]
    assert seen == [
        ("Account", account, Kind.CREATE),
        ("Contact", contact, Kind.CREATE),
        ("Account", account, Kind.UPDATE),
        ("Contact", contact, Kind.DELETE),
        ("Account", account, Kind.DELETE),
        ("Account", account, Kind.UNDELETE),
        ("Contact", contact, Kind.UNDELETE),
    ]
    assert [commit.number for commit in log.since()] == [1, 2, 3, 4, 5, 6, 7]
    assert log.since(2)[0].fields == ("Name", "Site")


def test_stamps_never_run_back(desk: Desk, log: CommitLog) -> None:
    made = desk.create("Account", Name="x")
    desk.now = NOW - timedelta(hours=1)
    desk.update("Account", made, Name="y")
    desk.now = NOW + timedelta(seconds=2, milliseconds=700)
    desk.update("Account", made, Name="z")
    assert [commit.stamp.second for commit in log.since()] == [0, 0, 2]
    assert desk.read("Account", made)["SystemModstamp"] == "2026-11-24T12:00:02.000+0000"


def test_writers_in_threads_get_ids_and_numbers_of_their_own(desk: Desk, log: CommitLog) -> None:
    made: list[str] = []
    failures: list[BaseException] = []

    def write() -> None:
        try:
            made.extend(desk.create("Account", Name="x") for _ in range(10))
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(set(made)) == 40
    assert [commit.id for commit in log.since()] != []
    assert sorted(commit.id for commit in log.since()) == sorted(made)


def test_writes_done_together_are_undone_together(desk: Desk) -> None:
    records, log = desk.records, desk.records._log
    before = len(log)
    with pytest.raises(OrgError, match="REQUIRED_FIELD_MISSING"), records.together():
        made = desk.create("Account", Name="first")
        assert desk.read("Account", made, "Name")["Name"] == "first"  # its own thread sees it
        desk.update("Account", made, Name="second")
        desk.create("Account")
    assert refusal(desk.read, "Account", made).code == "NOT_FOUND"
    assert len(log) == before


def test_others_see_what_is_done_together_when_it_is_done(desk: Desk, store: Store) -> None:
    def count() -> int:
        with store.cursor() as cursor:
            row = cursor.execute(f"SELECT count(*) FROM {store.table('Account')}").fetchone()
        return int(row[0]) if row else 0

    def elsewhere() -> tuple[int, int]:
        found: list[tuple[int, int]] = []
        thread = threading.Thread(target=lambda: found.append((count(), store.version)))
        thread.start()
        thread.join()
        return found[0]

    rows, version = count(), store.version
    with desk.records.together():
        desk.create("Account", Name="x")
        assert count() == rows + 1
        assert store.version != store.version  # nothing read now may be kept
        assert elsewhere() == (rows, version)
    assert (count(), elsewhere()[0]) == (rows + 1, rows + 1)
    assert store.version == version + 1


def test_writes_done_together_are_logged_in_their_order(desk: Desk) -> None:
    log = desk.records._log
    before = len(log)
    with desk.records.together():
        made = desk.create("Account", Name="x")
        desk.delete("Account", made)
        assert len(log) == before
    assert [(one.id, one.kind) for one in log.since(before)] == [
        (made, Kind.CREATE),
        (made, Kind.DELETE),
    ]
