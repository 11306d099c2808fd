"""Rows whose parent or record somebody else had locked: they alone are tried again.

The org waits up to ten seconds for a lock before it gives up, so a row that met one is worth
another try a little later, but not many. Rows of one parent that are written side by side lock
each other out: `parent_of` names the column by which they should be neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from isthmus.connectors.salesforce.writing.columns import Target
from isthmus.connectors.salesforce.writing.outcomes import Outcome

__all__ = ["LOCKED", "TRIES", "locked_rows", "parent_of"]

LOCKED: Final = "UNABLE_TO_LOCK_ROW"
#: How many times a locked row is tried again.
TRIES: Final = 5


def locked_rows(outcomes: Mapping[int, Outcome]) -> list[int]:
    """The rows that met a lock."""
    return [row for row, outcome in outcomes.items() if outcome.error_code == LOCKED]


def parent_of(targets: tuple[Target, ...]) -> str | None:
    """The column of the parent that a write locks: a master before any other lookup."""
    lookups = [t for t in targets if t.field.reference is not None and t.field.name != "OwnerId"]
    masters = [t for t in lookups if t.field.properties.get("parent")]
    chosen = (masters or lookups)[:1]
    return chosen[0].name if chosen else None
