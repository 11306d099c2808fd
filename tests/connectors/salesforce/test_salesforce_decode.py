"""Pages of JSON into Arrow: hard values kept, everything odd noticed."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from isthmus.catalog.model import Column
from isthmus.connectors.salesforce.decode import Decoder, Malformed, last_id, next_link
from isthmus.connectors.salesforce.types import column_of
from isthmus.errors import ConfigError, DataError

COLUMNS = {
    column.name: column
    for column in (
        column_of({"name": "S", "type": "string"}),
        column_of({"name": "Multi", "type": "multipicklist"}),
        column_of({"name": "B", "type": "boolean"}),
        column_of({"name": "I", "type": "int"}),
        column_of({"name": "C", "type": "currency", "precision": 18, "scale": 2}),
        column_of({"name": "P", "type": "percent", "precision": 3, "scale": 0}),
        column_of({"name": "Geo", "type": "double", "precision": 18, "scale": 15}),
        column_of({"name": "D", "type": "double", "precision": 0}),
        column_of({"name": "Day", "type": "date"}),
        column_of({"name": "T", "type": "datetime"}),
        column_of({"name": "Clock", "type": "time"}),
        column_of({"name": "Any", "type": "anyType"}),
    )
}


ATTRIBUTES = '"attributes":{"type":"X","url":"/services/data/v62.0/sobjects/X/001000000000001AAA"}'


def page(
    *records: str, total: int | None = None, more: str = '"done":true', space: str = ""
) -> bytes:
    """A page as Salesforce writes it; with a space in it, the JSON reader must read it."""
    whole = f",{space}".join(f"{{{ATTRIBUTES},{record}}}" for record in records)
    count = len(records) if total is None else total
    head = f'{{{space}"totalSize":{count},{more},"records":['
    return f"{head}{whole}]}}".encode("utf-8", "surrogatepass")


def decoder(*names: str) -> Decoder:
    return Decoder("X", tuple(COLUMNS[name] for name in names), names)


def values(name: str, *written: str) -> list[Any]:
    records = [f'"{name}":{text}' for text in written]
    found = decoder(name).page(page(*records), check_keys=True).batch
    assert found.schema.field(name).type == COLUMNS[name].type
    parsed = decoder(name).page(page(*records, space=" "), check_keys=True).batch
    assert found.equals(parsed)
    return list(found.column(name).to_pylist())


UTC = dt.UTC


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("S", '"null"', "null"),
        ("S", '"NA"', "NA"),
        ("S", '""', ""),
        ("S", "null", None),
        ("S", r'"\u00fc\ud83d\ude00\n\"\\"', 'ü😀\n"\\'),
        ("S", '"İ ı ß"', "İ ı ß"),  # noqa: RUF001
        (
            "S",
            r'"},{\"attributes\":{\"type\":\"X\"},\"S\":\"1"',
            '},{"attributes":{"type":"X"},"S":"1',
        ),
        ("S", '"1"', "1"),
        ("Multi", '"a;b"', "a;b"),
        ("B", "true", True),
        ("I", "5", 5),
        ("I", "5.0", 5),
        ("I", "9007199254740993", 9007199254740993),
        ("I", "-0", 0),
        ("C", "1234567890123456.78", Decimal("1234567890123456.78")),
        ("C", "3.5E8", Decimal("350000000.00")),
        ("C", "100.0", Decimal("100.00")),
        ("C", "1234567890123456.780", Decimal("1234567890123456.78")),
        ("C", "-0.01", Decimal("-0.01")),
        ("P", "100.0", Decimal(100)),
        ("Geo", "-122.123456789012345", Decimal("-122.123456789012345")),
        ("D", "0.1", 0.1),
        ("D", "5", 5.0),
        ("Day", '"1700-01-01"', dt.date(1700, 1, 1)),
        ("Day", '"9999-12-31"', dt.date(9999, 12, 31)),
        ("T", '"2011-07-07T00:37:00.000+0000"', dt.datetime(2011, 7, 7, 0, 37, tzinfo=UTC)),
        ("T", '"1700-01-01T00:00:00.000+0000"', dt.datetime(1700, 1, 1, tzinfo=UTC)),
        ("T", '"9999-12-31T23:59:59Z"', dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Clock", '"17:30:00.000Z"', dt.time(17, 30)),
        ("Clock", '"23:59:59.999Z"', dt.time(23, 59, 59, 999000)),
        ("Any", '"text"', "text"),
        ("Any", "1.50", "1.50"),
        ("Any", "true", "true"),
        ("Any", "null", None),
    ],
)
def test_a_value_arrives_as_it_is(name: str, written: str, value: Any) -> None:
    assert values(name, written, "null", written) == [value, None, value]


def test_texts_and_numbers_mix_where_the_type_says_so() -> None:
    assert values("Any", '"a"', "5", "1234567890123456789.25") == [
        "a",
        "5",
        "1234567890123456789.25",
    ]


@pytest.mark.parametrize(
    ("name", "written", "told"),
    [
        ("C", "0.001", 'X.C holds 0.001.*\n.*"X.C" = 3'),
        ("C", "12345678901234567.00", "X.C holds 12345678901234567.00"),
        ("P", "33.5", 'X.P holds 33.5.*\n.*"X.P" = 1'),
        ("I", "5.5", "X.I holds 5.5"),
        ("I", "9223372036854775808", "X.I"),
        ("Geo", "1234.5", "X.Geo holds 1234.5"),
        ("D", "1e400", "X.D holds"),
        ("S", "5", "X.S holds 5"),
        ("B", '"true"', "X.B holds"),
        ("Day", '"2024-02-30"', "X.Day holds"),
        ("Day", '"soon"', "X.Day holds"),
        ("T", '"soon"', "X.T holds"),
        ("Clock", '"25:00"', "X.Clock holds"),
        ("S", r'"\ud800"', "X.S holds"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_that_names_it(
    name: str, written: str, told: str
) -> None:
    for space in ("", " "):
        body = page(f'"{name}":null', f'"{name}":{written}', space=space)
        with pytest.raises(DataError, match=told):
            decoder(name).page(body, check_keys=True)


def test_decimal_places_widen_without_losing_digits_before_the_point() -> None:
    field = {"name": "C", "type": "currency", "precision": 18, "scale": 2}
    assert column_of(field, places=6).type == pa.decimal128(22, 6)
    with pytest.raises(ConfigError, match="at most 22"):
        column_of(field, places=30)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b" null",
        b"5",
        b'{"totalSize":1,"done":true,"records":5}',
        b'{"totalSize":1,"done":true,"records":null}',
        b"<html>503</html>",
        b'[{"errorCode":"X","message":"y"}]',
        page('"S":"a"')[:-1],
        page('"S":"a"', '"S":"b"')[:70],
        page('"S":"a"') + b'{"totalSize":0,"done":true,"records":[]}',
        b'{"totalSize":1,"done":true,"records":[null]}',
        b'{"totalSize":1,"done":true}',
        b'{"done":true,"records":[]}',
        b'{"totalSize":1,"records":[{"S":"a"}]}',
        page('"S":"a"', more='"done":false'),
        page('"S":"a"', more='"done":true,"nextRecordsUrl":"/x"'),
        b'{"totalSize":1,"done":true,"records":[{"S":"a\xff"}]}',
    ],
)
def test_what_is_no_page_is_noticed(body: bytes) -> None:
    with pytest.raises(Malformed):
        decoder("S").page(body, check_keys=True)


def test_a_missing_or_misspelt_key_is_an_error_and_never_null() -> None:
    with pytest.raises(DataError, match="X: the org's answer lacks S"):
        decoder("S").page(page('"s":"a"'), check_keys=True)


def test_an_empty_page() -> None:
    found = decoder("S", "C", "Clock").page(page(), check_keys=True)
    assert (found.batch.num_rows, found.batch.num_columns, found.total) == (0, 3, 0)


def test_rows_without_columns_are_counted() -> None:
    body = page('"S":"a"', '"S":null')
    found = Decoder("X", (COLUMNS["S"],), ()).page(body, check_keys=True).batch
    assert (found.num_rows, found.num_columns) == (2, 0)


def test_a_pretty_printed_page() -> None:
    body = json.dumps(json.loads(page('"S":"a"')), indent=2, separators=(",", " : ")).encode()
    assert decoder("S").page(body, check_keys=True).batch.to_pydict() == {"S": ["a"]}


@pytest.mark.parametrize(
    "body",
    [
        b'{"totalSize":9,"done":false,"nextRecordsUrl":"/q/1-2","records":[{"S":"x"}]}',
        b'{"totalSize":9,"done":false,"records":[{"S":"]"}],"nextRecordsUrl" : "/q/1-2"}',
    ],
)
def test_the_next_page_is_found_before_or_behind_the_records(body: bytes) -> None:
    assert next_link(body) == "/q/1-2"


def test_a_link_inside_a_record_is_no_next_page() -> None:
    inner = '"Kids":{"totalSize":9,"done":false,"nextRecordsUrl":"/kids","records":[]}'
    assert next_link(page(inner)) is None
    assert next_link(page(r'"S":"\"nextRecordsUrl\":\"/x\""')) is None


def test_the_last_id_is_read_from_the_last_records_address() -> None:
    def record(key: str, text: str) -> str:
        url = f"/services/data/v62.0/sobjects/X/{key}"
        return '{"attributes":{"type":"X","url":"' + url + '"},"S":' + json.dumps(text) + "}"

    first, last = "001M000000qfPySIAU", "001000000000001AAA"
    tricky = "attributes", '"attributes":{"url":"/001000000000002AAA"}', '"attributes"'
    for text in tricky:
        body = ("[" + record(first, text) + "," + record(last, text) + "]").encode()
        assert last_id(body) == last
    assert last_id(record("001000000000001AAB", "x").encode()) is None  # wrong checksum
    assert last_id(b"{}") is None


def test_columns_keep_their_order_and_may_be_dropped() -> None:
    columns: tuple[Column, ...] = (COLUMNS["S"], COLUMNS["Any"], COLUMNS["I"])
    body = page('"S":"a","Any":1,"I":2')
    found = Decoder("X", columns, ("I", "Any")).page(body, check_keys=True).batch
    assert found.to_pydict() == {"I": [2], "Any": ["1"]}
