"""No rows are asked for where none can pass, and only there."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.catalog.model import Column, Table
from isthmus.connectors.predicates import (
    NEVER,
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    PartIn,
    Predicate,
)
from isthmus.connectors.truth import passes
from isthmus.engine.contradictions import is_contradiction

TABLE = Table(
    "crm",
    "thing",
    (
        Column("id", pa.string(), nullable=False),
        Column("n", pa.int64()),
        Column("c", pa.decimal128(18, 2)),
        Column("d", pa.date32()),
        Column("s", pa.string(), properties={"restricted": True, "values": ["a", "b"]}),
        Column("b", pa.bool_(), nullable=False),
    ),
)
A = Compare("s", "=", "a")

IMPOSSIBLE: list[tuple[Predicate, ...]] = [
    (NEVER,),
    (In("n", ()),),
    (A, Compare("s", "=", "b")),
    (A, Not(A)),
    (In("s", ("a", "b")), In("s", ("c", "d"))),
    (In("s", ("a", "b")), Not(In("s", ("a", "b", "c")))),
    (Compare("n", ">", 5), Compare("n", "<", 5)),
    (Compare("n", ">=", 5), Compare("n", "<", 5)),
    (Compare("n", ">", 5), Compare("n", "<", 6)),
    (Compare("d", ">", date(2024, 1, 1)), Compare("d", "<", date(2024, 1, 2))),
    (Compare("c", ">", Decimal(2)), Compare("c", "<=", Decimal("1.5"))),
    (Compare("n", "=", 5), Compare("n", ">", 5)),
    (IsNull("id"),),
    (IsNull("b"),),
    (IsNull("n"), Compare("n", "!=", 1)),
    (IsNull("n"), Not(IsNull("n"))),
    (Like("s", "x%"), A),
    (HasItem("s", "x"), A),
    (PartIn("d", "month", (3,)), Compare("d", "=", date(2024, 4, 1))),
    (PartIn("d", "quarter", (1,)), IsNull("d")),
    (Compare("b", "=", True), Compare("b", "=", False)),
    (Compare("b", "!=", True), Compare("b", "!=", False)),
    (Or((And((A, Not(A))), In("s", ()))),),
    (A, Or((Compare("s", "=", "b"), And((IsNull("s"), Compare("n", "=", 1)))))),
    (Not(Or((A, Not(A)))),),
]
POSSIBLE: list[tuple[Predicate, ...]] = [
    (),
    (And(()),),
    (A,),
    (IsNull("s"),),
    (PartIn("d", "month", (3,)), Compare("d", ">", date(2024, 4, 1))),
    (PartIn("d", "day", (1,)), Compare("d", "=", date(2024, 4, 1))),
    (In("s", ("a", "b")), In("s", ("b", "c"))),
    (Compare("n", ">=", 5), Compare("n", "<=", 5)),
    (Compare("n", ">", 5), Compare("n", "<", 7)),
    (Compare("c", ">", Decimal(5)), Compare("c", "<", Decimal(6))),
    (A, Or((Compare("s", "=", "b"), Compare("n", "=", 1)))),
    (Like("s", "x%"), Not(A)),
    (Compare("b", "!=", True),),
    # records hold values that their picklist no longer has
    (Compare("s", "=", "inactive"),),
    (A, Compare("n", "=", 1)),
]


@pytest.mark.parametrize("predicates", IMPOSSIBLE, ids=str)
def test_no_row_can_pass(predicates: tuple[Predicate, ...]) -> None:
    assert is_contradiction(predicates, TABLE)


@pytest.mark.parametrize("predicates", POSSIBLE, ids=str)
def test_a_row_might_pass(predicates: tuple[Predicate, ...]) -> None:
    assert is_contradiction(predicates, TABLE) is None


def test_a_source_knows_more() -> None:
    def refutes(predicate: Predicate) -> str | None:
        return "no such id" if predicate == Compare("id", "=", "x") else None

    wrong, other = Compare("id", "=", "x"), Compare("id", "=", "y")
    assert is_contradiction([wrong], TABLE, refutes) == "no such id"
    assert is_contradiction([other], TABLE, refutes) is None
    assert is_contradiction([Or((wrong, In("n", ())))], TABLE, refutes) is not None
    assert is_contradiction([Or((wrong, other))], TABLE, refutes) is None
    assert is_contradiction([Not(wrong)], TABLE, refutes) is None


VALUES: dict[str, list[Any]] = {
    "n": [None, -1, 0, 1, 2, 3],
    "c": [None, Decimal("0.00"), Decimal("0.01"), Decimal("1.00")],
    "d": [None, date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)],
    "s": [None, "", "a", "A", "ab", "b"],
    "b": [True, False],
}


def leaves() -> st.SearchStrategy[Predicate]:
    def of(column: str) -> st.SearchStrategy[Predicate]:
        known = st.sampled_from([v for v in VALUES[column] if v is not None])
        ops = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
        found: list[st.SearchStrategy[Predicate]] = [
            st.builds(Compare, st.just(column), ops, known),
            st.builds(In, st.just(column), st.lists(known, max_size=2).map(tuple)),
            st.just(IsNull(column)),
        ]
        if column == "s":
            found.append(st.builds(Like, st.just("s"), st.sampled_from(["a%", "%b", "_", "%"])))
        return st.one_of(found)

    return st.sampled_from(sorted(VALUES)).flatmap(of)


trees = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda p: And(tuple(p))),
        st.lists(inner, max_size=3).map(lambda p: Or(tuple(p))),
        inner.map(Not),
    ),
    max_leaves=5,
)
rows = st.fixed_dictionaries({name: st.sampled_from(found) for name, found in VALUES.items()})


@settings(max_examples=400, deadline=None)
@given(st.lists(trees, max_size=3), st.lists(rows, min_size=20, max_size=20))
def test_no_row_passes_a_contradiction(
    predicates: list[Predicate], data: list[dict[str, Any]]
) -> None:
    if is_contradiction(predicates, TABLE) is not None:
        assert not any(passes(predicates, row) for row in data)
