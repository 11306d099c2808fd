"""What answers of an org teach: counts, values, looked-up rows, and how long a call takes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import isthmus
from isthmus.catalog.statistics import TableFacts
from isthmus.connectors.contract import Meter
from isthmus.engine.plan import Plan
from isthmus.localorg import LocalOrg


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(scale=0.3) as org:
        yield org


@pytest.fixture
def con(org: LocalOrg, tmp_path: Path) -> Iterator[isthmus.Connection]:
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps(org.ready))
    project = {"sources": {"crm": {"kind": "salesforce", "ready_file": str(ready)}}}
    with isthmus.connect(project, state=tmp_path / "state") as con:
        yield con


def facts(con: isthmus.Connection, table: str) -> TableFacts:
    return con._connectors["crm"].statistics.of(table)


def plan(con: isthmus.Connection, query: str) -> Plan:
    found = con.explain(query)
    assert isinstance(found, Plan)
    return found


def rows(con: isthmus.Connection, query: str) -> int:
    return plan(con, query).estimate.rows


OPEN = "FROM crm.Opportunity WHERE IsClosed = false"


def test_a_count_teaches_how_many_rows_pass(con: isthmus.Connection) -> None:
    ((counted,),) = con.sql(f"SELECT count(*) {OPEN}").fetchall()
    assert rows(con, f"SELECT Id, Name {OPEN}") == pytest.approx(counted, abs=1)
    # and so do the groups of what is counted by a column
    con.sql("SELECT FiscalYear, count(*) FROM crm.Opportunity WHERE IsWon = true GROUP BY 1").df()
    predicted = rows(con, "SELECT Id, Name FROM crm.Opportunity WHERE IsWon = true")
    ((won,),) = con.sql("SELECT count(*) FROM crm.Opportunity WHERE IsWon = true").fetchall()
    assert predicted == pytest.approx(won, abs=1)


def test_a_count_of_all_rows_is_the_table_s(con: isthmus.Connection) -> None:
    ((counted,),) = con.sql("SELECT count(*) FROM crm.Contact").fetchall()
    learnt = facts(con, "Contact").counted
    assert learnt is not None
    assert (learnt.rows, learnt.exact) == (counted, True)


def test_extremes_alone_teach_no_count(con: isthmus.Connection) -> None:
    asked = "SELECT min(CloseDate) FROM crm.Opportunity WHERE IsClosed = false"
    before = rows(con, f"SELECT Id {OPEN}")
    assert plan(con, asked).scans[0].request.aggregates
    con.sql(asked).fetchall()
    ((counted,),) = con.sql(f"SELECT count(*) {OPEN}").fetchall()
    assert rows(con, f"SELECT Id {OPEN}") == pytest.approx(counted, abs=1) != before


def test_rows_with_looked_up_ones_teach_unless_those_narrow_them(con: isthmus.Connection) -> None:
    join = (
        "SELECT o.Name, a.Name FROM crm.Opportunity o LEFT JOIN crm.Account a ON a.Id = o.AccountId"
    )
    assert plan(con, f"{join} WHERE o.IsClosed").rules_fired.count("co_fetch") == 1
    found = len(con.sql(f"{join} WHERE o.IsClosed = true").fetchall())
    assert rows(con, "SELECT Id FROM crm.Opportunity WHERE IsClosed = true") == found
    narrowed = f"{join.replace('LEFT ', '')} WHERE a.Industry = 'Energy' AND o.IsPrivate = false"
    if "co_fetch" in plan(con, narrowed).rules_fired:
        before = dict(facts(con, "Opportunity").shares)
        con.sql(narrowed).fetchall()
        assert facts(con, "Opportunity").shares == before


def test_values_seen_have_their_own_shares_and_quantiles(con: isthmus.Connection) -> None:
    con.sql("SELECT Id, StageName, Amount, CloseDate, IsWon FROM crm.Opportunity").arrow()
    stages = con.sql("SELECT StageName, count(*) FROM crm.Opportunity GROUP BY 1").fetchall()
    for stage, count in stages:
        query = f"SELECT Id FROM crm.Opportunity WHERE StageName = '{stage}'"
        assert rows(con, query) == pytest.approx(count, abs=1)
    dates = facts(con, "Opportunity").columns["CloseDate"]
    assert len(dates.quantiles) == 17
    assert (dates.quantiles[0], dates.quantiles[-1]) == (dates.least, dates.most)
    assert list(dates.quantiles) == sorted(dates.quantiles)
    assert facts(con, "Opportunity").columns["StageName"].quantiles == ()


def test_the_pace_is_that_of_queries_alone() -> None:
    meter = Meter()
    meter.start()
    time.sleep(0.05)  # a login, say
    meter.spend_call()
    meter.end_call()
    meter.spend_call("bulk")
    time.sleep(0.05)
    meter.end_call()
    seconds, calls = meter.pace
    assert calls == 1
    assert seconds < 0.04
