"""The graphs of a Composite Graph call, read and held to their limits.

Source: REST API Developer Guide, "Composite Graph Limits".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isthmus.localorg.errors import OrgError

#: Of one call: graphs, their requests, and the failed graphs after which no more is done.
MAX_GRAPHS, MAX_NODES, MAX_FAILURES = 75, 500, 14
#: Of one graph: requests that hang on one another in a row, and different kinds of requests.
MAX_DEPTH, MAX_KINDS = 15, 15
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)")
_RECORDS = re.compile(r"/services/data/v[0-9.]+/sobjects/([^/?]+)(/|$)")


@dataclass(frozen=True)
class Graph:
    """One graph as it was sent."""

    graph_id: str
    requests: list[Any]


def read(body: Mapping[str, Any]) -> list[Graph]:
    """Read the graphs of a call; OrgError INVALID_INPUT when they are none, or too many."""
    given = body.get("graphs")
    if not isinstance(given, list) or not 0 < len(given) <= MAX_GRAPHS:
        raise _unfit(f"graphs must be a list of 1 to {MAX_GRAPHS} graphs")
    made = [_graph(one) for one in given]
    if len({one.graph_id for one in made}) < len(made):
        raise _unfit("Each graphId may be used once")
    if sum(len(one.requests) for one in made) > MAX_NODES:
        raise _unfit(f"The graphs may have at most {MAX_NODES} requests together")
    return made


def check(graph_id: str, requests: Mapping[str, tuple[str, str, Any]]) -> None:
    """Refuse a graph of other resources than records, too deep or of too many kinds.

    `requests` are method, URL and body by reference, in order.
    """
    kinds: set[tuple[str, str]] = set()
    depths: dict[str, int] = {}
    for reference, (method, url, body) in requests.items():
        found = _RECORDS.match(url)
        if found is None:
            raise _unfit(f"graph {graph_id}: {url} is no resource of records")
        kinds.add((method, found[1].lower()))
        named = _REFERENCE.findall(url + json.dumps(body, default=str))
        depths[reference] = 1 + max((depths.get(one, 0) for one in named), default=0)
    if len(kinds) > MAX_KINDS:
        raise _unfit(f"graph {graph_id} has more than {MAX_KINDS} different nodes")
    if max(depths.values()) > MAX_DEPTH:
        raise _unfit(f"graph {graph_id} is more than {MAX_DEPTH} deep")


def _graph(given: Any) -> Graph:
    graph_id = given.get("graphId") if isinstance(given, Mapping) else None
    requests = given.get("compositeRequest") if isinstance(given, Mapping) else None
    if not isinstance(graph_id, str) or not graph_id or not isinstance(requests, list):
        raise _unfit("Each of graphs needs a graphId and a compositeRequest")
    return Graph(graph_id, requests)


def _unfit(message: str) -> OrgError:
    return OrgError(400, "INVALID_INPUT", message)
