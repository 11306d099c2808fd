"""How much of the org's daily limit is used: each of its answers says so in a header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["usage_of"]

_USAGE: Final = re.compile(r"\bapi-usage=(\d+)/(\d+)")


def usage_of(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Calls used of calls allowed in 24 hours (``Sforce-Limit-Info``); None where it is not said.

    >>> usage_of({"Sforce-Limit-Info": "api-usage=18/5000; per-app-api-usage=17/250(appName=a)"})
    (18, 5000)
    """
    found = _USAGE.search(headers.get("Sforce-Limit-Info") or "")
    return (int(found[1]), int(found[2])) if found else None
