"""Results find their rows by columns or line by line, and both ways say the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.connectors.salesforce.writing.ingestcsv import Line, Matching, results_of
from isthmus.connectors.salesforce.writing.ingestresults import Results
from isthmus.connectors.salesforce.writing.outcomes import Outcome
from tests.connectors.salesforce.writing.hand import in_columns

HEADER = ("Key", "Text")
TEXTS = st.one_of(
    st.sampled_from(
        ["", "NA", "null", "#N/A", '"', 'a"b', ",", "x\ny", "x\r\ny", "\n", "é🎉", " "]
    ),
    st.text(st.characters(codec="utf-8"), max_size=4),
)
#: Few keys, so that equal rows come up.
LINES = st.lists(st.tuples(st.sampled_from(["a", "b", "A", "c"]), TEXTS), max_size=8)


def written(lines: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(lines)
    return text.getvalue().encode()


def id_of(number: int) -> str:
    return f"001M{number:014d}"


def successes(lines: Sequence[Line], rows: Sequence[int], header: Line = HEADER) -> bytes:
    """The results of some rows, in that order; every other record is new."""
    first = ("sf__Id", "sf__Created", *header)
    told = [(id_of(row), str(row % 2 == 0).lower(), *lines[row]) for row in rows]
    return written([first, *told])


def taken(results: Results) -> dict[int, Outcome | None]:
    """All outcomes by row."""
    found = dict(results.outcomes)
    if results.written is not None:
        columns = (results.written.rows, results.written.ids, results.written.created)
        for row, id, new in zip(*(c.to_pylist() for c in columns), strict=True):
            assert row not in found
            found[row] = Outcome(True, id, new)
    return found


def line_by_line(body: bytes, lines: list[Line], key: int | None) -> dict[int, Outcome | None]:
    matching = Matching(lines, key)
    found = ((matching.row(one.line), one.outcome) for one in results_of(body, HEADER))
    return {row: outcome for row, outcome in found if row is not None}


@settings(max_examples=300, deadline=None)
@given(LINES, st.data(), st.sampled_from([0, None]))
def test_each_row_gets_the_record_of_an_equal_row(
    lines: list[Line], data: st.DataObject, key: int | None
) -> None:
    order = data.draw(st.permutations(range(len(lines))))
    rows = order[: data.draw(st.integers(0, len(order)))]
    results = Results(in_columns(HEADER, lines), key)
    assert results.take(successes(lines, rows)) == len(rows)
    found = taken(results)
    assert len(found) == len(rows)
    ids = {id_of(row): row for row in rows}
    records = [ids.pop(str(outcome.id)) for outcome in found.values() if outcome is not None]
    assert [lines[row] for row in found] == [lines[row] for row in records]
    assert [o and o.created for o in found.values()] == [row % 2 == 0 for row in records]


@settings(max_examples=500, deadline=None)
@given(LINES, st.data(), st.sampled_from([0, None]))
def test_damage_is_noticed_by_columns_as_it_is_line_by_line(
    lines: list[Line], data: st.DataObject, key: int | None
) -> None:
    whole = successes(lines, data.draw(st.permutations(range(len(lines)))))
    at = data.draw(st.integers(0, len(whole)))
    put = data.draw(st.sampled_from([b"", b'"', b"\0", b"\n", b",", b"x", b"\r", b"\xff", None]))
    body = whole[:at] if put is None else whole[:at] + put + whole[at + 1 :]
    results = Results(in_columns(HEADER, lines), key)
    try:
        expected = line_by_line(body, lines, key)
    except ValueError:
        try:
            results.take(body)
        except ValueError:
            return
        found = taken(results)  # each row that is taken is whole, whatever stands beside it
        assert results.written is not None
        truth = line_by_line(whole, lines, key)
        assert found.items() <= truth.items()
        return
    results.take(body)
    found = taken(results)
    assert set(found) == set(expected)
    same_ids = sorted(str(o and o.id) for o in found.values())
    assert same_ids == sorted(str(o and o.id) for o in expected.values())


@pytest.mark.parametrize("key", [0, None])
@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [3, 1, 0, 2], [1, 2], [3, 0]])
def test_whole_files_of_successes_are_taken_by_columns(rows: list[int], key: int | None) -> None:
    lines = [("a", "1"), ("b", "x\ny"), ("c", ""), ("d", 'q"')]
    results = Results(in_columns(HEADER, lines), key)
    results.take(successes(lines, rows))
    assert results.written is not None
    assert results.written.rows.to_pylist() == rows
    assert results.written.ids.to_pylist() == [id_of(row) for row in rows]
    assert results.others == sorted({0, 1, 2, 3} - set(rows))
    assert results.complete == (len(rows) == 4)


@pytest.mark.parametrize(
    ("good", "bad", "by_columns"),
    [([1, 4], [3, 2, 2], True), ([4, 0, 1], [2, 3], True), ([0, 2, 4], [3, 1], False)],
)
def test_failures_are_of_the_rows_that_are_left(
    good: list[int], bad: list[int], by_columns: bool
) -> None:
    lines = [("a", "1"), ("b", "2"), ("a", "1"), ("c", "3"), ("d", "4")]
    results = Results(in_columns(HEADER, lines), None)
    assert results.take(successes(lines, good)) == len(good)
    assert (results.written is not None) == by_columns, "equal rows are told apart line by line"
    assert not results.complete
    failures = [("", "REQUIRED:gone:Text --", *lines[row]) for row in bad]
    assert results.take(written([("sf__Id", "sf__Error", *HEADER), *failures])) == len(bad)
    assert results.complete
    found = taken(results)
    assert set(found) == {0, 1, 2, 3, 4}
    failed = [lines[row] for row, outcome in found.items() if outcome and not outcome.success]
    assert sorted(failed) == sorted(lines[row] for row in bad)


def test_results_of_no_row_change_nothing() -> None:
    results = Results(in_columns(HEADER, [("a", "1")]), None)
    results.take(successes([("a", "1")], [0]))
    failure = ("", "REQUIRED:gone:Text --", "a", "1")
    assert results.take(written([("sf__Id", "sf__Error", *HEADER), failure])) == 1
    assert taken(results) == {0: Outcome(True, id_of(0), True)}


def test_rows_that_come_back_otherwise_are_found_by_their_key() -> None:
    lines = [("a", "1"), ("b", "2.50")]
    results = Results(in_columns(HEADER, lines), 0)
    results.take(successes([("a", "1"), ("B", "2.5")], [1, 0]))
    assert results.written is None
    assert {row: o and o.id for row, o in taken(results).items()} == {0: id_of(0), 1: id_of(1)}


def test_columns_are_found_by_their_names_in_any_order_and_case() -> None:
    lines = [("a", "1"), ("b", "2")]
    body = written(
        [
            ("TEXT", "SF__created", "key", "sf__ID", "more"),
            ("2", "false", "b", id_of(1), "?"),
            ("1", "true", "a", id_of(0), "?"),
        ]
    )
    results = Results(in_columns(HEADER, lines), 0)
    results.take(body)
    assert results.written is not None
    told: dict[Any, Any] = {row: o and (o.id, o.created) for row, o in taken(results).items()}
    assert told == {0: (id_of(0), True), 1: (id_of(1), False)}


@pytest.mark.parametrize("id", ["", "001", "001M0000000000 1", "001M00000000000é12"])
def test_ids_that_are_none_are_not_taken_by_columns(id: str) -> None:
    results = Results(in_columns(("Key",), [("a",)]), 0)
    results.take(written([("sf__Id", "sf__Created", "Key"), (id, "true", "a")]))
    assert results.written is None


def test_rows_of_a_part_get_the_numbers_of_the_whole() -> None:
    results = Results(in_columns(HEADER, [("a", "1"), ("b", "2")]), 0)
    results.take(successes([("a", "1"), ("b", "2")], [1, 0]))
    assert results.written is not None
    written = results.written.among([7, 9])
    assert (written.rows.to_pylist(), written.new()) == ([9, 7], [id_of(0)])
    assert written.rows.type == pa.int64()
