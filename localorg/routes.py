"""Which resource answers which path below `/services/data/vXX.0`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.resources import (
    bulk_ingest,
    bulk_list,
    bulk_query,
    collections,
    composite,
    explain,
    limits,
    query,
    records,
    search,
    sobjects,
    versions,
)
from isthmus.localorg.resources.call import Call, not_found

Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Route:
    """A path pattern and its handlers by method; `*` in the pattern is one segment."""

    pattern: str
    methods: Mapping[str, Handler]

    def parts(self, path: str) -> tuple[str, ...] | None:
        """The segments that stand for `*`, or None when the path is another."""
        found = re.fullmatch(self.pattern.replace("*", "([^/]+)"), path)
        return None if found is None else found.groups()


ROUTES: tuple[Route, ...] = (
    Route("", {"GET": versions.offered}),
    Route("sobjects", {"GET": sobjects.all_sobjects}),
    Route("sobjects/*", {"GET": sobjects.sobject, "POST": records.create}),
    Route("sobjects/*/describe", {"GET": sobjects.describe}),
    Route("sobjects/*/updated", {"GET": records.updated}),
    Route("sobjects/*/deleted", {"GET": records.deleted}),
    # an insert in the form of an upsert without a value (REST guide, v37 and later)
    Route("sobjects/*/Id", {"POST": records.create}),
    Route(
        "sobjects/*/*",
        {"GET": records.retrieve, "PATCH": records.update, "DELETE": records.delete},
    ),
    Route(
        "sobjects/*/*/*",
        {
            "GET": records.retrieve_by_key,
            "PATCH": records.upsert,
            "DELETE": records.delete_by_key,
        },
    ),
    Route("query", {"GET": explain.query_or_plan}),
    Route("queryAll", {"GET": query.query_all}),
    Route("query/*", {"GET": query.more}),
    Route("queryAll/*", {"GET": query.more}),
    Route("jobs/query", {"GET": bulk_list.listed, "POST": bulk_query.create}),
    Route(
        "jobs/query/*",
        {"GET": bulk_query.info, "PATCH": bulk_query.change, "DELETE": bulk_query.delete},
    ),
    Route("jobs/query/*/results", {"GET": bulk_query.results}),
    Route("jobs/query/*/result[Pp]ages", {"GET": bulk_query.result_pages}),
    Route("jobs/ingest", {"GET": bulk_list.listed, "POST": bulk_ingest.create}),
    Route(
        "jobs/ingest/*",
        {"GET": bulk_ingest.info, "PATCH": bulk_ingest.change, "DELETE": bulk_ingest.delete},
    ),
    Route("jobs/ingest/*/batches", {"PUT": bulk_ingest.upload}),
    # the guide and its clients do not agree on the case
    Route(
        "jobs/ingest/*/(?i:successfulResults|failedResults|unprocessedRecords)",
        {"GET": bulk_ingest.results},
    ),
    Route("composite", {"POST": composite.composite}),
    Route("composite/graph", {"POST": composite.graph}),
    Route("composite/batch", {"POST": composite.batch}),
    Route("composite/tree/*", {"POST": composite.tree}),
    Route(
        "composite/sobjects",
        {
            "POST": collections.create,
            "PATCH": collections.update,
            "DELETE": collections.delete,
        },
    ),
    Route("composite/sobjects/*/*", {"PATCH": collections.upsert}),
    Route("composite/sobjects/*", {"GET": collections.read, "POST": collections.read_posted}),
    Route("search", {"GET": search.search}),
    Route("limits", {"GET": limits.limits}),
    Route("limits/recordCount", {"GET": limits.record_count}),
)


def find(path: str, method: str) -> tuple[Handler, tuple[str, ...]]:
    """The handler of a path and the parts of it; OrgError 404 or 405 when there is none."""
    for route in ROUTES:
        parts = route.parts(path)
        if parts is not None:
            # HEAD is GET whose body stays here.
            handler = route.methods.get("GET" if method == "HEAD" else method)
            if handler is None:
                raise _not_allowed(method, route.methods)
            return handler, parts
    raise not_found()


def _not_allowed(method: str, methods: Mapping[str, Handler]) -> OrgError:
    allowed = ",".join([*methods, "HEAD"] if "GET" in methods else methods)
    message = f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
    return OrgError(405, "METHOD_NOT_ALLOWED", message)
