"""Bulk API 1.0: `/services/async/XX.X/job`.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from isthmus.localorg.auth.sessions import Session
from isthmus.localorg.bulk.operations import CHUNK, OPERATIONS, Operation, apply, check
from isthmus.localorg.bulk.statement import Statement, prepare
from isthmus.localorg.bulk.upload import BadUpload
from isthmus.localorg.classic import results, rows, wire
from isthmus.localorg.classic.jobs import (
    CONTENT_TYPES,
    QUERIES,
    Batch,
    Chunking,
    ClassicJob,
    ClassicSpec,
    Done,
)
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request, Response
from isthmus.localorg.org import Org
from isthmus.localorg.records import Outcome
from isthmus.localorg.resources.call import Call

_MODES = {"0": "Parallel", "1": "Serial", "parallel": "Parallel", "serial": "Serial"}
_MOST = 250_000  # records of a chunk
_STATES = ("Closed", "Aborted")


def answer(org: Org, request: Request, now: datetime, session: Session, version: str) -> Response:
    """Answer a call below `/services/async/VERSION`."""
    path = request.path.strip("/").split("/")[3:]
    call = Call(org, request, now, session, version, _never)
    for pattern, methods in _ROUTES:
        found = re.fullmatch(pattern, "/".join(path))
        if found is not None:
            handler = methods.get(request.method)
            if handler is None:
                message = f"Method {request.method} is not allowed here"
                raise OrgError(400, "InvalidUrl", message)
            with org.classic.lock:
                return handler(call, *found.groups())
    raise OrgError(400, "InvalidUrl", f"Destination URL not reset: {request.path}")


def create(call: Call) -> Response:
    """`POST job`: the job, open."""
    sent = wire.read_job(call.request)
    sobject = call.org.schema.get(str(sent.get("object", "")))
    if sobject is None:
        raise OrgError(400, "InvalidJob", f"Unable to find object: {sent.get('object')}")
    kind = str(sent.get("operation", ""))
    if kind not in (*OPERATIONS, *QUERIES):
        raise OrgError(400, "InvalidJob", f"Unknown operation: {kind}")
    operation = Operation(kind, sobject, sent.get("externalIdFieldName") or None)
    if kind in OPERATIONS:
        try:
            check(operation, hard_delete=call.org.settings.bulk_hard_delete)
        except OrgError as error:
            code = "FeatureNotEnabled" if error.code == "FEATURENOTENABLED" else "InvalidJob"
            message = error.message.removeprefix("InvalidJob : ")
            raise OrgError(400, code, message) from error
    content = str(sent.get("contentType") or "XML")
    if content not in CONTENT_TYPES:
        raise OrgError(400, "InvalidJob", f"Unknown content type: {content}")
    mode = _MODES.get(str(sent.get("concurrencyMode") or "Parallel").lower())
    if mode is None:
        raise OrgError(400, "InvalidJob", f"Unknown concurrencyMode: {sent['concurrencyMode']}")
    spec = ClassicSpec(
        operation, content, mode, call.version, call.session.user.id, _chunking(call.request)
    )
    if spec.chunking is not None and not spec.reads:
        message = "PK chunking is only supported on queries"
        raise OrgError(400, "InvalidJob", message)
    return _job_answer(call, call.org.classic.create(spec, call.now), status=201)


def job(call: Call, job_id: str) -> Response:
    """`GET job/ID`: the job."""
    return _job_answer(call, _job(call, job_id))


def change(call: Call, job_id: str) -> Response:
    """`POST job/ID` with the state `Closed` or `Aborted`: the job."""
    found = _job(call, job_id)
    state = wire.read_job(call.request).get("state")
    if state not in _STATES:
        raise OrgError(400, "InvalidJob", f"state is {state}; it must be Closed or Aborted")
    call.org.classic.end(found, str(state), call.now)
    return _job_answer(call, found)


def add(call: Call, job_id: str) -> Response:
    """`POST job/ID/batch`: the batch, queued; with PK chunking, more batches beside it."""
    found = _job(call, job_id)
    body = call.request.body
    if len(body) > rows.MAX_BYTES:
        raise OrgError(400, "ClientInputError", f"A batch has at most {rows.MAX_BYTES} bytes")
    call.org.usage.spend("DailyBulkApiBatches", call.now)
    kind = call.request.header("content-type") or wire.XML
    jobs = call.org.classic
    if not found.spec.reads:
        work = partial(_write, call.org, found, body)
        return _batch_answer(found, jobs.add(found, body, kind, work, call.now), status=201)
    soql = body.decode("utf-8", "replace")
    if found.spec.chunking is None:
        work = partial(_query, call, found, soql, ("", ""))
        return _batch_answer(found, jobs.add(found, body, kind, work, call.now), status=201)
    batch = jobs.add(found, body, kind, None, call.now)
    batch.leave(call.now)
    for ids in _ranges(call, found, found.spec.chunking):
        jobs.add(found, body, kind, partial(_query, call, found, soql, ids), call.now)
    return _batch_answer(found, batch, status=201)


def batches(call: Call, job_id: str) -> Response:
    """`GET job/ID/batch`: all batches of the job."""
    found = _job(call, job_id)
    for batch in found.batches.values():
        batch.look(call.now, call.org.classic.pace)
    told = [batch.info() for batch in found.batches.values()]
    as_json = found.spec.content_type == "JSON"
    return wire.listed("batchInfoList", "batchInfo", told, as_json=as_json)


def batch(call: Call, job_id: str, batch_id: str) -> Response:
    """`GET job/ID/batch/ID`: the batch."""
    found = _job(call, job_id)
    one = _batch(found, batch_id)
    one.look(call.now, call.org.classic.pace)
    return _batch_answer(found, one)


def request(call: Call, job_id: str, batch_id: str) -> Response:
    """`GET job/ID/batch/ID/request`: what was sent."""
    one = _batch(_job(call, job_id), batch_id)
    return Response(200, body=one.body, content_type=one.content_type)


def result(call: Call, job_id: str, batch_id: str) -> Response:
    """`GET job/ID/batch/ID/result`: outcomes in order, or the ids of a query's results."""
    found = _job(call, job_id)
    done = _done(_batch(found, batch_id))
    if not found.spec.reads:
        return results.outcomes(done.outcomes, found.spec.content_type)
    result_id = _result_id(batch_id)
    if found.spec.content_type == "JSON":
        return Response(200, [result_id], content_type=wire.JSON)
    return wire.xml("result-list", f"<result>{result_id}</result>")


def result_rows(call: Call, job_id: str, batch_id: str, result_id: str) -> Response:
    """`GET job/ID/batch/ID/result/ID`: the rows of a query."""
    found = _job(call, job_id)
    one = _batch(found, batch_id)
    done = _done(one)
    if done.statement is None or result_id != _result_id(one.id):
        raise OrgError(400, "InvalidBatch", f"Invalid result id: {result_id}")
    base = f"/services/data/v{call.version}"
    return results.rows(done.statement, done.lines, found.spec.content_type, base)


def _job(call: Call, job_id: str) -> ClassicJob:
    return call.org.classic.find(job_id, call.now)


def _batch(found: ClassicJob, batch_id: str) -> Batch:
    one = found.batches.get(batch_id)
    if one is None:
        raise OrgError(400, "InvalidBatch", f"Invalid batch id: {batch_id}")
    return one


def _done(one: Batch) -> Done:
    if one.state != "Completed" or one.done is None:
        raise OrgError(400, "InvalidBatch", f"Batch not completed: its state is {one.state}")
    return one.done


def _job_answer(call: Call, found: ClassicJob, *, status: int = 200) -> Response:
    as_json = wire.speaks_json(call.request)
    return wire.answer("jobInfo", found.info(), as_json=as_json, status=status)


def _batch_answer(found: ClassicJob, one: Batch, *, status: int = 200) -> Response:
    as_json = found.spec.content_type == "JSON"
    return wire.answer("batchInfo", one.info(), as_json=as_json, status=status)


def _result_id(batch_id: str) -> str:
    return "752" + batch_id[3:]


def _write(org: Org, found: ClassicJob, body: bytes) -> Done:
    spec = found.spec
    read = rows.read(org.schema, spec.operation, spec.content_type, body)
    made: list[Outcome] = []
    for start in range(0, len(read), CHUNK):
        chunk = read[start : start + CHUNK]
        sound = [one for one in chunk if not isinstance(one, OrgError)]
        written = iter(
            apply(org.records, spec.operation, sound, now=org.clock.now(), user_id=spec.user_id)
        )
        made += [one if isinstance(one, OrgError) else next(written) for one in chunk]
    return Done(outcomes=made)


def _query(call: Call, found: ClassicJob, soql: str, ids: tuple[str, str]) -> Done:
    context = call.context(soql, include_deleted=found.spec.operation.kind == "queryAll")
    statement = prepare(soql, context, delimiter=",", ending="\n", ids=ids)
    wanted = found.spec.operation.sobject.name
    if statement.object != wanted:
        raise BadUpload(
            f"InvalidBatch : The query's object {statement.object} is not the job's, {wanted}"
        )
    lines = _lines(call.org, statement)
    return Done(statement=statement, lines="".join(lines).encode(), rows=len(lines))


def _lines(org: Org, statement: Statement) -> list[str]:
    with org.store.cursor() as cursor:
        return [line for (line,) in cursor.execute(statement.sql).fetchall()]


def _chunking(request: Request) -> Chunking | None:
    """Read `Sforce-Enable-PKChunking: true` or `chunkSize=N; parent=T; startRow=ID`.

    Ranges are of the object's own Ids, also where Salesforce cuts by those of its parent.
    """
    parts = [part.strip() for part in request.header("sforce-enable-pkchunking").split(";")]
    if not any(parts) or parts[0].lower() == "false":
        return None
    given = dict(part.partition("=")[::2] for part in parts if "=" in part)
    size = given.get("chunkSize", "100000").strip()
    if not size.isdigit() or not 0 < int(size) <= _MOST:
        message = f"chunkSize is {size}; it must be a number from 1 to {_MOST}"
        raise OrgError(400, "InvalidJob", message)
    return Chunking(int(size), given.get("startRow", "").strip())


def _ranges(call: Call, found: ClassicJob, chunking: Chunking) -> list[tuple[str, str]]:
    """Cut the object's Ids, of deleted records too, into ranges of so many."""
    table = call.org.store.table(found.spec.operation.sobject.name)
    query = (
        f"SELECT Id FROM (SELECT Id, row_number() OVER (ORDER BY Id) - 1 AS place FROM {table}"
        " WHERE Id >= ?) WHERE place % ? = 0 ORDER BY Id"
    )
    with call.org.store.cursor() as cursor:
        found_ids = cursor.execute(query, [chunking.start, chunking.size]).fetchall()
    starts = [one for (one,) in found_ids] or [chunking.start]
    return list(zip(starts, [*starts[1:], ""], strict=True))


def _never(_: Request) -> Response:
    raise OrgError(400, "InvalidUrl", "a call of this API is no part of another")


_Handler = Callable[..., Response]
_ROUTES: tuple[tuple[str, dict[str, _Handler]], ...] = (
    ("job", {"POST": create}),
    ("job/([^/]+)", {"GET": job, "POST": change}),
    ("job/([^/]+)/batch", {"GET": batches, "POST": add}),
    ("job/([^/]+)/batch/([^/]+)", {"GET": batch}),
    ("job/([^/]+)/batch/([^/]+)/request", {"GET": request}),
    ("job/([^/]+)/batch/([^/]+)/result", {"GET": result}),
    ("job/([^/]+)/batch/([^/]+)/result/([^/]+)", {"GET": result_rows}),
)


def listing(found: ClassicJob) -> dict[str, Any]:
    """The job as the lists of Bulk API 2.0 show it."""
    told = found.info()
    names = ("id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state",
             "concurrencyMode", "contentType", "apiVersion")  # fmt: skip
    return {**{name: told[name] for name in names}, "jobType": "Classic"}
