"""Lookups that may point at several kinds: rows of one kind come along, or are the only ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from isthmus.catalog.model import Reference, Table
from isthmus.catalog.project import load_project
from isthmus.connectors.contract import Lookup, Order, PointsAt, ReadContext, ScanRequest
from isthmus.connectors.kinds import KINDS
from isthmus.connectors.predicates import Compare
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.decode import Decoder
from isthmus.connectors.salesforce.fields import fields_of
from isthmus.connectors.salesforce.targets import kinds_of
from isthmus.engine.connection import Connection
from isthmus.errors import DataError, SourceError
from isthmus.localorg import LocalOrg


def table(crm: Salesforce, name: str) -> Table:
    found = crm.describe(name)
    assert found is not None
    return found


def read(crm: Salesforce, request: ScanRequest) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.Table.from_batches(
        crm.open(crm.plan(request), ReadContext())
    ).to_pylist()
    return rows


def tasks(crm: Salesforce, *lookups: Lookup, points: tuple[PointsAt, ...] = ()) -> ScanRequest:
    columns = ("Id", "WhatId", "WhoId", "OwnerId")
    return ScanRequest(table(crm, "Task"), columns, lookups=lookups, points=points)


def at_account(crm: Salesforce, *predicates: Compare) -> Lookup:
    return Lookup("WhatId", table(crm, "Account"), ("Id", "Name", "NumberOfEmployees"), predicates)


def test_columns_of_one_kind_come_along(crm: Salesforce) -> None:
    request = tasks(crm, at_account(crm))
    assert crm.can(request).able
    assert crm.plan(request).text == (
        "SELECT Id, WhatId, WhoId, OwnerId, TYPEOF What WHEN Account THEN Id, Name, "
        "NumberOfEmployees, IsDeleted END FROM Task ORDER BY Id"
    )
    accounts = {
        row["Id"]: row
        for row in read(
            crm, ScanRequest(table(crm, "Account"), ("Id", "Name", "NumberOfEmployees"))
        )
    }
    found = read(crm, request)
    assert sorted(row["Id"] for row in found) == sorted(row["Id"] for row in read(crm, tasks(crm)))
    kinds = {row["WhatId"] and row["WhatId"][:3] for row in found}
    assert len(kinds) > 3 and "001" in kinds and None in kinds
    for row in found:
        account = accounts.get(row["WhatId"], {})
        for name in ("Id", "Name", "NumberOfEmployees"):
            assert row[f"WhatId.{name}"] == account.get(name), row


def test_only_rows_that_point_at_some_kinds_come(crm: Salesforce) -> None:
    whole = read(crm, tasks(crm))
    for points, prefixes, sent in [
        (("Account",), ("001",), "What.Type = 'Account'"),
        (("Opportunity", "Case"), ("006", "500"), "What.Type IN ('Opportunity','Case')"),
    ]:
        request = tasks(crm, points=(PointsAt("WhatId", points),))
        assert crm.can(request).able
        fragment = crm.plan(request)
        assert f"WHERE {sent} ORDER BY Id" in fragment.text
        wanted = [row["Id"] for row in whole if (row["WhatId"] or "")[:3] in prefixes]
        assert sorted(row["Id"] for row in read(crm, request)) == sorted(wanted) and wanted
        assert fragment.low.rows <= len(wanted)
        assert fragment.high is not None and len(wanted) <= fragment.high.rows


def test_a_queue_is_a_group_by_either_name(crm: Salesforce) -> None:
    request = tasks(crm, points=(PointsAt("OwnerId", ("Group",)),))
    assert "Owner.Type IN ('Group','Queue')" in crm.plan(request).text
    group = replace(table(crm, "User"), name="Group")
    said = crm.can(tasks(crm, Lookup("OwnerId", group, ("Id",))))
    assert not said.able and "queue" in said.reason


def test_a_filter_of_one_kind_asks_for_that_kind_only(crm: Salesforce) -> None:
    """Its own columns can't be named in the filter; the engine filters the looked-up rows again."""
    request = tasks(crm, at_account(crm, Compare("NumberOfEmployees", ">", 10)))
    assert crm.plan(request).text.endswith("END FROM Task WHERE What.Type = 'Account' ORDER BY Id")


def test_what_a_typeof_can_not_do(crm: Salesforce) -> None:
    def why(*lookups: Lookup) -> str:
        said = crm.can(tasks(crm, *lookups))
        assert not said.able
        with pytest.raises(SourceError, match="can't be sent"):
            crm.plan(tasks(crm, *lookups))
        return said.reason

    owner = Lookup("OwnerId", table(crm, "User"), ("Name",))
    assert "kinds of objects" in why(replace(at_account(crm), lookups=(owner,)))
    assert "does not point" in why(Lookup("WhatId", table(crm, "Contact"), ("Name",)))
    assert "twice" in why(at_account(crm), Lookup("WhatId", table(crm, "Case"), ("Id",)))
    contact = Lookup("AccountId", table(crm, "Account"), ("Id",), lookups=(owner,))
    assert crm.can(ScanRequest(table(crm, "Contact"), ("Id",), lookups=(contact,))).able
    described = table(crm, "Task")
    changes: list[tuple[dict[str, Any], str]] = [
        ({"reference": Reference(("Account", "Case"), "Id", None)}, "no name for paths"),
        ({"properties": {}}, "one kind"),
    ]
    for change, words in changes:
        columns = tuple(
            replace(c, **change) if c.name == "WhatId" else c for c in described.columns
        )
        other = replace(described, columns=columns)
        asked = ScanRequest(other, ("Id",))
        for request in (
            replace(asked, lookups=(at_account(crm),)),
            replace(asked, points=(PointsAt("WhatId", ("Case",)),)),
        ):
            assert words in crm.can(request).reason
    accounts = ScanRequest(table(crm, "Account"), ("Id",), points=(PointsAt("OwnerId", ("User",)),))
    assert not crm.can(accounts).able


def test_first_rows_and_counts_are_of_all_rows(crm: Salesforce) -> None:
    points = (PointsAt("WhatId", ("Account",)),)
    assert "LIMIT" not in crm.plan(replace(tasks(crm, points=points), limit=5)).text
    ordered = replace(tasks(crm, points=points), limit=5, order=(Order("CreatedDate"),))
    assert not crm.can(ordered).able


def test_a_record_that_lacks_a_column_is_an_error_only_of_that_kind(crm: Salesforce) -> None:
    request = ScanRequest(table(crm, "Task"), ("Id",), lookups=(at_account(crm),))
    fields = fields_of(request, ())
    decoder = Decoder(
        "Task",
        tuple(f.selected for f in fields),
        tuple(f.path for f in fields),
        kinds_of(request),
    )

    def page(what: Any) -> bytes:
        records = [{"Id": "00T000000000001AAA", "What": what}]
        return json.dumps({"totalSize": 1, "done": True, "records": records}).encode()

    for other in (None, {"attributes": {"type": "Case"}}, {"attributes": {"type": "Case"}, "X": 1}):
        batch = decoder.page(page(other), check_keys=True).batch
        assert batch.column("What.Id").to_pylist() == [None]
    with pytest.raises(DataError, match=r"lacks What\.Name"):
        decoder.page(page({"attributes": {"type": "Account"}, "Id": None}), check_keys=True)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Connection, Connection]]:
    """Connections to one org: as ever, and one that pushes nothing down."""
    with LocalOrg(data="demo", scale=0.5, seed=11, switches={"page-size": 200}) as org:
        path = tmp_path_factory.mktemp("org") / "org.json"
        path.write_text(json.dumps(org.ready))
        shape = {"sources": {"crm": {"kind": "salesforce", "ready_file": str(path)}}}
        project = load_project(shape, kinds=KINDS)
        with Connection(project) as pushing, Connection(project, pushdown=False) as plain:
            yield pushing, plain


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT t.Id, a.Name FROM crm.Task t JOIN crm.Account a ON a.Id = t.WhatId",
        "SELECT t.Id, a.Name FROM crm.Task t LEFT JOIN crm.Account a ON a.Id = t.WhatId",
        "SELECT t.Id, a.Name FROM crm.Task t LEFT JOIN crm.Account a ON a.Id = t.WhatId "
        "WHERE a.NumberOfEmployees > 500 OR t.WhoId IS NULL",
        "SELECT t.Id FROM crm.Task t JOIN crm.Account a ON a.Id = t.WhatId "
        "WHERE a.NumberOfEmployees > 500",
        "SELECT a.Id, count(t.Id) FROM crm.Account a LEFT JOIN crm.Task t ON a.Id = t.WhatId "
        "GROUP BY a.Id",
        "SELECT a.Id, t.Id FROM crm.Account a FULL JOIN crm.Task t ON a.Id = t.WhatId",
        "SELECT Id FROM crm.Task WHERE WhatId IN (SELECT Id FROM crm.Account UNION ALL "
        "SELECT Id FROM crm.Case)",
        "SELECT Id FROM crm.Task WHERE WhatId NOT IN (SELECT Id FROM crm.Account)",
        "SELECT Id FROM crm.Task t WHERE NOT EXISTS (FROM crm.Account a WHERE a.Id = t.WhatId)",
        "SELECT t.Id, c.Id FROM crm.Task t JOIN crm.Contact c ON c.AccountId = t.WhatId",
        "SELECT t.Id, a.Name, c.LastName, l.LastName, u.Alias FROM crm.Task t "
        "LEFT JOIN crm.Account a ON a.Id = t.WhatId LEFT JOIN crm.Contact c ON c.Id = t.WhoId "
        "LEFT JOIN crm.Lead l ON l.Id = t.WhoId LEFT JOIN crm.User u ON u.Id = t.OwnerId",
        "SELECT t.Id, o.Name, a.Name FROM crm.Task t JOIN crm.Opportunity o ON o.Id = t.WhatId "
        "JOIN crm.Account a ON a.Id = o.AccountId",
        "SELECT x.Id FROM crm.Task x JOIN crm.Task y ON x.WhatId = y.WhatId "
        "JOIN crm.Account a ON a.Id = y.WhatId WHERE x.Id < y.Id",
        "SELECT t.Id FROM crm.Task t JOIN crm.Account a ON a.Id = t.WhatId "
        "UNION ALL SELECT Id FROM crm.Task WHERE WhatId IS NULL",
        "SELECT t.Id FROM crm.Task t JOIN crm.Account a ON a.Id = t.WhatId ORDER BY t.Id LIMIT 5",
    ],
)
def test_the_answers_are_those_without_push_down(
    two: tuple[Connection, Connection], sql: str
) -> None:
    answers = []
    for con in two:
        with con.sql(sql) as result:
            answers.append(sorted(map(repr, result.arrow().to_pylist())))
    assert answers[0] == answers[1] and answers[0]
