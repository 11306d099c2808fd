"""Logging in by every way, renewing once for all threads, and never showing a secret."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus.connectors.contract import ReadContext, ScanRequest
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.errors import AuthError, ConfigError, IsthmusError, SourceUnavailable
from isthmus.localorg import LocalOrg

QUICK = Policy(repeats=2, base=0.01)
SECRETS = ("password", "security_token", "client_secret", "refresh_token", "access_token")


@pytest.fixture
def own_org() -> Iterator[LocalOrg]:
    """An org whose sessions a test may end."""
    with LocalOrg(data="demo", scale=0.1, switches={"page-size": 20}) as org:
        yield org


def ways(ready: dict[str, Any]) -> dict[str, dict[str, Any]]:
    app = {"client_id": ready["client_id"], "client_secret": ready["client_secret"]}
    user = {"username": ready["username"], "password": ready["password"]}
    at = {"login_url": ready["https"], "ca_file": ready["ca_file"]}
    return {
        "password": {**at, **user, "security_token": ready["security_token"]},
        "password with an app": {**at, **user, **app, "security_token": ready["security_token"]},
        "client_credentials": {**at, **app},
        "refresh_token": {**at, **app, "refresh_token": ready["refresh_token"]},
        "jwt": {
            **at,
            "username": ready["username"],
            "client_id": ready["client_id"],
            "private_key_file": ready["jwt_key_file"],
        },
        "access_token": {
            "instance_url": ready["https"],
            "ca_file": ready["ca_file"],
            "access_token": ready["access_token"],
        },
    }


WAYS = [
    "password",
    "password with an app",
    "client_credentials",
    "refresh_token",
    "jwt",
    "access_token",
]


def count(crm: Salesforce) -> int:
    table = crm.describe("Account")
    assert table is not None
    fragment = crm.plan(ScanRequest(table, ()))
    return sum(batch.num_rows for batch in crm.open(fragment, ReadContext()))


def connected(org: LocalOrg, way: str, **more: Any) -> Salesforce:
    config = {"auth": way.split()[0], **ways(org.ready)[way], **more}
    return Salesforce("crm", config, policy=QUICK)


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_log_in(own_org: LocalOrg, way: str) -> None:
    crm = connected(own_org, way)
    assert count(crm) > 0
    crm.close()


def test_the_ready_files_token_works_at_once(own_org: LocalOrg, tmp_path: Path) -> None:
    path = tmp_path / "org.json"
    path.write_text(json.dumps(own_org.ready))
    crm = Salesforce("crm", {"ready_file": str(path)})
    assert count(crm) > 0
    assert {entry["api"] for entry in own_org.requests()} == {"rest"}  # no login was needed
    crm.close()


def test_plain_http_works_where_a_ready_file_has_nothing_else(
    own_org: LocalOrg, tmp_path: Path
) -> None:
    path = tmp_path / "org.json"
    path.write_text(json.dumps({**own_org.ready, "https": None}))
    crm = Salesforce("crm", {"ready_file": str(path)})
    assert count(crm) > 0
    crm.close()


def test_threads_share_one_renewal(own_org: LocalOrg) -> None:
    crm = connected(own_org, "refresh_token")
    wanted = count(crm)
    own_org.clear_requests()
    token = crm._login.session().token  # the session that the org is about to end
    own_org.org.sessions.revoke(token)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(count(crm))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 5
    logins = [entry for entry in own_org.requests() if entry["api"] == "oauth"]
    assert len(logins) == 1
    crm.close()


def test_an_access_token_that_ends_says_so(own_org: LocalOrg) -> None:
    crm = connected(own_org, "access_token")
    own_org.org.sessions.revoke(own_org.ready["access_token"])
    with pytest.raises(AuthError, match="can't be renewed"):
        crm.describe("Account")
    crm.close()


@pytest.mark.parametrize("way", ["password", "password with an app"])
def test_a_wrong_password_is_refused_without_showing_it(own_org: LocalOrg, way: str) -> None:
    crm = connected(own_org, way, password="hunter2-secret")
    with pytest.raises(AuthError, match="source crm: the org refuses the login") as raised:
        crm.describe("Account")
    assert "hunter2" not in _everything(raised.value)
    crm.close()


def test_secrets_come_from_the_environment_and_show_nowhere(
    own_org: LocalOrg, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("SF_PASSWORD", own_org.ready["password"])
    monkeypatch.setenv("SF_TOKEN", own_org.ready["security_token"])
    crm = connected(own_org, "password", password="env:SF_PASSWORD", security_token="env:SF_TOKEN")
    assert count(crm) > 0
    session = crm._login.session()
    shown = f"{crm!r} {crm._config!r} {session!r} {list(crm.check())!r} {caplog.text}"
    for secret in (session.token, own_org.ready["password"], own_org.ready["security_token"]):
        assert secret not in shown
    crm.close()


def test_a_secret_in_the_project_file_is_found_by_check(own_org: LocalOrg) -> None:
    crm = connected(own_org, "password")
    plain = [f for f in crm.check() if f.subject == "secrets"]
    assert plain and all(not f.ok and "env:" in str(f.remedy) for f in plain)
    crm.close()


def test_an_untrusted_certificate_names_ca_file(own_org: LocalOrg) -> None:
    crm = connected(own_org, "password", ca_file=None)
    with pytest.raises(AuthError, match="ca_file"):
        crm.describe("Account")
    crm.close()


def test_a_ca_file_that_is_not_there(own_org: LocalOrg) -> None:
    crm = connected(own_org, "access_token", ca_file="/nowhere/ca.pem")
    with pytest.raises(ConfigError, match=r"/nowhere/ca\.pem"):
        crm.describe("Account")


def test_the_variables_that_requests_obeys_hold_for_pages_too(
    own_org: LocalOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", own_org.ca_file)
    crm = connected(own_org, "access_token", ca_file=None)
    assert count(crm) > 0
    crm.close()


def test_an_org_that_is_not_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = {"instance_url": f"http://127.0.0.1:{port}", "access_token": "00Dx!y"}
    crm = Salesforce("crm", config, policy=QUICK)
    with pytest.raises(SourceUnavailable, match="source crm"):
        crm.describe("Account")
    assert [(f.subject, f.ok) for f in crm.check()][-1] == ("API version", False)
    crm.close()


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"auth": "password", "username": "u"}, "has no password"),
        ({"auth": "magic"}, "magic"),
        ({"auth": "jwt", "username": "u", "client_id": "c"}, "private_key_file"),
        ({"auth": "client_credentials", "client_id": "c", "client_secret": "s"}, "instance_url"),
        ({"instance_url": "https://x"}, "access_token"),
        ({"ready_file": "x", "redy": 1}, "redy"),
        ({"ready_file": "x", "api_version": "latest"}, "api_version"),
        ({"ready_file": "x", "timeout": 0}, "timeout"),
        ({"ready_file": "x", "decimal_places": {"Rate": 4}}, "decimal_places"),
        ({"access_token": "t", "instance_url": "acme.my.salesforce.com"}, "instance_url"),
        (
            {"access_token": "t", "instance_url": "https://acme.lightning.force.com"},
            "not the API",
        ),
    ],
)
def test_wrong_settings_are_refused_at_once(config: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Salesforce("crm", config)


@pytest.mark.parametrize("content", [None, "", "[]", "{}"])
def test_a_ready_file_that_is_none(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "org.json"
    if content is not None:
        path.write_text(content)
    crm = Salesforce("crm", {"ready_file": str(path)})
    with pytest.raises(ConfigError, match=r"org\.json"):
        crm.describe("Account")


def test_secrets_are_wrapped() -> None:
    values = dict.fromkeys(SECRETS, "s3cr3t")
    crm = Salesforce("crm", {"ready_file": "x", **values})
    assert "s3cr3t" not in repr(crm._config) + repr(crm)


def _everything(error: BaseException | None) -> str:
    told = ""
    while error is not None:
        told += f"{error} {error!r} {getattr(error, 'remedy', '')} "
        error = error.__cause__ or error.__context__
    return told


def test_every_error_is_one_of_ours(own_org: LocalOrg) -> None:
    crm = connected(own_org, "refresh_token", refresh_token="wrong")
    with pytest.raises(IsthmusError) as raised:
        crm.describe("Account")
    assert raised.value.remedy
    crm.close()
