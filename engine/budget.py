"""Budgets in force: a query is refused if it is predicted to pass one, and stopped before it does.

Three things are asked before each call, in this order: what the query has spent, what the
connection has spent, and what the source has had today. A call that one of them does not allow is
not made, and is counted nowhere.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Final, Protocol

from isthmus.catalog.budget import Budget, SourceBudget, read_budget
from isthmus.catalog.toml_places import Places
from isthmus.connectors.contract import Bill, CallKind
from isthmus.engine.daybook import DayBook, Entry
from isthmus.errors import BudgetExceeded, ConfigError, ParameterError

__all__ = ["Account", "Allowance", "Priced", "QueryGate", "budget_of", "demand_affordable"]

_POLL: Final = 0.02
#: Seconds to wait for the answer that tells a source's usage for the first time.
_FIRST_ANSWER: Final = 10.0


class Priced(Protocol):
    """A plan, as far as budgets look at it; its text shows what is sent."""

    @property
    def estimate(self) -> Bill:
        """The likeliest bill."""

    @property
    def high(self) -> Bill | None:
        """The most that it may cost, if no request fails; None where nobody can tell."""

    @property
    def calls_by_source(self) -> Mapping[str, int]:
        """The likeliest calls to each source."""


def budget_of(given: Budget | Mapping[str, float | None] | None, what: str) -> Budget:
    """A budget that a caller gives.

    Args:
        given: the keys of `Budget`.
        what: whose it is, for the error.

    Raises:
        ParameterError: it is no budget.
    """
    if given is None:
        return Budget()
    if isinstance(given, Budget):
        given = {f.name: getattr(given, f.name) for f in fields(given)}
    if not isinstance(given, Mapping):
        raise ParameterError(
            f"{what} is a {type(given).__name__}",
            remedy='Give a dict such as {"max_calls": 100}, or a Budget.',
        )
    try:
        return read_budget(given, (what,), Places())
    except ConfigError as error:
        raise ParameterError(error.message, remedy=error.remedy) from error


class Account:
    """What has been spent of a budget. Safe to use from threads.

    Args:
        budget: the most there is.
        owner: in words: ``the query's budget``.
        clock: seconds, for `max_seconds`.
    """

    def __init__(
        self, budget: Budget, owner: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.budget = budget
        self.owner = owner
        self._clock = clock
        self._lock = threading.Lock()
        self._calls = 0
        self._rows = 0
        self._bytes = 0
        self._in_flight = 0
        self._largest = 0
        self._began: float | None = None

    @property
    def spent(self) -> Bill:
        """What has been spent so far."""
        with self._lock:
            return Bill(self._calls, self._rows, self._bytes)

    @property
    def calls_left(self) -> int | None:
        """The calls that there still may be; None: no bound."""
        most = self.budget.max_calls
        return None if most is None else max(most - self.spent.calls, 0)

    def spend(self, rows: int) -> None:
        """Count a call that brings so many rows, if there is enough left for it.

        Raises:
            BudgetExceeded: there is not.
        """
        b = self.budget
        with self._lock:
            now = self._clock()
            began = now if self._began is None else self._began
            if b.max_calls is not None and self._calls + 1 > b.max_calls:
                raise self._over(f"{b.max_calls:,} calls", f"{self._calls:,} were made")
            if b.max_rows is not None and rows and self._rows + rows > b.max_rows:
                raise self._over(
                    f"{b.max_rows:,} rows",
                    f"{self._rows:,} were sent or are on their way, and the next page has {rows:,}",
                )
            if b.max_bytes is not None and self._bytes_ahead() > b.max_bytes:
                raise self._over(
                    f"{b.max_bytes:,} bytes",
                    f"{self._bytes:,} were sent, and an answer has up to {self._largest:,}",
                )
            if b.max_seconds is not None and now - began > b.max_seconds:
                raise self._over(f"{b.max_seconds:g} seconds", f"{now - began:.1f} have passed")
            self._began = began
            self._calls += 1
            self._rows += rows
            self._in_flight += 1

    def begin(self) -> None:
        """A call that is not counted is on its way."""
        with self._lock:
            self._in_flight += 1

    def give_back(self, calls: int, rows: int) -> None:
        """What was counted and did not happen."""
        with self._lock:
            self._calls -= calls
            self._rows -= rows

    def end(self) -> None:
        """A call is over."""
        with self._lock:
            self._in_flight -= 1

    def take(self, calls: int, rows: int, bytes: int) -> None:
        """Count what has come.

        Raises:
            BudgetExceeded: it was more than there was left; it is counted all the same.
        """
        b = self.budget
        with self._lock:
            self._calls += calls
            self._rows += rows
            self._bytes += bytes
            self._largest = max(self._largest, bytes)
            if b.max_calls is not None and self._calls > b.max_calls:
                raise self._over(f"{b.max_calls:,} calls", f"{self._calls:,} were made")
            if b.max_rows is not None and self._rows > b.max_rows:
                raise self._over(f"{b.max_rows:,} rows", f"{self._rows:,} came")
            if b.max_bytes is not None and self._bytes > b.max_bytes:
                raise self._over(f"{b.max_bytes:,} bytes", f"{self._bytes:,} came")

    def _bytes_ahead(self) -> int:
        """The bytes there will be if every call on its way, and one more, is as large as any."""
        return self._bytes + (self._in_flight + 1) * max(self._largest, 1)

    def _over(self, most: str, so_far: str) -> BudgetExceeded:
        return BudgetExceeded(
            f"{self.owner} of {most} would be passed: {so_far}",
            remedy="Ask for less (con.explain(...) shows what is read), or raise the budget.",
        )


class Allowance:
    """What a source may have: so many calls a day, and never its last ones. Safe from threads.

    Args:
        source: the source's name, for errors.
        identity: the system behind it, under which its calls are counted.
        budget: the bounds.
        book: where they are counted.
    """

    def __init__(self, source: str, identity: str, budget: SourceBudget, book: DayBook) -> None:
        self._source = source
        self._identity = identity
        self._budget = budget
        self._book = book
        self._lock = threading.Lock()
        self._ended_before: list[int] = []

    def spend(self) -> None:
        """Count a call, if the day and the reserve allow it.

        Raises:
            BudgetExceeded: they do not.
            ConfigError: it can't be counted.
        """
        give_up = time.monotonic() + _FIRST_ANSWER
        while True:
            refusal: str | None = None

            def allows(entry: Entry) -> bool:
                nonlocal refusal
                refusal = self._refusal(entry, 1)
                if refusal is None and self._unknown(entry) and time.monotonic() < give_up:
                    refusal = ""
                return refusal is None

            before = self._book.spend(self._identity, allows)
            if before is not None:
                with self._lock:
                    self._ended_before.append(before.ended)
                return
            if refusal:
                raise BudgetExceeded(refusal, remedy=_REMEDY)
            time.sleep(_POLL)

    def _unknown(self, entry: Entry) -> bool:
        """Whether a call is on its way whose answer will tell the usage for the first time."""
        return (
            self._budget.reserve is not None
            and entry.others is None
            and entry.sent - entry.ended > 0
        )

    def give_back(self, calls: int) -> None:
        """Calls that never arrived."""
        if calls:
            self._book.give_back(self._identity, calls)

    def end(self, usage: tuple[int, int] | None) -> None:
        """A call is over."""
        with self._lock:
            # The oldest of those on their way: too few is on the safe side.
            ended_before = self._ended_before.pop(0) if self._ended_before else 0
        if usage is not None:
            self._book.end(self._identity, ended_before, usage)

    def demand(self, calls: int) -> str | None:
        """Why so many calls more can't be had now; None if they can."""
        return self._refusal(self._book.read(self._identity), calls)

    @property
    def calls_left(self) -> int | None:
        """The calls that can be had now; None: no bound, or none that is known yet."""
        entry, most, reserve = (
            self._book.read(self._identity),
            self._budget.calls_per_day,
            self._budget.reserve,
        )
        left = [] if most is None else [most - entry.today]
        if reserve is not None and entry.used is not None and entry.allowed is not None:
            left.append(entry.allowed - reserve.of(entry.allowed) - entry.used)
        return max(min(left), 0) if left else None

    def _refusal(self, entry: Entry, calls: int) -> str | None:
        most, reserve = self._budget.calls_per_day, self._budget.reserve
        more = "the next call" if calls == 1 else f"{calls:,} calls more"
        if most is not None and entry.today + calls > most:
            return (
                f"source {self._source} may have {most:,} calls a day, and has had "
                f"{entry.today:,} today: {more} would pass that"
            )
        if reserve is not None and entry.used is not None and entry.allowed is not None:
            kept = reserve.of(entry.allowed)
            if entry.used + calls > entry.allowed - kept:
                return (
                    f"source {self._source} has used {entry.used:,} of the {entry.allowed:,} calls "
                    f"that it is allowed: {more} would touch the reserve of {kept:,} calls"
                )
        return None


_REMEDY: Final = "Wait until it has calls again, or change [sources.NAME.budget] of the project."


class SourceGate:
    """Asks for the calls of descriptions and counts: only the source's own allowance holds."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance

    def spend(self, kind: CallKind, rows: int) -> None:
        """See `Gate`."""
        self._allowance.spend()

    def give_back(self, kind: CallKind, calls: int, rows: int) -> None:
        """See `Gate`."""
        self._allowance.give_back(calls)

    def take(self, *, calls: int, rows: int, bytes: int) -> None:
        """See `Gate`."""

    def end(self, usage: tuple[int, int] | None) -> None:
        """See `Gate`."""
        self._allowance.end(usage)


class QueryGate:
    """Asks for the calls of a query to one source. Metadata is paid by the source alone.

    Args:
        accounts: the query's and the connection's.
        allowance: the source's, if it has one.
    """

    def __init__(self, accounts: Iterable[Account], allowance: Allowance | None) -> None:
        self._accounts = tuple(accounts)
        self._allowance = allowance

    def spend(self, kind: CallKind, rows: int) -> None:
        """See `Gate`."""
        asked: list[Account] = []
        try:
            for account in self._accounts:
                if kind == "metadata":
                    account.begin()
                else:
                    account.spend(rows)
                asked.append(account)
            if self._allowance is not None:
                self._allowance.spend()
        except BaseException:
            for account in asked:
                if kind != "metadata":
                    account.give_back(1, rows)
                account.end()
            raise

    def give_back(self, kind: CallKind, calls: int, rows: int) -> None:
        """See `Gate`."""
        for account in self._accounts if kind != "metadata" else ():
            account.give_back(calls, rows)
        if self._allowance is not None:
            self._allowance.give_back(calls)

    def take(self, *, calls: int, rows: int, bytes: int) -> None:
        """See `Gate`."""
        over: BudgetExceeded | None = None
        for account in self._accounts:
            try:
                account.take(calls, rows, bytes)
            except BudgetExceeded as error:  # the others must count it too
                over = over or error
        if over is not None:
            raise over

    def end(self, usage: tuple[int, int] | None) -> None:
        """See `Gate`."""
        for account in self._accounts:
            account.end()
        if self._allowance is not None:
            self._allowance.end(usage)


def demand_affordable(
    plan: Priced,
    accounts: Iterable[Account],
    allowances: Mapping[str, Allowance],
    nothing: str = "nothing was read",
) -> None:
    """Refuse a query that is predicted to pass a budget. No call is made.

    Args:
        plan: what is to be done.
        accounts: what it is paid from.
        allowances: by source.
        nothing: what was not done yet, in words for the error.

    Raises:
        BudgetExceeded: it has the plan, and the plan's text in its message.
    """
    for account in accounts:
        for name, likely, left, most in _compared(plan, account):
            if likely > left:
                raise _refused(
                    plan,
                    f"the query is predicted to need {likely:,.6g} {name}"
                    f"{'' if most is None or most <= likely else f' (at most {most:,.6g})'}, and "
                    f"{account.owner} has {left:,.6g} left",
                    f"Ask for less, or raise max_{name}.",
                    nothing,
                )
    for source, calls in plan.calls_by_source.items():
        allowance = allowances.get(source)
        refusal = None if allowance is None else allowance.demand(calls)
        if refusal is not None:
            raise _refused(plan, refusal, _REMEDY, nothing)


def _compared(plan: Priced, account: Account) -> Iterable[tuple[str, float, float, float | None]]:
    """For each bound: its name, what is predicted, what is left, and the most there may be."""
    likely, high, spent = plan.estimate, plan.high, account.spent
    for name in ("calls", "rows", "bytes", "seconds"):
        bound = getattr(account.budget, f"max_{name}")
        if bound is not None:
            left = max(bound - getattr(spent, name), 0)
            most = None if high is None else float(getattr(high, name))
            yield name, float(getattr(likely, name)), float(left), most


def _refused(plan: Priced, message: str, remedy: str, nothing: str) -> BudgetExceeded:
    return BudgetExceeded(f"{message}; {nothing}\n{plan}", plan=plan, remedy=remedy)
