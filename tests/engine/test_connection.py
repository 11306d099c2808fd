"""How a connection behaves: lazily, bounded, interruptible, and right about its promises."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from isthmus.connectors.contract import Fragment, Promise, ScanRequest
from isthmus.errors import (
    Cancelled,
    ConfigError,
    DeadlineExceeded,
    ParameterError,
    QueryError,
    SourceUnavailable,
    UnknownName,
)
from tests.own_threads import own_threads

PEOPLE = pa.table(
    {
        "Id": ["a", "b", "c", "d", "e", None],
        "Name": ["Acme", "ACME", "Beta", None, "null", ""],
        "Amount": pa.array([Decimal("1.10"), None, Decimal("3.30"), *[Decimal("0")] * 3]),
        "Open": [True, False, None, True, False, True],
    }
)


@pytest.fixture
def source(memory_source: Any) -> Any:
    return memory_source("crm", {"Account": PEOPLE, "Case": PEOPLE.slice(0, 2)})


@pytest.fixture
def con(memory: Any, source: Any) -> Any:
    views = {
        "big": "SELECT Name, Amount FROM Account WHERE Amount > 1",
        "twice": "-- two of them\nSELECT * FROM big UNION ALL SELECT * FROM big -- end",
        "left_arm": "SELECT * FROM right_arm",
        "right_arm": "SELECT * FROM left_arm",
    }
    return memory({"crm": source}, views)


def test_nothing_is_read_before_rows_are_asked_for(con: Any, source: Any) -> None:
    result = con.sql("SELECT * FROM crm.Account")
    assert source.opened == []
    assert result.bill.estimated.calls == 1 and result.bill.actual.calls == 0
    result.arrow()
    result.arrow()
    assert len(source.opened) == 1
    assert result.bill.actual.calls == 1


def test_a_superset_promise_is_checked_again(con: Any) -> None:
    assert con.sql("SELECT Id FROM crm.Account WHERE Name = 'Acme'").fetchall() == [("a",)]
    assert con.sql("SELECT count(*) FROM crm.Account WHERE Name <> 'Acme'").fetchall() == [(4,)]


def test_two_reads_of_one_view_keep_their_own_filters(con: Any) -> None:
    text = """
        WITH a AS (SELECT Id, Name FROM crm.Account)
        SELECT Id FROM a WHERE Name = 'Acme' UNION ALL SELECT Id FROM a WHERE Name = 'Beta'
    """
    assert sorted(con.sql(text).fetchall()) == [("a",), ("c",)]


def test_views_unfold_and_may_use_views(con: Any) -> None:
    assert con.sql("SELECT count(*) FROM main.Twice").fetchall() == [(4,)]
    assert con.sql("SELECT big.Name FROM big ORDER BY 1").fetchall() == [("Acme",), ("Beta",)]


def test_a_circle_of_views_is_named(con: Any) -> None:
    with pytest.raises(ConfigError, match=r"left_arm.*right_arm.*left_arm"):
        con.sql("SELECT * FROM left_arm")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT crm.Account.Id FROM crm.Account",
        "SELECT CRM.main.ACCOUNT.id FROM account",
        'SELECT "Account"."Id" FROM crm."Account"',
        "SELECT a.Id FROM crm.main.Account AS a",
        "SELECT x FROM crm.Account AS a(x)",
        "FROM crm.Account SELECT Id",
        "SELECT Id FROM crm.Account WHERE crm.Account.Id IS NULL OR TRUE",
        'SELECT "ä".Id FROM (SELECT \'ö\' AS u) u, crm.Account AS "ä"',
    ],
)
def test_names_are_found_however_they_are_written(con: Any, text: str) -> None:
    rows = con.sql(text).fetchall()
    assert sorted(map(str, (r[0] for r in rows))) == ["None", "a", "b", "c", "d", "e"]


def test_a_reserved_word_may_be_a_table(con: Any) -> None:
    assert con.sql('SELECT count(*) FROM crm.Case, crm."Case" c').fetchall() == [(4,)]


def test_misspelt_names_get_a_suggestion(con: Any) -> None:
    with pytest.raises(UnknownName, match=r"Acount.*\n.*crm\.Account"):
        con.sql("SELECT * FROM crm.Acount")
    with pytest.raises(UnknownName, match=r'"Nmae" \(line 1, column 8\)\n  Did you mean Name'):
        con.sql("SELECT Nmae FROM crm.Account")


def test_a_limit_reaches_the_source_only_when_nothing_is_filtered_after(
    con: Any, source: Any
) -> None:
    assert len(con.sql("SELECT Id FROM crm.Account LIMIT 2 OFFSET 1").fetchall()) == 2
    assert source.opened[-1].request.limit == 3
    con.sql("SELECT Id FROM crm.Account WHERE Name IS NULL LIMIT 2").fetchall()
    assert source.opened[-1].request.limit == 2
    for blocked in (
        "WHERE Name = 'Acme' LIMIT 2",  # a superset
        "WHERE Name LIKE 'A%' LIMIT 2",  # DuckDB's own filter
        "ORDER BY Name LIMIT 2",
    ):
        con.sql(f"SELECT Id FROM crm.Account {blocked}").fetchall()
        assert source.opened[-1].request.limit is None, blocked
    con.sql("SELECT DISTINCT Name FROM crm.Account LIMIT 2").fetchall()
    assert source.opened[-1].request.limit is None


def test_no_limit_once_the_connector_keeps_a_predicate_back(
    memory: Any, memory_source: Any
) -> None:
    class Forgetful(memory_source):  # type: ignore[misc]
        """Promises EXACT, and finds when it writes the fragment that it can't send it."""

        def plan(self, request: ScanRequest) -> Fragment:
            fragment = super().plan(request)
            late = [replace(j, promise=Promise.LOCAL) for j in fragment.judgements]
            assert isinstance(fragment, Fragment)
            return replace(fragment, judgements=tuple(late))

    source = Forgetful("crm", {"Account": PEOPLE})
    con = memory({"crm": source})
    rows = con.sql("SELECT Id FROM crm.Account WHERE Name IS NULL LIMIT 1").fetchall()
    assert rows == [("d",)]
    assert source.opened[-1].request.limit is None


def test_explain_shows_just_what_is_sent(con: Any, source: Any) -> None:
    plan = con.explain("SELECT Id FROM crm.Account WHERE Name = 'Acme' AND Amount + 1 > Amount")
    assert source.opened == []
    [scan] = plan.to_dict()["fragments"]
    promises = {p["predicate"]: p["promise"] for p in scan["predicates"]}
    assert promises["(\"Name\" = 'Acme')"] == "SUPERSET"
    assert any(promise == "LOCAL" for promise in promises.values())
    con.sql("SELECT Id FROM crm.Account WHERE Name = 'Acme' AND Amount + 1 > Amount").arrow()
    assert source.opened[-1].text == scan["text"]
    assert "predicted" in str(plan) and "<table>" in plan._repr_html_()


def test_a_clock_does_not_break_the_plan(con: Any, source: Any) -> None:
    con.sql("SELECT Id FROM crm.Account WHERE now() > '2020-01-01'").arrow()
    assert len(source.opened) == 1


def test_a_contradiction_reads_nothing(con: Any, source: Any) -> None:
    assert con.sql("SELECT Id FROM crm.Account WHERE 1 = 2").fetchall() == []
    assert source.opened == []


def test_streams_and_stops(con: Any, source: Any) -> None:
    result = con.sql("SELECT Id FROM crm.Account")
    with result:
        assert result.reader().read_next_batch().num_rows > 0
    with pytest.raises(QueryError, match="already been streamed"):
        result.reader()


def test_an_error_of_a_source_arrives_as_it_was(con: Any, source: Any) -> None:
    source.fail_after = 1
    with pytest.raises(SourceUnavailable, match="crm went away"):
        con.sql("SELECT * FROM crm.Account").arrow()


def test_cancel_from_another_thread_takes_less_than_a_second(con: Any, source: Any) -> None:
    source.block = threading.Event()
    result = con.sql("SELECT count(*) FROM crm.Account")
    timer = threading.Timer(0.3, result.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        result.arrow()
    assert time.monotonic() - began < 1.3
    assert own_threads() == []


def test_interrupt_stops_every_query_of_the_connection(con: Any, source: Any) -> None:
    source.block = threading.Event()
    threading.Timer(0.3, con.interrupt).start()
    with pytest.raises(Cancelled):
        con.sql("SELECT * FROM crm.Account").arrow()


def test_a_timeout_is_kept(con: Any, source: Any) -> None:
    source.block = threading.Event()
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"0.5 s"):
        con.sql("SELECT * FROM crm.Account", timeout=0.5).arrow()
    assert time.monotonic() - began < 1.5


def test_queries_run_side_by_side(con: Any) -> None:
    answers: list[int] = []

    def ask() -> None:
        for _ in range(5):
            answers.append(con.cursor().sql("SELECT count(*) FROM crm.Account").fetchall()[0][0])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [6] * 20


def test_parameters_are_bound_not_spliced(con: Any, source: Any) -> None:
    text = "SELECT Id FROM crm.Account WHERE Name = $n LIMIT $k"
    assert con.sql(text, {"n": "Acme' OR 1=1 --", "k": 5}).fetchall() == []
    assert con.sql(text, {"n": "Acme", "k": 5}).fetchall() == [("a",)]
    assert con.sql("SELECT count(*) FROM crm.Account WHERE Id IN ?", [["a", "b"]]).fetchall() == [
        (2,)
    ]
    with pytest.raises(ParameterError):
        con.sql(text, {"n": "Acme"}).arrow()
    with pytest.raises(ParameterError, match="object"):
        con.sql(text, {"n": object(), "k": 1})


def test_a_bare_boolean_shrinks_the_fetch(con: Any, source: Any) -> None:
    assert len(con.sql("SELECT Id FROM crm.Account WHERE NOT Open").fetchall()) == 2
    [predicate] = source.opened[-1].request.predicates
    assert (predicate.column, predicate.op, predicate.value) == ("Open", "=", False)


@pytest.mark.parametrize(
    "inner",
    [
        "SELECT * FROM crm.Account ORDER BY Id LIMIT 2",
        "SELECT *, row_number() OVER (ORDER BY Id) AS nth FROM crm.Account",
        "SELECT *, count(*) OVER () AS n FROM crm.Account",
        "SELECT DISTINCT ON (Name IS NULL) * FROM crm.Account ORDER BY Id",
    ],
)
def test_a_bare_boolean_stays_above_what_it_would_change(con: Any, source: Any, inner: str) -> None:
    whole = con.sql(f"SELECT * FROM ({inner}) ORDER BY Id").fetchall()
    open_at = PEOPLE.column_names.index("Open")
    asked = con.sql(f"SELECT * FROM ({inner}) WHERE Open ORDER BY Id").fetchall()
    assert asked == [row for row in whole if row[open_at]]
    assert source.opened[-1].request.predicates == ()


def test_a_pivot_whose_columns_come_from_the_data(con: Any) -> None:
    rows = con.sql("PIVOT crm.Account ON Open IN (true, false) USING count(*)").fetchall()
    assert len(rows) > 0
    wide = con.sql("PIVOT (SELECT Id, Open FROM crm.Account) ON Open USING count(*)")
    assert not wide.plan.complete
    assert {"Id"} <= set(wide.arrow().column_names)


def test_show_describe_summarize(con: Any, source: Any) -> None:
    assert ("crm", "Account") in con.sql("SHOW TABLES").fetchall()
    assert con.sql("DESCRIBE crm.Account").fetchall()[0][0] == "Id"
    assert source.opened == []
    assert con.sql("SUMMARIZE crm.Account").fetchall()[0][0] == "Id"
    assert "memory" in con.sql("EXPLAIN SELECT * FROM crm.Account").fetchall()[0][0]


def test_the_zone_is_the_sessions(con: Any) -> None:
    text = "SELECT (TIMESTAMPTZ '2024-06-01 23:30:00Z')::DATE::TEXT"
    assert con.sql(text).fetchall() == [("2024-06-01",)]
    con.time_zone = "Europe/Berlin"
    assert con.sql(text).fetchall() == [("2024-06-02",)]
    with pytest.raises(ConfigError, match="Mars"):
        con.time_zone = "Mars/Base"


def test_a_closed_connection_says_so(con: Any) -> None:
    con.close()
    con.close()
    with pytest.raises(ConfigError, match="closed"):
        con.sql("SELECT 1")


def test_a_dropped_reader_ends_its_threads(con: Any, source: Any) -> None:
    reader = con.sql("SELECT a.Id FROM crm.Account a, crm.Account b, crm.Account c").reader()
    reader.read_next_batch()
    del reader
    deadline = time.monotonic() + 3
    while own_threads() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert own_threads() == []
