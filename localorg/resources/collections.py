"""sObject Collections: several records in one call.

Source: REST API Developer Guide, "sObject Collections".
"""

from __future__ import annotations

from typing import Any

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.resources.call import Call
from isthmus.localorg.retrieve import retrieve

#: Records that one call may read.
MAX_READ = 2_000


def read(call: Call) -> Response:
    """`GET composite/sobjects/T?ids=A,B&fields=C,D`: the records, null where there is none."""
    params = call.request.params
    return _read(call, _split(params.get("ids")), _split(params.get("fields")))


def read_posted(call: Call) -> Response:
    """`POST composite/sobjects/T` with `{"ids":[...],"fields":[...]}`: as `read`."""
    body = call.request.json_object()
    return _read(call, _texts(body, "ids"), _texts(body, "fields"))


def _read(call: Call, record_ids: list[str], fields: list[str]) -> Response:
    sobject = call.sobject(call.parts[0])
    for name, given in (("ids", record_ids), ("fields", fields)):
        if not given:
            raise OrgError(400, "MISSING_ARGUMENT", f"The {name} parameter is required")
    if len(record_ids) > MAX_READ:
        raise too_many(MAX_READ)
    found = retrieve(call.org.store, sobject, record_ids, fields, call.context())
    return Response(200, body=found.body, rows=found.rows)


def too_many(most: int) -> OrgError:
    """The refusal of a call with more records than it may have."""
    message = f"record limit reached. cannot submit more than {most} records into this call"
    return OrgError(400, "EXCEEDED_ID_LIMIT", message)


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _texts(body: dict[str, Any], name: str) -> list[str]:
    given = body.get(name, [])
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise OrgError(400, "JSON_PARSER_ERROR", f"{name} must be a list of texts")
    return given
