"""Runs the checks of a client's program and prints how each went, a JSON line for each.

It is loaded in the client's own environment: nothing but the standard library is sure to be here.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

#: The ready file of the local org that the client is to talk to.
ORG: dict[str, Any] = json.loads(os.environ["LOCAL_ORG"])


@dataclass(frozen=True)
class Check:
    """A named thing that the client does, raising when it does not come out right.

    `blocked` tells the client's own defect that fails it, `fails_with` some words of its error.
    """

    name: str
    run: Callable[[], object]
    blocked: str = ""
    fails_with: str = ""


def main(checks: Iterable[Check]) -> None:
    """Run the checks in their order."""
    for check in checks:
        print(json.dumps({"check": check.name, **_outcome(check)}), flush=True)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()


def _outcome(check: Check) -> dict[str, str]:
    try:
        check.run()
    except BaseException as error:
        told = f"{type(error).__name__}: {error}"
        if check.blocked and check.fails_with in told:
            return {"result": "blocked", "why": check.blocked}
        traceback.print_exc()
        return {"result": "fails", "why": told}
    if check.blocked:
        return {"result": "fails", "why": f"it passes although it should not: {check.blocked}"}
    return {"result": "passes", "why": ""}


def rest(path: str, method: str = "GET", body: object = None) -> Any:
    """What the org itself says below /services/data/v60.0, past the client."""
    return _ask(f"{ORG['http']}/services/data/v60.0/{path}", method, body)


def rows(soql: str) -> list[dict[str, Any]]:
    """The rows of one page that a statement has, past the client."""
    found = rest("query?q=" + urllib.request.quote(soql))  # type: ignore[attr-defined]
    return list(found["records"])


def count(sobject: str, where: str = "") -> int:
    """How many rows an object has, past the client."""
    soql = f"SELECT COUNT() FROM {sobject}" + (f" WHERE {where}" if where else "")
    return int(rest("query?q=" + urllib.request.quote(soql))["totalSize"])  # type: ignore[attr-defined]


def asked(method: str, part: str) -> int:
    """How many requests of that method the org has seen whose path has `part`, since `forget`."""
    seen = _ask(f"{ORG['http']}/__isthmus__/requests", "GET", None)
    return sum(1 for one in seen if one["method"] == method and part in one["path"])


def forget() -> None:
    """Have the org forget the requests so far."""
    _ask(f"{ORG['http']}/__isthmus__/requests", "DELETE", None)


def _ask(url: str, method: str, body: object) -> Any:
    sent = None if body is None else json.dumps(body).encode()
    headers = {
        "Authorization": f"Bearer {ORG['access_token']}",
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(url, sent, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None
