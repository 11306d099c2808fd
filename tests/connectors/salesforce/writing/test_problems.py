"""What is told of rows before they are sent: the org, asked all the same, says the same."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from isthmus.connectors.writing import Rows, WriteKind
from isthmus.localorg import LocalOrg
from tests.connectors.salesforce.writing.hand import ALONE, Hand, listed

INSERT, UPDATE, UPSERT, DELETE = WriteKind
KEY = "External_Id__c"
MakeHand = Callable[..., Hand]
ID = "001000000000001AAA"


@pytest.mark.parametrize(
    ("table", "row", "code", "field"),
    [
        ("Account", {"Name": "x" * 256}, "STRING_TOO_LONG", "Name"),
        ("Account", {"Name": "𝄞" * 255}, None, None),
        ("Account", {"Name": " " * 300 + "x"}, None, None),
        ("Account", {"Name": None}, "REQUIRED_FIELD_MISSING", "Name"),
        ("Account", {"Name": "  "}, "REQUIRED_FIELD_MISSING", "Name"),
        ("Account", {"Phone": "1"}, "REQUIRED_FIELD_MISSING", "Name"),
        ("Contact", {"LastName": "x", "Email": "nobody"}, "INVALID_EMAIL_ADDRESS", "Email"),
        ("Contact", {"LastName": "x", "Email": " a@b.example "}, None, None),
        ("Contact", {"LastName": "x", "AccountId": "zzz"}, "MALFORMED_ID", "AccountId"),
        ("Trap__c", {"Restricted__c": "never"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
         "Restricted__c"),
        ("Trap__c", {"Picklist__c": "anything"}, None, None),
        ("Trap__c", {"Int__c": 10**9}, "NUMBER_OUTSIDE_VALID_RANGE", "Int__c"),
    ],
)  # fmt: skip
def test_what_is_told_is_what_the_org_says(
    hand: MakeHand, table: str, row: dict[str, Any], code: str | None, field: str | None
) -> None:
    writing = hand(table)
    found = writing.problems(INSERT, [{**row}])
    assert [(one["error_code"], one["error_field"]) for one in found] == (
        [] if code is None else [(code, field)]
    )
    assert all(not one["success"] and one["id"] is None for one in found)
    (done,) = writing.write(INSERT, [row])
    assert done["error_code"] == code


def test_the_first_fault_of_a_row_is_told_with_its_position(hand: MakeHand) -> None:
    rows: list[dict[str, Any]] = [{"Name": "ok", "Phone": "1"}, {"Name": None, "Phone": "2" * 99}]
    (one,) = hand().problems(INSERT, rows)
    assert (one["position"], one["error_code"]) == (101, "STRING_TOO_LONG")


def test_an_update_may_leave_required_fields_out_but_not_clear_them(hand: MakeHand) -> None:
    accounts = hand()
    assert accounts.problems(UPDATE, [{"Id": ID, "Phone": "1"}], "Id") == []
    (one,) = accounts.problems(UPDATE, [{"Id": ID, "Name": None}], "Id")
    assert one["error_code"] == "REQUIRED_FIELD_MISSING"
    assert accounts.problems(UPDATE, [{"Id": ID, "Name": ALONE, "Phone": "1"}], "Id") == []


def test_a_key_is_needed(hand: MakeHand) -> None:
    accounts = hand()
    for kind, key in ((UPDATE, "Id"), (DELETE, "Id"), (UPSERT, KEY)):
        row = {key: None} if kind is DELETE else {key: None, "Name": "a"}
        (one,) = accounts.problems(kind, [row], key)
        assert (one["error_code"], one["error_field"]) == ("MISSING_ARGUMENT", key)
    assert accounts.problems(UPSERT, [{"Id": None, "Name": "a"}], "Id") == []


@pytest.mark.parametrize(
    ("column", "values", "fits"),
    [
        ("Int__c", pa.array(["7", "7.5", "x"]), [True, False, False]),
        ("Int__c", pa.array([7.0, 7.5]), [True, False]),
        ("Int__c", pa.array([True]), [False]),
        ("Number_16_2__c", pa.array(["1.25", "1.255", "1e3"]), [True, False, True]),
        ("Number_16_2__c", pa.array([0.1 + 0.2, float("nan")]), [True, False]),
        ("Number_16_2__c", pa.array([Decimal("1.255")]), [False]),
        ("Number_16_2__c", pa.array([10**14 - 1, 10**15]), [True, False]),
        ("Checkbox__c", pa.array([1, 0]), [False, False]),
        ("Checkbox__c", pa.array(["true", "perhaps"]), [True, False]),
        ("Date__c", pa.array(["2024-02-29", "2023-02-29"]), [True, False]),
        ("Datetime__c", pa.array(["2024-02-29T00:00:00Z", "then"]), [True, False]),
        ("Datetime__c", pa.array([0], pa.timestamp("us")), [False]),
        ("Datetime__c", pa.array([1], pa.timestamp("ns", "Asia/Tokyo")), [True]),
        ("Text__c", pa.array([b"x"]), [False]),
        ("Text__c", pa.array([[1]]), [False]),
        ("Text__c", pa.array(["a", None, "a"]).dictionary_encode(), [True, True, True]),
        ("Text__c", pa.nulls(2), [True, True]),
    ],
)
def test_values_of_another_type_fit_or_are_told(
    hand: MakeHand, column: str, values: pa.Array, fits: list[bool]
) -> None:
    traps = hand("Trap__c")
    request = traps.request(INSERT, [{column: None}], count=len(values))
    positions = pa.array(range(len(values)), pa.int64())
    rows = Rows(pa.RecordBatch.from_arrays([values], names=[column]), positions)
    found = listed(traps.crm.writer().problems(request, rows))
    assert [one["position"] for one in found] == [n for n, ok in enumerate(fits) if not ok]
    assert all(one["error_field"] == column and one["error_message"] for one in found)


def test_problems_make_no_call(hand: MakeHand, org: LocalOrg) -> None:
    accounts = hand()
    org.clear_requests()
    accounts.problems(INSERT, [{"Name": None}])
    assert org.requests() == []


def test_keys_that_mean_one_record_have_one_form(hand: MakeHand) -> None:
    accounts, traps = hand(), hand("Trap__c")
    by_id = accounts.request(UPDATE, [{"Id": ID}], "Id")
    forms = accounts.crm.writer().key_forms(by_id, pa.array([ID, ID[:15], None]))
    assert forms.to_pylist() == [ID, ID, None]
    by_key = accounts.request(UPSERT, [{KEY: "a"}], KEY)
    both = accounts.crm.writer().key_forms(by_key, pa.array(["aB", "Ab "]))
    cased = accounts.table.column(KEY).properties["case_sensitive"]
    assert (both[0] == both[1]) != cased
    name = "Unique_Case_Sensitive__c"
    by_case = traps.request(UPSERT, [{name: "a"}], name)
    assert traps.crm.writer().key_forms(by_case, pa.array(["aB", "Ab"])).to_pylist() == ["aB", "Ab"]


def test_records_that_are_not_there_are_found_by_reading(hand: MakeHand) -> None:
    accounts, contacts = hand(), hand("Contact")
    (there,) = accounts.write(INSERT, [{"Name": "a", KEY: "Here"}])
    rows: list[dict[str, Any]] = [
        {"LastName": "x", "AccountId": there["id"], "ReportsToId": None},
        {"LastName": "y", "AccountId": ID, "ReportsToId": None},
        {"LastName": "z", "AccountId": None, "ReportsToId": "003000000000001AAA"},
    ]
    found = contacts.unknown(INSERT, rows)
    assert [(one["position"], one["error_field"]) for one in found] == [
        (101, "AccountId"),
        (102, "ReportsToId"),
    ]
    assert {one["error_code"] for one in found} == {"INVALID_CROSS_REFERENCE_KEY"}
    assert contacts.bill.calls == 2, "one statement for each object"
    by_key = [{"LastName": n, f"Account.{KEY}": k} for n, k in [("x", "HERE"), ("y", "gone")]]
    assert [one["position"] for one in contacts.unknown(INSERT, by_key)] == [101]
    ids = [{"Id": there["id"], "Name": "b"}, {"Id": ID, "Name": "c"}]
    assert [one["error_field"] for one in accounts.unknown(UPDATE, ids, "Id")] == ["Id"]
    assert [one["position"] for one in accounts.unknown(DELETE, [{"Id": ID}], "Id")] == [100]
    assert accounts.unknown(UPSERT, [{KEY: "new", "Name": "n"}], KEY) == []
    assert accounts.bill.calls == 0
