"""Text search: `GET search?q=SOSL`.

Source: REST API Developer Guide, "Search". Salesforce searches an index that is behind the rows;
this looks at the rows themselves, at all text fields that a query can filter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.resources.call import Call
from isthmus.localorg.schema import Field, SObject
from isthmus.localorg.soql import query as soql
from isthmus.localorg.sosl.statement import Returned, Statement, malformed, parse

MOST = 2_000  # records of one answer (SOQL and SOSL Reference, "SOSL Limits")
_OBJECT_SINCE = 37.0  # the version from which the answer is an object
_TEXTS = ("string", "email", "phone", "url", "textarea", "picklist", "combobox")
_OF_GROUP = {"EMAIL": ("email",), "PHONE": ("phone",)}


def search(call: Call) -> Response:
    """`GET search?q=SOSL`: the records that have all of the words."""
    text = call.request.params.get("q")
    if text is None:
        raise OrgError(400, "MALFORMED_SEARCH", "A search string has to be specified")
    statement = parse(text)
    most = min(statement.limit if statement.limit is not None else MOST, MOST)
    found: list[Any] = []
    for returned in statement.returned or tuple(_everything(call)):
        found += _records(call, statement, returned, most - len(found))
    body = {"searchRecords": found} if float(call.version) >= _OBJECT_SINCE else found
    return Response(200, body, rows=len(found))


def _everything(call: Call) -> Iterator[Returned]:
    for sobject in call.org.schema.objects:
        if sobject.queryable and sobject.raw.get("searchable"):
            yield Returned(sobject.name)


def _records(call: Call, statement: Statement, returned: Returned, most: int) -> list[Any]:
    sobject = call.org.schema.get(returned.name)
    if sobject is None:
        malformed(f"sObject type '{returned.name}' is not supported.")
    fields = list(_searched(sobject, statement.group))
    if most <= 0 or not fields:
        return []
    tests = [_any_of(fields, word) for word in statement.words]
    if returned.where:
        tests.append(f"({returned.where})")
    condition = " AND ".join(tests)
    text = f"SELECT {returned.fields} FROM {sobject.name} WHERE {condition} {returned.rest}"
    org = call.org
    answer = soql.run(
        text,
        schema=org.schema,
        store=org.store,
        cursors=org.cursors,
        switches=org.switches,
        now=call.now,
        user=call.session.user.context(),
        api_version=float(call.version),
        base_path=call.base,
        org=org.settings.context(),
    )
    return list(orjson.loads(answer.body)["records"])[:most]


def _searched(sobject: SObject, group: str) -> Iterator[Field]:
    for field in sobject.fields:
        if not field.filterable or not field.stored:
            continue
        if group in ("NAME", "SIDEBAR"):
            if field.name_field:
                yield field
        elif field.type in _OF_GROUP.get(group, _TEXTS):
            yield field


def _any_of(fields: list[Field], word: str) -> str:
    pattern = _pattern(word)
    return "(" + " OR ".join(f"{field.name} LIKE '{pattern}'" for field in fields) + ")"


def _pattern(word: str) -> str:
    r"""The operand of LIKE: `*` is any text and `?` one character, `\` takes a sign as it is."""
    made = []
    for escaped, sign in re.findall(r"\\(.)|(.)", word, re.DOTALL):
        if sign in ("*", "?") and sign:
            made.append("%" if sign == "*" else "_")
            continue
        plain = escaped or sign
        made.append("\\" + plain if plain in "%_'\\" else plain)
    return "%" + "".join(made) + "%"
