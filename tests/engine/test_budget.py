"""Budgets: what is let through, what is refused, and that threads can't get past."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from isthmus.catalog.budget import Budget, Reserve, SourceBudget
from isthmus.connectors.contract import Bill, Meter
from isthmus.engine.budget import Account, Allowance, QueryGate, budget_of, demand_affordable
from isthmus.engine.daybook import DayBook
from isthmus.errors import BudgetExceeded, ParameterError


def meter(budget: Budget, allowance: Allowance | None = None) -> tuple[Meter, Account]:
    account = Account(budget, "the query's budget")
    return Meter(QueryGate([account], allowance)), account


def test_the_call_that_would_pass_the_budget_is_not_made() -> None:
    counted, account = meter(Budget(max_calls=2))
    counted.spend_call()
    counted.spend_call("bulk")
    with pytest.raises(BudgetExceeded, match="2 calls would be passed: 2 were made"):
        counted.spend_call()
    assert counted.bill.calls == account.spent.calls == 2, "it is counted nowhere"
    assert counted.bill.bulk_calls == 1


def test_a_call_that_never_arrived_may_be_made_again() -> None:
    counted, _ = meter(Budget(max_calls=1))
    counted.spend_call()
    counted.end_call()
    counted.give_back(calls=1)
    counted.spend_call()
    assert counted.bill.calls == 1


def test_rows_that_are_known_before_the_call_are_asked_for() -> None:
    counted, account = meter(Budget(max_rows=5000))
    counted.spend_call()
    counted.expect(2000)  # the first page has come and is being decoded
    counted.spend_call(rows=2000)
    with pytest.raises(BudgetExceeded, match="4,000 were sent or are on their way"):
        counted.spend_call(rows=2000)
    counted.add(rows=2000)
    counted.add(rows=2000)
    assert account.spent.rows == counted.bill.rows == 4000, "each row counts once"
    counted.spend_call(rows=1000)


def test_rows_that_were_not_known_stop_the_query_when_they_come() -> None:
    counted, _ = meter(Budget(max_rows=100))
    counted.spend_call()
    with pytest.raises(BudgetExceeded, match="101 came"):
        counted.add(rows=101)
    assert counted.bill.rows == 101


def test_rows_of_a_failed_answer_are_not_counted() -> None:
    counted, _ = meter(Budget(max_rows=2000))
    counted.spend_call(rows=2000)
    counted.give_back(rows=2000)
    counted.spend_call(rows=2000)
    counted.add(rows=2000)


def test_bytes_are_foretold_by_the_largest_answer_so_far() -> None:
    counted, _ = meter(Budget(max_bytes=1000))
    counted.spend_call()
    counted.end_call()
    counted.add(bytes=400)
    counted.spend_call()
    with pytest.raises(BudgetExceeded, match="an answer has up to 400"):
        counted.spend_call()  # the one on its way and this one might make 1,200
    counted.end_call()
    counted.add(bytes=100)
    counted.spend_call()
    counted.end_call()
    with pytest.raises(BudgetExceeded, match="1,100 came"):
        counted.add(bytes=600)


def test_seconds_run_from_the_first_call() -> None:
    now = [0.0]
    account = Account(Budget(max_seconds=2), "the query's budget", lambda: now[0])
    account.spend(0)
    now[0] = 1.9
    account.spend(0)
    now[0] = 2.1
    with pytest.raises(BudgetExceeded, match=r"2\.1 have passed"):
        account.spend(0)


def test_descriptions_are_not_the_query_s() -> None:
    counted = Meter()
    counted.spend_call("metadata")
    assert counted.bill == Bill(metadata_calls=1, seconds=counted.bill.seconds)


def test_threads_never_pass_a_budget() -> None:
    shared = Account(Budget(max_calls=100), "the connection's budget")
    meters = [Meter(QueryGate([Account(Budget(), "q"), shared], None)) for _ in range(8)]
    refused: list[int] = []

    def work(mine: Meter) -> None:
        for _ in range(50):
            try:
                mine.spend_call()
            except BudgetExceeded:
                refused.append(1)

    threads = [threading.Thread(target=work, args=(m,)) for m in meters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(m.bill.calls for m in meters) == shared.spent.calls == 100
    assert len(refused) == 300


def test_who_refuses_last_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    day = Allowance("crm", "crm", SourceBudget(calls_per_day=1), DayBook(tmp_path))
    counted, account = meter(Budget(max_calls=5, max_rows=10), day)
    counted.spend_call(rows=4)
    with pytest.raises(BudgetExceeded, match="1 calls a day, and has had 1 today"):
        counted.spend_call(rows=4)
    assert account.spent == Bill(calls=1, rows=4)


def test_a_reserve_is_left_to_others(tmp_path: Path) -> None:
    day = Allowance("crm", "crm", SourceBudget(reserve=Reserve(share=0.2)), DayBook(tmp_path))
    day.spend()
    day.end((77, 100))
    for used in (78, 79, 80):
        day.spend()
        day.end((used, 100))
    with pytest.raises(BudgetExceeded, match="reserve of 20 calls"):
        day.spend()


def test_the_calls_that_are_left_are_those_that_are_allowed(tmp_path: Path) -> None:
    """As many as `calls_left` says go through, and not one more."""
    reserve = Reserve(share=0.2)
    for number, (budget, left) in enumerate(
        (
            (SourceBudget(calls_per_day=12), 11),
            (SourceBudget(reserve=reserve), 5),
            (SourceBudget(calls_per_day=15, reserve=reserve), 5),
            (SourceBudget(calls_per_day=4, reserve=reserve), 3),
        )
    ):
        day = Allowance("crm", f"org{number}", budget, DayBook(tmp_path))
        assert day.calls_left == budget.calls_per_day, "the org has not told yet"
        day.spend()
        day.end((11, 20))
        assert day.calls_left == left
        assert day.demand(left) is None and day.demand(left + 1) is not None
        for _ in range(left):
            day.spend()
        assert day.calls_left == 0
        with pytest.raises(BudgetExceeded):
            day.spend()


def test_others_use_counts_towards_the_reserve(tmp_path: Path) -> None:
    day = Allowance("crm", "crm", SourceBudget(reserve=Reserve(calls=10)), DayBook(tmp_path))
    day.spend()
    day.end((1, 100))
    day.spend()
    day.end((90, 100))  # somebody else has made 88
    with pytest.raises(BudgetExceeded, match="used 90 of the 100"):
        day.spend()


def test_the_first_answer_is_waited_for(tmp_path: Path) -> None:
    first, second = (
        Allowance("crm", "crm", SourceBudget(reserve=Reserve(calls=10)), DayBook(tmp_path))
        for _ in range(2)
    )
    first.spend()
    timer = threading.Timer(0.2, lambda: first.end((90, 100)))
    timer.start()
    with pytest.raises(BudgetExceeded, match="reserve"):
        second.spend()
    timer.join()


@dataclass(frozen=True)
class Plan:
    estimate: Bill
    high: Bill | None = None
    calls_by_source: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return "1. crm.Account"


def test_a_query_predicted_over_budget_is_refused_with_its_plan() -> None:
    plan = Plan(Bill(calls=12, rows=23_000), Bill(calls=14, rows=25_000))
    account = Account(Budget(max_calls=10), "the query's budget")
    with pytest.raises(BudgetExceeded) as caught:
        demand_affordable(plan, [account], {})
    assert caught.value.plan is plan
    text = str(caught.value)
    assert "need 12 calls (at most 14), and the query's budget has 10 left" in text
    assert "1. crm.Account" in text and "max_calls" in text


def test_a_query_that_may_only_perhaps_pass_it_is_let_begin() -> None:
    plan = Plan(Bill(calls=9), Bill(calls=14))
    demand_affordable(plan, [Account(Budget(max_calls=10), "the query's budget")], {})


def test_what_the_connection_has_spent_is_not_left() -> None:
    account = Account(Budget(max_rows=100), "the connection's budget")
    account.take(0, 60, 0)
    with pytest.raises(BudgetExceeded, match="connection's budget has 40 left"):
        demand_affordable(Plan(Bill(rows=41)), [account], {})


def test_a_day_that_has_too_little_left_is_told_before_the_query(tmp_path: Path) -> None:
    day = Allowance("crm", "crm", SourceBudget(calls_per_day=5), DayBook(tmp_path))
    day.spend()
    plan = Plan(Bill(calls=5), calls_by_source={"crm": 5})
    with pytest.raises(BudgetExceeded, match="5 calls more would pass that"):
        demand_affordable(plan, [], {"crm": day})
    demand_affordable(plan, [], {})


@pytest.mark.parametrize("given", [{"max_call": 3}, {"max_calls": -1}, {"max_rows": "x"}, 7])
def test_what_is_no_budget_is_refused(given: object) -> None:
    with pytest.raises(ParameterError) as caught:
        budget_of(given, "budget")  # type: ignore[arg-type]
    assert caught.value.remedy
