"""Flat pages read by place: the JSON reader's answer, or none."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.connectors.salesforce.decode import Decoder
from isthmus.connectors.salesforce.flat import FlatReader
from isthmus.connectors.salesforce.types import column_of

COLUMNS = (
    column_of({"name": "Id", "type": "id"}),
    column_of({"name": "Name", "type": "string"}),
    column_of({"name": "Open", "type": "boolean"}),
    column_of({"name": "Amount", "type": "currency", "precision": 18, "scale": 2}),
    column_of({"name": "Places", "type": "int"}),
    column_of({"name": "Rate", "type": "double", "precision": 0}),
    column_of({"name": "Day", "type": "date"}),
    column_of({"name": "At", "type": "datetime"}),
    column_of({"name": "Clock", "type": "time"}),
)
NAMES = tuple(column.name for column in COLUMNS)
GOOD = {
    "Id": "001000000000001AAA",
    "Name": "Acme",
    "Open": True,
    "Amount": 12.5,
    "Places": 3,
    "Rate": 0.25,
    "Day": "2024-02-29",
    "At": "2024-02-29T23:59:59.000+0000",
    "Clock": "17:30:00.000Z",
}
HEAD = '{"totalSize":2,"done":true,"records":'


def record(**values: Any) -> str:
    url = "/services/data/v62.0/sobjects/X/001000000000001AAA"
    whole = {"attributes": {"type": "X", "url": url}} | GOOD | values
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False)


def page(*records: str, head: str = HEAD) -> bytes:
    return f"{head}[{','.join(records)}]}}".encode()


def flat(body: bytes, names: tuple[str, ...] = NAMES) -> pa.RecordBatch | None:
    found = FlatReader(COLUMNS, names).read(body)
    return found and pa.RecordBatch.from_arrays(found.arrays, names=list(names))


def by_json(body: bytes) -> pa.RecordBatch:
    """As the JSON reader reads it: white space keeps the other one away."""
    spaced = body.replace(b'{"totalSize"', b'{ "totalSize"', 1)
    return Decoder("X", COLUMNS, NAMES).page(spaced, check_keys=True).batch


HARD = [
    {},
    {"Name": "a, b"},
    {"Name": ': "'},
    {"Name": ':":'},
    {"Name": '","Open":false,"x":"'},
    {"Name": '},{"attributes":{"type":"X"}'},
    {"Name": "\\"},
    {"Name": '\\"'},
    {"Name": "\\\\\\"},
    {"Name": "a\nb\tü😀"},
    {"Name": ""},
    {"Name": "null"},
    {"Name": "{[]}"},
    dict.fromkeys(NAMES),
    {"Open": False, "Amount": -0.01, "Places": -7, "Rate": 1e-9},
    {"Amount": 1234567890123456, "Places": 5.0},
]


@pytest.mark.parametrize("values", HARD)
def test_hard_values_are_read_here_and_as_json_reads_them(values: dict[str, Any]) -> None:
    plain = record()
    for records in ([record(**values)], [plain, record(**values)], [record(**values), plain]):
        body = page(*records)
        found = flat(body)
        assert found is not None
        assert found.equals(by_json(body))


def test_an_escape_that_json_need_not_write_is_understood() -> None:
    body = page(record(Name="MARK")).replace(b"MARK", rb"\u00fc\/\"\u0041")
    found = flat(body)
    assert found is not None and found["Name"].to_pylist() == ['ü/"A']


def test_only_wanted_columns_are_read_and_in_their_order() -> None:
    found = flat(page(record(Rate="no number"), record()), ("Clock", "Name"))
    assert found is not None and found.column_names == ["Clock", "Name"]


def test_the_head_is_read() -> None:
    head = '{"totalSize":9,"done":false,"nextRecordsUrl":"/q/1-2","records":'
    found = FlatReader(COLUMNS, NAMES).read(page(record(), head=head))
    assert found is not None
    assert (found.total, found.rows, found.next) == (9, 1, "/q/1-2")


def swapped() -> str:
    found = json.loads(record())
    found["Name"], found["Id"] = found.pop("Id"), found.pop("Name")
    return json.dumps(found, separators=(",", ":"))


OTHERWISE = {
    "no page": b"null",
    "no record": page(),
    "a null record": page("null"),
    "cut": page(record(), record())[:-9],
    "more behind it": page(record()) + b"{}",
    "white space": page(record()).replace(b",", b", "),
    "a line break": page(record()).replace(b'"Open"', b'\n"Open"'),
    "a line break in a text": page(record().replace("Acme", "Ac\nme")),
    "done with a next page": page(
        record(), head='{"totalSize":9,"done":true,"nextRecordsUrl":"/q","records":'
    ),
    "not done without one": page(record(), head='{"totalSize":9,"done":false,"records":'),
    "another order": page(record(), swapped()),
    "a key too many": page(record(), record(More=1)),
    "a key too few": page(record(), record().replace('"Open":true,', "")),
    "keys of another record": page(record().replace('"Open":true,', ""), record(More=1)),
    "another case": page(record(), record().replace('"Name"', '"name"')),
    "a similar key": page(record(), record().replace('"Name"', '"Nome"')),
    "child records": page(record(), record(Name={"a": 1})),
    "a list": page(record(), record(Name=["a", "b"])),
    "a number as text": page(record(), record(Name=5)),
    "a text as number": page(record(), record(Amount="5")),
    "a text as number, and the other way": page(record(Amount="5", Name=5), record()),
    "a boolean as text": page(record(), record(Open="true")),
    "another word": page(record(), record().replace("true", "nope")),
    "half a text": page(record(), record().replace('"Acme"', '"Acme')),
    "a quote too many": page(record(), record().replace('"Acme"', '"Ac"me"')),
    "half a pair": page(record(), record().replace("Acme", r"\ud800")),
    "a wrong escape": page(record(), record().replace("Acme", r"\x")),
    "too many places": page(record(), record(Amount=0.001)),
    "part of a whole": page(record(), record(Places=5.5)),
    "no finite number": page(record(), record().replace("0.25", "1e400")),
    "no day": page(record(), record(Day="2024-02-30")),
    "no moment": page(record(), record(At="soon")),
    "no time": page(record(), record(Clock="25:00")),
    "attributes of another kind": page(record().replace('"type":"X"', '"type":{"a":"b"}')),
    "no address": page(record().replace(',"url":', ',"uri":')),
    "no attributes": page(*('{"Id":"001000000000001AAA"}' for _ in range(12))),
}


@pytest.mark.parametrize("what", sorted(OTHERWISE))
def test_anything_else_is_left_to_the_json_reader(what: str) -> None:
    assert flat(OTHERWISE[what]) is None


texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
nasty = st.sampled_from(['":', '\\"', "\\", '","Name":"', "},{", "null", ":", '"'])
rows = st.fixed_dictionaries(
    {
        "Name": texts | st.lists(nasty, max_size=4).map("".join),
        "Open": st.booleans() | st.none(),
        "Amount": st.none() | st.integers(-(10**17), 10**17).map(lambda n: n / 100),
        "Places": st.none() | st.integers(-(2**63), 2**63 - 1),
        "Rate": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "Day": st.none() | st.dates().map(str),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.lists(rows, min_size=1, max_size=4))
def test_it_says_what_the_json_reader_says(written: list[dict[str, Any]]) -> None:
    body = page(*(record(**values) for values in written))
    found = flat(body)
    if found is not None:
        assert found.equals(by_json(body))
