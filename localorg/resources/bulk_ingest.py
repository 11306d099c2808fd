"""Bulk API 2.0 ingest jobs: `/services/data/vXX.X/jobs/ingest`.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from isthmus.localorg.bulk import csvtext, multipart
from isthmus.localorg.bulk.ingest import IngestJob, IngestSpec, Mishap
from isthmus.localorg.bulk.operations import OPERATIONS, Operation, check
from isthmus.localorg.bulk.support import check_object
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.resources.bulk_fields import choice, text
from isthmus.localorg.resources.call import Call, not_found

_FIRST_VERSION = 41.0
_CSV = "text/csv; charset=UTF-8"
#: The most characters of CSV that may come with the job itself.
MAX_TOGETHER = 100_000


def create(call: Call) -> Response:
    """`POST jobs/ingest`: the job, `Open`; or, sent with its CSV as multipart, `UploadComplete`."""
    _check_version(call)
    kind = call.request.header("content-type")
    if not kind.lower().startswith("multipart/form-data"):
        job = _open(call, call.request.json_object())
        return Response(200, job.info(call.now, full=False))
    parts = multipart.parts(kind, call.request.body)
    content = parts.get("content", b"")
    if len(content) > MAX_TOGETHER:
        message = f"The content part may have at most {MAX_TOGETHER} characters"
        raise OrgError(400, "INVALIDREQUEST", message)
    job = _open(call, _json(parts.get("job", b"")))
    job.take(content, call.now)
    call.org.ingest.start(job, call.now)
    return Response(200, job.info(call.now, full=False))


def upload(call: Call) -> Response:
    """`PUT jobs/ingest/ID/batches`: 201; once for a job."""
    _job(call).take(call.request.body, call.now)
    return Response(201)


def info(call: Call) -> Response:
    """`GET jobs/ingest/ID`: the job's state and counts."""
    return Response(200, _job(call).look(call.now))


def change(call: Call) -> Response:
    """`PATCH jobs/ingest/ID` with `{"state":"UploadComplete"}` or `Aborted`: the job."""
    job = _job(call)
    body = call.request.json_object()
    if choice(body, "state", ("UploadComplete", "Aborted"), None) == "Aborted":
        job.abort(call.now)
    else:
        call.org.ingest.start(job, call.now)
    return Response(200, job.info(call.now, full=False))


def delete(call: Call) -> Response:
    """`DELETE jobs/ingest/ID`: 204."""
    call.org.ingest.delete(_job(call), call.now)
    return Response(204)


def results(call: Call) -> Response:
    """`GET jobs/ingest/ID/successfulResults`, `failedResults`, `unprocessedrecords`: CSV."""
    kind = call.request.path.rstrip("/").rpartition("/")[2].lower()
    return Response(200, body=_job(call).results(kind, call.now), content_type=_CSV)


def _open(call: Call, body: Mapping[str, Any]) -> IngestJob:
    name = text(body, "object")
    check_object(name)
    sobject = call.org.schema.get(name)
    if sobject is None:
        raise OrgError(400, "INVALIDJOB", f"InvalidJob : Unable to find object: {name}")
    kind = choice(body, "operation", OPERATIONS, None)
    key = text(body, "externalIdFieldName") if body.get("externalIdFieldName") else None
    operation = Operation(kind, sobject, key)
    check(operation, hard_delete=call.org.settings.bulk_hard_delete)
    choice(body, "contentType", ("CSV",), "CSV")
    spec = IngestSpec(
        operation=operation,
        delimiter=choice(body, "columnDelimiter", csvtext.DELIMITERS, "COMMA"),
        ending=choice(body, "lineEnding", csvtext.LINE_ENDINGS, "LF"),
        version=call.version,
        user_id=call.session.user.id,
    )
    return call.org.ingest.create(spec, call.now, _mishap(call))


def _mishap(call: Call) -> Mishap:
    struck = call.request.fault
    if struck is not None and struck.name == "failed-job":
        return Mishap(fails_after=struck.keep)
    return Mishap(retries=1 if struck is not None and struck.name == "batch-retry" else 0)


def _job(call: Call) -> IngestJob:
    _check_version(call)
    return call.org.ingest.find(call.parts[0], call.now)


def _check_version(call: Call) -> None:
    if float(call.version) < _FIRST_VERSION:
        raise not_found()


def _json(part: bytes) -> Mapping[str, Any]:
    try:
        made = json.loads(part)
    except ValueError as error:
        raise OrgError(400, "JSON_PARSER_ERROR", f"the part job: {error}") from error
    if not isinstance(made, dict):
        raise OrgError(400, "JSON_PARSER_ERROR", "the part job must be a JSON object")
    return made
