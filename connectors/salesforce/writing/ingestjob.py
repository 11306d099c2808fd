"""One Bulk 2.0 ingest job: made, filled, closed, waited for, read. Each step can be done again.

A job whose upload may or may not have arrived is given up for a new one: as long as it is open,
the org does nothing with it.

Source: *Bulk API 2.0 and Bulk API Developer Guide*, "Bulk API 2.0 Ingest".
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Mapping
from typing import Any, Final

from isthmus.connectors.salesforce.client import Missed, Sent
from isthmus.connectors.salesforce.transport import Answer
from isthmus.connectors.salesforce.writing.calls import JSON, Calls, may_repeat
from isthmus.connectors.writing import WriteRequest
from isthmus.errors import IsthmusError, SourceError, SourceUnavailable

__all__ = ["HARD", "IngestJob", "NotUploaded"]

#: The option of deletes that leave nothing in the recycle bin; only a job does them.
HARD: Final = "hard_delete"

_CSV: Final = {"Content-Type": "text/csv; charset=UTF-8"}
_ENDED: Final = frozenset({"JobComplete", "Failed", "Aborted"})
#: Seconds between two looks at a job, at most.
_LONGEST_WAIT: Final = 30.0
#: Each wait is so much longer than the one before: a job is found at most half its time too late.
_GROWTH: Final = 1.5
_OPEN: Final = "Open"


class NotUploaded(Exception):
    """Nobody knows whether the job has its rows; a new one is needed."""


class IngestJob:
    """A job that is there.

    Args:
        calls: the org.
        id: the job's.
    """

    def __init__(self, calls: Calls, id: str) -> None:
        self.id = id
        self._calls = calls
        self._place = f"{calls.root}/jobs/ingest/{id}"

    @classmethod
    def made(cls, calls: Calls, request: WriteRequest) -> IngestJob:
        """Make a job.

        Raises:
            SourceError: the org takes none, or not for this object.
        """
        body = {
            "object": request.table.name,
            "operation": "hardDelete" if HARD in request.options else request.kind.value,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        if request.kind.value == "upsert":
            body["externalIdFieldName"] = str(request.key)
        # made again after a lost answer, it leaves an open job, with which the org does nothing
        place = f"{calls.root}/jobs/ingest"
        told = calls.asked(Sent(place, "POST", json.dumps(body).encode(), JSON), kind="write")
        return cls(calls, str(told["id"]))

    def info(self) -> Mapping[str, Any] | None:
        """What the org says of the job; None where it has none of that id."""
        try:
            told: Mapping[str, Any] = self._calls.asked(Sent(self._place))
            return told
        except SourceError as error:
            if error.code == "NOT_FOUND":
                return None
            raise

    def upload(self, document: bytes) -> None:
        """Give the job its rows.

        Raises:
            NotUploaded: it is not known whether it has them.
            SourceError: the org refuses them.
        """
        misses = 0
        while True:
            try:
                self._calls.once(Sent(f"{self._place}/batches", "PUT", document, _CSV))
                return
            except Missed as missed:
                if missed.applied:
                    raise NotUploaded from missed
                if not may_repeat(missed) or misses >= self._calls.policy.repeats:
                    raise self._calls.error(missed, misses + 1) from missed
                asked = missed.refusal.retry_after
                self._calls.context.wait(self._calls.policy.wait(misses, asked))
                misses += 1

    def close(self) -> None:
        """Let the org begin."""
        state = json.dumps({"state": "UploadComplete"}).encode()
        try:
            self._calls.safely(Sent(self._place, "PATCH", state, JSON), kind="write")
        except SourceError:
            info = self.info()  # a close whose answer was lost makes the next one an error
            if info is None or info.get("state") == _OPEN:
                raise

    def ended(self) -> Mapping[str, Any]:
        """Wait until it has ended; what the org says of it then."""
        policy = self._calls.policy
        wait = policy.base
        while True:
            info = self.info()
            if info is None:
                raise SourceUnavailable(
                    f"source {self._calls.source}, {self._calls.doing}: bulk job {self.id} was "
                    "deleted by somebody before its results were read",
                    code="NOT_FOUND",
                    remedy="Go on with the write: the records are looked up.",
                )
            if info.get("state") in _ENDED:
                return info
            self._calls.context.wait(wait)
            wait = min(wait * _GROWTH, _LONGEST_WAIT, policy.cap)

    def results(self, file: str) -> bytes | mmap.mmap:
        """A file of results: ``successfulResults``, ``failedResults``, ``unprocessedrecords``."""
        answer = self._read(file)
        return answer.body if answer.large is None else answer.large

    def clear(self) -> None:
        """Delete it, or abort it if it is open. What goes wrong is passed over."""
        try:
            self._calls.safely(Sent(self._place, "DELETE"), kind="write")
        except IsthmusError:
            return

    def abandon(self) -> None:
        """Abort an open job for which there is a new one. What goes wrong is passed over."""
        state = json.dumps({"state": "Aborted"}).encode()
        try:
            self._calls.safely(Sent(self._place, "PATCH", state, JSON), kind="write")
        except SourceError:
            return

    def _read(self, file: str) -> Answer:
        accept = {"Accept": "text/csv"}
        return self._calls.safely(Sent(f"{self._place}/{file}", headers=accept))
