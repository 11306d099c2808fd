"""The core is a function of org, request and moment: a day passes in no time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from isthmus.localorg.app import handle
from isthmus.localorg.exchange import Request
from isthmus.localorg.inprocess import LocalOrg
from isthmus.localorg.org import Org, make_org
from isthmus.localorg.pytest_plugin import local_org
from isthmus.localorg.settings import Settings

__all__ = ["local_org"]

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def org() -> Iterator[Org]:
    settings = Settings(session_seconds=3600, daily_requests=3)
    made = make_org("empty", settings=settings, now=START, dice=random.Random(1))
    yield made
    made.close()


def status(org: Org, token: str, now: datetime, path: str = "limits") -> int:
    headers = {"authorization": f"Bearer {token}"}
    request = Request("GET", f"/services/data/v60.0/{path}", headers=headers)
    return handle(org, request, now).response.status


def test_a_session_lives_its_hour(org: Org) -> None:
    token = org.sessions.open(org.settings.user, START).token
    assert status(org, token, START + timedelta(minutes=59)) == 200
    assert status(org, token, START + timedelta(minutes=60)) == 401
    # It does not come back when the clock is set back.
    assert status(org, token, START) == 401


def test_the_allowance_returns_with_the_day(org: Org) -> None:
    late, early = START + timedelta(hours=11, minutes=50), START + timedelta(hours=12, minutes=1)
    token = org.sessions.open(org.settings.user, late).token
    assert [status(org, token, late) for _ in range(4)] == [200, 200, 200, 403]
    assert status(org, token, early) == 200


def test_refused_calls_are_not_counted(org: Org) -> None:
    for _ in range(9):
        assert status(org, "00D!none", START) == 401
    assert org.usage.used(START) == 0


def test_tokens_repeat_from_their_dice() -> None:
    tokens = []
    for _ in range(2):
        made = make_org("empty", now=START, dice=random.Random(1))
        tokens.append(made.sessions.open(made.settings.user, START).token)
        made.close()
    assert tokens[0] == tokens[1]


def test_a_defect_is_an_answer_too(org: Org, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def broken(_now: datetime) -> Any:
        raise RuntimeError("defect")

    monkeypatch.setattr(org.usage, "report", broken)
    token = org.sessions.open(org.settings.user, START).token
    assert status(org, token, START) == 500
    assert "defect" in caplog.text


def test_the_fixture_serves_an_org(local_org: LocalOrg) -> None:
    assert local_org.http.startswith("http://127.0.0.1:")


def test_an_org_stops_twice_and_leaves_its_port() -> None:
    org = LocalOrg("empty").start()
    address = org.http
    org.stop()
    org.stop()
    with LocalOrg("empty", http=address.removeprefix("http://")) as again:
        assert again.http == address


def test_an_address_that_is_taken_is_told() -> None:
    with LocalOrg("empty") as org:
        taken = org.http.removeprefix("http://")
        with pytest.raises(OSError, match=f"cannot listen on {taken}"):
            LocalOrg("empty", http=taken).start()
