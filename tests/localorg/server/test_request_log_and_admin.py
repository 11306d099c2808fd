"""What the org tells about itself: the request log and the admin resource."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from isthmus.localorg import LocalOrg

Get = Callable[..., requests.Response]
KEYS = ["time", "user", "method", "path", "api", "soql", "rows", "bytes", "status", "fault"]


def lines(org: LocalOrg) -> list[dict[str, Any]]:
    text = Path(org.ready["request_log"]).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_is_in_the_file_when_the_answer_is_here(org: LocalOrg, get: Get) -> None:
    for number in range(20):
        soql = f"SELECT Id FROM Account LIMIT {number + 1}"
        answer = get("query", params={"q": soql})
        last = lines(org)[-1]
        assert (last["soql"], last["rows"], last["status"]) == (soql, number + 1, 200)
        assert last["bytes"] == int(answer.headers["Content-Length"])
        assert (last["method"], last["path"]) == ("GET", "/services/data/v60.0/query")
        assert (last["user"], last["api"]) == (org.ready["username"], "rest")


def test_lines_have_the_promised_keys(org: LocalOrg, get: Get) -> None:
    get("limits")
    assert list(lines(org)[-1])[: len(KEYS)] == KEYS
    assert lines(org)[-1] == org.requests()[-1]


def test_refusals_are_logged_with_their_soql(org: LocalOrg, get: Get) -> None:
    get("query", params={"q": "SELECT"})
    assert (org.requests()[-1]["soql"], org.requests()[-1]["status"]) == ("SELECT", 400)


def test_each_api_has_its_name(org: LocalOrg, get: Get, session: requests.Session) -> None:
    get("limits")
    session.post(org.https + "/services/oauth2/token", timeout=10)
    session.post(org.https + "/services/Soap/u/60.0", data="<a/>", timeout=10)
    get("../../../__isthmus__/faults")
    assert [entry["api"] for entry in org.requests()] == ["rest", "oauth", "soap", "admin"]


def test_secrets_do_not_reach_the_log(org: LocalOrg, session: requests.Session) -> None:
    url = org.https + "/services/oauth2/token"
    session.post(url, data={"grant_type": "password", "password": "s3cret-word"}, timeout=10)
    session.get(org.https + "/services/oauth2/revoke?token=s3cret-token", timeout=10)
    assert "s3cret" not in Path(org.ready["request_log"]).read_text("utf-8")


def test_faults_are_set_and_taken_back_from_outside(org: LocalOrg, get: Get) -> None:
    admin = "../../../__isthmus__/faults"
    listed = get(admin, "POST", json={"name": "server-error", "nth": 1}).json()
    assert (listed[0]["name"], listed[0]["struck"]) == ("server-error", 0)
    assert get("limits").status_code == 500
    assert get(admin).json()[0]["struck"] == 1
    assert get(admin, "DELETE").json() == []
    wrong = get(admin, "POST", json={"name": "nonsense"})
    assert wrong.status_code == 400
    assert "there is no fault 'nonsense'" in wrong.json()[0]["message"]


def test_requests_are_told_and_forgotten(org: LocalOrg, get: Get) -> None:
    get("limits")
    admin = "../../../__isthmus__/requests"
    assert get(admin).json()[-1]["path"] == "/services/data/v60.0/limits"
    get(admin, "DELETE")
    assert [entry["api"] for entry in org.requests()] == ["admin"]


def test_the_admin_resource_needs_the_ready_files_token(
    org: LocalOrg, session: requests.Session
) -> None:
    url = org.https + "/__isthmus__/requests"
    assert session.get(url, timeout=10).status_code == 401
    other = org.org.sessions.open(org.org.settings.user, org.clock.now()).token
    headers = {"Authorization": f"Bearer {other}"}
    assert session.get(url, headers=headers, timeout=10).status_code == 401


def test_the_clock_is_moved_from_outside(trust: Any) -> None:
    with LocalOrg("empty") as org, trust(org) as session:
        headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
        url = org.https + "/__isthmus__/clock"
        moved = session.post(
            url, json={"now": "2030-01-01T00:00:00+02:00"}, headers=headers, timeout=10
        )
        assert moved.json() == {"now": "2029-12-31T22:00:00+00:00", "frozen": True}
        moved = session.post(url, json={"advance": 60}, headers=headers, timeout=10)
        assert moved.json()["now"] == "2029-12-31T22:01:00+00:00"
        data = org.https + "/services/data/v60.0/limits"
        assert session.get(data, headers=headers, timeout=10).status_code == 401
        assert session.post(url, json={}, headers=headers, timeout=10).status_code == 400
