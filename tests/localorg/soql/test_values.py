"""How values are written, and how they compare."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

HARD_TEXTS = (
    "quote \" and ' and \\ backslash",
    "line\nbreak\r\n\ttab",
    "".join(map(chr, range(1, 32))) + "\x7f",
    "emoji 😀 and 👩‍👩‍👧",
    "İstanbul ßtraße é é",
    "null",
    "</script>\u2028\u2029",
    "%_%\\_",
    "{\"json\": [1, 'x']}",
    "\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL X}" * 100,
)


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_text_comes_back_as_it_is(org: Any, text: str) -> None:
    account = org.add("Account", Name=text)
    org.add("Contact", LastName=text, AccountId=account)
    assert org.value("SELECT Name FROM Account") == text
    assert org.value("SELECT Account.Name FROM Contact") == {"Name": text}
    nested = org.value("SELECT (SELECT LastName FROM Contacts) FROM Account")
    assert nested["records"] == [{"LastName": text}]
    assert org.ask("SELECT Name, COUNT(Id) n FROM Account GROUP BY Name")[0]["Name"] == text


@pytest.mark.parametrize("text", HARD_TEXTS)
def test_text_is_found_by_its_literal(org: Any, text: str) -> None:
    org.add("Account", Name=text)
    org.add("Account", Name="other")
    literal = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 else c for c in text.replace("\\", "\\\\"))
    literal = literal.replace("'", "\\'")
    assert org.column(f"SELECT Name FROM Account WHERE Name = '{literal}'") == [text]
    assert org.column(f"SELECT Name FROM Account WHERE Name IN ('{literal}', 'zz')") == [text]


NUMBERS = [
    ("Number_18_0__c", Decimal("5"), "5.0"),
    ("Number_18_0__c", Decimal("-123456789012345678"), "-123456789012345678.0"),
    ("Number_16_2__c", Decimal("12.50"), "12.5"),
    ("Number_16_2__c", Decimal("0.01"), "0.01"),
    ("Number_16_2__c", Decimal("-0.10"), "-0.1"),
    ("Number_16_2__c", Decimal("99999999999999.99"), "99999999999999.99"),
    ("Number_18_8__c", Decimal("0.00000001"), "0.00000001"),
    ("Number_18_8__c", Decimal("1000000000.00000000"), "1000000000.0"),
    ("Number_18_8__c", Decimal("1.20300000"), "1.203"),
    ("Percent_5_2__c", Decimal("33.00"), "33.0"),
    ("Currency_18_2__c", Decimal("5000.00"), "5000.0"),
    ("Int__c", 10, "10"),
    ("Int__c", -10, "-10"),
    ("Place__Latitude__s", Decimal("37.775000000000000"), "37.775"),
]


@pytest.mark.parametrize(("field", "value", "text"), NUMBERS)
def test_numbers_keep_each_digit(org: Any, field: str, value: Any, text: str) -> None:
    org.add("Trap__c", **{field: value})
    body = org.run(f"SELECT {field} FROM Trap__c").body
    assert f'"{field}":{text}}}'.encode() in body
    assert org.ask(f"SELECT Id FROM Trap__c WHERE {field} = {value:f}") != []
    grouped = org.run(f"SELECT MAX({field}) FROM Trap__c").body
    assert f'"expr0":{text}}}'.encode() in grouped


def test_every_type_has_its_encoding(org: Any) -> None:
    org.add(
        "Trap__c", Name="t", Checkbox__c=True, Date__c=date(2010, 1, 2),
        Datetime__c=datetime(2011, 7, 7, 0, 37), Time__c=time(17, 30), Multi__c="a;b",
        Place__Latitude__s=Decimal("37.79"), Place__Longitude__s=Decimal("-122.39"),
    )  # fmt: skip
    (record,) = org.ask(
        "SELECT checkbox__c, date__c, datetime__c, time__c, multi__c, place__c, text__c "
        "FROM trap__c"
    )
    assert record == {
        "Checkbox__c": True,
        "Date__c": "2010-01-02",
        "Datetime__c": "2011-07-07T00:37:00.000+0000",
        "Time__c": "17:30:00.000Z",
        "Multi__c": "a;b",
        "Place__c": {"latitude": 37.79, "longitude": -122.39},
        "Text__c": None,
    }


def test_all_fields_of_all_objects_can_be_null(org: Any) -> None:
    for target in org.schema.objects:
        if target.key_prefix is None:
            continue
        made = org.add(target.name)
        (record,) = org.ask(f"SELECT FIELDS(ALL) FROM {target.name} LIMIT 1")
        assert list(record) == [field.name for field in target.fields]
        assert record.pop("Id") == made
        kinds = {field.name: field.type for field in target.fields}
        nulls = {name for name, value in record.items() if value is None}
        assert {name for name in record if kinds[name] != "boolean"} - nulls <= {
            "CurrencyIsoCode",
            "SystemModstamp",
        }


def test_keys_have_the_select_order_and_the_spelling_of_the_describe(org: Any) -> None:
    account = org.add("Account", Name="A", Industry="Banking")
    org.add("Contact", LastName="c", AccountId=account)
    text = "SELECT lastname, account.industry, id, ACCOUNT.NAME, c.account.id FROM contact c"
    answer = json.loads(org.run(text).body)
    (record,) = answer["records"]
    assert list(record) == ["attributes", "LastName", "Account", "Id"]
    assert list(record["Account"]) == ["attributes", "Industry", "Name", "Id"]
    url = "/services/data/v59.0/sobjects"
    assert record["attributes"] == {"type": "Contact", "url": f"{url}/Contact/{record['Id']}"}
    assert record["Account"]["attributes"] == {"type": "Account", "url": f"{url}/Account/{account}"}


def test_an_address_is_an_object_of_its_parts(org: Any) -> None:
    org.add("Account", Name="A", BillingCity="Köln", BillingLatitude=Decimal("50.94"))
    (record,) = org.ask("SELECT BillingAddress, ShippingAddress FROM Account")
    assert record["ShippingAddress"] is None
    assert record["BillingAddress"] == {
        "city": "Köln", "country": None, "geocodeAccuracy": None, "latitude": 50.94,
        "longitude": None, "postalCode": None, "state": None, "street": None,
    }  # fmt: skip


# -- comparison


@pytest.fixture
def texts(org: Any) -> Any:
    for name in ("Acme", "ACME", "Zeta", "a_b", "a%b", "a\\b", "axb"):
        org.add("Trap__c", Name=name, Text__c=name, Unique_Case_Sensitive__c=name)
    org.add("Trap__c", Name="none")
    return org


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Text__c = 'acme'", "ACME Acme"),
        ("Text__c IN ('acme', 'zETA')", "ACME Acme Zeta"),
        ("Text__c LIKE 'AC%'", "ACME Acme"),
        ("Text__c LIKE 'a_b'", "a%b a\\b a_b axb"),
        (r"Text__c LIKE 'a\_b'", "a_b"),
        (r"Text__c LIKE 'a\%b'", "a%b"),
        (r"Text__c LIKE 'a\\b'", "a\\b"),
        (r"Text__c = 'a\\b'", "a\\b"),
        ("Text__c LIKE '%'", "ACME Acme Zeta a%b a\\b a_b axb"),
        ("Text__c = null", "none"),
        ("Text__c = ''", "none"),
        ("Text__c != ''", "ACME Acme Zeta a%b a\\b a_b axb"),
        ("Text__c IN ('zeta', null)", "Zeta none"),
        ("Text__c NOT IN ('acme', null)", "Zeta a%b a\\b a_b axb"),
        ("Text__c > 'b'", "Zeta"),
        ("Text__c <= 'acme'", "ACME Acme a%b"),
        ("Unique_Case_Sensitive__c = 'acme'", ""),
        ("Unique_Case_Sensitive__c = 'Acme'", "Acme"),
        ("Unique_Case_Sensitive__c LIKE 'A%'", "ACME Acme"),
        ("Unique_Case_Sensitive__c != 'Acme' AND Text__c LIKE 'ac%'", "ACME"),
        ("(NOT (Text__c = 'acme' OR Text__c = null)) AND Text__c > 'b'", "Zeta"),
    ],
)
def test_texts_compare_without_case(texts: Any, where: str, found: str) -> None:
    names = texts.column(f"SELECT Name FROM Trap__c WHERE {where}")
    assert " ".join(sorted(names)) == found


def test_booleans_are_never_null(org: Any) -> None:
    boss = org.add("User", LastName="boss", IsActive=True)
    org.add("Account", Name="owned", OwnerId=boss)
    org.add("Account", Name="free")
    names = "SELECT Name FROM Account WHERE "
    assert org.column(names + "Owner.IsActive = false") == ["free"]
    assert org.column(names + "Owner.IsActive = null") == ["free"]
    assert org.column(names + "Owner.IsActive != null") == ["owned"]
    assert org.column(names + "Owner.IsActive != true") == ["free"]
    assert org.column(names + "IsDeleted = null") == ["owned", "free"]


def test_a_missing_parent(org: Any) -> None:
    account = org.add("Account", Name="A", Industry=None)
    org.add("Contact", LastName="child", AccountId=account)
    org.add("Contact", LastName="orphan")
    names = "SELECT LastName FROM Contact WHERE "
    assert org.column(names + "Account.Industry = null") == ["child", "orphan"]
    assert org.column(names + "Account.Name = null") == ["orphan"]
    assert org.column(names + "Account.Name = 'a' OR LastName = 'orphan'") == ["child", "orphan"]
    shown = org.ask("SELECT LastName, Account.Name FROM Contact ORDER BY Account.Name DESC")
    assert shown == [
        {"LastName": "orphan", "Account": None},
        {"LastName": "child", "Account": {"Name": "A"}},
    ]


def test_ids_of_15_characters_and_of_the_wrong_case(org: Any) -> None:
    made = org.add("Account", Name="A")
    for literal in (made, made[:15], made.lower()):
        assert org.column(f"SELECT Name FROM Account WHERE Id = '{literal}'") == ["A"]
        assert org.column(f"SELECT Name FROM Account WHERE Id IN ('{literal}')") == ["A"]
        assert org.column(f"SELECT Name FROM Account WHERE Id != '{literal}'") == []


def test_ids_in_their_order(org: Any) -> None:
    made = [org.add("Account", Name=str(n)) for n in range(70)]
    text = f"SELECT Id FROM Account WHERE Id > '{made[30]}' ORDER BY Id"
    assert org.column(text) == sorted(made)[31:]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("INCLUDES ('a')", ["a;b;c", "a;B"]),
        ("INCLUDES ('a;b')", ["a;b;c", "a;B"]),
        ("INCLUDES ('a;c', 'd')", ["a;b;c", "d"]),
        ("INCLUDES ('A')", ["a;b;c", "a;B"]),
        ("EXCLUDES ('a', 'd')", [None]),
        ("= 'a;b'", ["a;B"]),
        ("!= null", ["a;b;c", "a;B", "d"]),
    ],
)
def test_multi_select_picklists(org: Any, where: str, found: list[str]) -> None:
    for value in ("a;b;c", "a;B", "d", None):
        org.add("Trap__c", Multi__c=value)
    assert org.column(f"SELECT Multi__c FROM Trap__c WHERE Multi__c {where}") == found


def test_amounts_in_several_currencies(org: Any) -> None:
    for name, amount, code in (("dollar", 100, "USD"), ("euro", 60, "EUR"), ("pound", 90, "GBP")):
        org.add("Opportunity", Name=name, Amount=amount, CurrencyIsoCode=code)  # 100, 120, 112.5
    names = "SELECT Name FROM Opportunity "
    assert org.column(names + "WHERE Amount > 95") == ["dollar"]
    assert org.column(names + "WHERE Amount > USD110 ORDER BY Name") == ["euro", "pound"]
    assert org.column(names + "WHERE Amount >= EUR60") == ["euro"]
    assert org.column(names + "WHERE Amount IN (USD112.5)") == ["pound"]
    assert org.column(names + "ORDER BY Amount DESC") == ["euro", "pound", "dollar"]
    assert org.value("SELECT SUM(Amount) FROM Opportunity") == 332.5
    assert org.value("SELECT MIN(Amount) FROM Opportunity") == 100
    converted = "SELECT convertCurrency(Amount) FROM Opportunity ORDER BY Name"
    assert org.column(converted) == [100, 120, 112.5]


def test_formats_and_labels(org: Any) -> None:
    org.add(
        "Opportunity", Name="o", Amount=Decimal("1234.5"), CloseDate=date(2024, 1, 2),
        CreatedDate=datetime(2024, 1, 2, 3, 4),
    )  # fmt: skip
    (record,) = org.ask(
        "SELECT FORMAT(Amount), FORMAT(CloseDate) d, FORMAT(CreatedDate) t FROM Opportunity"
    )
    assert record == {"Amount": "USD 1,234.50", "d": "1/2/2024", "t": "1/1/2024, 7:04 PM"}


def test_distance(org: Any) -> None:
    for name, latitude, longitude in (("here", 37.775, -122.418), ("far", 48.1, 11.6)):
        org.add(
            "Trap__c", Name=name,
            Place__Latitude__s=Decimal(str(latitude)), Place__Longitude__s=Decimal(str(longitude)),
        )  # fmt: skip
    org.add("Trap__c", Name="nowhere")
    place = "DISTANCE(Place__c, GEOLOCATION(37.775, -122.418), 'km')"
    assert org.column(f"SELECT Name FROM Trap__c WHERE {place} < 20") == ["here"]
    assert org.column(f"SELECT Name FROM Trap__c WHERE {place} > 20") == ["far"]
    ordered = org.column(f"SELECT Name FROM Trap__c ORDER BY {place} DESC NULLS LAST")
    assert ordered == ["far", "here", "nowhere"]
    shown = org.column(f"SELECT {place} FROM Trap__c")
    assert shown[0] == 0 and 9400 < shown[1] < 9500 and shown[2] is None


def test_no_number_is_written_with_an_exponent(org: Any) -> None:
    for number in ("1e18", "1e-8", "123456.789e3"):
        org.add("Trap__c", Number_18_8__c=min(Decimal(number), Decimal("9e9")))
    body = org.run("SELECT AVG(Number_18_8__c) a, SUM(Number_18_8__c) b FROM Trap__c").body
    numbers = re.findall(rb'"[ab]":([^,}]+)', body)
    assert len(numbers) == 2
    assert all(re.fullmatch(rb"\d+\.\d+", number) for number in numbers)
