"""Child rows that come along: the answers are those of a connection that pushes nothing down."""

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

#: As it is, with all children fetched along that can be, and with nothing of that.
WAYS: tuple[dict[str, Any], ...] = ({}, {"prefer": "children"}, {"pushdown": False})


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    """Most accounts have children on pages of their own."""
    switches = {"page-size": 90, "child-page": 4}
    with LocalOrg(data="demo", scale=0.06, seed=7, switches=switches) as org:
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
    with made[-1].sql("SELECT Name FROM crm.Account ORDER BY Id") as result:
        names = [n for n in result.arrow().column(0).to_pylist() if n][::2]
    keys = [*names, names[0].upper(), "nobody's", None]
    pq.write_table(pa.table({"name": keys, "n": range(len(keys))}), root / "picked.parquet")
    yield tuple(made)
    for con in made:
        con.close()


#: A query, and how often the rule fires where it is preferred.
CASES = [
    ("SELECT a.Id, c.Id FROM crm.Account a LEFT JOIN crm.Contact c ON c.AccountId = a.Id", 1),
    # text is compared again here: what only brings more children must pass nevertheless
    (
        """SELECT a.Name, c.LastName FROM crm.Account a LEFT JOIN crm.Contact c
        ON c.AccountId = a.Id AND c.LeadSource = 'Web' WHERE a.Name >= 'C' AND a.Type != 'Other'""",
        1,
    ),
    # two tables of children, one of them for one value only
    (
        """SELECT a.Id, (SELECT max(Subject) FROM crm.Case s WHERE s.AccountId = a.Id), o.Amount
        FROM crm.Account a LEFT JOIN crm.Opportunity o ON o.AccountId = a.Id""",
        2,
    ),
    # the same relationship twice: once a statement
    (
        """SELECT a.Id, c.LastName, d.Email FROM crm.Account a
        LEFT JOIN crm.Contact c ON c.AccountId = a.Id AND c.LastName < 'M'
        LEFT JOIN crm.Contact d ON d.AccountId = a.Id AND d.LastName >= 'M'""",
        1,
    ),
    # parents found by keys of a file, children's keys pushed into a third table
    (
        """SELECT p.n, a.Name, c.LastName, s.Subject FROM lake.picked p
        JOIN crm.Account a ON a.Name = p.name LEFT JOIN crm.Contact c ON c.AccountId = a.Id
        LEFT JOIN crm.Case s ON s.ContactId = c.Id""",
        1,
    ),
    # rows that are looked up come along in the same statement
    (
        """SELECT a.Name, u.LastName, c.LastName FROM crm.Account a
        JOIN crm.User u ON u.Id = a.OwnerId LEFT JOIN crm.Contact c ON c.AccountId = a.Id""",
        1,
    ),
    # a table that points to itself
    ("SELECT a.Id, b.Id FROM crm.Account a LEFT JOIN crm.Account b ON b.ParentId = a.Id", 1),
    ("SELECT a.Id FROM crm.Account a SEMI JOIN crm.Case c ON c.AccountId = a.Id", 1),
    ("SELECT a.Id FROM crm.Account a ANTI JOIN crm.Case c ON c.AccountId = a.Id", 1),
    # one of the kinds that a lookup may point at
    ("SELECT a.Id, t.Subject FROM crm.Account a LEFT JOIN crm.Task t ON t.WhatId = a.Id", 1),
    # children without a parent count
    ("SELECT a.Id, c.Id FROM crm.Account a RIGHT JOIN crm.Contact c ON c.AccountId = a.Id", 0),
    ("SELECT a.Id, c.Id FROM crm.Account a FULL JOIN crm.Contact c ON c.AccountId = a.Id", 0),
    ("SELECT c.Id FROM crm.Contact c ANTI JOIN crm.Account a ON c.AccountId = a.Id", 0),
    # which children come is decided before they are joined
    (
        """SELECT a.Id, c.n FROM crm.Account a LEFT JOIN (SELECT AccountId, row_number() OVER
        (ORDER BY Id) AS n FROM crm.Contact) c ON c.AccountId = a.Id""",
        0,
    ),
]


@pytest.mark.parametrize(("sql", "times"), CASES)
def test_the_answers_are_the_same(ways: tuple[Connection, ...], sql: str, times: int) -> None:
    found = []
    for con, way in zip(ways, WAYS, strict=True):
        with con.sql(sql) as result:
            found.append(sorted(map(repr, result.arrow().to_pylist())))
            if way.get("prefer"):
                assert result.plan.rules_fired.count("child_fetch") == times, result.plan
            if not way.get("pushdown", True):
                assert "child_fetch" not in result.plan.rules_fired
    assert found[0] == found[1] == found[2]
    assert found[0]


def test_nothing_waits_in_memory_for_a_parent_with_many_children(
    ways: tuple[Connection, ...],
) -> None:
    """A parent's children come in several batches, none larger than a page."""
    sql = "SELECT a.Id, c.Id FROM crm.Account a LEFT JOIN crm.Contact c ON c.AccountId = a.Id"
    with ways[1].sql(sql) as result:
        result.arrow()
        calls = result.bill.actual.calls
        assert result.bill.actual.rows == sum(
            ways[2].sql(f"SELECT count(*) FROM crm.{name}").fetchall()[0][0]
            for name in ("Account", "Contact WHERE AccountId IS NOT NULL")
        )
    assert calls > 5
