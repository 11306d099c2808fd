"""What a source that can be copied step by step answers: its time, what changed, what is gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.connectors.contract import ReadContext

__all__ = ["Deletions", "Replication", "Replicator"]


@dataclass(frozen=True)
class Replication:
    """How changes of one table are told.

    Attributes:
        cursor: the column that moves with each change of a row, by the source's own clock; never
            null. It may be older than rows that were read before: a long transaction commits
            late.
        deleted: the column that is true in deleted rows.
        with_deleted: the scan option that reads deleted rows as well.
        tells_deletions: whether `Replicator.deleted` can be asked.
        untracked: columns whose values change without the cursor.
    """

    cursor: str
    deleted: str | None
    with_deleted: str | None
    tells_deletions: bool
    untracked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deletions:
    """What was deleted in a stretch of time.

    Attributes:
        keys: primary keys.
        since: deletions before it are not told, though they were asked for; None: all are.
    """

    keys: pa.Array
    since: datetime | None = None


class Replicator(Protocol):
    """Answers of one source. Safe to use from threads."""

    def of(self, table: Table) -> Replication | None:
        """How changes of a table are told; None where nothing tells them. Makes no call."""

    def now(self, context: ReadContext) -> datetime:
        """What the source's own clock shows, in UTC.

        Raises:
            IsthmusError: as `Connector.open`.
        """

    def deleted(
        self, table: Table, start: datetime, end: datetime, context: ReadContext
    ) -> Deletions:
        """The rows that were deleted from `start` on and before `end`, or about then.

        Rows may be among them that were deleted a little earlier or later, or are back again.

        Raises:
            IsthmusError: as `Connector.open`.
        """
