"""SOQL over REST: query, queryAll, and the pages that follow."""

from __future__ import annotations

import re

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.packed import PackedResponse
from isthmus.localorg.resources.call import Call
from isthmus.localorg.soql import query as soql

_OPTIONS = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)
_DEFAULT_BATCH = 2000


def query(call: Call) -> Response:
    """`GET query?q=SOQL`: rows that are not deleted."""
    return _run(call, include_deleted=False)


def query_all(call: Call) -> Response:
    """`GET queryAll?q=SOQL`: deleted rows as well."""
    return _run(call, include_deleted=True)


def more(call: Call) -> Response:
    """`GET query/LOCATOR`: a later page."""
    answer = soql.more(call.parts[0], cursors=call.org.cursors, base_path=call.base)
    return PackedResponse(200, body=answer.head, rest=answer.rest, rows=answer.rows)


def _run(call: Call, *, include_deleted: bool) -> Response:
    text = call.request.params.get("q")
    if text is None:
        raise OrgError(400, "MALFORMED_QUERY", "A query string has to be specified")
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
        include_deleted=include_deleted,
        batch_size=_batch_size(call.request.header("sforce-query-options")),
    )
    return PackedResponse(200, body=answer.head, rest=answer.rest, rows=answer.rows)


def _batch_size(options: str) -> int:
    found = _OPTIONS.search(options)
    return int(found[1]) if found else _DEFAULT_BATCH
