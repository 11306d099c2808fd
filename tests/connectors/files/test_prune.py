"""Pruning never loses a row: the truths it allows hold all that really occur."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.files.prune import Bounds, Truth, outcomes
from isthmus.connectors.predicates import And, Compare, In, IsNull, Not, Or, Predicate
from isthmus.connectors.truth import truth

values = st.integers(-3, 3)
rows = st.lists(st.fixed_dictionaries({"a": st.none() | values, "b": st.none() | values}))
leaves: st.SearchStrategy[Predicate] = st.one_of(
    st.builds(
        Compare, st.sampled_from("ab"), st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), values
    ),
    st.builds(In, st.sampled_from("ab"), st.lists(values, min_size=1).map(tuple)),
    # so long a list is looked up by order
    st.builds(In, st.sampled_from("ab"), st.lists(values, min_size=17, max_size=20).map(tuple)),
    st.builds(IsNull, st.sampled_from("ab")),
)
predicates = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
)
TRUTHS = {True: Truth.TRUE, False: Truth.FALSE, None: Truth.UNKNOWN}


def bounds(found: list[int | None], slack: int) -> Bounds:
    """What statistics would say; truncated ones may be wider than the values."""
    known = [v for v in found if v is not None]
    if not known:
        return Bounds(nulls=True, values=False)
    return Bounds(min(known) - slack, max(known) + slack, nulls=None in found)


@given(predicates, rows.filter(bool), st.integers(0, 1))
def test_every_truth_that_occurs_is_allowed(
    predicate: Predicate, table: list[dict[str, int | None]], slack: int
) -> None:
    allowed = outcomes(predicate, lambda c: bounds([r[c] for r in table], slack))
    for row in table:
        assert TRUTHS[truth(predicate, row)] in allowed


@given(predicates, st.fixed_dictionaries({"a": st.none() | values, "b": st.none() | values}))
def test_constants_decide_a_predicate(predicate: Predicate, row: dict[str, int | None]) -> None:
    allowed = outcomes(predicate, lambda c: Bounds.constant(row[c]))
    assert TRUTHS[truth(predicate, row)] in allowed


def test_an_impossible_filter_skips_and_a_sure_one_is_not_repeated() -> None:
    known = Bounds(1, 3, nulls=False)
    assert outcomes(Compare("a", ">", 3), lambda _: known) == Truth.FALSE
    assert outcomes(Compare("a", ">=", 1), lambda _: known) == Truth.TRUE
    assert outcomes(In("a", (7, 8)), lambda _: known) == Truth.FALSE
    assert outcomes(Not(IsNull("a")), lambda _: known) == Truth.TRUE
    assert Truth.TRUE not in outcomes(Compare("a", "!=", 1), lambda _: Bounds(1, 1))
