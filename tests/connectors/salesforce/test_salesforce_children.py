"""Child rows fetched along: the statements, and every row against the children's own scan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from isthmus.catalog.model import Reference, RowCount, Table
from isthmus.connectors.contract import (
    Aggregate,
    CallKind,
    Children,
    Lookup,
    Meter,
    Order,
    ReadContext,
    ScanRequest,
)
from isthmus.connectors.predicates import Compare, In, IsNull, Like, Predicate
from isthmus.connectors.salesforce import INCLUDE_DELETED, Salesforce
from isthmus.connectors.salesforce.childpages import own_children
from isthmus.connectors.salesforce.children import sent_of, subqueries_of
from isthmus.connectors.salesforce.childrows import lists_of
from isthmus.connectors.salesforce.decode import Decoder, Malformed
from isthmus.connectors.salesforce.estimate import Known
from isthmus.connectors.salesforce.fields import fields_of
from isthmus.connectors.salesforce.planning import draft
from isthmus.connectors.salesforce.prediction import bills_of
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.salesforce.types import CHILDREN
from isthmus.errors import DataError, SourceError, UnknownName
from isthmus.localorg import LocalOrg

Row = dict[str, Any]


class CountingGate:
    """A budget without an end, that tells how many rows it knows of."""

    def __init__(self) -> None:
        self.rows = 0

    def spend(self, kind: CallKind, rows: int) -> None:
        self.rows += rows

    def give_back(self, kind: CallKind, calls: int, rows: int) -> None:
        self.rows -= rows

    def take(self, *, calls: int, rows: int, bytes: int) -> None:
        self.rows += rows

    def end(self, usage: tuple[int, int] | None) -> None:
        return None


SWITCHES: dict[str, str | int] = {"page-size": 60, "child-page": 3}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalOrg, Salesforce]]:
    """Small pages, of which a record with many children has several of its own."""
    with LocalOrg(data="demo", scale=0.05, seed=11, switches=SWITCHES) as org:
        path = tmp_path_factory.mktemp("org") / "org.json"
        path.write_text(json.dumps(org.ready))
        made = Salesforce("crm", {"ready_file": str(path)}, policy=Policy(base=0.01, cap=0.05))
        yield org, made
        made.close()


@pytest.fixture
def org(world: tuple[LocalOrg, Salesforce]) -> Iterator[LocalOrg]:
    world[0].clear_requests()
    yield world[0]
    world[0].clear_faults()


@pytest.fixture
def crm(world: tuple[LocalOrg, Salesforce]) -> Salesforce:
    return world[1]


def table(crm: Salesforce, name: str) -> Table:
    found = crm.describe(name)
    assert found is not None
    return found


def children(
    crm: Salesforce, name: str, *predicates: Predicate, key: str = "AccountId"
) -> Children:
    of = table(crm, name)
    return Children(key, of, tuple(c.name for c in of.columns), predicates)


def accounts(crm: Salesforce, *below: Children, **more: Any) -> ScanRequest:
    return ScanRequest(table(crm, "Account"), ("Id", "Name"), children=below, **more)


def read(crm: Salesforce, request: ScanRequest, context: ReadContext | None = None) -> pa.Table:
    fragment = crm.plan(request)
    batches = list(crm.open(fragment, context or ReadContext()))
    assert all(batch.schema.names == list(fragment.columns) for batch in batches)
    return pa.Table.from_batches(batches)


def family(crm: Salesforce, request: ScanRequest) -> tuple[list[Row], dict[str, list[Row]]]:
    """The rows, and the children of each relationship."""
    found = read(crm, request).to_pylist()
    names = [child.name for child in request.children]
    below = {name: [c for row in found for c in row[name] or ()] for name in names}
    own = [row for row in found if row["Id"] is not None]
    for row in own:
        for child in request.children:
            assert all(c[child.key] == row["Id"] for c in row[child.name] or ())
    others = [row for row in found if row["Id"] is None]
    assert all(v is None for row in others for k, v in row.items() if k not in names)
    return [{c: row[c] for c in request.columns} for row in own], below


def bag(rows: list[Row]) -> list[str]:
    return sorted(map(repr, rows))


def test_the_statement_and_the_columns(crm: Salesforce) -> None:
    contacts = Children(
        "AccountId",
        table(crm, "Contact"),
        ("Id", "AccountId", "Email"),
        (Compare("Email", "=", "x"), Compare("LastName", "!=", "y")),
    )
    deals = Children("AccountId", table(crm, "Opportunity"), ("Id", "AccountId"))
    owner = Lookup("OwnerId", table(crm, "User"), ("Name",))
    request = ScanRequest(
        table(crm, "Account"),
        ("Id",),
        (Compare("Name", "=", "Acme"),),
        lookups=(owner,),
        children=(contacts, deals),
    )
    assert crm.can(request).able
    fragment = crm.plan(request)
    assert fragment.text == (
        "SELECT Id, Owner.Name, Name, "
        "(SELECT Id, AccountId, Email FROM Contacts WHERE Email = 'x' AND LastName != null "
        "ORDER BY Id), (SELECT Id, AccountId FROM Opportunities ORDER BY Id) "
        "FROM Account WHERE Name = 'Acme' ORDER BY Id"
    )
    assert fragment.access_path == "REST query"
    assert fragment.columns == (
        "Id", "OwnerId.Name", "Name", "Contact(AccountId)", "Opportunity(AccountId)",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("parent", "below"),
    [
        ("Account", (("Contact", "AccountId"), ("Opportunity", "AccountId"))),
        ("Account", (("Account", "ParentId"), ("Trap__c", "Account__c"), ("Task", "WhatId"))),
        ("Contact", (("Case", "ContactId"), ("Task", "WhoId"))),
        ("User", (("User", "ManagerId"),)),
    ],
)
def test_every_child_comes_once_with_all_its_columns(
    org: LocalOrg, crm: Salesforce, parent: str, below: tuple[tuple[str, str], ...]
) -> None:
    """Types, nulls, childless rows, children on pages of their own."""
    asked = tuple(children(crm, name, key=key) for name, key in below)
    columns = tuple(c.name for c in table(crm, parent).columns)
    request = ScanRequest(table(crm, parent), columns, children=asked)
    rows, found = family(crm, request)
    assert bag(rows) == bag(read(crm, replace(request, children=())).to_pylist())
    ids = {row["Id"] for row in rows}
    many = 0
    for child in asked:
        whole = read(crm, ScanRequest(child.table, child.columns)).to_pylist()
        wanted = [row for row in whole if row[child.key] in ids]
        assert bag(found[child.name]) == bag(wanted), child.name
        counts = [sum(row[child.key] == i for row in wanted) for i in ids]
        many += max(counts) > SWITCHES["child-page"]
    followed = [e for e in org.requests() if "." in str(e["path"]).rpartition("/")[2]]
    assert bool(many) == bool(followed)


@pytest.mark.parametrize(
    "predicate",
    [
        Compare("LastName", "=", "Smith"),
        Compare("Email", "!=", "nobody@example.com"),
        IsNull("Email"),
        IsNull("ReportsToId"),
        Like("LastName", "S%", case_sensitive=False),
        In("LeadSource", ("Web", "Partner")),
    ],
)
def test_a_filter_of_children_leaves_out_children_only(
    crm: Salesforce, predicate: Predicate
) -> None:
    request = accounts(crm, children(crm, "Contact", predicate))
    rows, found = family(crm, request)
    assert len(rows) == read(crm, accounts(crm)).num_rows
    (child,) = request.children
    judgement = crm.judge(child.table, predicate)
    alone = crm.plan(ScanRequest(child.table, child.columns, (predicate,)))
    wanted = pa.Table.from_batches(crm.open(alone, ReadContext())).to_pylist()
    wanted = [row for row in wanted if row["AccountId"] is not None]
    assert bag(found[child.name]) == bag(wanted), judgement


def test_rows_of_a_long_list_of_keys_bring_their_children(crm: Salesforce) -> None:
    """Text keys in several statements: what a statement finds too much has no children here."""
    names = sorted({row["Name"] for row in read(crm, accounts(crm)).to_pylist()})
    more = [f"{name} {n}" for n in range(40) for name in names[::2]]
    keys = (*names[::2], *more)
    request = accounts(crm, children(crm, "Contact"), predicates=(In("Name", keys),))
    assert len(crm.plan(request).statements) > 1
    rows, found = family(crm, request)
    ids = {row["Id"] for row in rows}
    assert {row["Name"] for row in rows} >= set(names[::2])
    whole = read(crm, ScanRequest(table(crm, "Contact"), request.children[0].columns)).to_pylist()
    assert bag(found["Contact(AccountId)"]) == bag([r for r in whole if r["AccountId"] in ids])


def test_children_are_billed_as_rows_and_their_pages_as_calls(
    org: LocalOrg, crm: Salesforce
) -> None:
    gate = CountingGate()
    context = ReadContext(meter=Meter(gate))
    request = accounts(crm, children(crm, "Contact"), children(crm, "Opportunity"))
    came = 0
    for batch in crm.open(crm.plan(request), context):
        came += len(batch) - batch.column("Id").null_count
        came += sum(len(batch.column(child.name).flatten()) for child in request.children)
        assert gate.rows >= came, "a budget of rows is asked before they are handed out"
    asked = [e for e in org.requests() if "/query" in str(e["path"])]
    rows, found = family(crm, request)
    bill = context.meter.bill
    assert bill.calls == len(asked)
    assert bill.rows == gate.rows == came == len(rows) + sum(map(len, found.values()))


def test_where_a_subquery_is_refused_the_children_are_read_apart(
    org: LocalOrg, crm: Salesforce, caplog: pytest.LogCaptureFixture
) -> None:
    request = accounts(
        crm, children(crm, "Contact", Compare("LeadSource", "=", "Web")), children(crm, "Case")
    )
    rows, found = family(crm, request)
    names = {**request.table.properties[CHILDREN], "Contact.AccountId": "NoSuchName"}
    other = replace(request.table, properties={**request.table.properties, CHILDREN: names})
    org.clear_requests()
    refused = replace(request, table=other)
    context = ReadContext()
    batches = pa.Table.from_batches(crm.open(crm.plan(refused), context))
    assert "NoSuchName" in caplog.text
    own = [r for r in batches.to_pylist() if r["Id"] is not None]
    assert bag([{c: r[c] for c in request.columns} for r in own]) == bag(rows)
    ids = {r["Id"] for r in own}
    for child in request.children:
        below = [c for r in batches.to_pylist() for c in r[child.name] or ()]
        assert bag([c for c in below if c[child.key] in ids]) == bag(found[child.name])
    assert context.meter.bill.calls == len([e for e in org.requests() if "/query" in e["path"]])


def test_a_refusal_that_is_no_subquery_s_fault_is_told(crm: Salesforce) -> None:
    request = accounts(crm, children(crm, "Contact"))
    renamed = replace(request.table, name="NoSuchObject")
    child = replace(request.children[0], table=_pointing_at(request.children[0].table, renamed))
    asked = replace(request, table=renamed, children=(child,))
    with pytest.raises(SourceError, match="NoSuchObject"):
        list(crm.open(crm.plan(asked), ReadContext()))


def _pointing_at(child: Table, parent: Table) -> Table:
    reference = Reference((parent.name,), "Id", "Account")
    return replace(
        child,
        columns=tuple(
            replace(c, reference=reference) if c.name == "AccountId" else c for c in child.columns
        ),
    )


def test_rows_without_children_are_told_in_either_way(org: LocalOrg, crm: Salesforce) -> None:
    request = accounts(crm, children(crm, "Opportunity"))
    before, switches = family(crm, request), org.org.switches
    try:
        org.org.switches = replace(switches, childless="empty")
        assert family(crm, request) == before
    finally:
        org.org.switches = switches


def test_no_rows_have_no_children(crm: Salesforce) -> None:
    request = accounts(crm, children(crm, "Contact"), predicates=(Compare("Name", "=", "no such"),))
    assert family(crm, request) == ([], {"Contact(AccountId)": []})


def few_accounts(crm: Salesforce) -> ScanRequest:
    """Three accounts with many contacts: a page of records, and several pages of children."""
    below = children(crm, "Contact")
    rows = read(crm, accounts(crm, below)).to_pylist()
    counts: dict[str, int] = {}
    for row in rows:
        for child in row[below.name] or ():
            counts[child["AccountId"]] = counts.get(child["AccountId"], 0) + 1
    ids = sorted(counts, key=lambda i: -counts[i])[:3]
    assert counts[ids[0]] > 6 and all(counts[i] > 3 for i in ids)
    return accounts(crm, below, predicates=(In("Id", tuple(ids)),))


@pytest.mark.parametrize("name", ["lost-locator", "drop-connection", "malformed-json"])
def test_a_fault_at_any_page_loses_and_doubles_nothing(
    org: LocalOrg, crm: Salesforce, name: str
) -> None:
    request = few_accounts(crm)
    rows, found = family(crm, request)
    whole = (bag(rows), *map(bag, found.values()))
    org.clear_requests()
    struck = 0
    for nth in range(1, 60):
        org.clear_faults()
        org.set_fault(name, nth=nth)
        rows, found = family(crm, request)
        assert (bag(rows), *map(bag, found.values())) == whole, nth
        if not org.org.faults.listed()[0]["struck"]:
            break
        struck += 1
    assert struck > 3
    resumed = [str(e["soql"]) for e in org.requests() if "AccountId = '" in str(e.get("soql"))]
    assert bool(resumed) == (name == "lost-locator")
    assert all("ORDER BY Id" in soql and "Id > '003" in soql for soql in resumed)


def test_a_reader_that_stops_among_pages_of_children_asks_for_no_more(
    org: LocalOrg, crm: Salesforce
) -> None:
    request = few_accounts(crm)
    read(crm, request)
    whole = len(org.requests())
    org.clear_requests()
    batches = iter(crm.open(crm.plan(request), ReadContext()))
    assert next(batches).column("Id").null_count
    batches.close()  # type: ignore[attr-defined]
    assert len(org.requests()) < whole


def test_what_can_t_be_sent_is_refused(crm: Salesforce) -> None:
    contacts = children(crm, "Contact")

    def why(request: ScanRequest) -> str:
        said = crm.can(request)
        assert not said.able
        with pytest.raises(SourceError, match="can't be sent"):
            crm.plan(request)
        return said.reason

    one = accounts(crm, contacts)
    assert crm.can(one).able
    assert "twice" in why(accounts(crm, contacts, contacts))
    assert "deleted rows" in why(replace(one, options=frozenset({INCLUDE_DELETED})))
    assert "chain" in why(replace(one, options=frozenset({"bulk"})))
    assert "chain" in why(replace(one, options=frozenset({"parallel"})))
    assert "all rows" in why(replace(one, limit=3))
    day = replace(one, columns=("Id", "CreatedDate"), limit=3, order=(Order("CreatedDate"),))
    assert "all rows" in why(day)
    counted = replace(one, columns=(), aggregates=(Aggregate("count"),))
    assert "without" in why(counted)
    assert "whose children" in why(replace(one, columns=("Name",)))
    assert "does not point to Account" in why(accounts(crm, replace(contacts, key="OwnerId")))
    assert "does not point to Account" in why(accounts(crm, replace(contacts, key="Email")))
    assert "names no child relationship" in why(
        ScanRequest(
            table(crm, "User"), ("Id",), children=(children(crm, "Account", key="OwnerId"),)
        )
    )
    assert "told by their Ids" in why(accounts(crm, replace(contacts, columns=("AccountId",))))
    assert "told by their Ids" in why(accounts(crm, replace(contacts, columns=("Id",))))
    elsewhere = replace(contacts, table=replace(contacts.table, source="crm2"))
    assert "does not point to the Id" in why(accounts(crm, elsewhere))
    tasks = children(crm, "Task", key="RecurrenceActivityId")
    recurring = ScanRequest(tasks.table, ("Id",), children=(tasks,))
    assert crm.can(recurring).able
    of_account = Lookup("WhatId", table(crm, "Account"), ("Name",))
    assert "TYPEOF" in why(replace(recurring, lookups=(of_account,)))
    with pytest.raises(UnknownName, match="Key__c"):
        crm.can(accounts(crm, replace(contacts, key="Key__c")))
    with pytest.raises(UnknownName, match="Nmae"):
        crm.plan(accounts(crm, replace(contacts, columns=("Id", "AccountId", "Nmae"))))
    long = replace(contacts.table, columns=tuple(
        replace(c, name=f"{c.name}{'x' * 200}") if c.name not in ("Id", "AccountId") else c
        for c in contacts.table.columns
    ))  # fmt: skip
    wide = replace(contacts, table=long, columns=tuple(c.name for c in long.columns))
    assert "several statements" in why(accounts(crm, wide))


def test_a_statement_has_at_most_twenty_subqueries(crm: Salesforce) -> None:
    account, contact = table(crm, "Account"), table(crm, "Contact")
    keys = [f"Account{n}__c" for n in range(21)]
    key = contact.column("AccountId")
    contact = replace(contact, columns=(*contact.columns, *(replace(key, name=k) for k in keys)))
    names = {f"Contact.{k}": f"Contacts{n}__r" for n, k in enumerate(keys)}
    account = replace(account, properties={**account.properties, CHILDREN: names})
    below = tuple(Children(k, contact, ("Id", k)) for k in keys)
    request = ScanRequest(account, ("Id",), children=below[:20])
    assert crm.can(request).able
    assert crm.plan(request).text.count("(SELECT Id, ") == 20
    said = crm.can(replace(request, children=below))
    assert not said.able and "at most 20" in said.reason


def test_a_very_long_filter_of_children_is_left_out(crm: Salesforce) -> None:
    """It is applied here anyway, and the statement keeps room for keys."""
    keys = tuple(f"003{n:015}" for n in range(1_000))
    contacts = children(crm, "Contact", In("Id", keys), Compare("Email", "=", "x"))
    assert sent_of(contacts) == (Compare("Email", "=", "x"),)
    assert "Id IN" not in crm.plan(accounts(crm, contacts)).text


def test_a_relationship_that_is_hidden_has_no_name(crm: Salesforce) -> None:
    names = table(crm, "Account").properties[CHILDREN]
    assert names["Contact.AccountId"] == "Contacts"
    assert names["Trap__c.Account__c"] == "Traps__r"
    assert None not in names.values()


def decoder_of(request: ScanRequest) -> Decoder:
    fields = fields_of(request, ())
    below = subqueries_of(request)
    paths = tuple(field.path for field in fields)
    return Decoder(request.table.name, tuple(f.selected for f in fields), paths, below=below)


A, B = "001000000000001AAA", "001000000000002AAA"
CHILD = {"Id": "006000000000001AAA", "AccountId": A, "Amount": 1.5}


def page(*below: object, names: tuple[str, ...] = (A, B)) -> bytes:
    records = [
        {"Id": i, "Name": "n", "Opportunities": b} for i, b in zip(names, below, strict=False)
    ]
    body = {"totalSize": len(records), "done": True, "records": records}
    return json.dumps(body).encode()


def level(*records: object, total: int | None = None, more: str | None = None) -> Row:
    found: Row = {"totalSize": total or len(records), "done": more is None, "records": records}
    return found if more is None else {**found, "nextRecordsUrl": more}


@pytest.fixture
def deals(crm: Salesforce) -> ScanRequest:
    below = Children("AccountId", table(crm, "Opportunity"), ("Id", "AccountId", "Amount"))
    return accounts(crm, below)


def test_a_page_with_children_tells_where_more_are_and_how_many_rows_came(
    deals: ScanRequest,
) -> None:
    decoder = decoder_of(deals)
    body = page(level(CHILD, total=3, more="/services/data/v62.0/query/01g-1"), None)
    found = decoder.page(body, check_keys=True)
    assert (found.batch.num_rows, found.below, found.last) == (2, 1, B)
    assert found.batch.column("Opportunity(AccountId): more").to_pylist() == [
        "/services/data/v62.0/query/01g-1", None,
    ]  # fmt: skip
    assert found.next is None


@pytest.mark.parametrize(
    "broken",
    [
        {"totalSize": 2, "done": True, "records": [CHILD]},
        {"totalSize": 1, "done": False, "records": [CHILD]},
        {"totalSize": 1, "done": False, "nextRecordsUrl": "/x", "records": [CHILD]},
        {"totalSize": 2, "done": True, "nextRecordsUrl": "/x", "records": [CHILD]},
        {"done": True, "records": [CHILD]},
        {"totalSize": 1, "records": [CHILD]},
        {"totalSize": 1, "done": True},
        {"totalSize": 1, "done": True, "records": [None]},
        {},
    ],
)
def test_children_that_contradict_themselves_are_no_answer(deals: ScanRequest, broken: Row) -> None:
    with pytest.raises(Malformed, match="Opportunities"):
        decoder_of(deals).page(page(None, broken), check_keys=True)


def test_what_an_answer_lacks_or_can_t_hold_is_told_by_its_own_object(deals: ScanRequest) -> None:
    decoder = decoder_of(deals)
    lacking = {k: v for k, v in CHILD.items() if k != "Amount"}
    with pytest.raises(DataError, match="lacks Amount"):
        decoder.page(page(level(lacking)), check_keys=True)
    bare = json.dumps({"totalSize": 1, "done": True, "records": [{"Id": A, "Name": "n"}]})
    with pytest.raises(DataError, match="lacks Opportunities"):
        decoder.page(bare.encode(), check_keys=True)
    with pytest.raises(DataError, match=r"Opportunity\.Amount holds 1\.23456"):
        decoder.page(page(None, level({**CHILD, "Amount": 1.23456})), check_keys=True)


def test_a_child_that_points_elsewhere_is_left_out(deals: ScanRequest) -> None:
    """Some relationships may show more, such as activities of an account's contacts."""
    (below,) = subqueries_of(deals)
    other = {**CHILD, "AccountId": None}
    body = page(level(CHILD, other), level(CHILD, {**CHILD, "AccountId": B}))
    batch = decoder_of(deals).page(body, check_keys=True).batch
    kept = own_children(below, batch)
    assert kept.schema.names == ["Id", "Name", "Opportunity(AccountId)"]
    found = [[c["AccountId"] for c in row] for row in kept.column(2).to_pylist()]
    assert found == [[A], [B]]


def test_rows_are_cut_into_lists() -> None:
    rows = pa.StructArray.from_arrays([pa.array(["a", "b", "c"])], names=["x"])
    found = lists_of(np.array([0, 2, 0, 1]), rows)
    assert [[c["x"] for c in row] for row in found.to_pylist()] == [[], ["a", "b"], [], ["c"]]


COUNT = RowCount(10_000, True, "counted")


def test_children_fill_pages_as_rows_do(crm: Salesforce) -> None:
    contacts = Children("AccountId", table(crm, "Contact"), ("Id", "AccountId"))
    asked = draft(accounts(crm, contacts))
    few = Known(RowCount(500, True, "counted"))
    found = bills_of(asked, few, (few,))
    assert (found.low.calls, found.likely.calls) == (1, 1)
    assert found.likely.rows == 1_000
    assert found.high is not None and (found.high.calls, found.high.rows) == (2, 1_000)
    found = bills_of(asked, Known(COUNT), (Known(COUNT),))
    assert (found.low.calls, found.likely.calls, found.likely.rows) == (5, 10, 20_000)
    assert found.high is not None and found.high.calls == 2 * 10 + 5 + 1
    assert bills_of(asked, Known(COUNT), (Known(),)).high is None
    one = draft(accounts(crm, contacts, predicates=(Compare("Id", "=", A),)))
    assert bills_of(one, Known(COUNT), (Known(COUNT),)).likely.rows < 50


def test_a_row_with_more_children_than_a_page_has_pages_for_them(crm: Salesforce) -> None:
    users = Children("ManagerId", table(crm, "User"), ("Id", "ManagerId"))
    asked = draft(ScanRequest(table(crm, "User"), ("Id",), children=(users,)))
    one = Known(RowCount(1, True, "counted"))
    found = bills_of(asked, one, (replace(one, count=RowCount(100_000, True, "counted")),))
    assert found.high is not None and found.high.calls >= 50


def test_a_source_that_shows_deleted_rows_fetches_no_children(
    world: tuple[LocalOrg, Salesforce], tmp_path: Path
) -> None:
    path = tmp_path / "org.json"
    path.write_text(json.dumps(world[0].ready))
    crm = Salesforce("crm", {"ready_file": str(path), "include_deleted": True})
    assert "deleted rows" in crm.can(accounts(crm, children(crm, "Contact"))).reason
    crm.close()
