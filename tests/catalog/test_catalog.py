"""The catalog asks late, asks once, and shows what there is."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from isthmus.catalog.catalog import Catalog
from isthmus.catalog.model import Column, Reference, RowCount, Table, TableName, View
from isthmus.catalog.names import TableRef
from isthmus.catalog.project import Project, SourceConfig
from isthmus.errors import SourceUnavailable, UnknownName

ACCOUNT = Table(
    "crm",
    "Account",
    (
        Column("Id", pa.string(), nullable=False),
        Column("Name", pa.string(), description="Account Name"),
        Column("ParentId", pa.string(), reference=Reference(("Account",), "Id", "Parent")),
        Column("Revenue", pa.decimal128(18, 2), description="<b>Annual</b>"),
    ),
    primary_key=("Id",),
    description="Accounts",
    omitted=(("BillingAddress", "compound; its parts are columns"),),
)
CONTACT = Table(
    "crm",
    "Contact",
    (
        Column("Id", pa.string(), nullable=False),
        Column("AccountId", pa.string(), reference=Reference(("Account",), "Id", "Account")),
        Column("Email__c", pa.string()),
    ),
    primary_key=("Id",),
    unique_keys=(("Email__c",),),
)
TASK = Table(
    "crm",
    "Task",
    (Column("WhatId", pa.string(), reference=Reference(("Account", "Case", "Lead", "X"), "Id")),),
)


class Org:
    """A source in memory that counts what it is asked."""

    kind = "memory"

    def __init__(self, *tables: Table) -> None:
        self.known = {t.name.lower(): t for t in tables}
        self.asked: Counter[str] = Counter()
        self.down = False

    def _ask(self, what: str) -> None:
        self.asked[what] += 1
        if self.down:
            raise SourceUnavailable("crm is out of reach", remedy="Try again later.")

    def tables(self) -> list[TableName]:
        self._ask("tables")
        return [TableName(t.name, t.description) for t in self.known.values()]

    def describe(self, table: str) -> Table | None:
        self._ask(f"describe {table}")
        return self.known.get(table.lower())

    def row_count(self, table: Table) -> RowCount | None:
        self._ask(f"count {table.name}")
        return None

    def refresh(self) -> None:
        self._ask("refresh")


@pytest.fixture
def org() -> Org:
    return Org(ACCOUNT, CONTACT, TASK)


PROJECT = Project(
    (SourceConfig("crm", "salesforce"),),
    (View("pipeline_360", "-- Open pipeline.\nSELECT 1", "Open pipeline.\nBy month."),),
)


@pytest.fixture
def catalog(org: Org) -> Catalog:
    return Catalog(PROJECT, {"crm": org})


def test_making_one_asks_nothing(catalog: Catalog, org: Org) -> None:
    assert [s.name for s in catalog.sources] == ["crm"]
    assert [v.name for v in catalog.views] == ["pipeline_360"]
    assert not org.asked


def test_tables_and_a_table_are_asked_once(catalog: Catalog, org: Org) -> None:
    for _ in range(2):
        assert [t.name for t in catalog.tables("CRM")] == ["Account", "Contact", "Task"]
        assert catalog.resolve(("crm", "account")) == TableRef("crm", "Account")
        assert catalog.table("crm", "Account") is ACCOUNT
        assert catalog.table("CRM", "account") is ACCOUNT
        assert catalog.row_count(ACCOUNT) is None
    assert org.asked == {"tables": 1, "describe account": 1, "count Account": 1}


def test_a_table_that_is_not_there_is_asked_for_again(catalog: Catalog, org: Org) -> None:
    with pytest.raises(UnknownName, match=r"Did you mean crm\.Contact\?"):
        catalog.table("crm", "Contacts")
    org.known["contacts"] = CONTACT
    assert catalog.table("crm", "Contacts") is CONTACT


def test_an_unknown_source(catalog: Catalog) -> None:
    with pytest.raises(UnknownName, match=r"Did you mean crm\?"):
        catalog.tables("cmr")


def test_refresh_forgets_and_tells_the_source(catalog: Catalog, org: Org) -> None:
    catalog.table("crm", "Account")
    catalog.refresh()
    catalog.table("crm", "Account")
    assert org.asked == {"describe Account": 2, "refresh": 1}


def test_threads_that_ask_the_same_ask_once(catalog: Catalog, org: Org) -> None:
    start = threading.Barrier(8)

    def ask(_: int) -> Table:
        start.wait()
        return catalog.table("crm", "Account")

    with ThreadPoolExecutor(8) as pool:
        assert set(map(id, pool.map(ask, range(8)))) == {id(ACCOUNT)}
    assert org.asked == {"describe Account": 1}


def test_relationships_of_what_is_described(catalog: Catalog, org: Org) -> None:
    assert catalog.relationships() == ()
    assert [str(r) for r in catalog.relationships("crm", "contact")] == [
        "crm.Contact.AccountId -> crm.Account.Id"
    ]
    catalog.table("crm", "account")
    assert {r.column for r in catalog.relationships()} == {"AccountId", "ParentId"}
    assert {r.table for r in catalog.referring(ACCOUNT)} == {"Account", "Contact"}
    assert "tables" not in org.asked


def test_the_tree_describes_no_table(catalog: Catalog, org: Org) -> None:
    assert catalog.to_text().split("\n") == [
        "crm  salesforce",
        "  Account  Accounts",
        "  Contact",
        "  Task",
        "",
        "main  views",
        "  pipeline_360  Open pipeline.",
    ]
    assert org.asked == {"tables": 1}


def test_one_table_in_full(catalog: Catalog) -> None:
    catalog.table("crm", "Contact")
    assert catalog.to_text("CRM.account").split("\n") == [
        "crm.Account  Accounts",
        "  Id        VARCHAR NOT NULL  key",
        "  Name      VARCHAR                                      Account Name",
        "  ParentId  VARCHAR                -> Account as Parent",
        "  Revenue   DECIMAL(18,2)                                <b>Annual</b>",
        "  BillingAddress is not a column: compound; its parts are columns",
        "  pointed at by",
        "    crm.Contact.AccountId -> crm.Account.Id",
        "    crm.Account.ParentId -> crm.Account.Id",
    ]
    assert "Email__c   VARCHAR           unique" in catalog.to_text("Contact")
    assert '-> Account, "Case" and 2 more' in catalog.to_text("crm.Task")


def test_one_view_or_source(catalog: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    catalog.show("pipeline_360")
    assert capsys.readouterr().out == (
        "main.pipeline_360  Open pipeline.\n\n-- Open pipeline.\nSELECT 1\n"
    )
    assert catalog.to_text("crm").startswith("crm  salesforce\n")
    assert catalog.to_text("main").startswith("main  views\n")


def test_a_source_that_is_down_hides_nothing_else(catalog: Catalog, org: Org) -> None:
    org.down = True
    text = catalog.to_text()
    assert "can't be read: crm is out of reach" in text
    assert "pipeline_360" in text
    org.down = False
    assert "Account" in catalog.to_text()


def test_html_is_escaped(catalog: Catalog) -> None:
    html = catalog.to_html("crm.Account")
    assert "&lt;b&gt;Annual" in html and "<b>Annual" not in html
    assert "pipeline_360" in catalog._repr_html_()
    assert repr(catalog) == catalog.to_text()
