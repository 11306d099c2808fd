"""Scans in ranges of Ids: every row once, however Ids are ordered and whatever goes wrong."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce import Salesforce, ranges
from isthmus.connectors.salesforce.decode import Decoder
from isthmus.connectors.salesforce.ids import checksum
from isthmus.connectors.salesforce.paging import Cut, Reading, read
from isthmus.connectors.salesforce.ranges import chains_worth, middle, read_ranges
from isthmus.connectors.salesforce.soql import Condition, Statement
from isthmus.errors import Cancelled, IsthmusError, SourceError, SourceUnavailable
from isthmus.localorg import LocalOrg
from tests.own_threads import own_threads

#: Rows on a page: small, so that there are many pages.
PAGE = 20
STATEMENT = Statement("Opportunity", ("Id", "Name"), by_id=True)


@pytest.fixture(scope="module")
def crm_org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=0.5, seed=7, switches={"page-size": PAGE}) as org:
        yield org


def reading(crm: Salesforce, context: ReadContext | None = None) -> Reading:
    table = crm.describe("Opportunity")
    assert table is not None
    decoder = Decoder("Opportunity", (table.column("Id"), table.column("Name")), ("Id", "Name"))
    context = context or ReadContext()
    return Reading("crm", crm._client(context), decoder, "query", context)


def rows(batches: Iterable[pa.RecordBatch]) -> list[tuple[str, str]]:
    """All rows, in the order of their Ids."""
    table = pa.Table.from_batches(batches)
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True))


def queries(org: LocalOrg) -> list[str]:
    """The queries that were begun."""
    return [str(e["soql"]) for e in org.requests() if str(e["path"]).endswith("/query")]


@pytest.fixture(scope="module")
def whole(crm_org: LocalOrg) -> Callable[[Salesforce], list[tuple[str, str]]]:
    kept: list[list[tuple[str, str]]] = []

    def get(crm: Salesforce) -> list[tuple[str, str]]:
        if not kept:
            kept.append(rows(read(reading(crm), STATEMENT)))
        return kept[0]

    return get


Whole = Callable[[Salesforce], list[tuple[str, str]]]


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges are cut as long as a page of them is left."""
    monkeypatch.setattr(ranges, "LEAST_LEFT", 1)


@pytest.mark.parametrize("chains", [1, 2, 3, 8])
def test_every_row_comes_once(org: LocalOrg, crm: Salesforce, whole: Whole, chains: int) -> None:
    wanted = whole(crm)
    org.clear_requests()
    context = ReadContext()
    assert rows(read_ranges(reading(crm, context), STATEMENT, chains)) == wanted
    asked = [e for e in org.requests() if "/query" in str(e["path"])]
    assert context.meter.bill.calls == len(asked)
    assert context.meter.bill.rows == len(wanted)
    assert len(queries(org)) == (1 if chains == 1 else chains + 2)


def test_conditions_hold_in_every_range(org: LocalOrg, crm: Salesforce, whole: Whole) -> None:
    won = replace(STATEMENT, conditions=("IsWon = true",))
    expected = rows(read(reading(crm), won))
    assert 0 < len(expected) < len(whole(crm))
    assert rows(read_ranges(reading(crm), won, 4)) == expected


def test_a_chain_with_nothing_to_do_gets_some_of_anothers_ids(
    org: LocalOrg, crm: Salesforce, whole: Whole, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = whole(crm)
    monkeypatch.setattr(ranges, "_split", lambda whole, parts: [whole])  # all Ids in one range
    org.clear_requests()
    org.set_fault("slow-page", count=0, delay=0.05)
    assert rows(read_ranges(reading(crm), STATEMENT, 3)) == wanted
    assert len(queries(org)) >= 2 + 3


def test_cuts_come_to_an_end(
    org: LocalOrg, crm: Salesforce, whole: Whole, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = whole(crm)
    monkeypatch.setattr(ranges, "CUTS_A_CHAIN", 1)
    org.clear_requests()
    assert rows(read_ranges(reading(crm), STATEMENT, 2)) == wanted
    # two ends, two ranges, and for each of two cuts the two that it leaves
    assert len(queries(org)) <= 2 + 2 + 2 * 2


@pytest.mark.parametrize(
    "fault", ["lost-locator", "server-error", "drop-connection", "malformed-json", "slow-page"]
)
@pytest.mark.parametrize("nth", [1, 3, 5, 8])
def test_a_fault_loses_and_doubles_nothing(
    org: LocalOrg, crm: Salesforce, whole: Whole, eager: None, fault: str, nth: int
) -> None:
    wanted = whole(crm)
    org.set_fault(fault, nth=nth, delay=0.2, retry_after=0)
    assert rows(read_ranges(reading(crm), STATEMENT, 3)) == wanted


def test_many_faults_by_chance_lose_and_double_nothing(
    org: LocalOrg, crm: Salesforce, whole: Whole, eager: None
) -> None:
    wanted, answered = whole(crm), 0
    for seed in range(6):
        for fault in ("server-error", "drop-connection", "malformed-json", "lost-locator"):
            org.set_fault(fault, probability=0.1, seed=seed, retry_after=0)
        try:
            assert rows(read_ranges(reading(crm), STATEMENT, 4)) == wanted
            answered += 1
        except IsthmusError as error:
            assert isinstance(error, SourceUnavailable | SourceError)
        org.clear_faults()
    assert answered


def test_a_fault_that_stays_is_an_error_and_leaves_nothing_running(
    org: LocalOrg, crm: Salesforce
) -> None:
    crm.describe("Opportunity")
    org.set_fault("server-error", nth=5, count=0, retry_after=0, path="/query")
    with pytest.raises(SourceUnavailable, match="UNKNOWN_EXCEPTION"):
        list(read_ranges(reading(crm), STATEMENT, 3))
    _no_thread_is_left()


def test_it_stops_at_once(org: LocalOrg, crm: Salesforce) -> None:
    prepared = reading(crm)
    org.set_fault("slow-page", nth=4, count=0, delay=8)
    threading.Timer(0.3, prepared.context.cancelled.set).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        list(read_ranges(prepared, STATEMENT, 3))
    assert time.monotonic() - started < 1.5
    _no_thread_is_left()


def _no_thread_is_left() -> None:
    end = time.monotonic() + 2.0
    while "isthmus-salesforce" in own_threads():
        assert time.monotonic() < end, "a read is still running"
        time.sleep(0.01)


def test_what_has_a_limit_or_no_order_is_refused(crm: Salesforce) -> None:
    for statement in (replace(STATEMENT, limit=5), replace(STATEMENT, by_id=False)):
        with pytest.raises(ValueError, match="only a statement by Id"):
            next(read_ranges(reading(crm), statement, 2))


def test_a_cut_read_tells_what_it_left(org: LocalOrg, crm: Salesforce, whole: Whole) -> None:
    wanted, cut = whole(crm), Cut()
    batches = []
    for batch in read(reading(crm), STATEMENT, cut):
        batches.append(batch)
        cut.want()
    assert cut.rest is not None and cut.rest.after == batches[-1]["Id"][-1].as_py()
    left = list(read(reading(crm), cut.rest))
    assert rows([*batches, *left]) == wanted and left


def test_a_read_that_was_cut_too_late_left_nothing(crm: Salesforce) -> None:
    cut = Cut()
    for _ in read(reading(crm), STATEMENT, cut):
        if cut.left == 0:
            cut.want()
    assert cut.rest is None


stems = st.text("0Az9Zam", min_size=3, max_size=3).map(lambda tail: f"001Ib0000000{tail}")
ORDERS: dict[str, Callable[[str], str]] = {
    "by bytes": lambda record: record,
    "without case": str.lower,
    "small letters first": str.swapcase,
    "from the back": lambda record: record[::-1],
}


def holds(conditions: tuple[Condition, ...], record: str, order: Callable[[str], str]) -> bool:
    """What an org says that orders Ids in this way."""
    for condition in conditions:
        found = re.fullmatch(r"Id (<=|>) '(\w{18})'", str(condition))
        assert found is not None
        below = order(record) <= order(found[2])
        if below != (found[1] == "<="):
            return False
    return True


@pytest.mark.parametrize("name", sorted(ORDERS))
@settings(max_examples=60, deadline=None)
@given(st.sets(stems, min_size=2, max_size=12), st.integers(2, 8))
def test_each_id_is_in_one_range_in_whatever_order(name: str, found: set[str], parts: int) -> None:
    order = ORDERS[name]
    records = sorted((stem + checksum(stem) for stem in found), key=order)
    whole = ranges._Range(STATEMENT, records[0], records[-1])
    parted = [part.statement.conditions for part in ranges._split(whole, parts)]
    for record in records:
        assert sum(holds(conditions, record, order) for conditions in parted) == 1


@given(stems, stems)
def test_the_middle_lies_between(low: str, high: str) -> None:
    low, high = min(low, high), max(low, high)
    at = middle(low, high)
    if at is None:
        assert ranges._number(high) - ranges._number(low) < 2
    else:
        assert low < at[:15] < high and at[15:] == checksum(at[:15])


@pytest.mark.parametrize(
    ("rows", "latency", "concurrency", "chains"),
    [(0, 1, 8, 1), (19_999, 1, 8, 1), (10**6, 0.15, 1, 1), (10**6, 0.05, 8, 6), (10**7, 1, 8, 8)],
)
def test_chains_pay_for_many_pages_that_must_be_waited_for(
    rows: int, latency: float, concurrency: int, chains: int
) -> None:
    assert chains_worth(rows, 2_000, latency, concurrency) == chains
