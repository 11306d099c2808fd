"""What is noted of a chunk: when it was about to be sent, and outcomes that are known already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from isthmus.connectors.salesforce.writing.outcomes import Outcome
from isthmus.connectors.writing import Notes

__all__ = ["known", "note_known", "note_since", "since"]

_SINCE: Final = "since"
_KNOWN: Final = "known"


def since(notes: Notes, part: str) -> datetime | None:
    """The org's time when a part was first about to be sent; None: it never was."""
    told = notes.get(f"{part}.{_SINCE}")
    return None if told is None else datetime.fromisoformat(told)


def note_since(notes: Notes, part: str, moment: datetime) -> None:
    """Note that a part is about to be sent."""
    notes.put(f"{part}.{_SINCE}", moment.isoformat())


def known(notes: Notes, part: str) -> dict[int, Outcome]:
    """The outcomes of a part's rows that are known."""
    told = json.loads(notes.get(f"{part}.{_KNOWN}") or "{}")
    return {int(row): Outcome(**outcome) for row, outcome in told.items()}


def note_known(notes: Notes, part: str, outcomes: Mapping[int, Outcome]) -> None:
    """Note outcomes before other rows of the part are sent again."""
    told = {row: outcome.to_dict() for row, outcome in outcomes.items()}
    notes.put(f"{part}.{_KNOWN}", json.dumps(told))
