"""Who the session's user is: userinfo and the identity URL.

Source: Salesforce help, "Identity URLs" and "Query for User Info"; keys as recorded there.
"""

from __future__ import annotations

from typing import Any

from isthmus.localorg.settings import Settings, User


def userinfo(settings: Settings, user: User, base: str) -> dict[str, Any]:
    """The body of `/services/oauth2/userinfo`."""
    return {
        "sub": f"{base}/id/{settings.org_id}/{user.id}",
        "user_id": user.id,
        "organization_id": settings.org_id,
        "preferred_username": user.username,
        "nickname": user.first_name,
        "name": user.name,
        "email": user.username,
        "email_verified": True,
        "given_name": user.first_name,
        "family_name": user.last_name,
        "zoneinfo": user.time_zone,
        "photos": _photos(base),
        "profile": f"{base}/{user.id}",
        "picture": _photos(base)["picture"],
        "address": {"country": "US"},
        "is_salesforce_integration_user": False,
        "urls": _urls(settings, user, base),
        "active": True,
        "user_type": "STANDARD",
        "language": user.language,
        "locale": user.locale,
        "utcOffset": -28800000,
        "updated_at": "2024-01-01T00:00:00Z",
    }


def identity(settings: Settings, user: User, base: str) -> dict[str, Any]:
    """The body of `/id/ORG/USER`; its URLs hold the literal text `{version}`."""
    return {
        "id": f"{base}/id/{settings.org_id}/{user.id}",
        "asserted_user": True,
        "user_id": user.id,
        "organization_id": settings.org_id,
        "username": user.username,
        "nick_name": user.first_name,
        "display_name": user.name,
        "email": user.username,
        "email_verified": True,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "timezone": user.time_zone,
        "photos": _photos(base),
        "addr_street": None,
        "addr_city": None,
        "addr_state": None,
        "addr_country": "US",
        "addr_zip": None,
        "mobile_phone": None,
        "mobile_phone_verified": False,
        "is_lightning_login_user": False,
        "status": {"created_date": None, "body": None},
        "urls": _urls(settings, user, base),
        "active": True,
        "user_type": "STANDARD",
        "language": user.language,
        "locale": user.locale,
        "utcOffset": -28800000,
        "last_modified_date": "2024-01-01T00:00:00Z",
        "is_app_installed": True,
    }


def _photos(base: str) -> dict[str, str]:
    return {
        "picture": f"{base}/profilephoto/005/F",
        "thumbnail": f"{base}/profilephoto/005/T",
    }


def _urls(settings: Settings, user: User, base: str) -> dict[str, str]:
    rest = f"{base}/services/data/v{{version}}/"
    soap = f"{base}/services/Soap"
    org = settings.org_id[:15]
    return {
        "enterprise": f"{soap}/c/{{version}}/{org}",
        "metadata": f"{soap}/m/{{version}}/{org}",
        "partner": f"{soap}/u/{{version}}/{org}",
        "rest": rest,
        "sobjects": rest + "sobjects/",
        "search": rest + "search/",
        "query": rest + "query/",
        "recent": rest + "recent/",
        "tooling_soap": f"{soap}/T/{{version}}/{org}",
        "tooling_rest": rest + "tooling/",
        "profile": f"{base}/{user.id}",
        "feeds": rest + "chatter/feeds",
        "groups": rest + "chatter/groups",
        "users": rest + "chatter/users",
        "feed_items": rest + "chatter/feed-items",
        "feed_elements": rest + "chatter/feed-elements",
        "custom_domain": base,
    }
