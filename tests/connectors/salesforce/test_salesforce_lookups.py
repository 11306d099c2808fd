"""Looked-up rows fetched along: the statements, and every row against DuckDB's own join."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest

from isthmus.catalog.model import Column, Reference, Table
from isthmus.connectors.contract import Lookup, Order, ReadContext, ScanRequest
from isthmus.connectors.predicates import (
    And,
    Compare,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Predicate,
)
from isthmus.connectors.salesforce import INCLUDE_DELETED, Salesforce
from isthmus.connectors.salesforce.decode import Decoder
from isthmus.connectors.salesforce.fields import fields_of, guards_of
from isthmus.connectors.salesforce.lookups import existing
from isthmus.connectors.salesforce.retry import Policy
from isthmus.errors import DataError, SourceError, UnknownName
from isthmus.localorg import LocalOrg


@pytest.fixture(scope="module", params=["two-valued", "three-valued"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LocalOrg, Salesforce]]:
    switches = {"null-not-equal": request.param, "page-size": 200}
    with LocalOrg(data="demo", scale=0.2, seed=11, switches=switches) as org:
        path = tmp_path_factory.mktemp("org") / "org.json"
        path.write_text(json.dumps(org.ready))
        quick = Policy(base=0.01, cap=0.05)
        made = Salesforce("crm", {"ready_file": str(path)}, policy=quick)
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


def read(crm: Salesforce, request: ScanRequest) -> pa.Table:
    return pa.Table.from_batches(crm.open(crm.plan(request), ReadContext()))


def of_account(crm: Salesforce, *predicates: Predicate, columns: tuple[str, ...] = ()) -> Lookup:
    return Lookup("AccountId", table(crm, "Account"), columns or ("Id", "Name"), predicates)


def test_the_statement_and_the_columns(crm: Salesforce) -> None:
    owner = Lookup("OwnerId", table(crm, "User"), ("Name", "IsActive"))
    account = replace(of_account(crm, columns=("Name", "AnnualRevenue")), lookups=(owner,))
    request = ScanRequest(
        table(crm, "Contact"), ("LastName",), (Compare("Email", "=", "x"),), lookups=(account,)
    )
    assert crm.can(request).able
    fragment = crm.plan(request)
    assert fragment.text == (
        "SELECT LastName, Account.Name, Account.AnnualRevenue, Account.Owner.Name, "
        "Account.Owner.IsActive, Email, Account.IsDeleted, Id FROM Contact "
        "WHERE Email = 'x' ORDER BY Id"
    )
    assert fragment.columns == (
        "LastName", "AccountId.Name", "AccountId.AnnualRevenue", "AccountId.OwnerId.Name",
        "AccountId.OwnerId.IsActive", "Email",
    )  # fmt: skip
    assert fragment.estimate.calls == 1


def truth(crm: Salesforce, request: ScanRequest) -> list[tuple[object, ...]]:
    """The same rows, joined by DuckDB."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    selected = [f't."{name}"' for name in request.columns]
    joins: list[str] = []
    db.register("t", read(crm, _alone(request)))

    def join(lookup: Lookup, of: str, table_of: Table) -> None:
        alias = f"p{len(joins)}"
        columns = tuple(c.name for c in lookup.table.columns)
        rows = read(crm, ScanRequest(lookup.table, columns, options=request.options))
        db.register(f"r_{alias}", rows)
        joins.append(f'LEFT JOIN r_{alias} {alias} ON {of}."{lookup.key}" = {alias}."Id"')
        selected.extend(f'{alias}."{name}"' for name in lookup.columns)
        for further in lookup.lookups:
            join(further, alias, lookup.table)

    for lookup in request.lookups:
        join(lookup, "t", request.table)
    return db.sql(f"SELECT {', '.join(selected)} FROM t {' '.join(joins)}").fetchall()


def _alone(request: ScanRequest) -> ScanRequest:
    keys = tuple(lookup.key for lookup in request.lookups)
    return replace(request, columns=tuple(dict.fromkeys((*request.columns, *keys))), lookups=())


def rows(found: pa.Table) -> list[tuple[object, ...]]:
    return list(zip(*(c.to_pylist() for c in found.columns), strict=True))


def bag(found: list[tuple[object, ...]]) -> list[str]:
    return sorted(repr(tuple(_plain(v) for v in row)) for row in found)


def _plain(value: object) -> object:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("Contact", ("AccountId", "OwnerId", "ReportsToId")),
        ("Opportunity", ("AccountId", "OwnerId")),
        ("Account", ("ParentId", "OwnerId")),
    ],
)
@pytest.mark.parametrize("deleted", [False, True])
def test_every_column_of_a_parent_is_its_own(
    crm: Salesforce, name: str, keys: tuple[str, ...], deleted: bool
) -> None:
    """Types, nulls, missing parents, parents of parents, rows over many pages."""
    child = table(crm, name)
    options = frozenset({INCLUDE_DELETED}) if deleted else frozenset()
    lookups = []
    for key in keys:
        reference = child.column(key).reference
        assert reference is not None
        parent = table(crm, reference.targets[0])
        above = Lookup("CreatedById", table(crm, "User"), ("Id", "Username", "LastModifiedDate"))
        columns = tuple(c.name for c in parent.columns)
        lookups.append(Lookup(key, parent, columns, lookups=(above,)))
    request = ScanRequest(child, ("Id",), options=options, lookups=tuple(lookups))
    assert crm.can(request).able, crm.can(request).reason
    found = read(crm, request)
    kinds = [f.column.type for f in fields_of(request, ())]
    assert found.schema.types == kinds
    assert bag(rows(found)) == bag(truth(crm, request))


PARENTS: list[Predicate] = [
    Compare("Industry", "=", "Banking"),
    Compare("Industry", "!=", "Banking"),
    Not(In("Industry", ("Banking", "Energy"))),
    IsNull("Industry"),
    Not(IsNull("Industry")),
    Compare("NumberOfEmployees", ">", 100),
    Not(Compare("NumberOfEmployees", ">", 100)),
    Compare("NumberOfEmployees", "!=", 100),
    Compare("IsDeleted", "=", False),
    Or((IsNull("Industry"), Compare("NumberOfEmployees", "<", 50))),
    Not(And((Compare("Industry", "=", "Banking"), Compare("NumberOfEmployees", "<", 50)))),
    Compare("CreatedDate", ">=", datetime(2023, 1, 1, tzinfo=UTC)),
    Like("Name", "A%"),
]


@pytest.mark.parametrize("predicate", PARENTS, ids=repr)
def test_a_filter_of_a_parent_loses_no_row_that_is_needed(
    crm: Salesforce, predicate: Predicate
) -> None:
    """Needed are the rows whose parent is there and passes, which the parent's own scan tells."""
    accounts = table(crm, "Account")
    columns = tuple(dict.fromkeys(("Id", "Industry", "NumberOfEmployees", "CreatedDate", "Name")))
    everything = ScanRequest(table(crm, "Contact"), ("Id", "AccountId"))
    judged = crm.judge(accounts, predicate)
    parents = read(crm, ScanRequest(accounts, columns, (predicate,)))
    passing = _passing(parents, predicate) if judged.promise.name == "SUPERSET" else parents
    ids = set(passing.column("Id").to_pylist())
    needed = {r["Id"] for r in read(crm, everything).to_pylist() if r["AccountId"] in ids}
    request = replace(everything, lookups=(of_account(crm, predicate),))
    found = read(crm, request)
    assert needed <= set(found.column("Id").to_pylist())
    assert needed and "Account." in crm.plan(request).text.split("FROM")[0]


def _passing(parents: pa.Table, predicate: Predicate) -> pa.Table:
    from isthmus.connectors.truth import passes

    kept = [passes([predicate], row) for row in parents.to_pylist()]
    return parents.filter(pa.array(kept))


def test_a_filter_of_a_parent_spares_rows(crm: Salesforce) -> None:
    request = ScanRequest(
        table(crm, "Contact"),
        ("Id",),
        lookups=(of_account(crm, Compare("Industry", "=", "Energy")),),
    )
    assert "WHERE Account.Industry = 'Energy'" in crm.plan(request).text
    assert 0 < read(crm, request).num_rows < read(crm, replace(request, lookups=())).num_rows


def test_a_limit_is_sent_unless_parents_are_filtered_again(crm: Salesforce) -> None:
    request = ScanRequest(table(crm, "Contact"), ("Id",), limit=3, lookups=(of_account(crm),))
    assert crm.plan(request).text.endswith("LIMIT 3") and read(crm, request).num_rows == 3
    filtered = replace(request, lookups=(of_account(crm, IsNull("Industry")),))
    assert "LIMIT" not in crm.plan(filtered).text
    ordered = replace(filtered, order=(Order("CreatedDate"),))
    assert "again" in crm.can(ordered).reason
    assert crm.can(replace(request, order=(Order("CreatedDate"),))).able


def test_keys_and_parents_go_together(crm: Salesforce) -> None:
    contacts = table(crm, "Contact")
    keys = read(crm, ScanRequest(contacts, ("Id",))).column("Id").to_pylist()
    many = In("Id", tuple(keys[:-1]) + tuple(f"003{n:012}" for n in range(3)))
    request = ScanRequest(contacts, ("Id",), (many,), lookups=(of_account(crm),))
    wanted = replace(request, predicates=())
    found = [r for r in rows(read(crm, wanted)) if r[0] in set(keys[:-1])]
    assert bag(rows(read(crm, request))) == bag(found)


def test_a_lost_locator_goes_on_after_the_childs_id(org: LocalOrg, crm: Salesforce) -> None:
    """Each record's parent carries an address too: the read must not go on after that."""
    request = ScanRequest(table(crm, "Contact"), ("Id",), lookups=(of_account(crm),))
    whole = rows(read(crm, request))
    org.set_fault("lost-locator", nth=1)
    assert rows(read(crm, request)) == whole
    resumed = [str(e["soql"]) for e in org.requests() if "Id > " in str(e.get("soql"))]
    assert len(resumed) == 1 and "Id > '003" in resumed[0]


def test_what_is_no_single_parent_is_refused(crm: Salesforce) -> None:
    accounts, users = table(crm, "Account"), table(crm, "User")
    contacts, cases, events = table(crm, "Contact"), table(crm, "Case"), table(crm, "Event")

    def why(child: Table, *lookups: Lookup) -> str:
        said = crm.can(ScanRequest(child, ("Id",), lookups=lookups))
        assert not said.able
        with pytest.raises(SourceError, match="can't be sent"):
            crm.plan(ScanRequest(child, ("Id",), lookups=lookups))
        return said.reason

    owned = Lookup("WhatId", accounts, ("Name",), lookups=(Lookup("OwnerId", users, ("Name",)),))
    assert "kinds" in why(events, owned)
    group = replace(users, name="Group")
    assert "queue" in why(cases, Lookup("OwnerId", group, ("Name",)))
    assert "no lookup" in why(contacts, Lookup("Email", accounts, ("Name",)))
    assert "does not point" in why(contacts, Lookup("AccountId", users, ("Name",)))
    twice = Lookup("AccountId", accounts, ("Name",))
    assert "twice" in why(contacts, twice, twice)
    deep = Lookup("ManagerId", users, ("Name",))
    for _ in range(5):
        deep = Lookup("ManagerId", users, ("Name",), lookups=(deep,))
    assert "5 steps" in why(users, deep)
    nameless = replace(contacts, columns=tuple(_nameless(c) for c in contacts.columns))
    assert "no name" in crm.can(ScanRequest(nameless, ("Id",), lookups=(twice,))).reason
    with pytest.raises(UnknownName, match="Nmae"):
        crm.plan(ScanRequest(contacts, ("Id",), lookups=(of_account(crm, columns=("Nmae",)),)))


def _nameless(column: Column) -> Column:
    if column.reference is None:
        return column
    return replace(column, reference=Reference(column.reference.targets, "Id", None))


def test_five_steps_are_read(crm: Salesforce) -> None:
    users = table(crm, "User")
    lookup = Lookup("ManagerId", users, ("Name",))
    for _ in range(4):
        lookup = Lookup("ManagerId", users, ("Name",), lookups=(lookup,))
    request = ScanRequest(users, ("Id",), lookups=(lookup,))
    assert bag(rows(read(crm, request))) == bag(truth(crm, request))


def test_a_deleted_parent_that_a_path_still_shows_is_no_row(crm: Salesforce) -> None:
    """Whether an org shows it is documented nowhere; the local org does not."""
    owner = Lookup("OwnerId", table(crm, "User"), ("Name",))
    account = replace(of_account(crm, columns=("Name", "IsDeleted")), lookups=(owner,))
    request = ScanRequest(table(crm, "Contact"), ("Id",), lookups=(account,))
    fields = fields_of(request, ())
    assert {f.path for f in guards_of(request).values()} == {"Account.IsDeleted"}
    ids = ["003000000000001AAA", "003000000000002AAA", "003000000000003AAA"]
    page = {
        "totalSize": 3,
        "done": True,
        "records": [
            {"Id": ids[0], "Account": {"Name": "a", "IsDeleted": True, "Owner": {"Name": "o"}}},
            {"Id": ids[1], "Account": {"Name": "b", "IsDeleted": False, "Owner": None}},
            {"Id": ids[2], "Account": None},
        ],
    }
    decoder = Decoder("Contact", tuple(f.selected for f in fields), tuple(f.path for f in fields))
    batch = decoder.page(json.dumps(page).encode(), check_keys=True).batch
    assert rows(pa.Table.from_batches([existing(batch, request, fields)])) == [
        (ids[0], None, None, None),
        (ids[1], "b", False, None),
        (ids[2], None, None, None),
    ]


def test_a_parent_that_lacks_a_field_is_an_error(crm: Salesforce) -> None:
    request = ScanRequest(table(crm, "Contact"), ("Id",), lookups=(of_account(crm),))
    fields = fields_of(request, ())
    decoder = Decoder("Contact", tuple(f.selected for f in fields), tuple(f.path for f in fields))
    body = (
        b'{"totalSize":1,"done":true,"records":[{"Id":"003000000000001AAA","Account":{"Id":null}}]}'
    )
    with pytest.raises(DataError, match=r"lacks Account\.Name"):
        decoder.page(body, check_keys=True)


def test_first_rows_are_not_asked_for_where_a_looked_up_row_decides(crm: Salesforce) -> None:
    """Rows with a missing or failing account need not come: the first ones may be among them."""
    newest = Order("CreatedDate", descending=True)
    ordered = ScanRequest(table(crm, "Contact"), ("Id",), order=(newest,), limit=3)
    energy = Compare("Industry", "=", "Energy")
    assert crm.can(replace(ordered, lookups=(of_account(crm),))).able
    said = crm.can(replace(ordered, lookups=(of_account(crm, energy),)))
    assert not said.able and "filtered again" in said.reason
