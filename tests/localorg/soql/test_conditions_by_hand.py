"""Any condition selects the rows that SOQL's rules, written out in Python, select."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TEXTS = ["a", "A", "ab", "Zeta", "zeta", "a_b", "a%b", "a\\b", "it's", "é", "É", "null", "NA", "_"]
NUMBERS = [Decimal(n) for n in ("-1", "0", "0.01", "1", "1.5", "99999999999999.99")]
DAYS = [date(2024, 1, 1), date(2024, 2, 29), date(1999, 12, 31)]
SETS = ["a", "a;b", "B;a", "c", "b;c"]

Row = dict[str, Any]
#: What a condition says of a row: true, false, or, with three values, unknown.
Truth = bool | None
Atom = tuple[str, Callable[[Row], Truth]]


@pytest.fixture(scope="module")
def rows(empty: Any) -> Iterator[tuple[Any, list[Row]]]:
    bench = type(empty)(empty.schema)
    accounts = [bench.add("Account", Name=text) for text in TEXTS]
    made: list[Row] = []
    for n in range(60):
        row: Row = {
            "Text__c": pick(TEXTS, n, 3),
            "Unique_Case_Sensitive__c": pick(TEXTS, n * 7, 5),
            "Number_16_2__c": pick(NUMBERS, n, 4),
            "Int__c": None if n % 5 == 0 else n % 4,
            "Date__c": pick(DAYS, n, 6),
            "Multi__c": pick(SETS, n, 4),
            "Checkbox__c": n % 2 == 0,
        }
        account = pick(range(len(TEXTS)), n, 3)
        held = {} if account is None else {"Account__c": accounts[account]}
        bench.add("Trap__c", Name=str(n), **row, **held)
        made.append({**row, "Account__r.Name": None if account is None else TEXTS[account]})
    yield bench, made
    bench.close()


def pick(values: Any, n: int, gap: int) -> Any:
    return None if n % gap == 0 else values[n % len(values)]


# -- SOQL's atoms, each with its meaning


def folds(field: str) -> Callable[[str], str]:
    return str if field == "Unique_Case_Sensitive__c" else str.lower


def literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value) if not isinstance(value, Decimal) else f"{value:f}"


def known(field: str, test: Callable[[Any], bool]) -> Callable[[Row], Truth]:
    return lambda row: None if row[field] is None else test(row[field])


def member(field: str, values: list[Any]) -> Callable[[Row], Truth]:
    fold = folds(field) if isinstance(values[0], str) else lambda value: value
    wanted = [fold(value) for value in values]
    return known(field, lambda value: fold(value) in wanted)


def like(field: str, pattern: str) -> Callable[[Row], Truth]:
    signs = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    source = "".join(signs.get(part) or re.escape(part[-1]) for part in parts)
    fold = folds(field)
    return known(field, lambda value: bool(re.fullmatch(fold(source), fold(value), re.DOTALL)))


def includes(values: list[str]) -> Callable[[Row], Truth]:
    wanted = [set(value.lower().split(";")) for value in values]
    return known(
        "Multi__c", lambda value: any(one <= set(value.lower().split(";")) for one in wanted)
    )


def negated(test: Callable[[Row], Truth]) -> Callable[[Row], Truth]:
    def turned(row: Row) -> Truth:
        found = test(row)
        return None if found is None else not found

    return turned


ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
text_fields = st.sampled_from(["Text__c", "Unique_Case_Sensitive__c", "Account__r.Name"])
fields_with_values: st.SearchStrategy[tuple[str, list[Any]]] = st.one_of(
    st.tuples(text_fields, st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)),
    st.tuples(
        st.sampled_from(["Number_16_2__c", "Int__c"]),
        st.lists(
            st.sampled_from([*NUMBERS, Decimal("0.005"), Decimal("1e30")]), min_size=1, max_size=3
        ),
    ),
    st.tuples(st.just("Date__c"), st.lists(st.sampled_from(DAYS), min_size=1, max_size=3)),
    st.tuples(st.just("Multi__c"), st.lists(st.sampled_from(["a;b", "c"]), min_size=1)),
)


KINDS = ["=", "!=", "IN", "NOT IN", "null", "order", "like", "set", "flag"]
PATTERNS = ["a%", "_", "A_B", r"a\_b", "%'%"]


@st.composite
def atoms(draw: st.DrawFn) -> Atom:
    kind = draw(
        st.sampled_from(["=", "!=", "IN", "NOT IN", "null", "order", "like", "set", "flag"])
    )
    if kind == "flag":
        truth = draw(st.booleans())
        return f"Checkbox__c = {truth}", lambda row: bool(row["Checkbox__c"] is truth)
    if kind == "like":
        field, pattern = (
            draw(text_fields),
            draw(st.sampled_from(["a%", "_", "A_B", r"a\_b", "%'%"])),
        )
        return f"{field} LIKE '{pattern.replace(chr(39), chr(92) + chr(39))}'", like(field, pattern)
    if kind == "set":
        sets = draw(st.lists(st.sampled_from(["a", "a;b", "C"]), min_size=1, max_size=2))
        listed, test = ", ".join(map(literal, sets)), includes(sets)
        if draw(st.booleans()):
            return f"Multi__c INCLUDES ({listed})", test
        return f"Multi__c EXCLUDES ({listed})", negated(test)
    field, values = draw(fields_with_values)
    if kind == "null":
        if draw(st.booleans()):
            return f"{field} = null", lambda row: row[field] is None
        return f"{field} != null", lambda row: row[field] is not None
    if kind == "order" and field in ("Number_16_2__c", "Int__c", "Date__c"):
        sign, value = draw(st.sampled_from(sorted(ORDERS))), values[0]
        return f"{field} {sign} {literal(value)}", known(field, lambda v: ORDERS[sign](v, value))
    if kind in ("IN", "NOT IN"):
        test = member(field, values)
        text = f"{field} {kind} ({', '.join(map(literal, values))})"
        return text, test if kind == "IN" else negated(test)
    test = member(field, values[:1])
    if kind == "!=":
        return f"{field} != {literal(values[0])}", negated(test)
    return f"{field} = {literal(values[0])}", test


def two_valued(text: str, truth: Truth) -> bool:
    """Settle an atom of an unknown row: the negative ones hold, the others do not."""
    negative = re.search(r" (!=|NOT IN|EXCLUDES) ", text) is not None
    return negative if truth is None else truth


def all_of(truths: list[Truth]) -> Truth:
    if False in truths:
        return False
    return None if None in truths else True


class Condition:
    """A condition as text, and what it says of a row."""

    def __init__(self, text: str, test: Callable[[Row, bool], Truth]) -> None:
        self.text, self.test = text, test

    def __repr__(self) -> str:
        return self.text


def of_atom(atom: Atom) -> Condition:
    text, test = atom
    return Condition(text, lambda row, two: two_valued(text, test(row)) if two else test(row))


def of_not(inner: Condition) -> Condition:
    def test(row: Row, two: bool) -> Truth:
        return negated(lambda row: inner.test(row, two))(row)

    return Condition(f"(NOT ({inner.text}))", test)


def of_both(items: list[Condition]) -> Condition:
    text = " AND ".join(f"({item.text})" for item in items)
    return Condition(f"({text})", lambda row, two: all_of([i.test(row, two) for i in items]))


def of_either(items: list[Condition]) -> Condition:
    text = " OR ".join(f"({item.text})" for item in items)

    def test(row: Row, two: bool) -> Truth:
        truths = [item.test(row, two) for item in items]
        if True in truths:
            return True
        return None if None in truths else False

    return Condition(f"({text})", test)


conditions = st.recursive(
    atoms().map(of_atom),
    lambda inner: st.one_of(
        inner.map(of_not),
        st.lists(inner, min_size=2, max_size=3).map(of_both),
        st.lists(inner, min_size=2, max_size=3).map(of_either),
    ),
    max_leaves=5,
)


@given(condition=conditions)
@settings(deadline=None, max_examples=250)
@pytest.mark.parametrize("position", ["two-valued", "three-valued"])
def test_a_condition(rows: tuple[Any, list[Row]], position: str, condition: Condition) -> None:
    bench, made = rows
    expected = [str(n) for n, row in enumerate(made) if condition.test(row, position[1] == "w")]
    found = bench.column(
        f"SELECT Name FROM Trap__c WHERE {condition.text}",
        switches={"null-not-equal": position},
    )
    assert found == expected
