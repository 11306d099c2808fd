"""Bulk jobs: taken over by their ids at each step, matched to their rows, cleared away after."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.salesforce.writing.ingestcsv import (
    Matching,
    cut,
    document,
    results_of,
)
from isthmus.connectors.salesforce.writing.ingestjob import IngestJob
from isthmus.connectors.writing import WriteKind
from isthmus.errors import SourceError, SourceUnavailable
from isthmus.localorg import LocalOrg
from isthmus.localorg.bulk import support
from tests.connectors.salesforce.writing.hand import Hand, Notebook, in_columns

INSERT, UPDATE, UPSERT, DELETE = WriteKind
KEY = "External_Id__c"
Stored = Callable[..., list[tuple[Any, ...]]]
MakeHand = Callable[..., Hand]
ROWS = [{"Name": f"n{i}", KEY: f"k{i}"} for i in range(7)]
#: Gives up at once.
IMPATIENT = Policy(repeats=0, slow_repeats=0, base=0.001)


class Killed(BaseException):
    """What a kill is to the writer: nothing after it runs."""


class Fragile(Notebook):
    """Notes that end the process after so many have been kept, or before the next one is."""

    def __init__(self, most: int, *, keep: bool) -> None:
        super().__init__()
        self._left, self._keep = most, keep

    def put(self, name: str, value: str) -> None:
        self._left -= 1
        if self._left >= 0 or self._keep:
            super().put(name, value)
        if self._left < 0:
            raise Killed


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("key", [KEY, None])
@pytest.mark.parametrize("way", ["bulk", "collections"])
def test_a_kill_at_each_note_leaves_each_row_once(
    hand: MakeHand, stored: Stored, org: LocalOrg, way: str, key: str | None, keep: bool
) -> None:
    for most in range(20):
        with org.store.writing() as cursor:
            cursor.execute(f"DELETE FROM {org.store.table('Account')}")
        notes = Fragile(most, keep=keep)
        first = hand()
        try:
            done = first.write(INSERT, ROWS, key, notes=notes, options=[way])
            killed = False
        except Killed:
            killed = True
            again = Notebook()
            again.kept = notes.kept
            done = hand().write(INSERT, ROWS, key, notes=again, options=[way])
        assert [(one["success"], one["created"]) for one in done] == [(True, True)] * 7
        assert stored("Account", KEY) == [(f"k{i}",) for i in range(7)]
        if not killed:
            break
    assert most > 0 and not killed


@pytest.mark.parametrize("step", ["POST", "PUT", "PATCH", "GET", "results"])
def test_a_kill_between_the_steps_of_a_job(
    hand: MakeHand, stored: Stored, org: LocalOrg, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """After the org has answered a step, and before anything else is done."""
    accounts = hand()
    writer = accounts.crm.writer()
    client = type(writer._connect(ReadContext()))
    real = {name: getattr(client, name) for name in ("send", "send_once")}

    def killing(name: str) -> Callable[..., Any]:
        def call(self: Any, sent: Any, *args: Any, **more: Any) -> Any:
            answer = real[name](self, sent, *args, **more)
            wanted = "Results" in sent.path if step == "results" else sent.method == step
            if "/jobs/ingest" in sent.path and wanted:
                raise Killed
            return answer

        return call

    notes = Notebook()
    with monkeypatch.context() as patched:
        for name in real:
            patched.setattr(client, name, killing(name))
        with pytest.raises(Killed):
            accounts.write(UPSERT, ROWS, KEY, notes=notes, options=["bulk"])
    done = hand().write(UPSERT, ROWS, KEY, notes=notes, options=["bulk"])
    assert [(one["success"], one["created"]) for one in done] == [(True, True)] * 7
    assert stored("Account", KEY) == [(f"k{i}",) for i in range(7)]


def test_a_job_is_kept_until_its_outcomes_are_safe(hand: MakeHand, org: LocalOrg) -> None:
    accounts = hand()
    done = accounts.write(INSERT, ROWS, options=["bulk"])
    calls = accounts.bill.calls
    again = accounts.write(INSERT, ROWS, options=["bulk"], notes=accounts.notes)
    assert again == done
    assert accounts.bill.calls < calls, "its results are read, nothing is sent"
    accounts.crm.writer().tidy(accounts.notes, ReadContext())
    assert [r["status"] for r in org.requests() if r["method"] == "DELETE"] == [204]


def test_a_job_that_was_given_up_before_its_rows_were_known_to_be_there_is_not_read(
    hand: MakeHand, stored: Stored, org: LocalOrg
) -> None:
    accounts = hand(policy=IMPATIENT)
    notes = Notebook()
    org.set_fault("lost-answer", path="/jobs/ingest/750", count=0)  # of the upload, and the abort
    with pytest.raises(SourceUnavailable):
        accounts.write(UPSERT, ROWS, KEY, notes=notes, options=["bulk"])
    org.clear_faults()
    done = accounts.write(UPSERT, ROWS, KEY, notes=notes, options=["bulk"])
    assert [one["created"] for one in done] == [True] * len(ROWS)
    assert len(stored("Account", "Id")) == len(ROWS)


@pytest.mark.parametrize("rows", [ROWS, [{"Name": f"n{i}"} for i in range(7)]])
def test_results_that_come_broken_are_read_later(
    hand: MakeHand, stored: Stored, org: LocalOrg, rows: list[dict[str, str]]
) -> None:
    accounts = hand(policy=IMPATIENT)
    notes = Notebook()
    org.set_fault("malformed-json", path="/successfulResults", count=0)
    with pytest.raises(SourceUnavailable, match="results of bulk job"):
        accounts.write(INSERT, rows, notes=notes, options=["bulk"])
    org.clear_faults()
    done = accounts.write(INSERT, rows, notes=notes, options=["bulk"])
    assert [one["success"] for one in done] == [True] * len(rows)
    assert len(stored("Account", "Id")) == len(rows)


@pytest.mark.parametrize("key", [KEY, None])
def test_a_job_that_somebody_deleted_is_looked_up(
    hand: MakeHand, stored: Stored, key: str | None
) -> None:
    accounts = hand()
    done = accounts.write(INSERT, ROWS, key, options=["bulk"])
    accounts.crm.writer().tidy(accounts.notes, ReadContext())
    other = hand()
    again = other.write(INSERT, ROWS, key, options=["bulk"], notes=accounts.notes)
    assert sorted(one["id"] for one in again) == sorted(one["id"] for one in done)
    assert len(stored("Account", "Id")) == 7


@pytest.mark.parametrize("key", [KEY, None])
def test_what_a_deleted_job_had_not_done_is_sent_again_where_a_key_makes_that_safe(
    hand: MakeHand, stored: Stored, org: LocalOrg, key: str | None
) -> None:
    accounts = hand()
    accounts.write(INSERT, ROWS, key, options=["bulk"])
    accounts.crm.writer().tidy(accounts.notes, ReadContext())
    with org.store.writing() as cursor:
        cursor.execute(f"DELETE FROM {org.store.table('Account')} WHERE Name > 'n3'")
    again = hand().write(INSERT, ROWS, key, options=["bulk"], notes=accounts.notes)
    assert [one["error_code"] for one in again[:4]] == [None] * 4
    if key:
        assert all(one["created"] for one in again)
        assert stored("Account", KEY) == [(f"k{i}",) for i in range(7)]
    else:
        assert {one["error_code"] for one in again[4:]} == {"UNKNOWN_OUTCOME"}
        assert len(stored("Account", KEY)) == 4


@pytest.mark.parametrize("kept", [0, 3])
def test_a_job_that_fails_half_way_is_carried_on(
    hand: MakeHand, org: LocalOrg, stored: Stored, kept: int
) -> None:
    accounts = hand()
    org.set_fault("failed-job", keep=kept)
    done = accounts.write(INSERT, ROWS, options=["bulk"])
    if kept:
        assert all(one["success"] for one in done)
        assert len(stored("Account", "Id")) == 7
    else:  # a job that did nothing would do nothing again
        assert {one["error_code"] for one in done} == {"UNPROCESSED"}
        assert "ended as Failed" in done[0]["error_message"]


def test_where_the_org_takes_no_job_collections_do(
    hand: MakeHand, org: LocalOrg, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(support, "UNSUPPORTED", frozenset({"Account"}))
    accounts = hand()
    done = accounts.write(INSERT, ROWS, count=5_000)
    assert all(one["success"] for one in done)
    assert len(stored("Account", "Id")) == 7
    again = hand().write(INSERT, ROWS, count=5_000, notes=accounts.notes)
    assert len(stored("Account", "Id")) == 7 and again == done
    with pytest.raises(SourceError, match="not supported by the Bulk API"):
        accounts.write(INSERT, ROWS, options=["bulk"])


class Slow:
    """The calls to an org whose job ends after so many seconds, and the waits between them."""

    root, source, doing = "/services/data/v62.0", "crm", "upserting"
    policy = Policy()

    def __init__(self, seconds: float) -> None:
        self.left, self.looks = seconds, 0
        self.context = self

    def asked(self, sent: object) -> dict[str, str]:
        self.looks += 1
        return {"state": "InProgress" if self.left > 0 else "JobComplete"}

    def wait(self, seconds: float) -> None:
        self.left -= seconds


@pytest.mark.parametrize(
    ("seconds", "looks"), [(0, 1), (3, 5), (17, 9), (1800, 99), (86_400, 5000)]
)
def test_a_job_is_found_soon_after_it_has_ended(seconds: float, looks: int) -> None:
    calls: Any = Slow(seconds)
    assert IngestJob(calls, "750").ended()["state"] == "JobComplete"
    assert -calls.left <= min(seconds / 2 + calls.policy.base, calls.policy.cap)
    assert calls.looks <= looks


def test_results_find_their_rows_whatever_their_order() -> None:
    header = ("Name", "Text")
    lines = [("a", 'x"y'), ("a", 'x"y'), ("b", "two\nlines"), ("b", "")]
    written = document(in_columns(header, lines))
    assert written.count(b"\n") == 6
    body = written.split(b"\n", 1)[1].decode()
    told = 'sf__Id,sf__Created,"Text","Name"\n'
    shuffled = [(f"00{n}", *line) for n, line in enumerate(lines)]
    random.Random(3).shuffle(shuffled)
    for i, name, text in shuffled:
        quoted = text.replace('"', '""')
        told += f'"{i}","true","{quoted}","{name}"\n'
    assert body.startswith('"a"')
    matching = Matching(lines, None)
    found = {
        matching.row(result.line): result.outcome for result in results_of(told.encode(), header)
    }
    assert set(found) == {0, 1, 2, 3}
    by_row = {row: outcome.id for row, outcome in found.items() if outcome is not None}
    assert (by_row[2], by_row[3]) == ("002", "003")
    assert {by_row[0], by_row[1]} == {"000", "001"}
    assert matching.row(lines[0]) is None, "each is found once"


def test_rows_that_come_back_changed_are_found_by_their_key() -> None:
    matching = Matching([("a", "1"), ("b", "2")], 1)
    assert matching.row(("B!", "2")) == 1
    assert matching.row(("?", "3")) is None
    assert matching.row(("b", "2")) is None, "it is found already"


def test_of_equal_rows_each_is_found_once() -> None:
    matching = Matching([("a",), ("b",), ("a",), ("a",)], None)
    assert {matching.row(("a",)) for _ in range(3)} == {0, 2, 3}
    assert matching.row(("a",)) is None
    assert matching.row(("b",)) == 1


@given(st.data())
def test_each_row_is_found_once_in_any_order(data: st.DataObject) -> None:
    lines = data.draw(st.lists(st.tuples(st.sampled_from("abc")), max_size=12))
    order = data.draw(st.permutations(range(len(lines))))
    matching = Matching(lines, None)
    found = [matching.row(lines[row]) for row in order]
    assert sorted(row for row in found if row is not None) == list(range(len(lines)))
    assert [lines[row] for row in found if row is not None] == [lines[row] for row in order]


def test_a_document_is_cut_where_it_grows_too_long() -> None:
    cells = in_columns(("Name",), [(f"n{i}",) for i in range(10)])
    parts = cut(cells, most=30)
    assert [n for part in parts for n in part] == list(range(10))
    assert len(parts) > 2
    for part in parts:
        body = document(cells.slice(part.start, len(part)))
        assert len(body) <= 30
        assert body.startswith(b'"Name"\n')
    long = in_columns(("Name",), [("x" * 99,)])
    assert cut(long, most=30) == [range(1)], "a row alone is sent, whatever its length"


@pytest.mark.parametrize("body", [b"", b'"sf__Id"\n"1"\n', b'"Name"\n"a', b"\xff"])
def test_broken_results_are_no_results(body: bytes) -> None:
    with pytest.raises(ValueError):
        list(results_of(body, ("Name", "Text")))
