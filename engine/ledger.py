"""What a connection may spend, what it has spent, and what it remembers of its sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from isthmus.catalog.budget import Budget, SourceBudget
from isthmus.catalog.project import SourceConfig
from isthmus.catalog.statistics import NOTHING_KNOWN
from isthmus.connectors.contract import OPEN, Connector, Fragment, Meter
from isthmus.engine.budget import (
    Account,
    Allowance,
    Priced,
    QueryGate,
    SourceGate,
    demand_affordable,
)
from isthmus.engine.daybook import DayBook
from isthmus.engine.learning import Witness
from isthmus.engine.statistics import SourceStatistics, StatisticsBook
from isthmus.errors import BudgetExceeded, ConfigError

__all__ = ["Ledger", "Terms"]


class Ledger:
    """The accounts of a connection. Safe to use from threads.

    Args:
        sources: of the project, with their budgets.
        connectors: by source; each is told whom to ask, and what is remembered.
        folder: the state folder; None remembers nothing.
        queries: what each query may cost.
        connection: what all queries together may cost.

    Raises:
        ConfigError: a budget needs a state folder, or can't be kept.
    """

    def __init__(
        self,
        sources: Iterable[SourceConfig],
        connectors: Mapping[str, Connector],
        folder: Path | None,
        queries: Budget,
        connection: Budget,
    ) -> None:
        if connection.max_seconds is not None:
            raise ConfigError(
                "a connection's budget has no max_seconds",
                remedy="Give it to each query: con.sql(..., max_seconds=...), or [budget].",
            )
        self._queries = queries
        self._account = Account(connection, "the connection's budget")
        self._book = None if folder is None else StatisticsBook(folder)
        self._days = DayBook(folder)
        self._allowances: dict[str, Allowance] = {}
        self._statistics: dict[str, SourceStatistics] = {}
        budgets = {source.name: source.budget for source in sources}
        for name, connector in connectors.items():
            self._open(connector, budgets.get(name, SourceBudget()), folder)

    def _open(self, connector: Connector, budget: SourceBudget, folder: Path | None) -> None:
        name = connector.name
        if budget.calls_per_day is not None and folder is None:
            raise ConfigError(
                f"source {name} has calls_per_day, and there is no state folder to count them in",
                remedy="Give connect(state=...) or ISTHMUS_STATE a folder, or leave it out.",
            )
        if budget != SourceBudget():
            self._allowances[name] = Allowance(name, connector.identity, budget, self._days)
        if self._book is not None:
            self._statistics[name] = self._book.of(connector.identity)
        allowance = self._allowances.get(name)
        connector.equip(
            self._statistics.get(name, NOTHING_KNOWN),
            OPEN if allowance is None else SourceGate(allowance),
        )

    def terms(self, asked: Budget) -> Terms:
        """On which terms a query runs."""
        budget = self._queries.within(asked)
        account = Account(budget, "the query's budget")
        return Terms(budget, (account, self._account), self._allowances, self._statistics)

    def close(self) -> None:
        """Give the files back."""
        self._days.close()
        if self._book is not None:
            self._book.close()


class Terms:
    """The terms of one run: it may be refused, is asked before each call, and is learnt from.

    Args:
        budget: what the query may cost.
        accounts: the query's, then the connection's.
        allowances: by source.
        statistics: by source.
    """

    def __init__(
        self,
        budget: Budget,
        accounts: tuple[Account, ...],
        allowances: Mapping[str, Allowance],
        statistics: Mapping[str, SourceStatistics],
    ) -> None:
        self.budget = budget
        self.plan: Priced | None = None
        self._accounts = accounts
        self._bound = any(account.budget for account in accounts)
        self._allowances = allowances
        self._statistics = statistics

    def demand(self, plan: Priced, nothing: str = "nothing was read") -> None:
        """Refuse what is predicted to cost too much; raises BudgetExceeded with the plan."""
        self.plan = plan
        demand_affordable(plan, self._accounts, self._allowances, nothing)

    def calls_left(self, source: str, before: Priced | None = None) -> int | None:
        """How many calls to a source the budgets leave; None: no bound.

        Args:
            source: the source.
            before: what will be spent by then.
        """
        spent, spent_there = 0, 0
        if before is not None:
            spent, spent_there = before.estimate.calls, before.calls_by_source.get(source, 0)
        left = [a.calls_left - spent for a in self._accounts if a.calls_left is not None]
        allowance = self._allowances.get(source)
        if allowance is not None and allowance.calls_left is not None:
            left.append(allowance.calls_left - spent_there)
        return max(min(left), 0) if left else None

    def meter(self, source: str) -> Meter:
        """A meter for one read of a source."""
        allowance = self._allowances.get(source)
        if not self._bound and allowance is None:
            return Meter()
        return Meter(QueryGate(self._accounts, allowance))

    def witness(self, fragment: Fragment) -> Witness | None:
        """Who learns from a fragment's answer, if anybody."""
        statistics = self._statistics.get(fragment.source)
        return None if statistics is None else Witness(statistics, fragment)

    def timeout(self, given: float | None) -> float | None:
        """How many seconds the run may take."""
        bounds = [s for s in (given, self.budget.max_seconds) if s is not None]
        return min(bounds, default=None)

    def late(self, timeout: float) -> BudgetExceeded | None:
        """The error of a run whose time is up, if it was the budget's."""
        if self.budget.max_seconds is None or timeout < self.budget.max_seconds:
            return None
        return BudgetExceeded(
            f"the query's budget of {self.budget.max_seconds:g} seconds is spent",
            plan=self.plan,
            remedy="Ask for less (con.explain(...) shows what is read), or raise max_seconds.",
        )
