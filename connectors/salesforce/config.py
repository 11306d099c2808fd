"""What a Salesforce source can be told, read into one frozen value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from isthmus.catalog.kinds import Key, SourceKind
from isthmus.catalog.secrets import Secret, resolve
from isthmus.errors import ConfigError

__all__ = ["AUTHS", "KIND", "Config", "identity_of", "read_config"]

#: What each kind of login needs; a tuple holds alternatives.
AUTHS: Final[dict[str, tuple[str | tuple[str, ...], ...]]] = {
    "password": ("username", "password", ("security_token", "client_id")),
    "client_credentials": ("client_id", "client_secret", ("instance_url", "login_url", "domain")),
    "jwt": ("username", "client_id", "private_key_file"),
    "refresh_token": ("refresh_token", "client_id"),
    "access_token": ("access_token", "instance_url"),
    "sf-cli": (),
}

KIND: Final = SourceKind(
    "salesforce",
    required=(("ready_file",), ("auth",), ("instance_url", "access_token")),
    keys={
        "ready_file": Key("a local org's ready file", path=True),
        "instance_url": Key("the org's address, such as https://acme.my.salesforce.com"),
        "auth": Key("how to log in", choices=tuple(AUTHS)),
        "username": Key("the user's name (with sf-cli: the org's alias)"),
        "password": Key("the user's password", secret=True),
        "security_token": Key("the user's security token", secret=True),
        "client_id": Key("the connected app's consumer key", secret=True),
        "client_secret": Key("the connected app's consumer secret", secret=True),
        "private_key_file": Key("the key that signs the JWT, PEM", path=True),
        "refresh_token": Key("a refresh token", secret=True),
        "access_token": Key("an access token; it is not renewed", secret=True),
        "domain": Key('"login" (the default), "test", or "mycompany.my"'),
        "login_url": Key("the login address, where it is no salesforce.com address"),
        "ca_file": Key("certificates to trust, PEM", path=True),
        "api_version": Key('the REST API version, "62.0" by default'),
        "timeout": Key("seconds to wait for a page, 60 by default", (int, float)),
        "concurrency": Key("requests for rows under way at a time, 4 by default", (int,)),
        "include_deleted": Key(
            "true: tables hold deleted and archived rows too, told apart by IsDeleted", (bool,)
        ),
        "access": Key(
            '"auto" (the default), "rest" or "bulk": page by page, or by Bulk jobs',
            choices=("auto", "rest", "bulk"),
        ),
        "query_plan": Key(
            '"auto" (the default) or "off": whether the org is asked for its plan of a filter on '
            "many rows of which nothing is known",
            choices=("auto", "off"),
        ),
        "decimal_places": Key(
            'decimal places for fields that hold more than described: {"Account.Rate__c" = 6}',
            (dict,),
        ),
    },
)


@dataclass(frozen=True)
class Config:
    """One Salesforce source's settings; secrets stay wrapped.

    Attributes:
        timeout: seconds to wait for a page's first byte and between its bytes.
        concurrency: requests that are under way at a time, over all scans; at least 1.
        access: how scans are fetched: ``rest``, ``bulk``, or ``auto`` for the cheaper of them.
        query_plan: ``auto``, or ``off`` where the org is not asked for plans.
        include_deleted: whether scans read the ``queryAll`` resource.
        decimal_places: by ``(object, field)`` in lower case, how many decimal places it has.
    """

    name: str
    auth: str
    ready_file: str | None = None
    instance_url: str | None = None
    username: str | None = None
    password: Secret | None = None
    security_token: Secret | None = None
    client_id: Secret | None = None
    client_secret: Secret | None = None
    private_key_file: str | None = None
    refresh_token: Secret | None = None
    access_token: Secret | None = None
    domain: str = "login"
    login_url: str | None = None
    ca_file: str | None = None
    api_version: str = "62.0"
    timeout: float = 60.0
    concurrency: int = 4
    include_deleted: bool = False
    access: str = "auto"
    query_plan: str = "auto"
    decimal_places: Mapping[tuple[str, str], int] = field(default_factory=dict)


def read_config(name: str, given: Mapping[str, Any]) -> Config:
    """Read a source's settings.

    Args:
        name: the source's name, for errors.
        given: the keys of `KIND`; ``kind`` itself may be among them.

    Raises:
        ConfigError: a key is unknown or missing, or a value does not fit.
    """
    values = {key: value for key, value in given.items() if key != "kind" and value is not None}
    for key in values:
        if key not in KIND.keys:
            raise ConfigError(
                f"source {name} has a key {key!r}, which means nothing to Salesforce",
                remedy=f"The keys are {', '.join(KIND.keys)}.",
            )
    for key, described in KIND.keys.items():
        if described.secret and key in values:
            values[key] = resolve(values[key])
    auth = values.pop("auth", None) or _auth_of(values)
    _demand(name, auth, values)
    values["api_version"] = _version(name, str(values.get("api_version", "62.0")))
    values["timeout"] = _positive(name, "timeout", values.get("timeout", 60.0))
    values["concurrency"] = int(_positive(name, "concurrency", values.get("concurrency", 4)))
    if values.get("access", "auto") not in KIND.keys["access"].choices:
        raise ConfigError(
            f"source {name} has access = {values['access']!r}",
            remedy='Write "auto", "rest" or "bulk".',
        )
    if values.get("query_plan", "auto") not in KIND.keys["query_plan"].choices:
        raise ConfigError(
            f"source {name} has query_plan = {values['query_plan']!r}",
            remedy='Write "auto" or "off".',
        )
    values["decimal_places"] = _decimal_places(name, values.get("decimal_places", {}))
    for key in ("instance_url", "login_url"):
        if key in values:
            values[key] = _address(name, key, str(values[key]))
    return Config(name=name, auth=auth, **values)


def identity_of(config: Config) -> str:
    """The org and the user, without secrets, as far as the settings tell them.

    A local org that is started anew is another org, though its ready file is the same.
    """
    if config.auth == "ready_file":
        try:
            ready = json.loads(Path(str(config.ready_file)).read_text(encoding="utf-8"))
            return f"salesforce:{ready['http']}:{ready.get('pid')}"
        except (OSError, ValueError, KeyError, TypeError):
            return f"salesforce:{config.ready_file}"
    where = config.instance_url or config.login_url or config.domain
    return f"salesforce:{where}:{config.username or config.auth}"


def _auth_of(values: Mapping[str, Any]) -> str:
    return "ready_file" if "ready_file" in values else "access_token"


def _demand(name: str, auth: str, values: Mapping[str, Any]) -> None:
    if auth == "ready_file":
        return
    if auth not in AUTHS:
        raise ConfigError(
            f"source {name} has auth = {auth!r}, which is no way to log in",
            remedy=f"Choose one of {', '.join(AUTHS)}, or give a ready_file.",
        )
    for needed in AUTHS[auth]:
        choices = (needed,) if isinstance(needed, str) else needed
        if not any(choice in values for choice in choices):
            raise ConfigError(
                f"source {name} logs in by {auth}, but has no {' or '.join(choices)}",
                remedy=f"Add it to the source; {auth} needs {_words(AUTHS[auth])}.",
            )


def _words(needs: tuple[str | tuple[str, ...], ...]) -> str:
    return ", ".join(need if isinstance(need, str) else " or ".join(need) for need in needs)


def _version(name: str, text: str) -> str:
    match = re.fullmatch(r"v?(\d{2,3})(?:\.0)?", text)
    if match is None:
        raise ConfigError(
            f"source {name} has api_version = {text!r}", remedy='Write it like "62.0".'
        )
    return f"{match[1]}.0"


def _positive(name: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise ConfigError(f"source {name} has {key} = {value!r}", remedy="Give a number above 0.")
    return float(value)


def _address(name: str, key: str, text: str) -> str:
    if not re.fullmatch(r"https?://[^/\s]+/?", text):
        raise ConfigError(
            f"source {name} has {key} = {text!r}, which is no address of a host",
            remedy="Write it like https://acme.my.salesforce.com, without a path.",
        )
    if text.rstrip("/").endswith(".lightning.force.com"):
        raise ConfigError(
            f"source {name} has {key} = {text!r}, which is where people log in and not the API",
            remedy="Write the same host with my.salesforce.com: https://acme.my.salesforce.com.",
        )
    return text.rstrip("/")


def _decimal_places(name: str, given: Any) -> dict[tuple[str, str], int]:
    places = {}
    for key, value in dict(given).items():
        table, dot, column = str(key).partition(".")
        if not dot or isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 38:
            raise ConfigError(
                f"source {name} has decimal_places {key!r} = {value!r}",
                remedy='Write object and field, and a number from 0 to 38: "Account.Rate__c" = 6',
            )
        places[table.lower(), column.lower()] = value
    return places
