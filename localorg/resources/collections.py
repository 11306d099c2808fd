"""sObject Collections: several records in one call.

Source: REST API Developer Guide, "sObject Collections".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from isthmus.localorg import ids
from isthmus.localorg.composite.outcomes import Outcome, outcomes
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.resources.call import Call
from isthmus.localorg.retrieve import retrieve
from isthmus.localorg.schema import SObject

#: Records that one call may read and write, and the runs of one type among those written.
MAX_READ, MAX_WRITTEN, MAX_RUNS = 2_000, 200, 10


def read(call: Call) -> Response:
    """`GET composite/sobjects/T?ids=A,B&fields=C,D`: the records, null where there is none."""
    params = call.request.params
    return _read(call, _split(params.get("ids")), _split(params.get("fields")))


def read_posted(call: Call) -> Response:
    """`POST composite/sobjects/T` with `{"ids":[...],"fields":[...]}`: as `read`."""
    body = call.request.json_object()
    return _read(call, _texts(body, "ids"), _texts(body, "fields"))


def create(call: Call) -> Response:
    """`POST composite/sobjects`: an outcome for each record."""
    return _write(call, _sent(call), _creation)


def update(call: Call) -> Response:
    """`PATCH composite/sobjects`: an outcome for each record, found by its id."""
    return _write(call, _sent(call), _change)


def upsert(call: Call) -> Response:
    """`PATCH composite/sobjects/T/FIELD`: an outcome for each record, found by that field."""
    sobject = call.sobject(call.parts[0])
    sent = _sent(call)
    for one in sent:
        if one.sobject.name != sobject.name:
            message = f"All records must be of type {sobject.name}, not {one.sobject.name}"
            raise OrgError(400, "INVALID_INPUT", message)
    return _write(call, sent, _upserting(call.parts[1]))


def delete(call: Call) -> Response:
    """`DELETE composite/sobjects?ids=A,B&allOrNone=`: an outcome for each id."""
    params = call.request.params
    wanted = _split(params.get("ids"))
    _check_count(wanted, "ids")
    writes = [partial(_deletion, call, record_id) for record_id in wanted]
    whole = params.get("allOrNone", "").lower() == "true"
    return Response(200, outcomes(call.org.records, writes, all_or_none=whole))


@dataclass(frozen=True)
class Sent:
    """A record as a client sent it: its type, and its fields without `attributes`."""

    sobject: SObject
    fields: dict[str, Any]


def _write(call: Call, sent: list[Sent], write: Callable[[Call, Sent], Outcome]) -> Response:
    writes = [partial(write, call, one) for one in sent]
    whole = call.request.json_object().get("allOrNone") is True
    return Response(200, outcomes(call.org.records, writes, all_or_none=whole))


def _creation(call: Call, one: Sent) -> Outcome:
    made = call.org.records.create(one.sobject.name, one.fields, **_by(call))
    return {"id": made}


def _change(call: Call, one: Sent) -> Outcome:
    given = [str(value) for name, value in one.fields.items() if name.lower() == "id"]
    if not given:
        raise OrgError(400, "MISSING_ARGUMENT", "Id not specified in an update call")
    rest = {name: value for name, value in one.fields.items() if name.lower() != "id"}
    call.org.records.update(one.sobject.name, given[0], rest, **_by(call))
    return {"id": ids.normalise(given[0])}


def _upserting(name: str) -> Callable[[Call, Sent], Outcome]:
    def write(call: Call, one: Sent) -> Outcome:
        keys = [key for key in one.fields if key.lower() == name.lower()]
        rest = {key: value for key, value in one.fields.items() if key not in keys}
        value = one.fields[keys[0]] if keys else None
        if value is None and name.lower() == "id":
            return {**_creation(call, Sent(one.sobject, rest)), "created": True}
        if value is None:
            raise OrgError(400, "MISSING_ARGUMENT", f"{name} not specified")
        made = call.org.records.upsert(one.sobject.name, name, str(value), rest, **_by(call))
        return {"id": made.id, "created": made.created}

    return write


def _deletion(call: Call, record_id: str) -> Outcome:
    full = ids.normalise(record_id)
    sobject = call.org.schema.by_prefix(full[:3]) if full else None
    if full is None or sobject is None:
        raise OrgError(400, "MALFORMED_ID", f"malformed id {record_id}")
    call.org.records.delete(sobject.name, full, **_by(call))
    return {"id": full}


def _by(call: Call) -> Any:
    return {"now": call.now, "user_id": call.session.user.id}


def _sent(call: Call) -> list[Sent]:
    given = call.request.json_object().get("records")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise OrgError(400, "JSON_PARSER_ERROR", "records must be a list of objects")
    _check_count(given, "records")
    sent = [_record(call, one) for one in given]
    runs = sum(1 for _ in groupby(one.sobject.name for one in sent))
    if runs > MAX_RUNS:
        message = f"records of one type must stand together: at most {MAX_RUNS} runs, not {runs}"
        raise OrgError(400, "INVALID_INPUT", message)
    return sent


def _record(call: Call, given: dict[str, Any]) -> Sent:
    about = given.get("attributes")
    kind = about.get("type") if isinstance(about, dict) else None
    sobject = call.org.schema.get(kind) if isinstance(kind, str) else None
    if sobject is None:
        raise OrgError(400, "INVALID_TYPE", f"attributes.type of a record is no object: {kind}")
    return Sent(sobject, {name: value for name, value in given.items() if name != "attributes"})


def _check_count(given: list[Any], name: str) -> None:
    if not given:
        raise OrgError(400, "MISSING_ARGUMENT", f"The {name} parameter is required")
    if len(given) > MAX_WRITTEN:
        raise too_many(MAX_WRITTEN)


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
