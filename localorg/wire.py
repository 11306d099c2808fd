"""Bytes at the rim: encode a response's body as JSON, pretty where asked, gzip where allowed."""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

import orjson
from isal import igzip

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request, Response

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
    body = _text(response, request)
    if response.truncate:
        body = body[: len(body) // 2]
    headers = list(response.headers)
    if len(body) >= _GZIP_FROM and "gzip" in request.header("accept-encoding"):
        body = igzip.compress(body, _LEVEL)
        headers = [_tagged(name, value) for name, value in headers]
        headers.append(("Content-Encoding", "gzip"))
    if body or response.status not in (204, 304):
        headers.append(("Content-Type", response.content_type))
    if response.status not in (204, 304):
        headers.append(("Content-Length", str(len(body))))
    headers.append(("Vary", "Accept-Encoding"))
    return body, headers


def json_bytes(value: Any, *, pretty: bool = False) -> bytes:
    """JSON of a value; decimals keep every digit."""
    style = orjson.OPT_INDENT_2 if pretty else 0
    return orjson.dumps(value, default=_plain, option=style)


def _text(response: Response, request: Request) -> bytes:
    pretty = request.header("x-prettyprint") == "1"
    if response.value is not None:
        return json_bytes(response.value, pretty=pretty)
    if pretty:
        # A record a line: readable, exact to the digit, and free of a second parse.
        return response.body.replace(_NEXT_RECORD, b'},\n{"attributes":{')
    return response.body


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def _tagged(name: str, value: str) -> tuple[str, str]:
    """ETags end in -gzip when compressed (REST guide, "Conditional Requests")."""
    return (name, value[:-1] + '-gzip"') if name == "ETag" else (name, value)
