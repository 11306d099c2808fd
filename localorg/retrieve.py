"""Many records by their ids, as one JSON text written by DuckDB.

Source: REST API Developer Guide, "Get Multiple Records with Fields Using sObject Collections": a
field that does not exist fails the call, an id that leads nowhere gives null in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from isthmus.localorg import ids
from isthmus.localorg.errors import OrgError
from isthmus.localorg.schema import SObject
from isthmus.localorg.soql import jsontext
from isthmus.localorg.soql.ast import Path
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.operands import field_operand, text_literal
from isthmus.localorg.soql.scope import Scope
from isthmus.localorg.store import Store


@dataclass(frozen=True)
class Retrieved:
    """A JSON array in the order of the ids, and how many of its entries are records."""

    body: bytes
    rows: int


def retrieve(
    store: Store,
    sobject: SObject,
    record_ids: Sequence[str],
    fields: Sequence[str],
    context: Context,
) -> Retrieved:
    """Read the fields of these records; OrgError INVALID_FIELD for a field that is not there."""
    scope = Scope(context, sobject)
    record = _record(scope, fields)
    sql = (
        f"SELECT coalesce(string_agg(coalesce(j, 'null'), ',' ORDER BY n), ''), count(j) FROM "
        f'(SELECT wanted.n, CASE WHEN {scope.alias}."Id" IS NOT NULL THEN {record} END AS j '
        f"FROM wanted LEFT JOIN {store.table(sobject.name)} {scope.alias} "
        f'ON {scope.alias}."Id" = wanted.id AND {scope.live()})'
    )
    found = pa.array([ids.normalise(one) for one in record_ids], pa.string())
    wanted = pa.table({"n": pa.array(range(len(found)), pa.int64()), "id": found})
    with store.cursor() as cursor:
        cursor.register("wanted", wanted)
        row = cursor.execute(sql).fetchone()
    assert row is not None
    return Retrieved(b"[%s]" % row[0].encode(), row[1])


def _record(scope: Scope, fields: Sequence[str]) -> str:
    """Give the JSON text of a record: `attributes`, then the fields in the order asked for."""
    base, name = scope.context.base_path, scope.object.name
    head = f'{{"attributes":{{"type":"{name}","url":"{base}/sobjects/{name}/'
    parts = [text_literal(head), f'{scope.alias}."Id"', "'\"}'"]
    for written in {field.lower(): field for field in fields}.values():
        if scope.object.field(written) is None:
            message = f"No such column '{written}' on sobject of type {name}"
            raise OrgError(400, "INVALID_FIELD", message)
        made = field_operand(scope.column(Path((written,))), scope.context)
        parts += [text_literal(f',"{made.label}":'), jsontext.value(made, base)]
    return jsontext.concat([*parts, "'}'"])
