"""What a name in a query means."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pytest

from isthmus.catalog.model import View
from isthmus.catalog.names import (
    Names,
    NameSource,
    TableRef,
    cycle_error,
    quoted,
    split_name,
    suggest,
)
from isthmus.errors import Place, QueryError, UnknownName

PLACE = Place(2, 5)


def source(*tables: str) -> NameSource:
    def find(name: str) -> str | None:
        if name in tables:
            return name
        same = [t for t in tables if t.lower() == name.lower()]
        return same[0] if len(same) == 1 else None

    return NameSource(find, lambda: tables)


PIPELINE = View("pipeline_360", "SELECT 1")
NAMES = Names(
    {
        "crm": source("Account", "Case", "Contact", "Invoice__c", "orders"),
        "lake": source("order", "orders", "web shop", "Events", "events", "Opportunity"),
    },
    [PIPELINE, View("Contact", "SELECT 2")],
)


@pytest.mark.parametrize(
    ("parts", "table"),
    [
        (["crm", "Account"], TableRef("crm", "Account")),
        (["CRM", "ACCOUNT"], TableRef("crm", "Account")),
        (["crm", "main", "account"], TableRef("crm", "Account")),
        (["Crm", "MAIN", "case"], TableRef("crm", "Case")),
        (["account"], TableRef("crm", "Account")),
        (["order"], TableRef("lake", "order")),
        (["lake", "WEB SHOP"], TableRef("lake", "web shop")),
        (["lake", "events"], TableRef("lake", "events")),
        (["lake", "Events"], TableRef("lake", "Events")),
        (["crm", "contact"], TableRef("crm", "Contact")),
    ],
)
def test_a_table_in_any_case(parts: Sequence[str], table: TableRef) -> None:
    assert NAMES.resolve(parts) == table


@pytest.mark.parametrize(
    "parts", [["main", "pipeline_360"], ["Pipeline_360"], ["MAIN", "PIPELINE_360"]]
)
def test_a_view_in_any_case(parts: Sequence[str]) -> None:
    assert NAMES.resolve(parts) is PIPELINE


def test_a_view_wins_over_a_table_of_its_name() -> None:
    found = NAMES.resolve(["contact"])
    assert isinstance(found, View) and found.name == "Contact"


@pytest.mark.parametrize(
    ("parts", "message", "remedy"),
    [
        (["crm", "Acount"], "crm has no table 'Acount'", "Did you mean crm.Account?"),
        (["Acount"], "no table or view 'Acount'", "Did you mean crm.Account?"),
        (["pipelin_360"], "no table or view", "Did you mean pipeline_360?"),
        (["main", "pipelin_360"], "no view 'pipelin_360'", "Did you mean main.pipeline_360?"),
        (["main", "Account"], "no view 'Account'", "Did you mean crm.Account?"),
        (["cmr", "Account"], "no source 'cmr'", "Did you mean crm.Account?"),
        (["zzz", "Acount"], "no source 'zzz'", "Did you mean crm.Account?"),
        (["zzz", "yyy"], "no source 'zzz'", "The sources are crm, lake."),
        (["crm", "Invoice"], "crm has no table 'Invoice'", "Did you mean crm.Invoice__c?"),
        (["crm", "Opportunity"], "crm has no table", "Did you mean lake.Opportunity?"),
        (["lake", "websho"], "lake has no table", 'Did you mean lake."web shop"?'),
        (["lake", "ordr"], "lake has no table", 'Did you mean lake."order"?'),
        (["qqqqqq"], "no table or view", "`isthmus catalog` lists"),
        (["a", "b", "c"], "no table a.b.c", "source.table"),
        (["orders"], "ambiguous: it is crm.orders and lake.orders", "Write crm.orders or lake"),
        (["lake", "EVENTS"], "ambiguous: it is lake.Events and lake.events", "Write lake.Events"),
    ],
)
def test_a_wrong_name_is_told_with_its_place_and_the_nearest(
    parts: Sequence[str], message: str, remedy: str
) -> None:
    with pytest.raises(UnknownName) as error:
        NAMES.resolve(parts, PLACE)
    assert message in error.value.message
    assert error.value.place == PLACE
    assert remedy in (error.value.remedy or "")


def test_a_qualified_name_does_not_list_the_source() -> None:
    def never() -> Sequence[str]:
        raise AssertionError("listed")

    names = Names({"crm": NameSource(lambda name: "Account", never)}, [])
    assert names.resolve(["crm", "account"]) == TableRef("crm", "Account")


def test_no_sources_at_all() -> None:
    with pytest.raises(UnknownName, match="The project has no sources"):
        Names({}, []).resolve(["crm", "x"])


def test_quotes_are_where_duckdb_needs_them() -> None:
    connection = duckdb.connect()
    words = [
        row[0]
        for row in connection.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()
    ]
    for name in [*words, "Account", "a b", 'q"q', "2x", "Ü", "x.y", ""][:-1]:
        connection.execute(f"CREATE TABLE {quoted(name)} (i INT)")
        connection.execute(f"FROM {quoted(name)}")
        connection.execute(f"DROP TABLE {quoted(name)}")
    assert quoted("Account") == "Account"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("crm.Account", ("crm", "Account")),
        ('crm."Case"', ("crm", "Case")),
        ('"a.b"."c""d"', ("a.b", 'c"d')),
        (" x ", ("x",)),
        ("crm . main . x", ("crm", "main", "x")),
    ],
)
def test_splitting(text: str, parts: tuple[str, ...]) -> None:
    assert split_name(text) == parts
    assert split_name(".".join(quoted(p) for p in parts)) == parts


@pytest.mark.parametrize("text", ["", "a.", ".a", 'a"b"', '"a', "a b", "a..b"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(QueryError, match="is not a name"):
        split_name(text)


def test_a_cycle_is_named() -> None:
    assert "a -> b -> a" in str(cycle_error(["a", "b", "a"]))


def test_suggestions_keep_the_spelling() -> None:
    assert suggest("ACOUNT", ["Account", "Contact"]) == "Account"
    assert suggest("x", []) is None
