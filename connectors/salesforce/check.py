"""`isthmus check` for an org: each step that can fail, how it went, and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from isthmus.connectors.contract import Finding
from isthmus.connectors.salesforce.config import Config
from isthmus.connectors.salesforce.metadata import Metadata
from isthmus.connectors.salesforce.session import Login
from isthmus.errors import IsthmusError

__all__ = ["findings"]

#: Below this part of the daily calls, the check warns.
FEW_CALLS = 0.1


def findings(config: Config, login: Login, metadata: Metadata) -> Iterator[Finding]:
    """Try the steps in their order; stop where the next can't work."""
    yield from _plain_secrets(config)
    steps: tuple[tuple[str, Callable[[], Finding]], ...] = (
        ("login", lambda: _logged_in(config, login)),
        ("API version", lambda: _version(config, metadata)),
        ("API calls", lambda: _calls(metadata)),
        ("objects", lambda: _objects(metadata)),
    )
    for subject, step in steps:
        try:
            yield step()
        except IsthmusError as error:
            yield Finding(subject, False, error.message, error.remedy)
            return


def _plain_secrets(config: Config) -> Iterator[Finding]:
    names = ("password", "security_token", "client_secret", "refresh_token", "access_token")
    for name in names:
        secret = getattr(config, name)
        if secret is not None and secret.plain:
            yield Finding(
                "secrets",
                False,
                f"{name} stands in the project file",
                f'Keep it in the environment or the keyring: {name} = "env:SF_{name.upper()}"',
            )


def _logged_in(config: Config, login: Login) -> Finding:
    session = login.session()
    secure = session.base.startswith("https")
    detail = f"{session.base} by {config.auth}"
    if secure or config.auth == "ready_file":
        return Finding("login", True, detail)
    return Finding("login", False, f"{detail}, without TLS", "Use the org's https address.")


def _version(config: Config, metadata: Metadata) -> Finding:
    versions = metadata.versions()
    if config.api_version in versions:
        return Finding("API version", True, f"{config.api_version} of up to {versions[-1]}")
    return Finding(
        "API version",
        False,
        f"the org does not know {config.api_version}",
        f'Set api_version to one of {versions[0]} to {versions[-1]}, such as "{versions[-1]}".',
    )


def _calls(metadata: Metadata) -> Finding:
    daily = metadata.limits().get("DailyApiRequests")
    if not daily:
        return Finding("API calls", True, "the org does not say how many are left")
    left, most = int(daily["Remaining"]), int(daily["Max"])
    detail = f"{left:,} of {most:,} left today"
    if left > most * FEW_CALLS:
        return Finding("API calls", True, detail)
    return Finding("API calls", False, detail, "Wait, or raise the org's limit.")


def _objects(metadata: Metadata) -> Finding:
    listed = [entry for entry in metadata.objects() if entry.get("queryable")]
    if not listed:
        return Finding(
            "objects", False, "the user can query no object", "Give the user permissions."
        )
    first = next((e for e in listed if e["name"] == "Account"), listed[0])
    described, _ = metadata.describe(str(first["name"]))
    fields = len(described["fields"]) if described else 0
    return Finding(
        "objects", True, f"{len(listed)} can be queried; {first['name']} has {fields} fields"
    )
