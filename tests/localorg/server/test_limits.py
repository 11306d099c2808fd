"""Limits that a test makes small: calls a day, calls at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from isthmus.localorg import LocalOrg
from isthmus.localorg.cli import org as program
from isthmus.localorg.settings import Settings

Get = Callable[..., requests.Response]
QUERY = {"q": "SELECT Id FROM Account LIMIT 1"}


@pytest.fixture(scope="module")
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg(settings=Settings(daily_requests=5)) as org:
        yield org


@pytest.fixture
def org(demo_org: LocalOrg) -> LocalOrg:
    """Its limits are set by each test anew."""
    demo_org.set_limits(daily_requests=1000, used=0, concurrent_requests=0)
    demo_org.clear_faults()
    return demo_org


def info(answer: requests.Response) -> str:
    return answer.headers["Sforce-Limit-Info"]


def test_the_day_is_as_small_as_a_test_wants(org: LocalOrg, get: Get) -> None:
    org.set_limits(daily_requests=10, used=8)
    assert info(get("query", params=QUERY)) == "api-usage=9/10"
    assert get("limits").json()["DailyApiRequests"] == {"Max": 10, "Remaining": 0}
    refused = get("query", params=QUERY)
    assert (refused.status_code, refused.json()[0]) == (
        403,
        {"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."},
    )
    assert info(refused) == "api-usage=10/10"


def at_once(get: Get, count: int) -> list[requests.Response]:
    with ThreadPoolExecutor(count) as threads:
        futures = [threads.submit(get, "query", params=QUERY) for _ in range(count)]
        return [future.result() for future in futures]


def test_calls_at_once_are_bounded_where_it_is_wanted(org: LocalOrg, get: Get) -> None:
    org.set_fault("slow-page", delay=0.5, count=0)
    org.set_limits(concurrent_requests=2)
    answers = at_once(get, 4)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 403, 403]
    refused = next(answer for answer in answers if answer.status_code == 403)
    assert refused.json() == [
        {
            "errorCode": "REQUEST_LIMIT_EXCEEDED",
            "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        }
    ]
    assert get("query", params=QUERY).status_code == 200  # what has ended makes room
    org.set_limits(concurrent_requests=4)
    assert [answer.status_code for answer in at_once(get, 4)] == [200] * 4
    assert org.most_at_once == 4


def test_refused_calls_are_not_counted(org: LocalOrg, get: Get) -> None:
    org.set_fault("slow-page", delay=0.3, count=0)
    org.set_limits(concurrent_requests=1)
    answers = at_once(get, 3)
    passed = sum(answer.status_code == 200 for answer in answers)
    assert passed < 3 and org.org.usage.used(org.clock.now()) == passed


def test_limits_are_set_from_outside(org: LocalOrg, get: Get) -> None:
    admin = "../../../__isthmus__/limits"
    told = get(admin, "POST", json={"daily_requests": 7, "used": 6}).json()
    assert (told["daily_requests"], told["used"], told["concurrent_requests"]) == (7, 6, 0)
    assert info(get("limits")) == "api-usage=7/7"
    assert get(admin).json()["used"] == 7
    assert get(admin, "POST", json={"concurrent_requests": 3}).json()["concurrent_requests"] == 3


@pytest.mark.parametrize("body", [{}, {"daily": 3}, {"used": -1}, {"used": "1"}, {"used": True}])
def test_wrong_limits_are_refused(org: LocalOrg, get: Get, body: dict[str, Any]) -> None:
    refused = get("../../../__isthmus__/limits", "POST", json=body)
    assert refused.status_code == 400
    assert "daily_requests, used, concurrent_requests" in refused.json()[0]["message"]


def test_the_program_has_the_options() -> None:
    text = CliRunner().invoke(program, ["serve", "--help"]).output
    for option in ("--daily-requests", "--concurrent-requests", "--bulk-seconds", "--bulk-polls"):
        assert option in text
