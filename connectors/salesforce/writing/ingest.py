"""Rows by Bulk 2.0 ingest jobs, which others can take over by their ids.

A job's id is noted before it gets its rows, so whoever comes after a crash reads its results, and
the results say of each row what became of it. Rows that met a lock and rows that the org never
came to go into further jobs. Rows that a CSV can't say (the text ``#N/A``) go by sObject
Collections.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from isthmus.connectors.salesforce.writing import noted
from isthmus.connectors.salesforce.writing.batch import Batch
from isthmus.connectors.salesforce.writing.collections import ROWS as FEW
from isthmus.connectors.salesforce.writing.collections import Collections
from isthmus.connectors.salesforce.writing.ingestcsv import MAX_BYTES, cut, document
from isthmus.connectors.salesforce.writing.ingestjob import HARD, IngestJob, NotUploaded
from isthmus.connectors.salesforce.writing.ingestresults import Results
from isthmus.connectors.salesforce.writing.locks import TRIES, locked_rows
from isthmus.connectors.salesforce.writing.outcomes import (
    UNKNOWN,
    UNPROCESSED,
    Outcome,
    Told,
    Written,
    failed,
)
from isthmus.connectors.salesforce.writing.sending import Around, Sending
from isthmus.connectors.salesforce.writing.settle import settle
from isthmus.connectors.writing import Notes
from isthmus.errors import SourceError, SourceUnavailable

__all__ = ["CALLS", "MOST_CALLS", "ROWS", "Ingest", "in_calls", "jobs_of"]

Outcomes = dict[int, Outcome]

#: The most rows of a chunk: what a crash may make us read again.
ROWS: Final = 100_000
#: Calls of a job as a rule: make, fill, close, four looks, one file of results, delete.
CALLS: Final = 9
#: The same with both other files, and looks for half an hour.
MOST_CALLS: Final = 106
_UPLOADS: Final = 3
_READS: Final = 3
_JOBS: Final = "jobs"


class _Gone(Exception):
    """A job that was filled is there no more."""


class Ingest:
    """Writes a chunk by jobs.

    Args:
        batch: the rows.
        around: where.
        insisted: the user asked for jobs; otherwise Collections do where the org takes none.
        most: bytes of one job's rows.
    """

    def __init__(
        self, batch: Batch, around: Around, *, insisted: bool, most: int = MAX_BYTES
    ) -> None:
        self._batch = batch
        self._around = around
        self._calls = around.calls
        self._notes = around.notes
        self._insisted = insisted
        self._most = most
        self._cells = batch.csv()
        self._written: list[Written] = []

    def run(self) -> Told:
        """An outcome for each row.

        Raises:
            SourceUnavailable: it is not known what became of the rows; running again goes on.
        """
        unsayable = self._batch.unfit_for_csv()
        sayable = [row for row in range(len(self._batch)) if row not in unsayable]
        left, done = sayable, dict[int, Outcome]()
        for tried in range(TRIES + 1):
            # calls try locked rows again by themselves
            if tried and len(left) <= FEW and not self._hard:
                done |= self._by_calls(left, f"round{tried}")
                break
            for row in left:
                done.pop(row, None)
            done |= self._round(left, f"round{tried}")
            left = [*locked_rows(done), *_untouched(done, len(sayable))]
            if not left or tried == TRIES:
                break
            self._calls.context.wait(self._calls.policy.wait(tried))
        if unsayable:
            done |= self._by_calls(sorted(unsayable), "unsayable")
        return Told(done, tuple(self._written))

    def _round(self, rows: list[int], name: str) -> Outcomes:
        """Send rows by a job, or by as many as they need; the outcomes that are no columns."""
        if not rows:
            return {}
        done: Outcomes = {}
        cells = self._cells
        if len(rows) < len(self._batch):
            cells = cells.take(pa.array(rows, pa.int64()))
        for number, part in enumerate(cut(cells, most=self._most)):
            few = rows[part.start : part.stop]
            done |= self._by_job(few, cells.slice(part.start, len(part)), f"{name}.{number}")
        return done

    def _by_calls(self, rows: list[int], name: str) -> Outcomes:
        return in_calls(self._batch, rows, self._around, name)

    def _by_job(self, rows: list[int], cells: pa.RecordBatch, part: str) -> Outcomes:
        if self._notes.get(f"{part}.refused"):
            return self._by_calls(rows, part)
        if noted.since(self._notes, part) is None:
            noted.note_since(self._notes, part, self._around.now)
        try:
            job = self._found(part)
        except _Gone:
            return self._lost(rows, part)
        try:
            job = job or self._filled(cells, part)
        except SourceError:
            if self._insisted:
                raise
            # as long as no job was closed, nothing of the part was written
            self._notes.put(f"{part}.refused", "yes")
            return self._by_calls(rows, part)
        return self._outcomes(job, rows, cells)

    def _found(self, part: str) -> IngestJob | None:
        """The job that an earlier try has filled; None where there is none.

        Raises:
            _Gone: there was one.
        """
        id = self._notes.get(f"{part}.job")
        if id is None:
            return None
        job, full = IngestJob(self._calls, id), self._notes.get(f"{part}.full") == id
        info = job.info()
        if info is None and full:
            raise _Gone
        if info is None:
            return None
        if not full:  # nobody knows whether it had its rows; it was never closed
            if info.get("state") == "Open":
                job.abandon()
            return None
        if info.get("state") == "Open":
            job.close()
        return job

    def _filled(self, cells: pa.RecordBatch, part: str) -> IngestJob:
        """A new job with the rows, closed."""
        text = document(cells)
        for _ in range(_UPLOADS):
            job = IngestJob.made(self._calls, self._batch.request)
            self._note_job(part, job.id)
            try:
                job.upload(text)
            except NotUploaded:
                job.abandon()
                continue
            self._notes.put(f"{part}.full", job.id)
            job.close()
            return job
        raise SourceUnavailable(
            f"source {self._calls.source}, {self._calls.doing}: the rows of a bulk job did not get "
            f"through (tried {_UPLOADS} times)",
            code="CONNECTION",
            remedy="Go on with the write later.",
        )

    def _note_job(self, part: str, id: str) -> None:
        self._notes.put(_JOBS, " ".join([*jobs_of(self._notes), id]))
        self._notes.put(f"{part}.job", id)

    def _outcomes(self, job: IngestJob, rows: list[int], cells: pa.RecordBatch) -> Outcomes:
        pa.default_memory_pool().release_unused()  # of sending; the results need as much again
        info = job.ended()
        why = f"bulk job {job.id} ended as {info.get('state')}: {info.get('errorMessage') or ''}"
        results = self._read(job, info, cells)
        if results.written is not None:
            self._written.append(results.written.among(rows))
        told: Outcomes = {}
        for number in results.others:
            row = rows[number]
            if number not in results.outcomes:
                told[row] = failed(UNKNOWN, f"no result of bulk job {job.id} is of this row")
            else:
                told[row] = results.outcomes[number] or failed(UNPROCESSED, why.strip(" :"))
        return told

    def _read(self, job: IngestJob, info: Mapping[str, Any], cells: pa.RecordBatch) -> Results:
        """What became of rows, as far as it is told, by their numbers among these.

        Raises:
            SourceUnavailable: the results are broken.
        """
        broken: ValueError | None = None
        for tried in range(_READS):
            results = Results(cells, self._key)
            try:
                _fill(results, job, info)
                broken = None
            except ValueError as error:
                broken = error
            if broken is None and results.complete:
                break
            self._calls.context.wait(self._calls.policy.wait(tried))
        if broken is not None:
            raise SourceUnavailable(
                f"source {self._calls.source}, {self._calls.doing}: the results of bulk job "
                f"{job.id} do not come whole: {broken} (tried {_READS} times)",
                code="BAD_CSV",
                remedy="Go on with the write later: the job has done its work.",
            ) from broken
        return results

    @property
    def _hard(self) -> bool:
        """Whether rows are deleted past the recycle bin, which calls can't do."""
        return HARD in self._batch.request.options

    @property
    def _key(self) -> int | None:
        target = self._batch.key_target
        return None if target is None else self._batch.targets.index(target)

    def _lost(self, rows: list[int], part: str) -> Outcomes:
        """The job is gone, with its results: the records are looked up.

        Rows that are not done go into another job, if a key makes that safe.
        """
        sending = Sending(self._batch.take(rows), Collections(), self._around, part)
        found = settle(sending.batch, range(len(rows)), sending.witness)
        done = {rows[number]: outcome for number, outcome in found.items()}
        left = [row for row in rows if row not in done]
        if left and self._batch.key_target is not None:
            return done | self._round(left, f"{part}.again")
        lost = failed(UNKNOWN, "its bulk job was deleted before its results were read")
        return done | dict.fromkeys(left, lost)


def _fill(results: Results, job: IngestJob, info: Mapping[str, Any]) -> None:
    """Take as few files as say what became of all rows.

    Raises:
        ValueError: a file is broken, or has fewer rows than the org says.
    """
    count, processed = 0, int(info.get("numberRecordsProcessed") or 0)
    if processed or not info:
        count += results.take(job.results("successfulResults"))
    if int(info.get("numberRecordsFailed") or 0) or count < results.rows:
        count += results.take(job.results("failedResults"))
    if count < processed:
        raise ValueError(f"{count:,} of {processed:,} came")
    if count < results.rows:
        results.take(job.results("unprocessedrecords"))


def _untouched(done: Outcomes, sent: int) -> list[int]:
    """Rows that a job which failed half way never came to; of a job that did nothing, none."""
    left = [row for row, outcome in done.items() if outcome.error_code == UNPROCESSED]
    return left if len(left) < sent else []


def in_calls(batch: Batch, rows: list[int], around: Around, name: str) -> Outcomes:
    """Send some rows of a batch by sObject Collections."""
    done: Outcomes = {}
    for at in range(0, len(rows), FEW):
        few = rows[at : at + FEW]
        told = Sending(batch.take(few), Collections(), around, f"{name}.calls{at}").run()
        done |= {few[number]: outcome for number, outcome in told.items()}
    return done


def jobs_of(notes: Notes) -> list[str]:
    """The ids of all jobs that a chunk has made."""
    return (notes.get(_JOBS) or "").split()
