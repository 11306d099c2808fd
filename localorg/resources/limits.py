"""The limits resource and its record counts."""

from __future__ import annotations

from isthmus.localorg.exchange import Response
from isthmus.localorg.resources.call import Call
from isthmus.localorg.schema import SObject


def limits(call: Call) -> Response:
    """`GET limits`: each limit with its maximum and what is left."""
    return Response(200, call.org.usage.report(call.now))


def record_count(call: Call) -> Response:
    """`GET limits/recordCount?sObjects=A,B`: rows that are not deleted.

    Salesforce's own counts are approximate and late, and leave out objects without rows
    (recorded in CumulusCI); these are exact, and leave out the same.
    """
    asked = call.request.params.get("sObjects", "")
    names = [name.strip() for name in asked.split(",") if name.strip()]
    schema = call.org.schema
    found = [schema.get(name) for name in names] if names else list(schema.objects)
    counts = [_count(call, sobject) for sobject in found if sobject is not None]
    counted = [entry for entry in counts if entry["count"]]
    return Response(200, {"sObjects": counted})


def _count(call: Call, sobject: SObject) -> dict[str, object]:
    table = call.org.store.table(sobject.name)
    with call.org.store.cursor() as cursor:
        row = cursor.execute(f'SELECT count(*) FROM {table} WHERE NOT "IsDeleted"').fetchone()
    return {"count": row[0] if row else 0, "name": sobject.name}
