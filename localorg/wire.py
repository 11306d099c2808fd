"""Bytes at the rim: encode a response's body as JSON, pretty where asked, gzip where allowed."""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

import orjson
from isal import igzip

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request, Response
from isthmus.localorg.packed import PackedResponse

_GZIP_FROM = 1_000  # bytes: below this the header costs more than it saves
_LEVEL = 0  # igzip's fastest: several hundred MB/s
_NEXT_RECORD = b'},{"attributes":{'  # cannot stand inside a JSON text, where quotes are escaped


def unzip(body: bytes, encoding: str) -> bytes:
    """A request body without its Content-Encoding; OrgError 415 or 400 when that fails."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        message = f"Content-Encoding {encoding} is not supported; send gzip or none"
        raise OrgError(415, "UNSUPPORTED_MEDIA_TYPE", message)
    try:
        return bytes(igzip.decompress(body))  # type: ignore[no-untyped-call]
    except (igzip.BadGzipFile, EOFError, zlib.error, OSError) as error:
        raise OrgError(400, "JSON_PARSER_ERROR", f"the body is not gzip: {error}") from error


def encode(response: Response, request: Request) -> tuple[bytes, list[tuple[str, str]]]:
    """The body as sent and all headers; both are what the client may see on the wire."""
    body, zipped = _body(response, request)
    headers = list(response.headers)
    if zipped:
        headers = [_tagged(name, value) for name, value in headers]
        headers.append(("Content-Encoding", "gzip"))
    if body or response.status not in (204, 304):
        headers.append(("Content-Type", response.content_type))
    if response.status not in (204, 304):
        headers.append(("Content-Length", str(len(body))))
    headers.append(("Vary", "Accept-Encoding"))
    return body, headers


def _body(response: Response, request: Request) -> tuple[bytes, bool]:
    """The body as sent, and whether it is gzip."""
    gzip = "gzip" in request.header("accept-encoding")
    if isinstance(response, PackedResponse) and gzip and _as_it_is(response, request):
        return response.rest.gzip(response.body), True
    body = _text(response, request)
    if response.truncate:
        body = body[: len(body) // 2]
    zipped = gzip and len(body) >= _GZIP_FROM
    return (igzip.compress(body, _LEVEL) if zipped else body), zipped


def _as_it_is(response: PackedResponse, request: Request) -> bool:
    """Whether what was kept can be sent without being made text again."""
    size = len(response.body) + response.rest.size
    return size >= _GZIP_FROM and not response.truncate and not _pretty(request)


def _pretty(request: Request) -> bool:
    return request.header("x-prettyprint") == "1"


def json_bytes(value: Any, *, pretty: bool = False) -> bytes:
    """JSON of a value; decimals keep every digit."""
    style = orjson.OPT_INDENT_2 if pretty else 0
    return orjson.dumps(value, default=_plain, option=style)


def _text(response: Response, request: Request) -> bytes:
    pretty = _pretty(request)
    if response.value is not None:
        return json_bytes(response.value, pretty=pretty)
    body = response.whole() if isinstance(response, PackedResponse) else response.body
    if pretty:
        # A record a line: readable, exact to the digit, and free of a second parse.
        return body.replace(_NEXT_RECORD, b'},\n{"attributes":{')
    return body


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def _tagged(name: str, value: str) -> tuple[str, str]:
    """ETags end in -gzip when compressed (REST guide, "Conditional Requests")."""
    return (name, value[:-1] + '-gzip"') if name == "ETag" else (name, value)
