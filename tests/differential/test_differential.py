"""Three answers are one answer: with pushdown, without it, and plain DuckDB over full copies.

`make fuzz N=20000` asks more of the same. Here: a few hundred queries, under every switch of the
local org in its first and in its last position, and on small pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Fragment, Judgement, Promise, ScanRequest
from isthmus.connectors.predicates import Predicate
from isthmus.connectors.salesforce.connector import Salesforce
from isthmus.engine import _duckdb_scan
from isthmus.localorg.switches import CHOICES
from tests.differential.answers import Answer, difference, short_of
from tests.differential.fuzz import Report, read_record, write_record
from tests.differential.generator import Query, generate
from tests.differential.trial import Coverage, ask, ask_duckdb, try_query
from tests.differential.world import Setting, World, world

#: Written by hand: what could go wrong where filters, limits and types meet.
HARD = [
    line
    for line in (Path(__file__).parent / "hard.sql").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("--")
]
SEED = 2024
QUERIES = 70
SETTINGS = {
    "first positions": Setting({n: p[0] for n, p in CHOICES.items()}, "America/Los_Angeles"),
    "last positions": Setting({n: p[-1] for n, p in CHOICES.items()}, "Europe/Berlin"),
    "small pages": Setting({"page-size": 37}, "UTC"),
    "two orgs": Setting({}, "UTC", orgs=("crm", "crm2")),
}
#: The hard queries name tables without their source, so they are asked of one org.
ALONE = [name for name, setting in SETTINGS.items() if len(setting.orgs) == 1]


@pytest.fixture(scope="module", params=SETTINGS)
def asked(request: pytest.FixtureRequest) -> Iterator[tuple[World, int]]:
    number = list(SETTINGS).index(request.param)
    with world(SETTINGS[request.param]) as w:
        yield w, number


def test_generated_queries_have_one_answer(asked: tuple[World, int]) -> None:
    w, block = asked
    coverage: Coverage = Counter()
    wrong = []
    for number in range(block * QUERIES, (block + 1) * QUERIES):
        query = generate(w.relations, SEED, number)
        found = try_query(w, query, coverage)
        wrong += [f"query {number}: {query.sql}\n{query.params}\n" + "\n".join(found)] * bool(found)
    assert not wrong, "\n\n".join(wrong)
    # A proof that pushes nothing proves nothing.
    for promise in ("crm EXACT", "crm SUPERSET", "lake EXACT"):
        assert sum(n for what, n in coverage.items() if what.startswith(promise)) > 0, promise
    assert coverage["answered"] > QUERIES * 0.9


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    done = Report(2, ["a difference"], Counter({"rule x": 3}), 0.5)
    write_record(record, 7, [0, 1], done)
    write_record(record, 8, [0, 1], Report(1))
    assert read_record(record, 7) == {(0, 2): done}
    assert read_record(tmp_path / "none", 7) == {} == read_record(None, 7)


def test_the_log_of_an_org_tells_a_call_that_is_not_billed(asked: tuple[World, int]) -> None:
    w, _ = asked
    log = replace(w.log, exact=True)
    log.clear()
    with w.pushed.sql("SELECT Id FROM crm.Account") as result:
        result.arrow()
        assert log.differences(result) == [] == log.unplanned(result)
        with w.pushed.sql("SELECT Name FROM crm.Account") as other:
            other.arrow()
            told = " ".join(log.differences(result))
            assert "calls, the log has" in told
            assert "sent 1 times more than was planned: SELECT Name FROM Account" in told
            log.clear()
            assert "billed, but never sent" in " ".join(log.differences(other))


@settings(max_examples=30, deadline=None, derandomize=True, phases=[Phase.generate])
@given(st.integers(min_value=1_000_000, max_value=10**9))
def test_any_generated_query_has_one_answer(asked: tuple[World, int], number: int) -> None:
    w, _ = asked
    query = generate(w.relations, SEED, number)
    found = try_query(w, query, Counter())
    assert not found, f"{query.sql}\n{query.params}\n" + "\n".join(found)


def test_a_failing_row_that_a_limit_may_choose_is_no_difference(asked: tuple[World, int]) -> None:
    w, _ = asked
    whole = "SELECT Amount * 0.5 AS c0 FROM main.pipeline"  # one amount is too large to multiply
    assert ask_duckdb(w.reference, whole, None).error == "data"
    query = Query(f"{whole} LIMIT 5 OFFSET 0", None, "plain_limit", whole, 5)
    assert [found for _ in range(20) for found in try_query(w, query, Counter())] == []


def test_hard_queries_have_one_answer(asked: tuple[World, int]) -> None:
    w, block = asked
    wrong = []
    for sql in HARD[block :: len(ALONE)] if len(w.orgs) == 1 else ():
        found = try_query(w, Query(sql, None, "hard"), Counter())
        wrong += [f"{sql}\n" + "\n".join(found)] * bool(found)
    assert not wrong, "\n\n".join(wrong)


def test_the_same_seed_gives_the_same_query(asked: tuple[World, int]) -> None:
    w, _ = asked
    assert generate(w.relations, 7, 3) == generate(w.relations, 7, 3)
    assert generate(w.relations, 7, 3) != generate(w.relations, 7, 4)


def test_many_threads_on_one_connection_have_one_answer(asked: tuple[World, int]) -> None:
    w, block = asked
    queries = [generate(w.relations, "threads", block * 40 + n) for n in range(40)]
    queries = [q for q in queries if q.unlimited is None]
    wanted = [ask_duckdb(w.reference, q.sql, q.params) for q in queries]

    def work(query: Query) -> Answer:
        with w.pushed.cursor() as own:
            return ask(own, query, None)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(work, queries))
    wrong = [
        f"{query.sql}\n{words}"
        for query, got, want in zip(queries, answers, wanted, strict=True)
        if want.table is not None and (words := difference(got, want))
    ]
    assert not wrong, "\n\n".join(wrong)


def test_without_the_private_hook_the_answer_is_the_same(
    asked: tuple[World, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_duckdb_scan, "has_hook", lambda: False)
    w, block = asked
    for number in range(block * 25, block * 25 + 25):
        query = generate(w.relations, "fallback", number)
        assert try_query(w, query, Counter()) == [], query.sql


class Liar(Salesforce):
    """Promises EXACT where Salesforce compares text without case."""

    def judge(self, table: Table, predicate: Predicate) -> Judgement:
        return exact(super().judge(table, predicate))

    def plan(self, request: ScanRequest) -> Fragment:
        fragment = super().plan(request)
        return replace(fragment, judgements=tuple(exact(j) for j in fragment.judgements))


def exact(judgement: Judgement) -> Judgement:
    sent = judgement.promise is not Promise.LOCAL
    return replace(judgement, promise=Promise.EXACT) if sent else judgement


def test_a_promise_that_is_not_kept_is_found() -> None:
    with world(SETTINGS["first positions"], crm=Liar) as w:
        query = Query("SELECT Name FROM crm.Account WHERE Name = 'acme'", None, "filter")
        assert try_query(w, query, Counter()) == [
            "pushed, against plain DuckDB: 3 rows against 1: "
            "only in one [(\"'Acme'\",), (\"'ACME'\",)], only in the other []"
        ]


def table(**columns: pa.Array) -> Answer:
    return Answer(pa.table(columns))


def test_answers_differ_in_rows_types_names_and_errors() -> None:
    one = table(a=pa.array([1, 2, 2]))
    assert difference(one, table(a=pa.array([2, 1, 2]))) is None
    assert difference(one, table(a=pa.array([1, 1, 2])))
    assert difference(one, table(a=pa.array([1, 2, 2], pa.int32())))
    assert difference(one, table(b=pa.array([1, 2, 2])))
    assert difference(one, Answer(error="data"))
    assert difference(Answer(error="query"), Answer(error="data"))
    assert difference(table(a=pa.array([0.1 + 0.2])), table(a=pa.array([0.3]))) is None
    assert difference(table(a=pa.array([0.1])), table(a=pa.array([0.1000001])))


def test_a_limited_answer_is_a_choice_of_the_whole() -> None:
    whole = table(a=pa.array([1, 2, 2, 3]))
    assert short_of(table(a=pa.array([2, 2])), whole, 2, 0) is None
    assert short_of(table(a=pa.array([1, 1])), whole, 2, 0)
    assert short_of(table(a=pa.array([1])), whole, 2, 0)
    assert short_of(table(a=pa.array([3])), whole, 5, 3) is None
