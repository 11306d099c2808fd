"""First rows in an order: sent where SOQL's order is SQL's, and refused elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Order, ReadContext, ScanRequest
from isthmus.connectors.predicates import Compare, In, Predicate
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.errors import SourceError
from isthmus.localorg import LocalOrg


@pytest.fixture(scope="module", params=["first", "last"])
def crm(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Salesforce]:
    """An org in either position of the switch on where nulls go when nothing is said."""
    with LocalOrg(data="demo", scale=0.1, seed=11, switches={"desc-nulls": request.param}) as org:
        path = tmp_path_factory.mktemp("org") / "org.json"
        path.write_text(json.dumps(org.ready))
        made = Salesforce("crm", {"ready_file": str(path)}, policy=Policy(base=0.01, cap=0.05))
        yield made
        made.close()


def table(crm: Salesforce, name: str) -> Table:
    found = crm.describe(name)
    assert found is not None
    return found


def read(crm: Salesforce, request: ScanRequest) -> pa.Table:
    return pa.Table.from_batches(crm.open(crm.plan(request), ReadContext()))


def top(
    crm: Salesforce, name: str, order: tuple[Order, ...], limit: int, *where: Predicate
) -> ScanRequest:
    columns = ("Id", *(key.column for key in order))
    return ScanRequest(table(crm, name), columns, where, limit=limit, order=order)


def test_the_statement(crm: Salesforce) -> None:
    order = (Order("Probability", descending=True), Order("CloseDate", nulls_first=True))
    request = top(crm, "Opportunity", order, 10, Compare("IsWon", "=", True))
    said = crm.can(request)
    assert said.able, said.reason
    assert crm.plan(request).text == (
        "SELECT Id, Probability, CloseDate FROM Opportunity WHERE IsWon = TRUE "
        "ORDER BY Probability DESC NULLS LAST, CloseDate ASC NULLS FIRST LIMIT 10"
    )


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("nulls_first", [False, True])
@pytest.mark.parametrize("name", ["Account", "Opportunity", "Contact", "Trap__c"])
def test_every_order_that_is_sent_is_duckdbs(
    crm: Salesforce, name: str, descending: bool, nulls_first: bool
) -> None:
    described = table(crm, name)
    sent = 0
    for column in described.columns:
        request = top(crm, name, (Order(column.name, descending, nulls_first),), 25)
        if not crm.can(request).able:
            continue
        sent += 1
        whole = read(crm, ScanRequest(described, ("Id", column.name)))
        for limit in (1, 25, whole.num_rows - 1):
            found = read(crm, replace(request, limit=limit)).column(column.name).to_pylist()
            words = f"{'DESC' if descending else 'ASC'} NULLS {'FIRST' if nulls_first else 'LAST'}"
            db = duckdb.connect()
            db.register("t", whole)
            truth = db.sql(f'SELECT "{column.name}" FROM t ORDER BY 1 {words} LIMIT {limit}')
            assert found == truth.arrow().read_all().column(0).to_pylist(), column
    assert sent >= 3


def test_what_is_not_ordered_as_sql_does_is_refused(crm: Salesforce) -> None:
    reasons = {
        "Name": "string",
        "Industry": "picklist",
        "Id": "id",
        "OwnerId": "reference",
        "IsDeleted": "boolean",
        "Description": "not sortable",
    }
    for name, why in reasons.items():
        said = crm.can(top(crm, "Account", (Order(name),), 5))
        assert not said.able and why in said.reason, said
    assert not crm.can(replace(top(crm, "Account", (Order("CreatedDate"),), 5), limit=None)).able


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"sortable": False}, "not sortable"),
        ({"calculated": True}, "formula"),
    ],
)
def test_the_describes_flags_are_obeyed(
    crm: Salesforce, changed: dict[str, bool], why: str
) -> None:
    said = crm.can(
        _changed(top(crm, "Opportunity", (Order("Probability"),), 5), "Probability", changed)
    )
    assert not said.able and why in said.reason


def test_amounts_of_several_currencies_and_doubles_are_refused(crm: Salesforce) -> None:
    request = top(crm, "Opportunity", (Order("Amount"),), 5)
    assert request.table.properties["multi_currency"]
    assert "corporate" in crm.can(request).reason
    single = replace(request.table, properties={**request.table.properties, "multi_currency": 0})
    request = replace(request, table=single)
    assert crm.can(request).able
    doubled = _changed(request, "Amount", {}, pa.float64())
    assert "double" in crm.can(doubled).reason


def _changed(
    request: ScanRequest, name: str, flags: dict[str, bool], kind: pa.DataType | None = None
) -> ScanRequest:
    def change(column: Column) -> Column:
        if column.name != name:
            return column
        return replace(column, properties={**column.properties, **flags}, type=kind or column.type)

    columns = tuple(change(c) for c in request.table.columns)
    return replace(request, table=replace(request.table, columns=columns))


def test_a_filter_that_is_not_exact_forbids_it(crm: Salesforce) -> None:
    superset = top(crm, "Account", (Order("CreatedDate"),), 5, Compare("Name", "=", "x"))
    assert "not exact" in crm.can(superset).reason
    with pytest.raises(SourceError, match="not exact"):
        crm.plan(superset)
    keys = In("NumberOfEmployees", tuple(range(100_000, 105_000)))
    long = top(crm, "Account", (Order("CreatedDate"),), 5, keys)
    assert "several statements" in crm.can(long).reason


def test_more_first_rows_than_a_page_holds(crm: Salesforce) -> None:
    request = top(crm, "Contact", (Order("CreatedDate", descending=True),), 5_000)
    whole = read(crm, ScanRequest(request.table, ("CreatedDate",))).column(0).to_pylist()
    assert read(crm, request).column("CreatedDate").to_pylist() == sorted(whole, reverse=True)
