"""SOAP partner login and logout, and the way to the calls within a session.

Source: SOAP API Developer Guide, login() and logout(); bodies as simple-salesforce and jsforce
send and read them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from xml.etree import ElementTree

from isthmus.localorg.auth.envelope import answer, elements, fault, name_of
from isthmus.localorg.auth.sessions import Session
from isthmus.localorg.auth.soapcalls import CALLS
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request, Response
from isthmus.localorg.org import Org
from isthmus.localorg.places import instance_url

_BAD_LOGIN = "Invalid username, password, security token; or user locked out."


def soap(org: Org, request: Request, now: datetime, version: str) -> Response:
    """Answer a call to `/services/Soap/u/VERSION`: login, logout, or one within a session."""
    # Entities are not needed here and are a known way to exhaust a parser.
    if b"<!DOCTYPE" in request.body:
        return fault("soapenv:Client", "DTDs are not allowed")
    try:
        root = ElementTree.fromstring(request.body)
    except ElementTree.ParseError as error:
        return fault("soapenv:Client", f"the envelope is not XML: {error}")
    calls = [child for body in root if name_of(body) == "Body" for child in body]
    asked = name_of(calls[0]) if calls else "nothing"
    if asked == "logout":
        return _logout(org, root)
    if asked in CALLS:
        return _in_session(org, root, calls[0], now)
    if asked != "login":
        served = ", ".join(("login", "logout", *CALLS))
        return fault("soapenv:Client", f"{asked} is not served here, but {served}")
    given = {name_of(child): (child.text or "").strip() for child in calls[0]}
    return _login(org, request, now, version, given)


def _login(
    org: Org, request: Request, now: datetime, version: str, given: dict[str, str]
) -> Response:
    settings = org.settings
    good = (settings.password + settings.security_token, settings.password)
    known = given.get("username", "").lower() == settings.user.username.lower()
    # The token may be left out, as from a trusted address range.
    if not known or given.get("password") not in good:
        return fault("INVALID_LOGIN", _BAD_LOGIN, "LoginFault")
    session = org.sessions.open(settings.user, now)
    told = answer(_login_result(org, instance_url(org, request), version, session))
    return replace(told, user=session.user.username)


def _logout(org: Org, root: ElementTree.Element) -> Response:
    tokens = [item.text or "" for item in root.iter() if name_of(item) == "sessionId"]
    if not tokens or not org.sessions.revoke(tokens[0].strip()):
        return fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader")
    return answer("<logoutResponse/>")


def _in_session(
    org: Org, root: ElementTree.Element, call: ElementTree.Element, now: datetime
) -> Response:
    tokens = [(item.text or "").strip() for item in root.iter() if name_of(item) == "sessionId"]
    try:
        session = org.sessions.find(tokens[0] if tokens else "", now)
        org.usage.count(now)
        told = CALLS[name_of(call)](org, call, now, session.user)
    except OrgError as error:
        return fault(error.code, error.message)
    return replace(answer(told), user=session.user.username)


def _login_result(org: Org, base: str, version: str, session: Session) -> str:
    user, settings = session.user, org.settings
    info = {
        "accessibilityMode": "false",
        "currencySymbol": "$",
        "orgAttachmentFileSizeLimit": "5242880",
        "orgDefaultCurrencyIsoCode": settings.corporate_currency,
        "orgDisallowHtmlAttachments": "false",
        "orgHasPersonAccounts": "false",
        "organizationId": settings.org_id,
        "organizationMultiCurrency": "true",
        "organizationName": settings.org_name,
        "profileId": user.profile_id,
        "roleId": None,
        "sessionSecondsValid": str(int(settings.session_seconds)),
        "userDefaultCurrencyIsoCode": user.currency,
        "userEmail": user.username,
        "userFullName": user.name,
        "userId": user.id,
        "userLanguage": user.language,
        "userLocale": user.locale,
        "userName": user.username,
        "userTimeZone": user.time_zone,
        "userType": "Standard",
        "userUiSkin": "Theme3",
    }
    result: dict[str, str | None] = {
        "metadataServerUrl": f"{base}/services/Soap/m/{version}/{settings.org_id[:15]}",
        "passwordExpired": "false",
        "sandbox": "false",
        "serverUrl": f"{base}/services/Soap/u/{version}/{settings.org_id[:15]}",
        "sessionId": session.token,
        "userId": user.id,
    }
    told = elements(result) + f"<userInfo>{elements(info)}</userInfo>"
    return f"<loginResponse><result>{told}</result></loginResponse>"
