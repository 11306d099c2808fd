"""A record on its way into its table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from isthmus.localorg.errors import OrgError

Row = dict[str, Any]


@dataclass
class Draft:
    """One record of a chunk: what was sent, and what has come of it so far.

    `given` are the columns that the writer set; `changes` all that are written; `old` the columns
    needed of the record as it was, None for one to be created. With an `error` it goes no further.
    """

    payload: Mapping[str, Any]
    id: str = ""
    old: Row | None = None
    given: Row = field(default_factory=dict)
    changes: Row = field(default_factory=dict)
    error: OrgError | None = None

    @property
    def creates(self) -> bool:
        """Whether the record is a new one."""
        return self.old is None

    @property
    def checked(self) -> Row:
        """The columns whose values have to be checked against other records."""
        return self.changes if self.old is None else self.given


def sound(drafts: Iterable[Draft]) -> Iterator[Draft]:
    """Give the drafts that have no error."""
    return (draft for draft in drafts if draft.error is None)
