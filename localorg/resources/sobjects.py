"""The global list of objects, one object's summary, and describes with their cache headers."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from isthmus.localorg.exchange import Response
from isthmus.localorg.resources.call import Call
from isthmus.localorg.wire import json_bytes


@dataclass(frozen=True)
class Rendered:
    """A describe as JSON with its ETag."""

    body: bytes
    etag: str


def all_sobjects(call: Call) -> Response:
    """`GET sobjects`: every object."""
    return _conditional(call, ("sobjects",), lambda: call.org.schema.global_describe(call.version))


def sobject(call: Call) -> Response:
    """`GET sobjects/T`: the object's entry of the global list."""
    found = call.sobject(call.parts[0])
    entry = found.global_entry(call.version)
    return Response(200, {"objectDescribe": entry, "recentItems": []})


def describe(call: Call) -> Response:
    """`GET sobjects/T/describe`: all of the object; 304 when the client has it already."""
    found = call.sobject(call.parts[0])
    return _conditional(
        call,
        ("describe", found.name, call.instance_url),
        lambda: found.describe(call.version, call.instance_url),
    )


def _conditional(call: Call, what: tuple[str, ...], make: Any) -> Response:
    rendered = _rendered(call, (*what, call.version), make)
    headers = (
        ("ETag", rendered.etag),
        ("Last-Modified", format_datetime(call.org.described.astimezone(UTC), usegmt=True)),
    )
    if _unchanged(call, rendered.etag):
        return Response(304, headers=headers)
    return Response(200, body=rendered.body, headers=headers)


def _rendered(call: Call, key: tuple[str, ...], make: Any) -> Rendered:
    kept: Rendered | None = call.org.describes.get(key)
    if kept is None:
        body = json_bytes(make())
        kept = Rendered(body, f'"{zlib.crc32(body):08x}"')
        call.org.describes[key] = kept
    return kept


def _unchanged(call: Call, etag: str) -> bool:
    tags = call.request.header("if-none-match")
    if tags:
        given = [tag.strip().removeprefix("W/").replace("-gzip", "") for tag in tags.split(",")]
        return etag in given or "*" in given
    since = _moment(call.request.header("if-modified-since"))
    return since is not None and since >= call.org.described


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
