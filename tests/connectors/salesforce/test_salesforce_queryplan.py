"""The org's own plan as the first guess at a filter: when it is asked, and what comes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import isthmus
from isthmus.catalog.model import RowCount
from isthmus.catalog.statistics import Share, TableFacts
from isthmus.connectors.contract import OPEN, ReadContext, ScanRequest
from isthmus.connectors.predicates import Compare, In, Like
from isthmus.connectors.salesforce import INCLUDE_DELETED, Salesforce, queryplan
from isthmus.connectors.salesforce.queryplan import FORGOTTEN, told_share
from isthmus.connectors.shares import answer_key, told_key
from isthmus.engine.plan import Plan
from isthmus.errors import BudgetExceeded, ConfigError
from isthmus.localorg import LocalOrg
from isthmus.localorg.errors import OrgError

RARE = Compare("LeadSource", "=", "Web")


@pytest.fixture
def many(crm: Salesforce) -> Salesforce:
    """A connector to an org that says it has very many contacts."""
    return with_rows(crm, 1_000_000)


def with_rows(crm: Salesforce, rows: int) -> Salesforce:
    crm.row_count = lambda table: RowCount(rows, False, "told")  # type: ignore[method-assign]
    return crm


def contacts(crm: Salesforce, *predicates: object) -> ScanRequest:
    found = crm.describe("Contact")
    assert found is not None
    return ScanRequest(found, ("Id",), tuple(predicates))  # type: ignore[arg-type]


def explained(org: LocalOrg) -> int:
    """Plans that were asked for: questions to /query that are no queries."""
    return sum(e["path"].endswith("/query") and e["rows"] is None for e in org.requests())


def test_an_unknown_filter_is_asked_about_once(org: LocalOrg, many: Salesforce) -> None:
    request = contacts(many, RARE)
    before = many.metadata_bill.metadata_calls
    org.clear_requests()
    first = many.plan(request).estimate
    assert explained(org) == 1
    assert many.metadata_bill.metadata_calls == before + 1
    assert "by the org's own plan" in first.basis
    part = counted(many, request) / counted(many, contacts(many))
    assert first.rows == pytest.approx(1_000_000 * part, rel=0.01)
    org.clear_requests()
    assert many.plan(replace(request, columns=("Id", "Email"))).estimate.rows == first.rows
    assert explained(org) == 0
    many.plan(contacts(many, Compare("LeadSource", "=", "Other")))
    assert explained(org) == 1


def counted(crm: Salesforce, request: ScanRequest) -> int:
    fragment = crm.plan(replace(request, options=frozenset({"rest"})))
    return sum(batch.num_rows for batch in crm.open(fragment, ReadContext()))


@pytest.mark.parametrize(
    ("rows", "made"),
    [
        (30_000, lambda crm: contacts(crm, RARE)),
        (1_000_000, lambda crm: contacts(crm)),
        (1_000_000, lambda crm: contacts(crm, Like("Description", "%x%"))),
        (1_000_000, lambda crm: contacts(crm, In("Id", ("003Ib0000004CdeIAE",)), RARE)),
        (1_000_000, lambda crm: contacts(crm, In("Email", tuple(f"{n}@x" for n in range(101))))),
        (
            1_000_000,
            lambda crm: replace(contacts(crm, RARE), options=frozenset({INCLUDE_DELETED})),
        ),
    ],
    ids=["few rows", "no filter", "none that is sent", "keys", "a long list", "deleted rows"],
)
def test_where_a_plan_can_not_help_none_is_asked_for(
    org: LocalOrg, crm: Salesforce, rows: int, made: Callable[[Salesforce], ScanRequest]
) -> None:
    with_rows(crm, rows)
    request = made(crm)
    org.clear_requests()
    crm.plan(request)
    assert explained(org) == 0


class Remembers:
    """Statistics of one answer."""

    call_seconds = None

    def __init__(self, key: str, at: float) -> None:
        self.facts = TableFacts(shares={key: Share(0.125, 5, 1, at)})
        self.told: list[tuple[str, str, float, int]] = []

    def of(self, table: str) -> TableFacts:
        return self.facts

    def count(self, table: str, counted: object) -> None:
        return None

    def tell(self, table: str, key: str, share: float, rows: int) -> None:
        self.told.append((table, key, share, rows))


def test_what_an_answer_taught_comes_first(org: LocalOrg, many: Salesforce) -> None:
    key = answer_key([RARE])
    assert key is not None
    request = contacts(many, RARE)
    for kept, at, questions in [
        (key, time.time(), 0),
        ("LeadSource =", time.time(), 0),
        (told_key(key), time.time() - FORGOTTEN / 2, 0),
        (told_key(key), time.time() - FORGOTTEN * 2, 1),
    ]:
        book = Remembers(kept, at)
        many.statistics = book
        org.clear_requests()
        planned = many.plan(request)
        assert explained(org) == questions == len(book.told), kept
        if not questions:
            assert planned.estimate.rows == 125_000
    assert "by the org's own plan, 12 h old" not in planned.estimate.basis


def test_a_source_may_switch_it_off(org: LocalOrg, connect: Callable[..., Salesforce]) -> None:
    crm = with_rows(connect(query_plan="off"), 1_000_000)
    request = contacts(crm, RARE)
    org.clear_requests()
    assert "a guess" in crm.plan(request).estimate.basis
    assert explained(org) == 0
    with pytest.raises(ConfigError, match="query_plan = 'always'"):
        connect(query_plan="always")


def test_an_org_that_gives_no_plans_is_not_asked_again(
    org: LocalOrg, many: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise OrgError(400, "FUNCTIONALITY_NOT_ENABLED", "no plans here")

    monkeypatch.setattr("isthmus.localorg.resources.explain.explain", refuse)
    org.clear_requests()
    for source in ("Web", "Other", "Web"):
        assert (
            "a guess"
            in many.plan(contacts(many, Compare("LeadSource", "=", source))).estimate.basis
        )
    assert explained(org) == 1


def test_a_budget_that_allows_no_question_fails_nothing(
    many: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = contacts(many, RARE)

    def refuse(kind: str, rows: int) -> None:
        raise BudgetExceeded("nothing is left")

    monkeypatch.setattr(OPEN, "spend", refuse)
    assert "a guess" in many.plan(request).estimate.basis


def test_answers_that_say_nothing() -> None:
    assert told_share({}) is None
    assert told_share({"plans": []}) is None
    assert told_share({"plans": [{"cardinality": 3, "sobjectCardinality": 0}]}) is None
    assert told_share({"plans": [{"cardinality": "x", "sobjectCardinality": 3}]}) is None
    assert told_share({"plans": [{"cardinality": 9, "sobjectCardinality": 3}]}) == 1.0


def test_the_book_keeps_it_for_the_next_connection(
    org: LocalOrg, ready_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queryplan, "_PAGES", 0)
    source = {"kind": "salesforce", "ready_file": str(ready_file)}
    project = {"sources": {"crm": source}}
    rows = []
    for questions in (1, 0):
        with isthmus.connect(project, state=tmp_path / "state") as con:
            con.explain("SELECT Id FROM crm.Opportunity")
            org.clear_requests()
            plan = con.explain("SELECT Id FROM crm.Opportunity WHERE StageName = 'Closed Won'")
            assert explained(org) == questions
            assert isinstance(plan, Plan)
            rows.append(plan.estimate.rows)
            assert "the org's own plan" in plan.scans[0].fragment.estimate.basis
    assert rows[0] == rows[1]
    assert json.loads(ready_file.read_text())["access_token"] is None
