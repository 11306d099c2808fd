"""The records of a batch, read from CSV, JSON or XML into what a write takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

from isthmus.localorg.bulk import upload
from isthmus.localorg.bulk.columns import payloads, read_header
from isthmus.localorg.bulk.operations import Operation
from isthmus.localorg.bulk.upload import BadUpload
from isthmus.localorg.classic.wire import local, parsed
from isthmus.localorg.errors import OrgError
from isthmus.localorg.schema import Schema

#: What a batch may hold ("Bulk API Limits").
MAX_RECORDS, MAX_BYTES = 10_000, 10_000_000
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def read(
    schema: Schema, operation: Operation, content_type: str, body: bytes
) -> list[dict[str, Any] | OrgError]:
    """Give a payload for each record, or what is wrong with it; BadUpload for a bad batch."""
    made = _READERS[content_type](schema, operation, body)
    if len(made) > MAX_RECORDS:
        raise BadUpload(f"InvalidBatch : Records exceed the maximum of {MAX_RECORDS}")
    return made


def _from_csv(schema: Schema, operation: Operation, body: bytes) -> list[dict[str, Any] | OrgError]:
    ending = "\r\n" if body.partition(b"\n")[0].endswith(b"\r") else "\n"
    read = upload.read(body, delimiter=",", ending=ending)
    payload = payloads(read_header(schema, operation.sobject, read.header))
    return [
        OrgError(400, "INVALID_CSV", f"Failed to parse the row: {row.problem}")
        if row.problem
        else payload(row.values)
        for row in read.rows()
    ]


def _from_json(
    schema: Schema, operation: Operation, body: bytes
) -> list[dict[str, Any] | OrgError]:
    try:
        made = json.loads(body, parse_float=Decimal)
    except ValueError as error:
        raise BadUpload(f"InvalidBatch : Failed to parse the JSON: {error}") from error
    if not isinstance(made, list) or not all(isinstance(one, Mapping) for one in made):
        raise BadUpload("InvalidBatch : The JSON must be a list of objects")
    return [{name: one[name] for name in one if name != "attributes"} for one in made]


def _from_xml(schema: Schema, operation: Operation, body: bytes) -> list[dict[str, Any] | OrgError]:
    try:
        root = parsed(body, "InvalidBatch")
    except OrgError as error:
        raise BadUpload(f"InvalidBatch : {error.message}") from error
    return [_object(one) for one in root if local(one) == "sObject"]


def _object(element: ElementTree.Element) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for child in element:
        name = local(child)
        if name == "type":
            continue
        inner = [one for one in child if local(one) == "sObject"]
        if inner:
            made[name] = _object(inner[0])
        else:
            nil = child.get(_NIL, "").lower() == "true"
            made[name] = None if nil else (child.text or "")
    # an empty element leaves its field alone
    return {name: value for name, value in made.items() if value != ""}


_READERS = {"CSV": _from_csv, "JSON": _from_json, "XML": _from_xml}
