"""Conditional headers of sObject Rows: read or change a record only as it was last seen.

Source: REST API Developer Guide, "Conditional Requests". Times are those of LastModifiedDate, to
the second; tags are given to accounts alone. A delete heeds none of the headers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request
from isthmus.localorg.records import Version

#: The object whose records have tags.
TAGGED = "Account"
_NAMES = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")


def conditional(request: Request) -> bool:
    """Whether a request has any of the headers."""
    return any(request.header(name) for name in _NAMES)


def headers(name: str, version: Version) -> tuple[tuple[str, str], ...]:
    """The headers by which a record can be asked for again."""
    if name != TAGGED or version.modified is None:
        return ()
    modified = format_datetime(version.modified.replace(tzinfo=UTC), usegmt=True)
    return ("ETag", version.tag), ("Last-Modified", modified)


def unchanged(request: Request, name: str, version: Version) -> bool:
    """Whether a client that reads has the record already; OrgError 412 if it may not read it."""
    _check(request, name, version)
    tags = request.header("if-none-match")
    if name == TAGGED and tags:
        return _among(version.tag, tags)
    since = _moment(request, "if-modified-since", strict=False)
    return since is not None and version.modified is not None and version.modified <= since


def check_change(request: Request, name: str, version: Version) -> None:
    """Refuse a change of a record that is another by now; OrgError 412, or 400 for a bad date."""
    _moment(request, "if-modified-since", strict=True)
    _check(request, name, version)
    tags = request.header("if-none-match")
    if name == TAGGED and tags and _among(version.tag, tags):
        raise _failed("If-None-Match")


def _check(request: Request, name: str, version: Version) -> None:
    tags = request.header("if-match")
    if name == TAGGED and tags and not _among(version.tag, tags):
        raise _failed("If-Match")
    strict = request.method not in ("GET", "HEAD")
    since = _moment(request, "if-unmodified-since", strict=strict)
    if since is not None and version.modified is not None and version.modified > since:
        raise _failed("If-Unmodified-Since")


def _among(tag: str, given: str) -> bool:
    tags = [one.strip().removeprefix("W/").replace("-gzip", "") for one in given.split(",")]
    return "*" in tags or tag in tags


def _moment(request: Request, name: str, *, strict: bool) -> datetime | None:
    text = request.header(name)
    if not text:
        return None
    try:
        made = parsedate_to_datetime(text)
    except ValueError as error:
        if not strict:
            return None
        message = f"{name} is no HTTP date: {text}"
        raise OrgError(400, "INVALID_HEADER_VALUE", message) from error
    return made.astimezone(UTC).replace(tzinfo=None) if made.tzinfo else made


def _failed(header: str) -> OrgError:
    message = f"The record is not as {header} says; the request was not done"
    return OrgError(412, "PRECONDITION_FAILED", message)
