"""Plans or columns instead of rows: `query?explain=SOQL` and `query?q=SOQL&columns=true`."""

from __future__ import annotations

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.resources import query
from isthmus.localorg.resources.call import Call
from isthmus.localorg.soql.columns import columns
from isthmus.localorg.soql.explain import explain


def query_or_plan(call: Call) -> Response:
    """`GET query`: the rows of `q`, its columns, or the plans of `explain`."""
    params = call.request.params
    if "explain" in params:
        return _plans(call)
    if params.get("columns", "").lower() == "true" and "q" in params:
        text = params["q"]
        return Response(200, columns(text, call.context(text)))
    return query.query(call)


def _plans(call: Call) -> Response:
    text = call.request.params["explain"]
    if not text.strip() or " " not in text.strip():
        message = "Explain takes a SOQL statement here; there are no reports and list views"
        raise OrgError(400, "MALFORMED_QUERY", message)
    return Response(200, explain(text, call.context(text), call.org.store))
