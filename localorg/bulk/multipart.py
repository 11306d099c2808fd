"""A multipart/form-data body as its parts by name, which may hold any bytes."""

from __future__ import annotations

import re

from isthmus.localorg.errors import OrgError

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)
_NAME = re.compile(rb'\bname=(?:"([^"]*)"|([^;\s]+))', re.IGNORECASE)


def parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """Give the parts; OrgError INVALIDREQUEST for a body that has none."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise OrgError(400, "INVALIDREQUEST", "multipart/form-data has no boundary")
    mark = b"--" + (found.group(1) or found.group(2)).encode("latin-1")
    made: dict[str, bytes] = {}
    # a boundary stands at the start of a line, also the very first
    for piece in (b"\r\n" + body).split(b"\r\n" + mark)[1:]:
        head, blank, content = piece.partition(b"\r\n\r\n")
        named = _NAME.search(head)
        if blank and named:
            made[(named.group(1) or named.group(2)).decode("utf-8", "replace")] = content
    if not made:
        raise OrgError(400, "INVALIDREQUEST", "multipart/form-data has no parts")
    return made
