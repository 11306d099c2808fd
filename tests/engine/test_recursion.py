"""A recursion opens a scan once for each step: its rows are fetched once, by what was planned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import isthmus
from isthmus.localorg import LocalOrg

UPWARDS = """
    WITH RECURSIVE chain(Id, ParentId, depth) AS (
      SELECT Id, ParentId, 0 FROM crm.Account WHERE {start}
      UNION ALL
      SELECT a.Id, a.ParentId, depth + 1 FROM chain c JOIN crm.Account a ON a.Id = c.ParentId
      WHERE depth < 4 AND a.Name IS NOT NULL)
    SELECT depth, count(*) FROM chain GROUP BY depth ORDER BY depth"""


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(scale=0.5) as org:
        yield org


@pytest.fixture
def con(org: LocalOrg, tmp_path: Path) -> Iterator[isthmus.Connection]:
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps(org.ready))
    with isthmus.connect(
        {"sources": {"crm": {"kind": "salesforce", "ready_file": str(ready)}}}
    ) as con:
        yield con


def test_a_step_costs_no_call(con: isthmus.Connection, org: LocalOrg) -> None:
    # a loop: each account is its own child's parent, so there are steps enough
    query = UPWARDS.format(start="ParentId IS NOT NULL").replace("a.Id = c.ParentId", "a.Id = c.Id")
    org.clear_requests()
    with con.sql(query) as result:
        rows = result.fetchall()
        sent = [r["soql"] for r in org.requests() if r["soql"]]
        plan = result.plan
    assert len(rows) == 5 and len({count for _, count in rows}) == 1, rows
    assert sorted(sent) == sorted(s.fragment.text for s in plan.scans if s.fed is None)
    assert len(sent) <= 2


def test_each_step_has_every_row(con: isthmus.Connection) -> None:
    pushed = con.sql(UPWARDS.format(start="true")).fetchall()
    accounts = con.sql("SELECT Id, ParentId FROM crm.Account").fetchall()
    parents = dict(accounts)
    depths: list[int] = []
    level = [account for account, _ in accounts]
    while level and len(depths) < 5:
        depths.append(len(level))
        level = [parents[a] for a in level if parents.get(a) in parents]
    assert pushed == list(enumerate(depths))
