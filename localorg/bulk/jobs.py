"""Query jobs: queued, in progress, then complete, failed or aborted, by the org's clock.

A job reads the rows as they are when it is created. It is worked on at once in a thread of its
own, but tells of it no sooner than the settings `bulk_seconds` and `bulk_polls` allow, so that
clients meet every state.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from isthmus.localorg.bulk.register import Register
from isthmus.localorg.bulk.results import BLOCK_ROWS, LINES, KeptResults, Results, write
from isthmus.localorg.bulk.statement import Statement
from isthmus.localorg.errors import OrgError
from isthmus.localorg.store import Store
from isthmus.localorg.values import datetime_text, utc_seconds

#: How often Salesforce itself tries a job, and what it says when it gives up (from memory).
RETRIES = 15
GAVE_UP = "InternalServerError : Retried more than fifteen times"
_PATIENCE = 10.0  # seconds to wait for a thread when the org closes


@dataclass(frozen=True)
class Spec:
    """What a client asked for when it created a job."""

    soql: str
    operation: str
    delimiter: str
    ending: str
    version: str
    user_id: str


@dataclass(frozen=True)
class Pace:
    """How slow a job is: seconds of the org's clock, and looks that find it in progress."""

    seconds: float = 0.0
    polls: int = 1


class Job:
    """One query job. Safe to use from several threads."""

    def __init__(self, job_id: str, spec: Spec, statement: Statement, now: datetime, pace: Pace):
        self.id = job_id
        self.spec = spec
        self.statement = statement
        self.created = now
        self._pace = pace
        self._lock = threading.Lock()
        self._looks = 0
        self._ended: str | None = None
        self._changed = now
        self._error: str | None = None
        self._retries = 0
        self._results: Results | None = None
        self._rows = 0
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._dropped = False
        self._milliseconds = 0

    def state(self, now: datetime) -> str:
        """The state by now: `UploadComplete` until the first look, then `InProgress`, ..."""
        with self._lock:
            return self._settle(now)

    def ended(self, now: datetime) -> datetime | None:
        """When the job ended; None while it runs."""
        with self._lock:
            self._settle(now)
            return self._changed if self._ended else None

    def look(self, now: datetime) -> dict[str, Any]:
        """Give the job's information to a client that polls."""
        with self._lock:
            self._looks += 1
            return self._info(now, full=True)

    def info(self, now: datetime, *, full: bool) -> dict[str, Any]:
        """Give the job's information without counting it as a look."""
        with self._lock:
            return self._info(now, full=full)

    def results(self, now: datetime) -> Results:
        """The lines of a complete job; OrgError INVALIDJOBSTATE for any other."""
        with self._lock:
            state = self._settle(now)
            if state != "JobComplete" or self._results is None:
                message = f"Job results are not available: the job's state is {state}"
                raise OrgError(400, "INVALIDJOBSTATE", message)
            return self._results

    def abort(self, now: datetime) -> None:
        """End a job that runs; OrgError INVALIDJOBSTATE when it has ended."""
        with self._lock:
            state = self._settle(now)
            if self._ended:
                shown = state.removeprefix("Job").replace("Complete", "Completed")
                message = f"Aborting already {shown} Job not allowed"
                raise OrgError(400, "INVALIDJOBSTATE", message)
            self._ended, self._changed = "Aborted", now
        self.drop()

    def fail(self, message: str, *, retries: int = 0) -> None:
        """Have the job end in `Failed`."""
        with self._lock:
            self._error, self._retries = message, retries

    def drop(self) -> None:
        """Stop the work on a job and remove its results."""
        with self._lock:
            self._dropped = True
            if self._cursor is not None:
                self._cursor.interrupt()
            self._results = None

    def take(self, results: Results) -> None:
        """Have the results that the job would come to."""
        with self._lock:
            self._results, self._rows, self._milliseconds = results, results.rows, 1

    def work(self, cursor: duckdb.DuckDBPyConnection, path: Path) -> Results | None:
        """Write the results into a file; None for a job that fails or is dropped. Never raises.

        `cursor` is in a transaction, which is the snapshot that the job reads; it is closed.
        """
        began = time.perf_counter()
        with self._lock:
            self._cursor = cursor
        try:
            results = write(path, self._blocks(cursor))
        except Exception as error:
            path.unlink(missing_ok=True)
            self.fail(f"InternalServerError : {error}")
            return None
        finally:
            with self._lock:
                self._cursor = None
            cursor.close()
        with self._lock:
            self._milliseconds = max(1, round(1000 * (time.perf_counter() - began)))
            self._rows = results.rows
            self._results = None if self._dropped else results
            return self._results

    def _blocks(self, cursor: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
        cursor.execute("SET arrow_large_buffer_size = true")  # texts may pass 2 GB in a block
        for block in cursor.sql(self.statement.sql).to_arrow_reader(BLOCK_ROWS):
            if self._dropped:
                return
            self._rows += block.num_rows
            yield pa.RecordBatch.from_arrays(block.columns, schema=LINES)

    def _settle(self, now: datetime) -> str:
        done = self._error is not None or self._results is not None
        due = now >= self.created + timedelta(seconds=self._pace.seconds)
        if self._ended is None and done and due and self._looks > self._pace.polls:
            self._ended = "Failed" if self._error is not None else "JobComplete"
            self._changed = now
        return self._ended or ("InProgress" if self._looks else "UploadComplete")

    def _info(self, now: datetime, *, full: bool) -> dict[str, Any]:
        state = self._settle(now)
        made: dict[str, Any] = {
            "id": self.id,
            "operation": self.spec.operation,
            "object": self.statement.object,
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
        if full:
            made |= {
                "jobType": "V2Query",
                "numberRecordsProcessed": self._rows,
                "retries": self._retries,
                "totalProcessingTime": self._milliseconds,
                "isPkChunkingSupported": self.statement.chunked,
            }
            if state == "Failed":
                made["errorMessage"] = self._error
        return made


class Jobs:
    """The query jobs of an org. Safe to use from several threads."""

    def __init__(self, store: Store, pace: Pace, numbers: Iterator[int]) -> None:
        self._store = store
        self._pace = pace
        self._lock = threading.Lock()
        self._jobs: Register[Job] = Register(numbers)
        self._folder: Path | None = None
        self._kept = KeptResults()

    def create(self, spec: Spec, statement: Statement, now: datetime, *, fails: bool) -> Job:
        """Start a job. It reads the rows of this moment; with `fails` it ends in `Failed`."""
        job = Job(self._jobs.next_id(), spec, statement, now, self._pace)
        self._jobs.add(job)
        if fails:
            job.fail(GAVE_UP, retries=RETRIES)
            return job
        version = self._store.version  # before the snapshot: a later write must not pass for it
        kept = self._kept.find(statement.sql, version)
        if kept is not None:
            job.take(kept)
            return job
        cursor = self._snapshot(statement)
        path = self._path(job)

        def work() -> None:
            results = job.work(cursor, path)
            if results is not None and self._store.version == version:
                self._kept.keep(statement.sql, version, results)

        self._jobs.start(threading.Thread(target=work, name="local-org-bulk", daemon=True))
        return job

    def _snapshot(self, statement: Statement) -> duckdb.DuckDBPyConnection:
        cursor = self._store.cursor()
        cursor.begin()
        # A transaction sees what was committed before its first statement.
        cursor.execute("SELECT 1").fetchall()
        cursor.execute(f"SELECT 1 FROM {self._store.table(statement.object)} LIMIT 0").fetchall()
        return cursor

    def find(self, job_id: str, now: datetime) -> Job:
        """Give a job; OrgError NOT_FOUND when there is none, or it ended seven days ago."""
        return self._jobs.find(job_id, now)

    def listed(self, now: datetime) -> list[Job]:
        """Give all jobs that are kept, oldest first."""
        return self._jobs.listed(now)

    def delete(self, job: Job, now: datetime) -> None:
        """Remove a job that has ended; OrgError API_ERROR for one that has not."""
        if job.ended(now) is None:
            message = "Error encountered when deleting the job because the job is not terminated"
            raise OrgError(400, "API_ERROR", message)
        self._jobs.remove(job)

    def close(self) -> None:
        """Stop all work and remove all results."""
        self._kept.clear()
        self._jobs.close(_PATIENCE)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, job: Job) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="isthmus-bulk-"))
            return self._folder / f"{job.id}.arrow"
