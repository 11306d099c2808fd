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
from isthmus.localorg.composite.outcomes import Outcome, failure, outcomes, success
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.records import Written
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
    records, by = call.org.records, _by(call)

    def write(name: str, run: list[Sent]) -> list[Outcome]:
        made = records.create_many(name, [one.fields for one in run], **by)
        return [_told(one) for one in made]

    return _write(call, _sent(call), write)


def update(call: Call) -> Response:
    """`PATCH composite/sobjects`: an outcome for each record, found by its id."""
    records, by = call.org.records, _by(call)

    def write(name: str, run: list[Sent]) -> list[Outcome]:
        made = records.update_many(name, [_parted(one.fields, "Id") for one in run], **by)
        return [_told(one) for one in made]

    return _write(call, _sent(call), write)


def upsert(call: Call) -> Response:
    """`PATCH composite/sobjects/T/FIELD`: an outcome for each record, found by that field."""
    sobject, key = call.sobject(call.parts[0]), call.parts[1]
    records, by = call.org.records, _by(call)
    sent = _sent(call)
    for one in sent:
        if one.sobject.name != sobject.name:
            message = f"All records must be of type {sobject.name}, not {one.sobject.name}"
            raise OrgError(400, "INVALID_INPUT", message)

    def write(name: str, run: list[Sent]) -> list[Outcome]:
        made = records.upsert_many(name, key, [_parted(one.fields, key) for one in run], **by)
        return [
            _told(one) | ({"created": one.created} if isinstance(one, Written) else {})
            for one in made
        ]

    return _write(call, sent, write)


def delete(call: Call) -> Response:
    """`DELETE composite/sobjects?ids=A,B&allOrNone=`: an outcome for each id."""
    params = call.request.params
    wanted = _split(params.get("ids"))
    _check_count(wanted, "ids")

    def write() -> list[Outcome]:
        made: list[Outcome] = []
        for sobject, run in groupby(wanted, partial(_object_of, call)):
            made += _deletions(call, sobject, list(run))
        return made

    whole = params.get("allOrNone", "").lower() == "true"
    return Response(200, outcomes(call.org.records, write, all_or_none=whole))


@dataclass(frozen=True)
class Sent:
    """A record as a client sent it: its type, and its fields without `attributes`."""

    sobject: SObject
    fields: dict[str, Any]


def _write(
    call: Call, sent: list[Sent], write: Callable[[str, list[Sent]], list[Outcome]]
) -> Response:
    """Write the records, those of one type that stand together at once."""

    def every() -> list[Outcome]:
        made: list[Outcome] = []
        for name, run in groupby(sent, lambda one: one.sobject.name):
            made += write(name, list(run))
        return made

    whole = call.request.json_object().get("allOrNone") is True
    return Response(200, outcomes(call.org.records, every, all_or_none=whole))


def _told(made: Written | OrgError) -> Outcome:
    return success(made.id) if isinstance(made, Written) else failure(made)


def _parted(fields: dict[str, Any], key: str) -> tuple[str | None, dict[str, Any]]:
    """Part the field that says which record is meant from the others."""
    given = [value for name, value in fields.items() if name.lower() == key.lower()]
    rest = {name: value for name, value in fields.items() if name.lower() != key.lower()}
    return (str(given[0]) if given and given[0] is not None else None), rest


def _object_of(call: Call, record_id: str) -> str | None:
    full = ids.normalise(record_id)
    sobject = call.org.schema.by_prefix(full[:3]) if full else None
    return sobject.name if sobject else None


def _deletions(call: Call, name: str | None, run: list[str]) -> list[Outcome]:
    if name is None:
        return [failure(OrgError(400, "MALFORMED_ID", f"malformed id {one}")) for one in run]
    try:
        return [_told(one) for one in call.org.records.delete_many(name, run, **_by(call))]
    except OrgError as error:  # of a type that cannot be deleted
        return [failure(error) for _ in run]


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
