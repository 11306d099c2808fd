"""Ingest jobs: open, uploaded, in progress, then complete, failed or aborted, by the org's clock.

A thread of its own writes a job's records, a chunk of two hundred as one transaction. A chunk is
begun no sooner than its share of the setting `bulk_seconds` has gone by, so that a client can meet
a job half done, and abort it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from isthmus.localorg.bulk import outcomes, upload
from isthmus.localorg.bulk.columns import payloads, read_header
from isthmus.localorg.bulk.csvtext import DELIMITERS, LINE_ENDINGS
from isthmus.localorg.bulk.jobs import Pace
from isthmus.localorg.bulk.operations import BATCH, CHUNK, Operation, apply
from isthmus.localorg.bulk.register import Register
from isthmus.localorg.bulk.upload import BadUpload, Row, Upload
from isthmus.localorg.clock import Clock
from isthmus.localorg.errors import OrgError
from isthmus.localorg.limits import Usage
from isthmus.localorg.records import Outcome, Records
from isthmus.localorg.schema import Schema
from isthmus.localorg.values import datetime_text, utc_seconds

#: The most bytes of an upload, and how long a job may wait for one ("Bulk API Limits").
MAX_BYTES, OPEN_FOR = 100 * 1024 * 1024, timedelta(hours=24)
_TICK = 0.01  # seconds between two looks at the org's clock
_PATIENCE = 10.0  # seconds to wait for a thread when the org closes
_GAVE_UP = "InternalServerError : Retried more than twenty times"


@dataclass(frozen=True)
class IngestSpec:
    """What a client asked for when it created a job."""

    operation: Operation
    delimiter: str
    ending: str
    version: str
    user_id: str


@dataclass(frozen=True)
class Mishap:
    """What goes wrong with a job: it fails after so many records, or a batch is tried again.

    `fails_after` -1: after half of them.
    """

    fails_after: int | None = None
    retries: int = 0


class IngestJob:
    """One ingest job. Safe to use from several threads."""

    def __init__(self, job_id: str, spec: IngestSpec, now: datetime, pace: Pace, mishap: Mishap):
        self.id = job_id
        self.spec = spec
        self.created = now
        self.mishap = mishap
        self._pace = pace
        self._lock = threading.Lock()
        self._writing = threading.Lock()  # held while a chunk is written
        self._state = "Open"
        self._changed = now
        self._started: datetime | None = None
        self._body: bytes | None = None
        self._upload: Upload | None = None
        self._made: list[Outcome] = []
        self._failures = 0
        self._fails_after: int | None = None
        self._done = False
        self._error: str | None = None
        self._looks = 0
        self._retries = 0
        self._milliseconds = 0

    def state(self, now: datetime) -> str:
        """The state by now."""
        with self._lock:
            return self._settle(now)

    def ended(self, now: datetime) -> datetime | None:
        """When the job ended; None while it has not."""
        with self._lock:
            return self._changed if self._settle(now) in _ENDS else None

    def take(self, body: bytes, now: datetime) -> None:
        """Take the one upload; OrgError for a second, or for one too late or too large."""
        with self._lock:
            state = self._settle(now)
            if state != "Open":
                message = f"Uploading data is not allowed: the job's state is {state}"
                raise OrgError(400, "INVALIDJOBSTATE", message)
            if self._body is not None:
                message = (
                    f"Found multiple contents for job: <{self.id}>, please 'Close' / 'Abort' /"
                    " 'Delete' the current Job then create a new Job and make sure you only do"
                    " 'PUT' once on a given Job."
                )
                raise OrgError(400, "CLIENTINPUTERROR", message)
            if len(body) > MAX_BYTES:
                message = f"ClientInputError : The upload has more than {MAX_BYTES} bytes"
                raise OrgError(413, "CLIENTINPUTERROR", message)
            self._body = body

    def close(self, now: datetime) -> None:
        """Say that the upload is complete; OrgError INVALIDJOBSTATE for a job that is not open."""
        with self._lock:
            state = self._settle(now)
            if state != "Open":
                message = f"Closing the job is not allowed: its state is {state}"
                raise OrgError(400, "INVALIDJOBSTATE", message)
            self._state, self._changed, self._started = "UploadComplete", now, now

    def abort(self, now: datetime) -> None:
        """End a job that has not ended, between two chunks; OrgError INVALIDJOBSTATE."""
        with self._writing, self._lock:
            state = self._settle(now)
            if state in _ENDS:
                shown = state.removeprefix("Job").replace("Complete", "Completed")
                message = f"Aborting already {shown} Job not allowed"
                raise OrgError(400, "INVALIDJOBSTATE", message)
            self._state, self._changed = "Aborted", now

    def look(self, now: datetime) -> dict[str, Any]:
        """Give the job's information to a client that polls."""
        with self._lock:
            self._looks += self._started is not None
        return self.info(now, full=True)

    def info(self, now: datetime, *, full: bool) -> dict[str, Any]:
        """Give the job's information without counting it as a look."""
        with self._lock:
            return self._info(now, full=full)

    def results(self, kind: str, now: datetime) -> bytes:
        """Give a result file of a job that has ended; OrgError INVALIDJOBSTATE for any other."""
        with self._lock:
            state = self._settle(now)
            if state not in _ENDS:
                message = f"Job results are not available: the job's state is {state}"
                raise OrgError(400, "INVALIDJOBSTATE", message)
            made, uploaded = tuple(self._made), self._upload
        if uploaded is None:
            uploaded = self._read(lenient=True)
        return _FILES[kind](uploaded, made, self.id)

    def work(self, schema: Schema, records: Records, usage: Usage, clock: Clock) -> None:
        """Write the records until the job ends. Never raises."""
        began = time.perf_counter()
        try:
            self._upload = self._read()
            columns = read_header(schema, self.spec.operation.sobject, self._upload.header)
            self._check_columns([column.name.lower() for column in columns])
            total = sum(1 for _ in self._upload.rows())
            if self.mishap.fails_after is not None:
                most = total // 2 if self.mishap.fails_after < 0 else self.mishap.fails_after
                self._fails_after = min(most, total)
            payload = payloads(columns)
            rows = self._upload.rows()
            for at in range(-(-total // CHUNK)):
                chunk = tuple(islice(rows, CHUNK))
                self._wait(clock, at * CHUNK / max(total, 1))
                if at * CHUNK % BATCH == 0:
                    usage.spend("DailyBulkApiBatches", clock.now())
                if not self._write(records, clock, payload, chunk):
                    return
                self._retries = self.mishap.retries
            self._finish(None, began)
        except _Stopped:
            return
        except _GaveUp:
            self._finish(_GAVE_UP, began)
        except BadUpload as error:
            self._finish(str(error), began)
        except OrgError as error:
            self._finish(f"{error.code} : {error.message}", began)
        except Exception as error:
            self._finish(f"InternalServerError : {error}", began)

    def drop(self) -> None:
        """Leave the work where it is."""
        with self._lock:
            if self._state not in _ENDS:
                self._state = "Aborted"

    def _read(self, *, lenient: bool = False) -> Upload:
        delimiter = DELIMITERS[self.spec.delimiter]
        ending = LINE_ENDINGS[self.spec.ending]
        try:
            return upload.read(self._body or b"", delimiter=delimiter, ending=ending)
        except BadUpload:
            if lenient:
                return Upload("\n", delimiter, ending)
            raise

    def _check_columns(self, names: list[str]) -> None:
        operation = self.spec.operation
        if operation.kind in ("delete", "hardDelete") and names != ["id"]:
            raise BadUpload(f"InvalidBatch : The '{operation.kind}' batch must contain only ids")
        if operation.kind == "update" and "id" not in names:
            raise BadUpload("InvalidBatch : Field name not found : Id")
        key = (operation.key or "").lower()
        if operation.kind == "upsert" and key not in names:
            raise BadUpload(f"InvalidBatch : Field name not found : {operation.key}")

    def _wait(self, clock: Clock, share: float) -> None:
        """Wait until that share of the job's time has gone by."""
        assert self._started is not None
        due = self._started + timedelta(seconds=self._pace.seconds * share)
        while clock.now() < due:
            if self._state in _ENDS:
                raise _Stopped
            time.sleep(_TICK)

    def _write(
        self,
        records: Records,
        clock: Clock,
        payload: Callable[[list[str]], dict[str, Any]],
        chunk: tuple[Row, ...],
    ) -> bool:
        """Write a chunk; False when the job has ended before."""
        with self._writing:
            if self._state in _ENDS:
                return False
            most = self._fails_after
            if most is not None and len(self._made) + len(chunk) > most:
                chunk = chunk[: most - len(self._made)]
            sound = [payload(row.values) for row in chunk if row.problem is None]
            made = iter(
                apply(
                    records, self.spec.operation, sound,
                    now=clock.now(), user_id=self.spec.user_id,
                )
            )  # fmt: skip
            told = [_no_csv(row.problem) if row.problem else next(made) for row in chunk]
            with self._lock:
                self._made += told
                self._failures += sum(isinstance(one, OrgError) for one in told)
            if most is not None and len(self._made) >= most:
                self._retries = 20
                raise _GaveUp
        return True

    def _finish(self, error: str | None, began: float) -> None:
        with self._lock:
            self._milliseconds = max(1, round(1000 * (time.perf_counter() - began)))
            self._error, self._done = error, True

    def _settle(self, now: datetime) -> str:
        if self._state == "Open" and now >= self.created + OPEN_FOR:
            self._state, self._changed = "Aborted", self.created + OPEN_FOR
        if self._state in _ENDS or self._started is None:
            return self._state
        if self._looks:
            self._state = "InProgress"
        due = now >= self._started + timedelta(seconds=self._pace.seconds)
        if self._done and due and self._looks > self._pace.polls:
            self._state, self._changed = "Failed" if self._error else "JobComplete", now
        return self._state

    def _info(self, now: datetime, *, full: bool) -> dict[str, Any]:
        state = self._settle(now)
        operation = self.spec.operation
        made: dict[str, Any] = {
            "id": self.id,
            "operation": operation.kind,
            "object": operation.sobject.name,
            "createdById": self.spec.user_id,
            "createdDate": datetime_text(utc_seconds(self.created)),
            "systemModstamp": datetime_text(utc_seconds(self._changed)),
            "state": state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.spec.version),
            "lineEnding": self.spec.ending,
            "columnDelimiter": self.spec.delimiter,
        }
        if operation.key:
            made["externalIdFieldName"] = operation.key
        if state == "Open":
            made["contentUrl"] = f"services/data/v{self.spec.version}/jobs/ingest/{self.id}/batches"
        if full:
            made |= {
                "jobType": "V2Ingest",
                "numberRecordsProcessed": len(self._made),
                "numberRecordsFailed": self._failures,
                "retries": self._retries,
                "totalProcessingTime": self._milliseconds,
                "apiActiveProcessingTime": self._milliseconds,
                "apexProcessingTime": 0,
            }
            if state == "Failed":
                made["errorMessage"] = self._error
        return made


class IngestJobs:
    """The ingest jobs of an org. Safe to use from several threads."""

    def __init__(
        self,
        schema: Schema,
        records: Records,
        usage: Usage,
        clock: Clock,
        pace: Pace,
        numbers: Iterator[int],
    ) -> None:
        self._schema = schema
        self._records = records
        self._usage = usage
        self._clock = clock
        self._pace = pace
        self._jobs: Register[IngestJob] = Register(numbers)

    def create(self, spec: IngestSpec, now: datetime, mishap: Mishap) -> IngestJob:
        """Open a job."""
        job = IngestJob(self._jobs.next_id(), spec, now, self._pace, mishap)
        self._jobs.add(job)
        return job

    def start(self, job: IngestJob, now: datetime) -> None:
        """Close a job's upload and begin to write; OrgError INVALIDJOBSTATE if it is not open."""
        job.close(now)
        self._jobs.start(
            threading.Thread(
                target=job.work,
                args=(self._schema, self._records, self._usage, self._clock),
                name="local-org-ingest",
                daemon=True,
            )
        )

    def find(self, job_id: str, now: datetime) -> IngestJob:
        """Give a job; OrgError NOT_FOUND when there is none, or it ended seven days ago."""
        return self._jobs.find(job_id, now)

    def listed(self, now: datetime) -> list[IngestJob]:
        """Give all jobs that are kept, oldest first."""
        return self._jobs.listed(now)

    def delete(self, job: IngestJob, now: datetime) -> None:
        """Remove a job that has ended or waits; OrgError API_ERROR for any other."""
        if job.state(now) not in (*_ENDS, "UploadComplete"):
            message = "Error encountered when deleting the job because the job is not terminated"
            raise OrgError(400, "API_ERROR", message)
        self._jobs.remove(job)

    def close(self) -> None:
        """Stop all work."""
        self._jobs.close(_PATIENCE)


class _Stopped(Exception):
    """The job has ended while its work waited."""


class _GaveUp(Exception):
    """A batch has failed too often."""


_ENDS = ("JobComplete", "Failed", "Aborted")
_FILES = {
    "successfulresults": outcomes.successful,
    "failedresults": outcomes.failed,
    "unprocessedrecords": outcomes.unprocessed,
}


def _no_csv(problem: str) -> OrgError:
    return OrgError(400, "INVALID_CSV", f"Failed to parse the row: {problem}")
