"""Counts, extremes and groups that Salesforce gives, against DuckDB over a full copy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Aggregate, Declined, Order, ReadContext, ScanRequest
from isthmus.connectors.predicates import Compare, In, IsNull, Predicate
from isthmus.connectors.salesforce import INCLUDE_DELETED, Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.errors import SourceError
from isthmus.localorg import LocalOrg

COUNT = Aggregate("count")
NAMES = ["Account", "Opportunity", "Contact", "Case", "Trap__c"]


@pytest.fixture(scope="module", params=["fold", "exact"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LocalOrg, Salesforce]]:
    """An org in either position of the switch on what makes two texts one group."""
    with LocalOrg(data="demo", scale=0.1, seed=11, switches={"group-case": request.param}) as org:
        path = tmp_path_factory.mktemp("org") / "org.json"
        path.write_text(json.dumps(org.ready))
        made = Salesforce("crm", {"ready_file": str(path)}, policy=Policy(base=0.01, cap=0.05))
        yield org, made
        made.close()


@pytest.fixture
def crm(world: tuple[LocalOrg, Salesforce]) -> Salesforce:
    return world[1]


def table(crm: Salesforce, name: str) -> Table:
    found = crm.describe(name)
    assert found is not None
    return found


def read(crm: Salesforce, request: ScanRequest) -> pa.Table:
    return pa.Table.from_batches(crm.open(crm.plan(request), ReadContext()))


def groups(
    crm: Salesforce,
    name: str,
    columns: tuple[str, ...],
    *aggregates: Aggregate,
    where: tuple[Predicate, ...] = (),
) -> ScanRequest:
    return ScanRequest(table(crm, name), columns, where, aggregates=aggregates)


def truth(crm: Salesforce, request: ScanRequest, where: str = "true") -> pa.Table:
    """The same question of DuckDB over the rows."""
    needed = {*request.columns, *(a.column for a in request.aggregates if a.column), "Id"}
    rows = read(crm, ScanRequest(request.table, tuple(sorted(needed))))
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.register("t", rows)
    keys = [f'"{c}"' for c in request.columns]
    written = [
        f"{a.function}({'*' if a.column is None else f'{chr(34)}{a.column}{chr(34)}'})"
        for a in request.aggregates
    ]
    by = f" GROUP BY {', '.join(keys)}" if keys else ""
    sql = f"SELECT {', '.join([*keys, *written])} FROM t WHERE {where}{by}"
    return db.sql(sql).arrow().read_all()


def bag(found: pa.Table) -> list[str]:
    return sorted(repr(row) for row in zip(*(c.to_pylist() for c in found.columns), strict=True))


def test_the_statements_and_the_columns(crm: Salesforce) -> None:
    request = groups(
        crm, "Opportunity", ("IsWon", "CloseDate"), COUNT, Aggregate("max", "Probability"),
        where=(Compare("Probability", ">", 5),),
    )  # fmt: skip
    said = crm.can(request)
    assert said.able, said.reason
    fragment = crm.plan(request)
    assert fragment.text == (
        "SELECT IsWon, CloseDate, COUNT(Id) agg0, MAX(Probability) agg1 FROM Opportunity "
        "WHERE Probability > 5 AND Probability != null GROUP BY IsWon, CloseDate"
    )
    assert fragment.columns == ("IsWon", "CloseDate", "count(*)", "max(Probability)")
    assert fragment.estimate.calls == 1
    amount = request.table.column("Probability").type
    assert read(crm, request).schema.types == [pa.bool_(), pa.date32(), pa.int64(), amount]
    assert bag(read(crm, request)) == bag(truth(crm, request, '"Probability" > 5'))


def test_counting_rows_is_one_call(world: tuple[LocalOrg, Salesforce]) -> None:
    org, crm = world
    request = groups(crm, "Contact", (), COUNT)
    fragment = crm.plan(request)
    assert (fragment.text, fragment.estimate.calls) == ("SELECT COUNT(Id) agg0 FROM Contact", 1)
    org.clear_requests()
    found = read(crm, request)
    assert len([e for e in org.requests() if e.get("soql")]) == 1
    assert found.schema.names == ["count(*)"]
    assert found.column(0).to_pylist() == [read(crm, replace(request, aggregates=())).num_rows]


@pytest.mark.parametrize("name", NAMES)
def test_every_aggregate_that_is_sent_is_duckdbs(crm: Salesforce, name: str) -> None:
    sent = 0
    for column in table(crm, name).columns:
        for function in ("count", "min", "max"):
            request = groups(crm, name, (), Aggregate(function, column.name), COUNT)
            if not crm.can(request).able:
                continue
            sent += 1
            assert bag(read(crm, request)) == bag(truth(crm, request)), (column, function)
    assert sent >= 10


@pytest.mark.parametrize("name", NAMES)
def test_every_group_that_is_sent_is_duckdbs(crm: Salesforce, name: str) -> None:
    sent = 0
    for column in table(crm, name).columns:
        request = groups(crm, name, (column.name,), COUNT, Aggregate("max", "CreatedDate"))
        if not crm.can(request).able:
            continue
        sent += 1
        assert bag(read(crm, request)) == bag(truth(crm, request)), column
    assert sent >= 4


def test_nothing_counted_is_a_row_and_nothing_grouped_is_none(crm: Salesforce) -> None:
    nobody = (Compare("Probability", "=", -17),)
    extremes = (COUNT, Aggregate("min", "CloseDate"), Aggregate("max", "Probability"))
    alone = groups(crm, "Opportunity", (), *extremes, where=nobody)
    assert bag(read(crm, alone)) == ["(0, None, None)"]
    assert read(crm, replace(alone, columns=("IsWon",))).num_rows == 0


def test_null_is_a_group(crm: Salesforce) -> None:
    request = groups(crm, "Contact", ("AccountId",), COUNT, where=(IsNull("AccountId"),))
    (row,) = read(crm, request).to_pylist()
    assert row["AccountId"] is None and row["count(*)"] > 0


def test_deleted_rows_are_counted_when_asked_for(crm: Salesforce) -> None:
    request = groups(crm, "Account", ("IsDeleted",), COUNT)
    assert read(crm, request).num_rows == 1
    everything = replace(request, options=frozenset({INCLUDE_DELETED}))
    assert read(crm, everything).num_rows == 2


def test_what_is_not_sqls_is_refused(crm: Salesforce) -> None:
    refused: list[tuple[ScanRequest, str]] = [
        (groups(crm, "Account", ("Name",), COUNT), "may be one group"),
        (groups(crm, "Account", ("Industry",), COUNT), "may be one group"),
        (groups(crm, "Account", ("CreatedDate",), COUNT), "not groupable"),
        (groups(crm, "Account", ("AnnualRevenue",), COUNT), "not groupable"),
        (groups(crm, "Account", ("Description",), COUNT), "not groupable"),
        (groups(crm, "Account", (), Aggregate("min", "Name")), "not SQL's"),
        (groups(crm, "Account", (), Aggregate("max", "Id")), "not SQL's"),
        (groups(crm, "Account", (), Aggregate("count", "IsDeleted")), "not aggregatable"),
        (groups(crm, "Account", (), Aggregate("count", "Description")), "not aggregatable"),
        (groups(crm, "Account", (), Aggregate("min")), "needs a column"),
        (groups(crm, "Account", (), COUNT, where=(Compare("Name", "=", "x"),)), "not exact"),
        (
            groups(
                crm, "Account", (), COUNT, where=(In("NumberOfEmployees", tuple(range(5_000))),)
            ),
            "several statements",
        ),
    ]
    for request, why in refused:
        said = crm.can(request)
        assert not said.able and why in said.reason, said
        with pytest.raises(SourceError, match="can't be sent"):
            crm.plan(request)
    assert not crm.can(replace(groups(crm, "Account", (), COUNT), limit=5)).able
    assert not crm.can(replace(groups(crm, "Account", (), COUNT), order=(Order("Id"),))).able


@pytest.mark.parametrize(
    ("flags", "request_of", "why"),
    [
        ({"groupable": False}, ("CloseDate", COUNT), "not groupable"),
        ({"calculated": True}, ("CloseDate", COUNT), "formula"),
        ({"aggregatable": False}, (None, Aggregate("max", "CloseDate")), "not aggregatable"),
        ({"calculated": True}, (None, Aggregate("max", "CloseDate")), "formula"),
    ],
)
def test_the_describes_flags_are_obeyed(
    crm: Salesforce, flags: dict[str, bool], request_of: tuple[str | None, Aggregate], why: str
) -> None:
    column, aggregate = request_of
    request = groups(crm, "Opportunity", (column,) if column else (), aggregate)
    assert crm.can(request).able

    def change(c: Column) -> Column:
        changed = {**c.properties, **flags} if c.name == "CloseDate" else c.properties
        return replace(c, properties=changed)

    flagged = replace(request.table, columns=tuple(change(c) for c in request.table.columns))
    said = crm.can(replace(request, table=flagged))
    assert not said.able and why in said.reason


def test_amounts_of_several_currencies_are_refused(crm: Salesforce) -> None:
    request = groups(crm, "Opportunity", (), Aggregate("max", "Amount"))
    assert request.table.properties["multi_currency"]
    assert "corporate" in crm.can(request).reason
    assert crm.can(groups(crm, "Opportunity", (), Aggregate("count", "Amount"))).able
    single = replace(request.table, properties={**request.table.properties, "multi_currency": 0})
    assert crm.can(replace(request, table=single)).able


def test_too_many_groups_are_declined_before_the_first(
    crm: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = groups(crm, "Contact", ("Id",), COUNT)
    assert read(crm, request).num_rows > 50
    monkeypatch.setattr("isthmus.localorg.soql.plan.MAX_GROUPS", 50)
    batches = crm.open(crm.plan(request), ReadContext())
    with pytest.raises(Declined, match="2000 groups"):
        next(iter(batches))
