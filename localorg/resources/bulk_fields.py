"""The members of a Bulk job's JSON, checked. Codes: Bulk 1.0's in capitals, as the guide shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.localorg.errors import OrgError


def text(body: Mapping[str, Any], name: str) -> str:
    """A text that must be there; OrgError INVALIDJOB."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise OrgError(400, "INVALIDJOB", f"{name} is required, a text")
    return value


def choice(
    body: Mapping[str, Any],
    name: str,
    known: Mapping[str, Any] | tuple[str, ...],
    usual: str | None,
) -> str:
    """One of the known words; OrgError INVALIDJOB."""
    value = body.get(name, usual)
    if value not in known:
        raise OrgError(400, "INVALIDJOB", f"{name} is {value}; it must be {', '.join(known)}")
    return str(value)
