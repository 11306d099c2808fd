"""What a user finds in a file or a pipe is the answer, exactly."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from isthmus.interfaces.formats.table import render
from isthmus.interfaces.formats.text import json_column, text_column
from isthmus.interfaces.formats.vectors import csv_cells, json_cells
from isthmus.interfaces.formats.writers import FORMATS, open_writer

ROWS = pa.table(
    {
        "id": pa.array([2**53 + 1, None, -1], pa.int64()),
        "amount": pa.array([Decimal("1234567890123456.78"), Decimal("0.10"), None]),
        "name": ["", None, 'say "hi", twice\nover'],
        "day": pa.array([date(1, 1, 1), date(9999, 12, 31), None]),
        "at": pa.array(
            [datetime(2026, 3, 1, 12, 0, 0, 678000, UTC), None, datetime(1700, 1, 1, tzinfo=UTC)],
            pa.timestamp("us", "UTC"),
        ),
        "clock": pa.array([time(23, 59, 59, 999000), None, time(0)], pa.time64("us")),
        "ok": [True, None, False],
        "tags": pa.array([["a", None], None, []], pa.list_(pa.string())),
    }
)


def written(format: str, table: pa.Table, *, seekable: bool = False) -> bytes:
    stream = io.BytesIO()
    writer = open_writer(format, stream, table.schema, seekable=seekable)
    for batch in table.to_batches():
        writer.write(batch)
    writer.close()
    return stream.getvalue()


def test_csv_tells_empty_text_from_null() -> None:
    assert written("csv", ROWS.select(["name", "id"])).decode() == (
        'name,id\n"",9007199254740993\n,\n"say ""hi"", twice\nover",-1\n'
    )


def test_csv_is_read_back_unchanged() -> None:
    flat = ROWS.drop_columns(["tags"])
    back = pacsv.read_csv(
        io.BytesIO(written("csv", flat)),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=flat.schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    assert back.equals(flat)


def test_csv_is_what_the_csv_module_reads() -> None:
    rows = list(csv.reader(io.StringIO(written("csv", ROWS).decode(), newline="")))
    assert rows[1][1] == "1234567890123456.78"
    assert rows[3][2] == 'say "hi", twice\nover'
    assert rows[1][7] == '["a",null]'


@pytest.mark.parametrize("format", ["json", "jsonl"])
def test_json_numbers_keep_all_their_digits(format: str) -> None:
    text = written(format, ROWS).decode()
    if format == "json":
        rows = json.loads(text, parse_float=Decimal)
    else:
        rows = [json.loads(line, parse_float=Decimal) for line in text.splitlines()]
    assert rows[0] == {
        "id": 2**53 + 1,
        "amount": Decimal("1234567890123456.78"),
        "name": "",
        "day": "0001-01-01",
        "at": "2026-03-01T12:00:00.678+00:00",
        "clock": "23:59:59.999",
        "ok": True,
        "tags": ["a", None],
    }
    assert rows[1]["name"] is None
    assert str(rows[1]["amount"]) == "0.10"


def test_json_of_no_rows_is_an_empty_array() -> None:
    assert json.loads(written("json", ROWS.slice(0, 0))) == []
    assert written("jsonl", ROWS.slice(0, 0)) == b""


def test_columns_of_one_name_all_reach_the_object() -> None:
    twins = pa.table([[1], [2]], names=["Id", "Id"])
    assert written("jsonl", twins) == b'{"Id":1,"Id_1":2}\n'


def test_arrow_is_a_stream_in_a_pipe_and_a_file_on_disk() -> None:
    assert pa.ipc.open_stream(written("arrow", ROWS)).read_all().equals(ROWS)
    assert pa.ipc.open_file(written("arrow", ROWS, seekable=True)).read_all().equals(ROWS)


def test_parquet_needs_no_seekable_stream() -> None:
    assert pq.read_table(io.BytesIO(written("parquet", ROWS))).equals(ROWS)


@pytest.mark.parametrize("format", FORMATS)
def test_the_stream_stays_open(format: str) -> None:
    stream = io.BytesIO()
    open_writer(format, stream, ROWS.schema, seekable=False).close()
    assert not stream.closed


@pytest.mark.parametrize(
    ("array", "text", "as_json"),
    [
        (pa.array([2**63 - 1], pa.timestamp("us")), "infinity", '"infinity"'),
        (pa.array([-(2**31) + 1], pa.int32()).cast(pa.date32()), "-infinity", '"-infinity"'),
        (pa.array([1], pa.timestamp("ns")), "1970-01-01T00:00:00.000000001", None),
        (pa.array([10**12], pa.timestamp("s")), "33658-09-27T01:46:40", None),
        (pa.array([0], pa.timestamp("s", "Asia/Kolkata")), "1970-01-01T05:30:00+05:30", None),
        (pa.array([-(10**10)], pa.timestamp("s", "Europe/Berlin")), None, None),
        (pa.array([0.1], pa.float32()), "0.1", "0.1"),
        (pa.array([float("nan")]), "nan", '"NaN"'),
        (pa.array([float("-inf")]), "-inf", '"-Infinity"'),
        (pa.array([1e300]), "1e+300", "1e+300"),
        (pa.array([Decimal("1E-10")], pa.decimal128(38, 12)), "0.000000000100", None),
        (pa.array([b"\x00\xff"]), "AP8=", '"AP8="'),
        (pa.array(["a"]).dictionary_encode(), "a", '"a"'),
        (pa.array([{"x": None, "y": [1]}]), '{"x":null,"y":[1]}', '{"x":null,"y":[1]}'),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), '{"k":1}', '{"k":1}'),
        (pa.array([[(1, "v")]], pa.map_(pa.int64(), pa.string())), '{"1":"v"}', None),
        (pa.array([[1, 2]], pa.list_(pa.int64(), 2)), "[1,2]", "[1,2]"),
        (pa.array([(14, 3, -1_500_000_000)], pa.month_day_nano_interval()), "P14M3DT-1.5S", None),
    ],
)
def test_values_that_python_has_no_type_for(
    array: pa.Array, text: str | None, as_json: str | None
) -> None:
    if text is not None:
        assert text_column(array) == [text]
    if as_json is not None:
        assert json_column(array) == [as_json]
    json.loads(json_column(array)[0])


_TEXTS = ["plain", "", None, " led", "trailed ", 'a"b', "c,d", "e\nf", "g\\h", "\x01", "İ", "😀"]
_SECONDS = [0, -1, 1_700_000_000, None, -62_135_596_800, 253_402_300_799]
_BEYOND = [*_SECONDS, -62_135_596_801, 253_402_300_800]


@pytest.mark.parametrize(
    "array",
    [
        pa.array(_TEXTS),
        pa.array(_TEXTS, pa.large_string()),
        pa.array([2**63 - 1, -(2**63), None]),
        pa.array([2**64 - 1, 0], pa.uint64()),
        pa.array([True, None, False]),
        *(
            pa.array([Decimal(1).scaleb(-s), Decimal(0), Decimal(-7), None], pa.decimal128(20, s))
            for s in (0, 2, 5, 6, 7, 12)
        ),
        pa.array([date(1, 1, 1), date(9999, 12, 31), None]),
        pa.array([-719_163, 2_932_897], pa.int32()).cast(pa.date32()),
        *(pa.array(_SECONDS, pa.timestamp("s", zone)) for zone in (None, "UTC", "Asia/Tokyo")),
        pa.array(_BEYOND, pa.timestamp("s")),
        *(
            pa.array([0, 1, 500, 1_000, 1_500_000, -1, 10**9, None], pa.timestamp(unit, zone))
            for unit in ("ms", "us", "ns")
            for zone in (None, "UTC", "Europe/Berlin")
        ),
        pa.array([1.0, 0.1, float("nan"), None]),
        pa.array([], pa.string()),
    ],
    ids=lambda a: str(a.type),
)
def test_whole_columns_are_written_as_value_by_value(array: pa.Array) -> None:
    for part in (array, array.slice(1)):
        cells = [cell for cell in csv_cells(part).to_pylist() if cell]  # without the nulls
        read = list(csv.reader(io.StringIO("\r\n".join(cells), newline="")))
        assert read == [[text] for text in text_column(part) if text is not None]
        assert json_cells(part).to_pylist() == json_column(part)


def test_a_slice_of_a_nested_column_is_its_own_rows() -> None:
    lists = pa.array([[1], [2, 3], None, [4]])
    maps = pa.array([[("a", 1)], [("b", 2)]], pa.map_(pa.string(), pa.int64()))
    assert json_column(lists.slice(1)) == ["[2,3]", "null", "[4]"]
    assert json_column(maps.slice(1)) == ['{"b":2}']
    assert json_column(pa.array([{"x": 1}, {"x": 2}]).slice(1)) == ['{"x":2}']


def test_a_table_lines_up_wide_characters_and_numbers() -> None:
    table = pa.table({"name": ["日本", "Zoë"], "n": [1, 1000]})
    assert render(table) == (
        "name     n\n----  ----\n日本     1\nZoë   1000\n(2 rows)"  # two cells a character
    )


def test_null_is_dim_only_in_colour() -> None:
    table = pa.table({"a": pa.array([None], pa.string())})
    assert "\x1b" not in render(table)
    assert "\x1b[2mNULL" in render(table, colour=True)


def test_a_cell_can_not_break_the_line_or_steer_the_terminal() -> None:
    lines = render(pa.table({"a": ["one\ntwo\x1b[31m"]})).split("\n")
    assert lines[2] == r"one\ntwo\x1b[31m"


def test_a_wide_table_is_cut_to_the_terminal() -> None:
    table = pa.table({"short": ["abc"], "long": ["x" * 200]})
    assert max(map(len, render(table, width=40).split("\n"))) == 40
    assert max(map(len, render(table).split("\n"))) > 200


@pytest.mark.parametrize(
    ("rows", "more", "note"),
    [(1, False, "(1 row)"), (1000, True, "(the first 1,000 rows; there are more)")],
)
def test_the_note_counts_the_rows(rows: int, more: bool, note: str) -> None:
    table = pa.table({"a": list(range(rows))})
    assert render(table, more=more).endswith(note)
