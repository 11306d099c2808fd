"""The words of jobs: states, what is asked, what is known of it. Frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = [
    "BAD_END",
    "ENDED",
    "Asked",
    "Callback",
    "JobState",
    "JobStatus",
    "LogLine",
    "Retry",
    "SyncJob",
    "Work",
    "WriteJob",
]


class JobState(Enum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
BAD_END = frozenset({JobState.FAILED, JobState.CANCELLED})


class Work(Enum):
    """What a job does."""

    SQL = "sql"  # a query, or a statement that writes
    WRITE = "write"  # rows that are in the journal of writes, by the job's own id
    SYNC = "sync"  # a sync of the project file, by its name


@dataclass(frozen=True)
class WriteJob:
    """Rows of Python's that a job writes; they are on disk before `submit` returns.

    Attributes:
        table: as for `Connection.write`, as are the others.
    """

    table: str
    data: Any
    mode: str = "insert"
    key: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class SyncJob:
    """A run of a sync that a job makes.

    Attributes:
        name: of a sync of the project.
        full: whether the copy is made anew, or every row sent again.
    """

    name: str
    full: bool = False


@dataclass(frozen=True)
class Retry:
    """How often a job is tried when its failure may pass, and how long it waits between.

    Attributes:
        attempts: in all; the death of a worker is one too.
        wait: seconds before the second; each further wait is twice as long.
        longest: seconds that no wait passes.

    >>> [Retry(attempts=5, wait=10, longest=30).pause(n) for n in (1, 2, 3)]
    [10.0, 20.0, 30]
    """

    attempts: int = 3
    wait: float = 5.0
    longest: float = 300.0

    def pause(self, attempt: int) -> float:
        """Seconds to wait after that attempt (the first is 1) has failed."""
        return min(self.wait * float(2 ** (attempt - 1)), self.longest)


@dataclass(frozen=True)
class Callback:
    """Whom to tell when a job has ended.

    Attributes:
        url: gets a POST.
        secret: where the key of its signature is, ``env:NAME`` or ``keyring:NAME``; never the key.
    """

    url: str
    secret: str | None = None


@dataclass(frozen=True)
class Asked:
    """What somebody has asked for.

    Attributes:
        project: which project it is of; a worker only takes jobs of its own.
        work: what kind of work.
        text: the SQL text, the table that rows are written to, or the name of a sync.
        parameters: as `parameters.packed` gives them.
        bounds: ``timeout``, ``max_calls``, ``max_rows``, ``max_bytes``, ``max_seconds``;
            ``on_error`` of a statement that writes; ``full`` of a sync.
        user: whose limits count.
        priority: higher goes first.
        keep: seconds for which the result is kept once it is done.
    """

    project: str
    work: Work
    text: str
    user: str
    parameters: bytes | None = None
    bounds: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    retry: Retry = field(default_factory=Retry)
    keep: float = 7 * 86_400.0
    callback: Callback | None = None


@dataclass(frozen=True)
class JobStatus:
    """What is known of a job. Times are seconds since 1970.

    Attributes:
        attempt: how often it was begun.
        not_before: when it may be begun (again).
        worker: who does it, or did it last.
        cancelling: somebody has asked to stop it, and it has not stopped yet.
        progress: what its run has read so far: ``rows``, ``pages`` and ``calls``.
        rows: of the result.
        pages: of the result.
        bill: what it cost: ``calls``, ``rows``, ``bytes`` and ``seconds``.
        error: why it failed, or failed the last time.
        expires: when the result is thrown away.
    """

    id: str
    asked: Asked
    state: JobState
    created: float
    not_before: float
    attempt: int = 0
    started: float | None = None
    finished: float | None = None
    worker: str | None = None
    cancelling: bool = False
    progress: Mapping[str, int] = field(default_factory=dict)
    rows: int | None = None
    pages: int | None = None
    bill: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    expires: float | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in ENDED


@dataclass(frozen=True)
class LogLine:
    """One line of a job's log."""

    at: float
    text: str
