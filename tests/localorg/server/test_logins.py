"""Every way to log in that simple-salesforce has, and the refusals it understands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

from isthmus.localorg import LocalOrg

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def works(sf: Any) -> bool:
    return bool(sf.query("SELECT Id FROM Account LIMIT 1")["totalSize"] == 1)


def token(org: LocalOrg, session: requests.Session, **form: Any) -> requests.Response:
    return session.post(org.https + "/services/oauth2/token", data=form, timeout=10)


def test_soap_with_security_token(org: LocalOrg, session: requests.Session) -> None:
    sf = Salesforce(
        username=org.ready["username"],
        password=org.ready["password"],
        security_token=org.ready["security_token"],
        session=session,
    )
    assert works(sf)
    assert sf.sf_instance == org.https.removeprefix("https://")


def test_soap_from_a_trusted_address(org: LocalOrg, session: requests.Session) -> None:
    sf = Salesforce(
        username=org.ready["username"],
        password=org.ready["password"],
        organizationId="00D000000000001",
        session=session,
    )
    assert works(sf)


def test_soap_with_special_characters_is_refused(org: LocalOrg, session: Any) -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as failed:
        Salesforce(username="<&>", password="]]>", security_token="", session=session)
    assert failed.value.code == "INVALID_LOGIN"
    assert "Invalid username, password, security token" in str(failed.value)


def test_oauth_password(org: LocalOrg, session: requests.Session) -> None:
    sf = Salesforce(
        username=org.ready["username"],
        password=org.ready["password"] + org.ready["security_token"],
        consumer_key=org.ready["client_id"],
        consumer_secret=org.ready["client_secret"],
        session=session,
    )
    assert works(sf)


def test_oauth_password_refused(org: LocalOrg, session: requests.Session) -> None:
    with pytest.raises(SalesforceAuthenticationFailed) as failed:
        Salesforce(
            username=org.ready["username"],
            password="wrong",
            consumer_key=org.ready["client_id"],
            consumer_secret=org.ready["client_secret"],
            session=session,
        )
    assert str(failed.value).endswith("(code: invalid_grant): authentication failure")


def test_oauth_client_credentials(org: LocalOrg, session: requests.Session) -> None:
    sf = Salesforce(
        consumer_key=org.ready["client_id"],
        consumer_secret=org.ready["client_secret"],
        domain="acme.my",
        session=session,
    )
    assert works(sf)


@pytest.mark.parametrize("domain", ["login", "test"])
def test_oauth_jwt(org: LocalOrg, session: requests.Session, domain: str) -> None:
    sf = Salesforce(
        username=org.ready["username"],
        consumer_key=org.ready["client_id"],
        privatekey_file=org.ready["jwt_key_file"],
        domain=domain,
        session=session,
    )
    assert works(sf)


def test_session_id_and_instance(org: LocalOrg, session: requests.Session) -> None:
    sf = Salesforce(session_id=org.ready["access_token"], instance_url=org.https, session=session)
    assert works(sf)


def test_client_credentials_in_the_body(org: LocalOrg, session: requests.Session) -> None:
    answer = token(
        org,
        session,
        grant_type="client_credentials",
        client_id=org.ready["client_id"],
        client_secret=org.ready["client_secret"],
    ).json()
    assert answer["instance_url"] == org.https
    assert answer["token_type"] == "Bearer"
    assert answer["issued_at"].isdigit()


def test_refresh_token(org: LocalOrg, session: requests.Session) -> None:
    form = {"grant_type": "refresh_token", "client_id": org.ready["client_id"]}
    good = token(org, session, refresh_token=org.ready["refresh_token"], **form)
    assert good.json()["access_token"].startswith("00D")
    bad = token(org, session, refresh_token="5Aep-unknown", **form)
    assert bad.status_code == 400
    assert bad.json() == {
        "error": "invalid_grant",
        "error_description": "expired access/refresh token",
    }


@pytest.mark.parametrize("as_text", [True, False])
def test_jwt_expiry_may_be_text_or_number(org: LocalOrg, session: Any, as_text: bool) -> None:
    expiry = int(org.clock.now().timestamp()) + 60
    claims = {"exp": str(expiry) if as_text else expiry}
    assert token(org, session, **assertion(org, **claims)).status_code == 200


@pytest.mark.parametrize(
    ("claims", "error", "text"),
    [
        ({"exp": 1}, "invalid_grant", "expired authorization code"),
        ({"exp": "soon"}, "invalid_grant", "expired authorization code"),
        ({"aud": "https://example.org"}, "invalid_grant", "audience is invalid"),
        ({"iss": "other"}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "x@y.example"}, "invalid_grant", "user hasn't approved this consumer"),
    ],
)
def test_jwt_refused(
    org: LocalOrg, session: Any, claims: dict[str, Any], error: str, text: str
) -> None:
    answer = token(org, session, **assertion(org, **claims))
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": text}


@pytest.mark.parametrize("broken", ["", "a.b", "a.b.c", "e30.e30.AAAA"])
def test_jwt_that_is_none_is_refused(org: LocalOrg, session: Any, broken: str) -> None:
    answer = token(org, session, grant_type=JWT_GRANT, assertion=broken)
    assert answer.json()["error_description"] == "invalid assertion"


def test_unknown_grant(org: LocalOrg, session: requests.Session) -> None:
    answer = token(org, session, grant_type="device")
    assert answer.status_code == 400
    assert answer.json()["error"] == "unsupported_grant_type"


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_revoked_token_is_refused(org: LocalOrg, session: requests.Session, method: str) -> None:
    made = token(
        org,
        session,
        grant_type="client_credentials",
        client_id=org.ready["client_id"],
        client_secret=org.ready["client_secret"],
    ).json()["access_token"]
    url, headers = org.https + "/services/data/v60.0/limits", {"Authorization": f"OAuth {made}"}
    assert session.get(url, headers=headers, timeout=10).status_code == 200
    where = "data" if method == "POST" else "params"
    revoke = org.https + "/services/oauth2/revoke"
    done = session.request(method, revoke, timeout=10, **{where: {"token": made}})  # type: ignore[arg-type]
    assert (done.status_code, done.content) == (200, b"")
    refused = session.get(url, headers=headers, timeout=10)
    assert refused.status_code == 401
    assert refused.json() == [
        {"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}
    ]


def test_who_am_i(org: LocalOrg, session: requests.Session) -> None:
    headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
    info = session.get(org.https + "/services/oauth2/userinfo", headers=headers, timeout=10).json()
    identity = session.get(info["sub"], headers=headers, timeout=10).json()
    assert info["preferred_username"] == identity["username"] == org.ready["username"]
    assert identity["urls"]["rest"] == org.https + "/services/data/v{version}/"
    user = session.get(
        f"{org.https}/services/data/v51.0/sobjects/User/{info['user_id']}",
        headers=headers,
        timeout=10,
    ).json()
    assert user["Username"] == org.ready["username"]


def test_soap_logout(org: LocalOrg, session: requests.Session) -> None:
    made = org.org.sessions.open(org.org.settings.user, org.clock.now()).token
    envelope = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header>'
        f'<SessionHeader xmlns="urn:partner.soap.sforce.com"><sessionId>{made}</sessionId>'
        '</SessionHeader></e:Header><e:Body><logout xmlns="urn:partner.soap.sforce.com"/>'
        "</e:Body></e:Envelope>"
    )
    url = org.https + "/services/Soap/u/60.0"
    assert "logoutResponse" in session.post(url, data=envelope, timeout=10).text
    assert session.post(url, data=envelope, timeout=10).status_code == 500


def test_session_ends_by_the_clock(trust: Any) -> None:
    with LocalOrg("empty", now=datetime(2026, 1, 31, tzinfo=UTC)) as org, trust(org) as session:
        headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
        url = org.https + "/services/data/v60.0/limits"
        org.clock.advance(7199)
        assert session.get(url, headers=headers, timeout=10).status_code == 200
        org.clock.advance(1)
        refused = session.get(url, headers=headers, timeout=10)
        assert refused.json()[0]["errorCode"] == "INVALID_SESSION_ID"


def assertion(org: LocalOrg, **claims: Any) -> dict[str, str]:
    key = Path(org.ready["jwt_key_file"]).read_bytes()
    full = {
        "iss": org.ready["client_id"],
        "sub": org.ready["username"],
        "aud": org.https,
        "exp": int(org.clock.now().timestamp()) + 60,
        **claims,
    }
    return {"grant_type": JWT_GRANT, "assertion": jwt.encode(full, key, algorithm="RS256")}
