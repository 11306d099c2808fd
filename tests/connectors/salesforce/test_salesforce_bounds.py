"""How many rows pass: bounds from counts and keys, likely figures from what was learnt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from isthmus.catalog.model import Column, RowCount, Table
from isthmus.catalog.statistics import ColumnFacts, Share, TableFacts
from isthmus.connectors.predicates import And, Compare, In, IsNull, Not, Or, Predicate
from isthmus.connectors.salesforce.estimate import Known, predict
from isthmus.connectors.salesforce.selectivity import UNKNOWN_ROWS, Rows, rows_passing, share
from isthmus.connectors.shares import answer_key, columns_key

NOW = 1_800_000_000.0


def column(name: str, kind: pa.DataType, source_type: str, **properties: Any) -> Column:
    return Column(name, kind, True, source_type, properties=properties)


TABLE = Table(
    "crm",
    "Account",
    (
        column("Id", pa.string(), "id"),
        column("Number__c", pa.string(), "string", unique=True),
        column("Cased__c", pa.string(), "string", unique=True, case_sensitive=True),
        column("Name", pa.string(), "string"),
        column("Active__c", pa.bool_(), "boolean"),
        column("Size__c", pa.int64(), "int"),
        column("Since__c", pa.date32(), "date"),
        column("Stage__c", pa.string(), "picklist", choices=4, nillable=False),
        column("Kind__c", pa.string(), "picklist", choices=9, nillable=True),
        column("CreatedDate", pa.timestamp("us", "UTC"), "datetime"),
        column("Story__c", pa.string(), "textarea", length=32_000),
        column("More__c", pa.string(), "textarea", length=32_000),
    ),
    ("Id",),
)
COUNT = RowCount(10_000, False, "the org's own count", NOW)
NOTHING = TableFacts()


def passing(*sent: Predicate, facts: TableFacts = NOTHING, **more: Any) -> Rows:
    return rows_passing(TABLE, sent, more.pop("count", COUNT), facts, now=NOW, **more)


def test_the_org_s_count_may_be_off() -> None:
    assert passing() == Rows(8_800, 10_000.0, 11_200, "the org's own count")
    old = replace(COUNT, at=NOW - 7_200)
    assert passing(count=old) == Rows(7_800, 10_000.0, 12_200, "the org's own count, 2 h old")
    assert passing(count=RowCount(10, True, "counted")) == Rows(10, 10.0, 10, "counted")


def test_where_nobody_can_tell_the_most_there_is_no_most() -> None:
    assert passing(count=None) == Rows(0, UNKNOWN_ROWS, None, "no row count known")
    assert passing(count=replace(COUNT, rows=0)).high is None, "the org may not count the object"
    assert passing(options=["include_deleted"]).high is None, "its count has no deleted rows"


@pytest.mark.parametrize(
    ("predicate", "most"),
    [
        (Compare("Id", "=", "a"), 1),
        (In("Id", ("a", "b", "c")), 3),
        (Compare("Number__c", "=", "A-1"), 1),
        (Compare("Cased__c", "=", "A-1"), 11_200),  # a and A are two rows, and the org finds both
        (Compare("Name", "=", "x"), 11_200),
        (Compare("Id", "!=", "a"), 11_200),
        (Not(Compare("Id", "=", "a")), 11_200),
        (And((Compare("Name", "=", "x"), In("Id", ("a", "b")))), 2),
        (Or((Compare("Id", "=", "a"), In("Number__c", ("a", "b")))), 3),
        (Or((Compare("Id", "=", "a"), Compare("Name", "=", "b"))), 11_200),
        (Or(()), 0),
    ],
)
def test_keys_bound_what_can_pass(predicate: Predicate, most: int) -> None:
    found = passing(predicate)
    assert (found.low, found.high) == (0, most)
    assert found.likely <= most


FACTS = TableFacts(
    columns={
        "Name": ColumnFacts(1_000, 100, 9, None, None, NOW),
        "Size__c": ColumnFacts(1_000, 0, 100, 0, 1_000, NOW),
        "Since__c": ColumnFacts(100, 50, 10, date(2020, 1, 1), date(2020, 1, 11), NOW),
    }
)


@pytest.mark.parametrize(
    ("predicate", "part"),
    [
        (Compare("Name", "=", "x"), 0.1),
        (In("Name", ("x", "y")), 0.2),
        (Compare("Name", "!=", "x"), 0.8),
        (IsNull("Name"), 0.1),
        (Compare("Size__c", "<", 250), 0.25),
        (Compare("Size__c", ">=", 250), 0.75),
        (Compare("Size__c", ">", 5_000), 0.0),
        (Compare("Since__c", "<", date(2020, 1, 6)), 0.25),
        (And((Compare("Size__c", ">", 500), Compare("Name", "=", "x"))), 0.05),
        (And((Compare("Size__c", ">", 250), Compare("Size__c", "<=", 500))), 0.25),
        (And((Compare("Size__c", ">=", 250), Compare("Size__c", ">", 250))), 0.75),
        (And((Compare("Size__c", ">=", 250), Compare("Size__c", "<", 250))), 0.0),
    ],
)
def test_values_seen_tell_what_part_passes(predicate: Predicate, part: float) -> None:
    assert share(TABLE, predicate, 10_000, FACTS) == pytest.approx(part)


def test_the_same_question_is_answered_from_memory() -> None:
    won = Compare("Name", "=", "won")
    key = answer_key([won])
    assert key is not None
    facts = TableFacts(shares={key: Share(0.25, 2_500, 3, NOW - 7_200)})
    assert passing(won, facts=facts).likely == 2_500
    assert passing(won, facts=facts).basis == "learnt from 3 answers, 2 h old"
    other = Compare("Name", "=", "lost")
    assert passing(other, facts=facts).likely < 250, "another question is not that one"
    of_a_kind = TableFacts(shares={"Name =": Share(0.25, 2_500, 3, NOW)})
    assert passing(other, facts=of_a_kind).likely == 2_500
    assert passing(In("Name", ("a", "b")), facts=of_a_kind).likely == 5_000


def test_pages_make_calls() -> None:
    names = [TABLE.column("Id"), TABLE.column("Name")]
    found = predict(names, Rows(3_900, 4_000.0, 4_100, "b"), Known())
    assert (found.low.calls, found.likely.calls) == (2, 2)
    assert found.high is not None and found.high.calls == 3
    long = [TABLE.column("Story__c"), TABLE.column("More__c")]
    assert predict(long, Rows(400, 400.0, 400, "b"), Known()).likely.calls == 2


def test_each_statement_is_a_call_at_least() -> None:
    names = [TABLE.column("Id")]
    found = predict(names, Rows(0, 100.0, 6_000, "b"), Known(), chunks=4)
    assert (found.low.calls, found.likely.calls) == (4, 4)
    assert found.high is not None and found.high.calls == 7
    wide = predict(names, Rows(0, 100.0, 100, "b"), Known(), parts=3)
    assert (wide.low.calls, wide.likely.calls, wide.likely.rows) == (3, 3, 300)
    assert predict(names, Rows(0, 1.0, 1, "b"), Known(), chunks=0).likely.calls == 0


def test_bytes_and_seconds_are_learnt() -> None:
    names = [TABLE.column("Id"), TABLE.column("Name")]
    facts = TableFacts(row_bytes={columns_key(["Name", "Id"]): 7.0})
    found = predict(names, Rows(0, 2_000.0, 2_000, "b"), Known(COUNT, facts, call_seconds=1.5))
    assert found.likely.bytes == 300 + 14_000
    assert found.likely.seconds == 1.5


TODAY = datetime.fromtimestamp(NOW, UTC)


@pytest.mark.parametrize(
    ("predicate", "part"),
    [
        (Compare("Stage__c", "=", "New"), 0.25),
        (Compare("Stage__c", "!=", "New"), 0.75),
        (In("Stage__c", ("New", "Old")), 0.5),
        (IsNull("Stage__c"), 0.0),
        (Compare("Kind__c", "=", "a"), 0.1),
        (Compare("Active__c", "=", True), 0.33),
        (Compare("Active__c", "=", False), 0.67),
        (Compare("Size__c", "<", 5), 0.33),
        (And((Compare("Size__c", "<", 5), Compare("Size__c", "<", 6))), 0.33),
        # of four years and the next two, as dates commonly lie
        (Compare("Since__c", "<", TODAY.date()), 4 / 6),
        (Compare("Since__c", ">=", TODAY.date()), 2 / 6),
        (
            And(
                (
                    Compare("Since__c", ">=", TODAY.date()),
                    Compare("Since__c", "<", date(2100, 1, 1)),
                )
            ),
            2 / 6,
        ),
        # nothing has been created in the future
        (Compare("CreatedDate", ">=", TODAY - timedelta(days=365.25)), 0.25),
        (Compare("CreatedDate", ">", TODAY + timedelta(days=1)), 0.0005),
    ],
)
def test_where_nothing_was_seen_the_describe_and_the_calendar_tell(
    predicate: Predicate, part: float
) -> None:
    assert share(TABLE, predicate, 10_000, NOTHING, now=NOW) == pytest.approx(part)


def test_the_share_of_a_value_is_its_own() -> None:
    def learnt(predicate: Predicate, part: float) -> TableFacts:
        key = answer_key([predicate])
        assert key is not None
        return TableFacts(shares={key: Share(part, 1, 1, NOW)})

    facts = learnt(Compare("Active__c", "=", True), 0.9)
    assert share(TABLE, Compare("Active__c", "=", True), 100, facts) == 0.9
    assert share(TABLE, Compare("Active__c", "=", False), 100, facts) == pytest.approx(0.0, abs=0.1)
    facts = learnt(Compare("Stage__c", "=", "New"), 0.7)
    assert share(TABLE, Compare("Stage__c", "!=", "New"), 100, facts) == pytest.approx(0.3)
    assert share(TABLE, In("Stage__c", ("New", "Old")), 100, facts) == pytest.approx(0.95)


def test_quantiles_tell_more_than_the_ends() -> None:
    skewed = ColumnFacts(1_000, 0, 100, 0, 1_000, NOW, (0, 10, 20, 30, 1_000))
    facts = TableFacts(columns={"Size__c": skewed})
    assert share(TABLE, Compare("Size__c", "<=", 20), 100, facts) == pytest.approx(0.5)
    assert share(TABLE, Compare("Size__c", ">", 515), 100, facts) == pytest.approx(0.125)
    assert share(TABLE, Compare("Size__c", ">", 1_000), 100, facts) == pytest.approx(0.0)
    same = replace(skewed, quantiles=(7, 7, 7, 7, 7))
    facts = TableFacts(columns={"Size__c": same})
    assert share(TABLE, Compare("Size__c", ">", 6), 100, facts) == 1.0
    assert share(TABLE, Compare("Size__c", ">", 8), 100, facts) == 0.0


def test_what_the_org_makes_of_a_filter_is_what_counts() -> None:
    asked = Compare("Stage__c", "!=", "New")
    assert passing(asked).likely == pytest.approx(7_500)
    assert passing(asked, applied=[Not(IsNull("Stage__c"))]).likely == 10_000
