"""The order of all writes to the org: one log, one sequence, one clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from isthmus.localorg.values import utc_seconds


class Kind(Enum):
    """What a write did to a record."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNDELETE = "undelete"


@dataclass(frozen=True)
class Commit:
    """One written record: its place in the order, when (UTC, whole seconds) and what changed."""

    number: int
    entity: str
    id: str
    kind: Kind
    fields: tuple[str, ...]
    stamp: datetime
    user_id: str


class CommitLog:
    """All writes in order. Appended to under the store's write lock only."""

    def __init__(self) -> None:
        self._commits: list[Commit] = []

    def __len__(self) -> int:
        return len(self._commits)

    def stamp(self, now: datetime) -> datetime:
        """Give the SystemModstamp of a write at `now`; it never runs back, whatever clocks do."""
        at = utc_seconds(now)
        return max(at, self._commits[-1].stamp) if self._commits else at

    def append(
        self,
        entity: str,
        record_id: str,
        kind: Kind,
        fields: tuple[str, ...],
        *,
        now: datetime,
        user_id: str,
    ) -> Commit:
        """Add a write that has happened and give its entry."""
        number = len(self._commits) + 1
        commit = Commit(number, entity, record_id, kind, fields, self.stamp(now), user_id)
        self._commits.append(commit)
        return commit

    def since(self, number: int = 0) -> tuple[Commit, ...]:
        """List the commits after the one of that number, in order."""
        return tuple(self._commits[number:])
