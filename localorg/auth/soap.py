"""SOAP partner login and logout, read by local name so that any prefix will do.

Source: SOAP API Developer Guide, login() and logout(); bodies as simple-salesforce and jsforce
send and read them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from isthmus.localorg.auth.sessions import Session
from isthmus.localorg.exchange import Request, Response
from isthmus.localorg.org import Org
from isthmus.localorg.places import instance_url

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope'
    ' xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)
_BAD_LOGIN = "Invalid username, password, security token; or user locked out."


def soap(org: Org, request: Request, now: datetime, version: str) -> Response:
    """Answer a call to `/services/Soap/u/VERSION`: login or logout."""
    # Entities are not needed here and are a known way to exhaust a parser.
    if b"<!DOCTYPE" in request.body:
        return _fault("soapenv:Client", "DTDs are not allowed")
    try:
        root = ElementTree.fromstring(request.body)
    except ElementTree.ParseError as error:
        return _fault("soapenv:Client", f"the envelope is not XML: {error}")
    calls = [child for body in root if _name(body) == "Body" for child in body]
    if not calls or _name(calls[0]) not in ("login", "logout"):
        asked = _name(calls[0]) if calls else "nothing"
        return _fault("soapenv:Client", f"only login and logout are served here, not {asked}")
    if _name(calls[0]) == "logout":
        return _logout(org, root)
    given = {_name(child): (child.text or "").strip() for child in calls[0]}
    return _login(org, request, now, version, given)


def _login(
    org: Org, request: Request, now: datetime, version: str, given: dict[str, str]
) -> Response:
    settings = org.settings
    good = (settings.password + settings.security_token, settings.password)
    known = given.get("username", "").lower() == settings.user.username.lower()
    # The token may be left out, as from a trusted address range.
    if not known or given.get("password") not in good:
        return _fault("INVALID_LOGIN", _BAD_LOGIN, "LoginFault")
    session = org.sessions.open(settings.user, now)
    answer = _answer(_login_result(org, instance_url(org, request), version, session))
    return replace(answer, user=session.user.username)


def _logout(org: Org, root: ElementTree.Element) -> Response:
    tokens = [item.text or "" for item in root.iter() if _name(item) == "sessionId"]
    if not tokens or not org.sessions.revoke(tokens[0].strip()):
        return _fault("INVALID_SESSION_ID", "Invalid Session ID found in SessionHeader")
    return _answer("<logoutResponse/>")


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
    told = _elements(result) + f"<userInfo>{_elements(info)}</userInfo>"
    return f"<loginResponse><result>{told}</result></loginResponse>"


def _elements(values: dict[str, str | None]) -> str:
    return "".join(
        f'<{name} xsi:nil="true"/>' if value is None else f"<{name}>{escape(value)}</{name}>"
        for name, value in values.items()
    )


def _answer(inner: str) -> Response:
    text = f'{_HEAD} xmlns="urn:partner.soap.sforce.com"><soapenv:Body>{inner}'
    return _xml(200, text + "</soapenv:Body></soapenv:Envelope>")


def _fault(code: str, message: str, kind: str = "UnexpectedErrorFault") -> Response:
    # simple-salesforce looks for the very tag `sf:exceptionCode`.
    detail = (
        f'<sf:{kind} xsi:type="sf:{kind}"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{escape(message)}</sf:exceptionMessage></sf:{kind}>"
    )
    text = (
        f'{_HEAD} xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring>"
        f"<detail>{detail}</detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    )
    return _xml(500, text)


def _xml(status: int, text: str) -> Response:
    return Response(status, body=text.encode(), content_type="text/xml;charset=UTF-8")


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
