"""Records: create, read, change, delete, and upsert by external id.

Source: REST API Developer Guide, "sObject Rows" and "sObject Rows by External ID".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from isthmus.localorg import replication
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.records import SeveralMatches, Written
from isthmus.localorg.resources.call import Call
from isthmus.localorg.resources.conditions import (
    TAGGED,
    check_change,
    conditional,
    headers,
    unchanged,
)

_CREATED_SINCE = 46.0  # the version from which an upsert tells whether it created


def create(call: Call) -> Response:
    """`POST sobjects/T`: 201 with the new record's id."""
    name = call.sobject(call.parts[0]).name
    record_id = call.org.records.create(
        name, _payload(call), now=call.now, user_id=call.session.user.id
    )
    return _created(call, name, {"id": record_id, "success": True, "errors": []})


def retrieve(call: Call) -> Response:
    """`GET sobjects/T/ID?fields=A,B`: the record."""
    return _record(call, call.sobject(call.parts[0]).name, call.parts[1])


def update(call: Call) -> Response:
    """`PATCH sobjects/T/ID`: 204, or 412 when it is not as the headers say."""
    name = call.sobject(call.parts[0]).name
    records = call.org.records
    with records.together():
        _check_change(call, name, call.parts[1])
        records.update(
            name, call.parts[1], _payload(call), now=call.now, user_id=call.session.user.id
        )
    return Response(204)


def delete(call: Call) -> Response:
    """`DELETE sobjects/T/ID`: 204."""
    name = call.sobject(call.parts[0]).name
    call.org.records.delete(name, call.parts[1], now=call.now, user_id=call.session.user.id)
    return Response(204)


def retrieve_by_key(call: Call) -> Response:
    """`GET sobjects/T/FIELD/VALUE`: the record, or 300 with the URLs of several."""
    name = call.sobject(call.parts[0]).name
    try:
        return _record(call, name, call.org.records.find(name, call.parts[1], call.parts[2]))
    except SeveralMatches as several:
        return _choices(call, several)


def upsert(call: Call) -> Response:
    """`PATCH sobjects/T/FIELD/VALUE`: 201 created; changed: 200, or 204 before v46."""
    name = call.sobject(call.parts[0]).name
    try:
        made = _upserted(call, name)
    except SeveralMatches as several:
        return _choices(call, several)
    body: dict[str, Any] = {"id": made.id, "success": True, "errors": []}
    if float(call.version) >= _CREATED_SINCE:
        body["created"] = made.created
    elif not made.created:
        return Response(204)
    return _created(call, name, body) if made.created else Response(200, body)


def _upserted(call: Call, name: str) -> Written:
    records, (_, field, value) = call.org.records, call.parts
    with records.together():
        if conditional(call.request):
            found = _held_by(call, name, field, value)
            if found is not None:
                _check_change(call, name, found)
        return records.upsert(
            name,
            field,
            value,
            _payload(call),
            now=call.now,
            user_id=call.session.user.id,
            update_only=call.request.params.get("updateOnly", "").lower() == "true",
        )


def delete_by_key(call: Call) -> Response:
    """`DELETE sobjects/T/FIELD/VALUE`: 204, or 300 with the URLs of several."""
    name = call.sobject(call.parts[0]).name
    records = call.org.records
    try:
        found = records.find(name, call.parts[1], call.parts[2])
    except SeveralMatches as several:
        return _choices(call, several)
    records.delete(name, found, now=call.now, user_id=call.session.user.id)
    return Response(204)


def updated(call: Call) -> Response:
    """`GET sobjects/T/updated?start=&end=`: ids changed in that time."""
    found = call.sobject(call.parts[0])
    body = replication.updated(
        call.org.store, found, _moment(call, "start"), _moment(call, "end"), now=call.now
    )
    return Response(200, body, rows=len(body["ids"]))


def deleted(call: Call) -> Response:
    """`GET sobjects/T/deleted?start=&end=`: ids deleted in that time."""
    found = call.sobject(call.parts[0])
    body = replication.deleted(
        call.org.store, found, _moment(call, "start"), _moment(call, "end"), now=call.now
    )
    return Response(200, body, rows=len(body["deletedRecords"]))


def _held_by(call: Call, name: str, field: str, value: str) -> str | None:
    """The record that an upsert will change, if there is one."""
    try:
        return call.org.records.find(name, field, value)
    except SeveralMatches:
        raise
    except OrgError:  # there is none, or the upsert will say what is wrong
        return None


def _check_change(call: Call, name: str, record_id: str) -> None:
    if conditional(call.request):
        version = call.org.records.version(name, record_id)
        if version is not None:  # else the change itself says what is wrong
            check_change(call.request, name, version)


def _record(call: Call, name: str, record_id: str) -> Response:
    asked = call.request.params.get("fields")
    fields = asked.split(",") if asked else None
    body = call.org.records.retrieve(name, record_id, fields=fields, base_path=call.base)
    if name != TAGGED and not conditional(call.request):
        return Response(200, body, rows=1)
    version = call.org.records.version(name, record_id)
    if version is None:  # deleted this moment
        raise OrgError(404, "ENTITY_IS_DELETED", "entity is deleted")
    told = headers(name, version)
    if unchanged(call.request, name, version):
        return Response(304, headers=told)
    return Response(200, body, headers=told, rows=1)


def _payload(call: Call) -> dict[str, Any]:
    sent = call.request.json_object()
    return {name: value for name, value in sent.items() if name != "attributes"}


def _created(call: Call, name: str, body: dict[str, Any]) -> Response:
    place = f"{call.base}/sobjects/{name}/{body['id']}"
    return Response(201, body, headers=(("Location", place),))


def _choices(call: Call, several: SeveralMatches) -> Response:
    base = f"{call.base}/sobjects/{quote(several.sobject)}"
    return Response(300, [f"{base}/{record_id}" for record_id in several.record_ids])


def _moment(call: Call, name: str) -> Any:
    text = call.request.params.get(name)
    if text is None:
        raise OrgError(400, "INVALID_REPLICATION_DATE", f"give the parameter {name}")
    return replication.moment(text)
