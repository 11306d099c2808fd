"""Rows that come along: the answers are those of a connection that pushes nothing down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus.catalog.project import load_project
from isthmus.connectors.kinds import KINDS
from isthmus.engine.connection import Connection
from isthmus.localorg import LocalOrg

#: As it is, with every looked-up row fetched along, with every key pushed, with nothing of that.
WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"prefer": "lookups"},
    {"prefer": "keys"},
    {"pushdown": False},
)


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=0.5, seed=7, switches={"page-size": 200}) as org:
        yield org


@pytest.fixture(scope="module")
def ways(
    org: LocalOrg, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Connection, ...]]:
    root = tmp_path_factory.mktemp("lake")
    (root / "org.json").write_text(json.dumps(org.ready))
    crm = {"kind": "salesforce", "ready_file": str(root / "org.json")}
    lake = {"kind": "files", "root": str(root)}
    project = load_project({"sources": {"crm": crm, "lake": lake}}, kinds=KINDS)
    made = [Connection(project, **way) for way in WAYS]
    with made[-1].sql("SELECT AccountNumber FROM crm.Account ORDER BY Id") as result:
        numbers = [n for n in result.arrow().column(0).to_pylist() if n][::3]
    keys = [*numbers, *(n.lower() for n in numbers[:20]), "nobody's", None]
    pq.write_table(pa.table({"number": keys, "n": range(len(keys))}), root / "picked.parquet")
    yield tuple(made)
    for con in made:
        con.close()


def answers(ways: tuple[Connection, ...], sql: str) -> list[list[str]]:
    found = []
    for con in ways:
        with con.sql(sql) as result:
            found.append(sorted(map(repr, result.arrow().to_pylist())))
    return found


OWNED = "SELECT a.Id, u.LastName AS owner FROM crm.Account a JOIN crm.User u ON u.Id = a.OwnerId"


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT c.Id, x.owner FROM crm.Contact c LEFT JOIN ({OWNED} WHERE u.LastName = 'Weiß') x "
        "ON x.Id = c.AccountId",
        f"SELECT c.Id, x.owner FROM crm.Contact c LEFT JOIN ({OWNED} WHERE u.IsActive "
        "AND a.NumberOfEmployees > 100) x ON x.Id = c.AccountId",
        f"SELECT c.Id, x.owner FROM crm.Contact c JOIN ({OWNED} WHERE u.IsActive) x "
        "ON x.Id = c.AccountId",
        "SELECT c.Id, a.Name, u.LastName FROM crm.Contact c LEFT JOIN crm.Account a "
        "ON a.Id = c.AccountId LEFT JOIN crm.User u ON u.Id = a.OwnerId AND u.IsActive",
        "SELECT c.Id FROM crm.Contact c JOIN crm.Account a ON a.Id = c.AccountId "
        "LEFT JOIN crm.User u ON u.Id = a.OwnerId AND u.LastName < 'L'",
        f"SELECT c.Id FROM crm.Contact c WHERE c.AccountId NOT IN (SELECT x.Id FROM ({OWNED} "
        "WHERE u.LastName < 'L') x)",
        f"SELECT k.Id, y.Id FROM crm.Case k LEFT JOIN (SELECT c.Id, x.owner FROM crm.Contact c "
        f"JOIN ({OWNED} WHERE u.LastName < 'L') x ON x.Id = c.AccountId) y ON y.Id = k.ContactId",
    ],
)
def test_a_filter_two_steps_away_drops_no_row_that_an_outer_join_keeps(
    ways: tuple[Connection, ...], sql: str
) -> None:
    usual, *others = answers(ways, sql)
    assert usual
    for other in others:
        assert other == usual


PICKED = [
    "SELECT c.Id, a.Name, p.n FROM crm.Contact c JOIN crm.Account a ON a.Id = c.AccountId "
    "JOIN lake.picked p ON p.number = a.AccountNumber",
    "SELECT c.Id, a.Name FROM crm.Contact c JOIN crm.Account a ON a.Id = c.AccountId "
    "WHERE a.AccountNumber IN (SELECT number FROM lake.picked)",
    "SELECT c.Id, a.Name, p.n FROM crm.Contact c JOIN crm.Account a ON a.Id = c.AccountId "
    "LEFT JOIN lake.picked p ON p.number = a.AccountNumber",
    "SELECT c.Id, x.n FROM crm.Contact c LEFT JOIN (SELECT a.Id, p.n FROM crm.Account a "
    "JOIN lake.picked p ON p.number = a.AccountNumber) x ON x.Id = c.AccountId",
    "SELECT k.Id, a.Name FROM crm.Case k JOIN crm.Contact c ON c.Id = k.ContactId "
    "JOIN crm.Account a ON a.Id = c.AccountId JOIN lake.picked p ON p.number = a.AccountNumber",
    "SELECT c.Id FROM crm.Contact c JOIN crm.Account a ON a.Id = c.AccountId "
    "JOIN crm.User u ON u.Id = a.OwnerId JOIN lake.picked p ON p.number = a.AccountNumber "
    "WHERE u.IsActive",
    "SELECT t.Id, a.Name FROM crm.Task t JOIN crm.Account a ON a.Id = t.WhatId "
    "JOIN lake.picked p ON p.number = a.AccountNumber",
    "SELECT c.Id FROM crm.Contact c WHERE NOT EXISTS (SELECT 1 FROM crm.Account a JOIN lake.picked "
    "p ON p.number = a.AccountNumber WHERE a.Id = c.AccountId)",
]


@pytest.mark.parametrize("sql", PICKED)
def test_keys_of_a_row_that_comes_along(ways: tuple[Connection, ...], sql: str) -> None:
    usual, *others = answers(ways, sql)
    assert usual
    for other in others:
        assert other == usual


def test_keys_of_a_row_that_comes_along_are_sent_with_it(
    org: LocalOrg, ways: tuple[Connection, ...]
) -> None:
    org.clear_requests()
    with ways[1].sql(PICKED[0]) as result:
        rows = result.arrow().num_rows
        (bill,) = (b for b in result.bill.fragments if b.actual.calls)
    texts = [str(e["soql"]) for e in org.requests() if e.get("soql")]
    assert texts and all(" WHERE Account.AccountNumber IN (" in text for text in texts)
    assert bill.actual.rows <= 1.05 * rows
