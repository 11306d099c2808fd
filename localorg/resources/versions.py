"""The list of API versions and what one version offers."""

from __future__ import annotations

import re

from isthmus.localorg.exchange import Response
from isthmus.localorg.resources.call import Call

FIRST, LAST = 20, 68
_NAMES = ("Spring", "Summer", "Winter")
_OFFERED = {
    "sobjects": "sobjects",
    "query": "query",
    "queryAll": "queryAll",
    "search": "search",
    "limits": "limits",
    "jobs": "jobs",
    "composite": "composite",
    "identity": "",
}
_VERSION = re.compile(r"v(\d\d)\.0")


def known(text: str) -> str | None:
    """The version in a path segment: `v59.0` gives "59.0"; None for one that is not served."""
    found = _VERSION.fullmatch(text)
    if found is None or not FIRST <= int(found[1]) <= LAST:
        return None
    return f"{found[1]}.0"


def versions() -> Response:
    """`GET /services/data`: all versions, oldest first."""
    return Response(
        200,
        [
            {"label": label(number), "url": f"/services/data/v{number}.0", "version": f"{number}.0"}
            for number in range(FIRST, LAST + 1)
        ],
    )


def label(number: int) -> str:
    """The release that brought a version: three a year, v65 being Winter '26.

    >>> label(65), label(21)
    ("Winter '26", "Spring '11")
    """
    season = _NAMES[number % 3]
    year = 26 + (number - 65) // 3
    return f"{season} '{year:02d}"


def offered(call: Call) -> Response:
    """`GET /services/data/vXX.0`: the resources by name."""
    urls = {name: f"{call.base}/{path}" for name, path in _OFFERED.items() if path}
    user, org = call.session.user, call.org.settings
    urls["identity"] = f"{call.instance_url}/id/{org.org_id}/{user.id}"
    return Response(200, urls)
