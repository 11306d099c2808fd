"""Where rows stand in a read, so that a later process can go on with it."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

__all__ = ["PlaceLost", "Placed"]


class PlaceLost(Exception):
    """Raised by `Connector.open_from` before its first rows: the source no longer has the place."""


@dataclass(frozen=True)
class Placed:
    """Rows, and where they stand.

    Attributes:
        rows: may be empty: then it only tells a place from which everything after it follows.
        place: what `Connector.open_from` gives these rows from again, and all after them; None
            where it can't.
        offset: how many rows follow the place before these.
    """

    rows: pa.RecordBatch
    place: str | None = None
    offset: int = 0
