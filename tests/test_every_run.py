"""The watch over every run finds a query whose plan is not what the org got."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import isthmus
from isthmus.connectors.contract import Meter
from isthmus.connectors.predicates import Compare
from isthmus.connectors.salesforce import connector, reading
from isthmus.connectors.salesforce.planning import draft
from isthmus.localorg import LocalOrg
from tests.every_run import Watch

QUERY = "SELECT Id, Name FROM crm.Account WHERE Industry = 'Energy'"


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(scale=0.2) as org:
        yield org


@pytest.fixture
def con(org: LocalOrg, tmp_path: Path) -> Iterator[isthmus.Connection]:
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps(org.ready))
    project = {"sources": {"crm": {"kind": "salesforce", "ready_file": str(ready)}}}
    with isthmus.connect(project) as con:
        con.sql("SELECT count(*) FROM crm.Account").fetchall()
        yield con


def test_every_query_is_compared(con: isthmus.Connection, every_run: Watch) -> None:
    before = every_run.compared
    con.sql(QUERY).fetchall()
    con.sql("SELECT 1").fetchall()
    con.explain(QUERY, analyze=True)
    next(con.sql(QUERY).reader())
    assert every_run.compared >= before + 3
    assert not every_run.take()


@pytest.mark.log_differs("the connector is made to send what was not planned")
def test_a_text_that_was_not_planned_is_found(
    con: isthmus.Connection, every_run: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(org: Any, drafted: Any, context: Any, **more: Any) -> Any:
        asked = drafted.request
        fewer = (*asked.predicates, Compare("Name", "!=", "Acorn"))
        return reading.rows(org, draft(replace(asked, predicates=fewer)), context, **more)

    monkeypatch.setattr(connector, "rows", other)
    con.sql(QUERY).fetchall()
    found = every_run.take()
    assert any("sent 1 times more than was planned: SELECT Id, Name" in f for f in found)
    assert any("billed, but never sent" in f for f in found)


@pytest.mark.log_differs("the connector is made to read twice")
def test_a_call_that_was_not_billed_is_found(
    con: isthmus.Connection, every_run: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(org: Any, drafted: Any, context: Any, **more: Any) -> Any:
        for _ in reading.rows(org, drafted, replace(context, meter=Meter()), **more):
            pass
        return reading.rows(org, drafted, context, **more)

    monkeypatch.setattr(connector, "rows", twice)
    con.sql(QUERY).fetchall()
    found = every_run.take()
    assert any("the bill says 1 calls, the log has 2" in f for f in found)
    assert any("sent 1 times more" in f for f in found)


@pytest.mark.log_differs("the connector is made to bill what it does not send")
def test_a_call_that_was_never_made_is_found(
    con: isthmus.Connection, every_run: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(org: Any, drafted: Any, context: Any, **more: Any) -> Any:
        context.meter.add(calls=2)
        return iter(())

    monkeypatch.setattr(connector, "rows", none)
    con.sql(QUERY).fetchall()
    found = every_run.take()
    assert any("the bill says 2 calls, the log has 0" in f for f in found)
    assert any("billed, but never sent" in f for f in found)
