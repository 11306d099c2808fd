"""Plans instead of rows: `GET query?explain=SOQL`."""

from __future__ import annotations

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.resources import query
from isthmus.localorg.resources.call import Call
from isthmus.localorg.soql.explain import explain


def query_or_plan(call: Call) -> Response:
    """`GET query`: the rows of `q`, or the plans of `explain`."""
    return _plans(call) if "explain" in call.request.params else query.query(call)


def _plans(call: Call) -> Response:
    text = call.request.params["explain"]
    if not text.strip() or " " not in text.strip():
        message = "Explain takes a SOQL statement here; there are no reports and list views"
        raise OrgError(400, "MALFORMED_QUERY", message)
    return Response(200, explain(text, call.context(text), call.org.store))
