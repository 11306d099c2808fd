"""How many rows a page has, told by its beginning and by its successor's address.

Budgets count rows when a page is asked for: those of a page that is read ahead and thrown away
were sent all the same.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["offset_of", "total_of"]

_OFFSET: Final = re.compile(r"/query(?:All)?/[\w.]+-(\d+)$")
_TOTAL: Final = re.compile(rb'"totalSize"\s*:\s*(\d+)')


def offset_of(path: str) -> int:
    """How many rows stand before a page.

    >>> offset_of("/services/data/v62.0/query/01g000000000001AAA-2000"), offset_of("/query?q=x")
    (2000, 0)
    """
    found = _OFFSET.search(path)
    return int(found[1]) if found else 0


def total_of(beginning: bytes) -> int | None:
    """How many rows the query has, if the beginning of a page tells it.

    >>> total_of(b'{"totalSize":490,"done":false,"records":[')
    490
    """
    found = _TOTAL.search(beginning[: max(beginning.find(b'"records"'), 0)])
    return int(found[1]) if found else None
