"""What became of a batch: outcomes of records written, rows of a query, as CSV, JSON or XML."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from isthmus.localorg.bulk.operations import error_text
from isthmus.localorg.bulk.statement import Statement
from isthmus.localorg.classic.wire import CSV, JSON, element_text, elements, xml
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.records import Outcome

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_WIDEST = 131_072 * 4  # characters of a field, its quotes doubled


def outcomes(made: Sequence[Outcome], content_type: str) -> Response:
    """The outcomes of a batch's records, in their order."""
    if content_type == "JSON":
        return Response(200, [_outcome(one) for one in made], content_type=JSON)
    if content_type == "XML":
        return xml("results", "".join(f"<result>{_element(one)}</result>" for one in made))
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(["Id", "Success", "Created", "Error"])
    for one in made:
        if isinstance(one, OrgError):
            writer.writerow(["", "false", "false", error_text(one)])
        else:
            writer.writerow([one.id, "true", "true" if one.created else "false", ""])
    return Response(200, body=text.getvalue().encode(), content_type=CSV)


def rows(statement: Statement, lines: bytes, content_type: str, base: str) -> Response:
    """The rows of a query, from its CSV; `base` is the path that URLs of records begin with."""
    if content_type == "CSV":
        return Response(200, body=statement.header + lines, content_type=CSV)
    records = _records(statement, lines)
    if content_type == "JSON":
        made = [_json(statement.object, record, base) for record in records]
        return Response(200, body=json.dumps(made).encode(), content_type=JSON)
    inner = "".join(
        f'<records xsi:type="sObject"><type>{statement.object}</type>{_fields(record)}</records>'
        for record in records
    )
    return xml("queryResult", inner)


def _outcome(one: Outcome) -> dict[str, Any]:
    if not isinstance(one, OrgError):
        return {"success": True, "created": one.created, "id": one.id, "errors": []}
    error = {
        "message": one.message,
        "fields": list(one.fields),
        "statusCode": one.code,
        "extendedErrorDetails": None,
    }
    return {"success": False, "created": False, "id": None, "errors": [error]}


def _element(one: Outcome) -> str:
    if not isinstance(one, OrgError):
        return elements({"id": one.id, "success": True, "created": one.created})
    fields = "".join(elements({"fields": name}) for name in one.fields)
    told = elements({"message": one.message, "statusCode": one.code})
    return f"<errors>{fields}{told}</errors>" + elements({"success": False, "created": False})


def _records(statement: Statement, lines: bytes) -> Iterator[list[tuple[str, str, str]]]:
    """The name, type and text of each field of each row."""
    text = (statement.header + lines).decode()
    before = csv.field_size_limit(_WIDEST)
    try:
        header, *found = csv.reader(io.StringIO(text, newline=""))
    finally:
        csv.field_size_limit(before)
    return (list(zip(header, statement.kinds, row, strict=True)) for row in found)


def _json(name: str, record: list[tuple[str, str, str]], base: str) -> dict[str, Any]:
    known = next((text for field, _, text in record if field == "Id"), None)
    url = {"url": f"{base}/sobjects/{name}/{known}"} if known else {}
    made: dict[str, Any] = {"attributes": {"type": name, **url}}
    for field, kind, text in record:
        *parents, last = field.split(".")
        place = made
        for parent in parents:
            place = place.setdefault(parent, {"attributes": {"type": parent}})
        place[last] = _value(kind, text)
    return made


def _value(kind: str, text: str) -> Any:
    if text == "":
        return None
    if kind == "boolean":
        return text == "true"
    if kind in _NUMBERS:
        number = Decimal(text)
        return int(number) if number == number.to_integral_value() else float(number)
    if kind == "datetime":  # milliseconds, in this API alone
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    return text


def _fields(record: list[tuple[str, str, str]]) -> str:
    return "".join(
        f"<{field}>{element_text(text)}</{field}>" if text else f'<{field} xsi:nil="true"/>'
        for field, _, text in record
    )
