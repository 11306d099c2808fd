"""Jobs of Bulk API 1.0 and their batches, worked on when they are due.

A batch is written as soon as it comes, or, with the setting `bulk_seconds`, at the first look at it
after that time by the org's clock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from isthmus.localorg import ids
from isthmus.localorg.bulk.jobs import Pace
from isthmus.localorg.bulk.operations import Operation
from isthmus.localorg.bulk.register import KEPT
from isthmus.localorg.bulk.statement import Statement
from isthmus.localorg.bulk.upload import BadUpload
from isthmus.localorg.errors import OrgError
from isthmus.localorg.records import Outcome
from isthmus.localorg.values import datetime_text, utc_seconds

CONTENT_TYPES = ("XML", "CSV", "JSON")
QUERIES = ("query", "queryAll")


@dataclass(frozen=True)
class Chunking:
    """What `Sforce-Enable-PKChunking` asks for."""

    size: int = 100_000
    start: str = ""


@dataclass(frozen=True)
class ClassicSpec:
    """What a client asked for when it created a job."""

    operation: Operation
    content_type: str
    concurrency: str
    version: str
    user_id: str
    chunking: Chunking | None = None

    @property
    def reads(self) -> bool:
        """Whether it is a query."""
        return self.operation.kind in QUERIES


@dataclass
class Done:
    """What a batch came to: outcomes of records, or a statement and the lines of its rows."""

    outcomes: list[Outcome] = field(default_factory=list)
    statement: Statement | None = None
    lines: bytes = b""
    rows: int = 0


class Batch:
    """One batch. Only the thread that holds the jobs' lock touches it."""

    def __init__(
        self, batch_id: str, job_id: str, body: bytes, content_type: str, now: datetime
    ) -> None:
        self.id = batch_id
        self.job_id = job_id
        self.body = body
        self.content_type = content_type
        self.created = now
        self.state = "Queued"
        self.message: str | None = None
        self.done: Done | None = None
        self.work: Callable[[], Done] | None = None
        self._changed = now
        self._looks = 0
        self._milliseconds = 0

    @property
    def ended(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state in ("Completed", "Failed", "NotProcessed")

    def leave(self, now: datetime, message: str | None = None) -> None:
        """Leave it undone, for ever."""
        self.state, self.message, self._changed = "NotProcessed", message, now

    def look(self, now: datetime, pace: Pace) -> None:
        """Count a look at it, and move it on as far as the time allows."""
        if self.ended:
            return
        self._looks += 1
        self.state = "InProgress"
        if self.run(now, pace) and self._looks > pace.polls:
            self.state = "Failed" if self.message else "Completed"
            self._changed = now

    def run(self, now: datetime, pace: Pace) -> bool:
        """Do what is to be done if it is due; says whether it is done."""
        if self.work is not None and now >= self.created + timedelta(seconds=pace.seconds):
            began = time.perf_counter()
            try:
                self.done = self.work()
            except BadUpload as error:
                self.message = str(error)
            except OrgError as error:
                self.message = f"InvalidBatch : {error.code}: {error.message}"
            self.work = None
            self._milliseconds = max(1, round(1000 * (time.perf_counter() - began)))
        return self.work is None

    def counts(self) -> tuple[int, int]:
        """How many records were processed by now, and how many of them failed."""
        if self.done is None or not self.ended:
            return 0, 0
        made = self.done.outcomes
        return len(made) or self.done.rows, sum(isinstance(one, OrgError) for one in made)

    def info(self) -> dict[str, Any]:
        """The batchInfo."""
        processed, failed = self.counts()
        return {
            "id": self.id,
            "jobId": self.job_id,
            "state": self.state,
            "stateMessage": self.message,
            "createdDate": _text(self.created),
            "systemModstamp": _text(self._changed),
            "numberRecordsProcessed": processed,
            "numberRecordsFailed": failed,
            "totalProcessingTime": self._milliseconds,
            "apiActiveProcessingTime": self._milliseconds,
            "apexProcessingTime": 0,
        }


class ClassicJob:
    """One job. Only the thread that holds the jobs' lock touches it."""

    def __init__(self, job_id: str, spec: ClassicSpec, now: datetime) -> None:
        self.id = job_id
        self.spec = spec
        self.created = now
        self.changed = now
        self.state = "Open"
        self.batches: dict[str, Batch] = {}

    def info(self) -> dict[str, Any]:
        """The jobInfo."""
        states = [batch.state for batch in self.batches.values()]
        counts = [batch.counts() for batch in self.batches.values()]
        operation = self.spec.operation
        return {
            "id": self.id,
            "operation": operation.kind,
            "object": operation.sobject.name,
            "createdById": self.spec.user_id,
            "createdDate": _text(self.created),
            "systemModstamp": _text(self.changed),
            "state": self.state,
            "externalIdFieldName": operation.key,
            "concurrencyMode": self.spec.concurrency,
            "contentType": self.spec.content_type,
            "numberBatchesQueued": states.count("Queued"),
            "numberBatchesInProgress": states.count("InProgress"),
            "numberBatchesCompleted": states.count("Completed"),
            "numberBatchesFailed": states.count("Failed"),
            "numberBatchesTotal": len(states),
            "numberRecordsProcessed": sum(processed for processed, _ in counts),
            "numberRetries": 0,
            "apiVersion": float(self.spec.version),
            "numberRecordsFailed": sum(failed for _, failed in counts),
            "totalProcessingTime": 0,
            "apiActiveProcessingTime": 0,
            "apexProcessingTime": 0,
        }


class ClassicJobs:
    """The jobs of Bulk API 1.0 of an org; `lock` is held by who touches one."""

    def __init__(self, pace: Pace, numbers: Iterator[int]) -> None:
        self.pace = pace
        self.lock = threading.RLock()
        self._numbers = numbers
        self._batches = 0
        self._jobs: dict[str, ClassicJob] = {}

    def create(self, spec: ClassicSpec, now: datetime) -> ClassicJob:
        """Open a job."""
        with self.lock:
            job = ClassicJob(ids.make("750", next(self._numbers)), spec, now)
            self._jobs[job.id] = job
            return job

    def find(self, job_id: str, now: datetime) -> ClassicJob:
        """Give a job; OrgError InvalidJob when there is none, or it ended seven days ago."""
        full = ids.normalise(job_id)
        with self.lock:
            job = self._jobs.get(full) if full else None
            if job is not None and job.state != "Open" and now >= job.changed + KEPT:
                del self._jobs[job.id]
                job = None
        if job is None:
            raise OrgError(400, "InvalidJob", f"Invalid job id: {job_id}")
        return job

    def add(
        self,
        job: ClassicJob,
        body: bytes,
        content_type: str,
        work: Callable[[], Done] | None,
        now: datetime,
    ) -> Batch:
        """Add a batch and begin with it; OrgError InvalidJobState for a job that is not open."""
        with self.lock:
            if job.state != "Open":
                message = f"The job is {job.state.lower()}; it takes no batches"
                raise OrgError(400, "InvalidJobState", message)
            self._batches += 1
            batch = Batch(ids.make("751", self._batches), job.id, body, content_type, now)
            batch.work = work
            job.batches[batch.id] = batch
            batch.run(now, self.pace)
            return batch

    def end(self, job: ClassicJob, state: str, now: datetime) -> None:
        """Close or abort a job; what is not done of an aborted one is not processed."""
        with self.lock:
            if job.state == "Aborted":
                raise OrgError(400, "InvalidJobState", "The job is aborted already")
            job.state, job.changed = state, now
            for batch in job.batches.values():
                if state == "Aborted" and batch.work is not None:
                    batch.work = None
                    batch.leave(now)

    def listed(self, now: datetime) -> list[ClassicJob]:
        """Give all jobs that are kept, oldest first."""
        with self.lock:
            return [job for job in self._jobs.values() if now < job.changed + KEPT]


def _text(moment: datetime) -> str:
    return datetime_text(utc_seconds(moment)).replace("+0000", "Z")
