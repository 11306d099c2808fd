"""Each type of value in a CSV, beside what REST says of the same record."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from isthmus.localorg import LocalOrg
from isthmus.localorg.ids import make
from isthmus.localorg.store import quoted
from tests.localorg.bulk.conftest import Client

TEXTS = (
    'say "hi"', "a,b;c\td^e|f`g", "two\nlines", "two\r\nlines", "null", "NA", "'", "\\", "\\n",
    "emoji 🙂 Ünïcode İ", "nul \0 inside", "x" * 100_000, '"', '","', '"\n"', "#N/A", " ",
)  # fmt: skip


def insert(org: LocalOrg, name: str, number: int, **values: Any) -> None:
    """Put a row into the table as it is, also one that no client could write."""
    target = org.org.schema.get(name)
    assert target is not None and target.key_prefix is not None
    row: dict[str, Any] = {f.name: False for f in target.fields if f.type == "boolean"}
    row |= {"Id": make(target.key_prefix, number), "IsDeleted": False}
    row |= {"SystemModstamp": datetime(2024, 1, 1), **values}
    table = org.store.table(name)
    columns, marks = ", ".join(map(quoted, row)), ", ".join("?" * len(row))
    with org.store.writing() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", [*row.values()])


@pytest.fixture
def empty(open_client: Any) -> Iterator[Client]:
    with LocalOrg("empty") as org:
        yield open_client(org)


def test_text_comes_back_as_it_is(empty: Client) -> None:
    for number, text in enumerate(TEXTS, 1):
        insert(empty.org, "Account", number, Description=text)
    rows = empty.rows("SELECT Description FROM Account ORDER BY Id")
    assert [row["Description"] for row in rows] == list(TEXTS)


@pytest.mark.parametrize(
    ("name", "sign"),
    [("BACKQUOTE", "`"), ("CARET", "^"), ("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"),
     ("TAB", "\t")],
)  # fmt: skip
@pytest.mark.parametrize(("ending", "mark"), [("LF", "\n"), ("CRLF", "\r\n")])
def test_delimiters_and_line_endings(
    empty: Client, name: str, sign: str, ending: str, mark: str
) -> None:
    insert(empty.org, "Account", 1, Name="a`^,|;\tb", Description="two\nlines")
    text = empty.text(
        "SELECT Name, Description FROM Account", columnDelimiter=name, lineEnding=ending
    )
    assert text == f'"Name"{sign}"Description"{mark}"a`^,|;\tb"{sign}"two\nlines"{mark}'


def test_nulls_are_empty_and_every_field_is_quoted(empty: Client) -> None:
    insert(empty.org, "Opportunity", 1)
    soql = "SELECT Name, Amount, CloseDate, CreatedDate, AccountId, IsWon, FiscalYear, StageName"
    text = empty.text(f"{soql} FROM Opportunity")
    assert text.splitlines()[1] == '"","","","","","false","",""'


def test_every_type_is_written_as_salesforce_does(empty: Client) -> None:
    insert(
        empty.org, "Opportunity", 1,
        Amount=Decimal("1234567890123456.70"), Probability=Decimal("75"),
        TotalOpportunityQuantity=Decimal("-0.50"), FiscalYear=2024, IsWon=True,
        CloseDate=date(1700, 1, 1), CreatedDate=datetime(4000, 12, 31, 23, 59, 59),
    )  # fmt: skip
    (row,) = empty.rows(
        "SELECT Id, Amount, Probability, TotalOpportunityQuantity, FiscalYear, IsWon, IsClosed, "
        "CloseDate, CreatedDate FROM Opportunity"
    )
    assert row == {
        "Id": make("006", 1),
        "Amount": "1234567890123456.7",
        "Probability": "75.0",
        "TotalOpportunityQuantity": "-0.5",
        "FiscalYear": "2024",
        "IsWon": "true",
        "IsClosed": "false",
        "CloseDate": "1700-01-01",
        "CreatedDate": "4000-12-31T23:59:59.000Z",
    }


def test_switches_write_numbers_and_datetimes_the_other_way(open_client: Any) -> None:
    with LocalOrg("empty", switches={"bulk-integers": "point", "bulk-datetime": "offset"}) as org:
        insert(org, "Opportunity", 1, FiscalYear=2024, CreatedDate=datetime(2024, 1, 2, 3, 4, 5))
        (row,) = open_client(org).rows("SELECT FiscalYear, CreatedDate FROM Opportunity")
    assert row == {"FiscalYear": "2024.0", "CreatedDate": "2024-01-02T03:04:05.000+0000"}


def test_parents_are_named_with_dots_and_empty_where_there_are_none(empty: Client) -> None:
    insert(empty.org, "Account", 1, Name="Acme", OwnerId=empty.org.org.settings.user.id)
    insert(empty.org, "Contact", 1, LastName="With", AccountId=make("001", 1))
    insert(empty.org, "Contact", 2, LastName="Without")
    soql = "select lastname, account.name, Account.Owner.IsActive from Contact order by Id"
    assert empty.rows(soql) == [
        {"LastName": "With", "Account.Name": "Acme", "Account.Owner.IsActive": "true"},
        {"LastName": "Without", "Account.Name": "", "Account.Owner.IsActive": "false"},
    ]


def test_functions_that_format(empty: Client) -> None:
    insert(empty.org, "Opportunity", 1, Amount=Decimal("1234.5"), CurrencyIsoCode="EUR",
           StageName="Prospecting", CloseDate=date(2024, 5, 6))  # fmt: skip
    (row,) = empty.rows("SELECT FORMAT(CloseDate), toLabel(StageName) FROM Opportunity")
    assert row == {"CloseDate": "5/6/2024", "StageName": "Prospecting"}


def test_columns_of_old_versions_are_in_alphabetical_order(open_client: Any) -> None:
    with LocalOrg("empty") as org:
        insert(org, "Account", 1, Name="Acme", Industry="Energy")
        soql = "SELECT Name, Id, Industry FROM Account"
        assert open_client(org, "49.0").text(soql).startswith('"Id","Industry","Name"\n"001')
        assert open_client(org, "50.0").text(soql).startswith('"Name","Id","Industry"\n"Acme')


def test_fields_standard_leaves_compounds_out(bulk: Client) -> None:
    (row,) = bulk.rows("SELECT FIELDS(STANDARD) FROM Account LIMIT 1")
    assert "BillingCity" in row and "BillingAddress" not in row


def test_bulk_and_rest_say_the_same_of_the_demo(bulk: Client) -> None:
    fields = [
        field for field in bulk.get("sobjects/Account/describe").json()["fields"]
        if field["type"] not in ("address", "location", "base64")
    ]  # fmt: skip
    soql = f"SELECT {', '.join(f['name'] for f in fields)} FROM Account ORDER BY Id"
    rest, url = [], f"query?q={soql.replace(' ', '+')}"
    while url:
        page = json.loads(bulk.get(url).data, parse_float=str)  # digits as they are written
        rest += page["records"]
        url = page.get("nextRecordsUrl")
    csv_rows = bulk.rows(soql)
    assert len(csv_rows) == len(rest) > 900
    for record, row in zip(rest, csv_rows, strict=True):
        assert row == {f["name"]: _as_csv(f["type"], record[f["name"]]) for f in fields}


def _as_csv(kind: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if kind == "datetime":
        return str(value).replace("+0000", "Z")
    return str(value)


def test_the_reader_of_the_tests_sees_what_is_there() -> None:
    # csv's own reader is trusted above: quotes doubled, newlines kept
    text = '"a ""b""\n","c"\r\n'
    assert list(csv.reader(io.StringIO(text, newline=""))) == [['a "b"\n', "c"]]
