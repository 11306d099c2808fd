"""API calls counted against the day's allowance, and the limits resource's other entries."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime

from isthmus.localorg.errors import OrgError

#: Entries beside DailyApiRequests: names as recorded, allowances of a Developer Edition org.
ALLOWANCES: dict[str, int] = {
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentSyncReportRuns": 20,
    "DailyAsyncApexExecutions": 250_000,
    "DailyBulkApiBatches": 15_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    "DailyBulkV2QueryJobs": 10_000,
    "DailyDurableGenericStreamingApiEvents": 10_000,
    "DailyDurableStreamingApiEvents": 10_000,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyStandardVolumePlatformEvents": 10_000,
    "DailyStreamingApiEvents": 10_000,
    "DailyWorkflowEmails": 15,
    "DataStorageMB": 1_024,
    "DurableStreamingApiConcurrentClients": 20,
    "FileStorageMB": 1_024,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5_000,
    "HourlyDashboardStatuses": 999_999_999,
    "HourlyLongTermIdMapping": 100_000,
    "HourlyODataCallout": 1_000,
    "HourlyPublishedPlatformEvents": 50_000,
    "HourlyPublishedStandardVolumePlatformEvents": 1_000,
    "HourlyShortTermIdMapping": 100_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 1_000,
    "MassEmail": 10,
    "MonthlyPlatformEventsUsageEntitlement": 0,
    "SingleEmail": 15,
}


class Usage:
    """Counts API calls, and what else is limited, per UTC day. Safe to use from several threads.

    `allowed` is how many calls a day may have, `crowd` how many may run at once (0: any number);
    both can be changed at any time. `most_at_once` is how many did.
    """

    def __init__(
        self, allowed: int, allowances: Mapping[str, int] | None = None, *, crowd: int = 0
    ) -> None:
        self.allowed = allowed
        self.crowd = crowd
        self.most_at_once = 0
        self._running = 0
        self._allowances = {**ALLOWANCES, **(allowances or {})}
        self._lock = threading.Lock()
        self._day: date | None = None
        self._used = 0
        self._spent: dict[str, float] = {}

    def count(self, now: datetime) -> None:
        """Count a call; OrgError REQUEST_LIMIT_EXCEEDED when the day's allowance is used up."""
        with self._lock:
            self._turn(now)
            if self._used >= self.allowed:
                raise OrgError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
            self._used += 1

    def set_used(self, now: datetime, calls: int) -> None:
        """Say how many calls the day has had, as if other clients had made them."""
        with self._lock:
            self._turn(now)
            self._used = calls

    @contextmanager
    def running(self) -> Iterator[int]:
        """Hold a call among those that run; gives how many there are with it."""
        with self._lock:
            self._running += 1
            at_once = self._running
            self.most_at_once = max(self.most_at_once, at_once)
        try:
            yield at_once
        finally:
            with self._lock:
                self._running -= 1

    def check_crowd(self, at_once: int) -> None:
        """Refuse a call that came when too many ran; OrgError REQUEST_LIMIT_EXCEEDED.

        Salesforce counts calls that take 20 seconds and more; here all count, so that a test
        needs no such calls.
        """
        if 0 < self.crowd < at_once:
            message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
            raise OrgError(403, "REQUEST_LIMIT_EXCEEDED", message)

    def used(self, now: datetime) -> int:
        """The calls counted today."""
        with self._lock:
            self._turn(now)
            return self._used

    def spend(self, name: str, now: datetime, amount: float = 1) -> None:
        """Take from another allowance of the day; OrgError LIMIT_EXCEEDED when it is used up."""
        with self._lock:
            self._turn(now)
            spent = self._spent.get(name, 0) + amount
            if spent > self._allowances[name]:
                raise OrgError(400, "LIMIT_EXCEEDED", f"{name} Limit exceeded.")
            self._spent[name] = spent

    def header(self, now: datetime) -> str:
        """The value of Sforce-Limit-Info; tap-salesforce wants exactly this form."""
        return f"api-usage={self.used(now)}/{self.allowed}"

    def report(self, now: datetime) -> dict[str, dict[str, int]]:
        """The body of the limits resource."""
        left = self.allowed - self.used(now)
        report = {"DailyApiRequests": {"Max": self.allowed, "Remaining": left}}
        with self._lock:
            for name, most in self._allowances.items():
                remaining = max(0, int(most - self._spent.get(name, 0)))
                report[name] = {"Max": most, "Remaining": remaining}
        return dict(sorted(report.items()))

    def _turn(self, now: datetime) -> None:
        if now.date() != self._day:
            self._day, self._used = now.date(), 0
            self._spent.clear()
