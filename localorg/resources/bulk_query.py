"""Bulk API 2.0 query jobs: `/services/data/vXX.X/jobs/query`.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Query Jobs". Error codes that the guide does
not show are Bulk 1.0's in capitals, as those are that it shows.
"""

from __future__ import annotations

from typing import Any

from isthmus.localorg.bulk import csvtext, places
from isthmus.localorg.bulk.jobs import Job, Spec
from isthmus.localorg.bulk.results import Results
from isthmus.localorg.bulk.statement import prepare
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.resources.bulk_fields import choice, text
from isthmus.localorg.resources.call import Call, not_found

_FIRST_VERSION, _PARALLEL_VERSION = 47.0, 58.0
_CSV = "text/csv; charset=UTF-8"
#: Result pages told at once.
PAGES = 5


def create(call: Call) -> Response:
    """`POST jobs/query`: the job, `UploadComplete`."""
    _check_version(call, _FIRST_VERSION)
    body = call.request.json_object()
    spec = Spec(
        soql=text(body, "query"),
        operation=choice(body, "operation", ("query", "queryAll"), None),
        delimiter=choice(body, "columnDelimiter", csvtext.DELIMITERS, "COMMA"),
        ending=choice(body, "lineEnding", csvtext.LINE_ENDINGS, "LF"),
        version=call.version,
        user_id=call.session.user.id,
    )
    choice(body, "contentType", ("CSV",), "CSV")
    statement = prepare(
        spec.soql,
        call.context(spec.soql, include_deleted=spec.operation == "queryAll"),
        delimiter=csvtext.DELIMITERS[spec.delimiter],
        ending=csvtext.LINE_ENDINGS[spec.ending],
    )
    call.org.usage.spend("DailyBulkV2QueryJobs", call.now)
    struck = call.request.fault
    fails = struck is not None and struck.name == "failed-job"
    job = call.org.bulk.create(spec, statement, call.now, fails=fails)
    return Response(200, job.info(call.now, full=False))


def info(call: Call) -> Response:
    """`GET jobs/query/ID`: the job's state."""
    return Response(200, _job(call).look(call.now))


def change(call: Call) -> Response:
    """`PATCH jobs/query/ID` with `{"state":"Aborted"}`: the job, ended."""
    job = _job(call)
    choice(call.request.json_object(), "state", ("Aborted",), None)
    job.abort(call.now)
    return Response(200, job.info(call.now, full=False))


def delete(call: Call) -> Response:
    """`DELETE jobs/query/ID`: 204."""
    call.org.bulk.delete(_job(call), call.now)
    return Response(204)


def results(call: Call) -> Response:
    """`GET jobs/query/ID/results?locator=&maxRecords=`: a page of CSV, header first."""
    job = _job(call)
    found = _results(call, job)
    start = _start(call, found)
    most = _most(call.request.params.get("maxRecords"), call.org.settings.bulk_page_rows)
    stop = found.stop(start, most, call.org.settings.bulk_page_bytes)
    following = places.locator(stop) if stop < found.rows else "null"
    return Response(
        200,
        body=job.statement.header + found.lines(start, stop),
        content_type=_CSV,
        headers=(
            ("Sforce-Locator", following),
            ("Sforce-NumberOfRecords", str(stop - start)),
        ),
        rows=stop - start,
    )


def result_pages(call: Call) -> Response:
    """`GET jobs/query/ID/resultPages`: the URLs of up to five pages, to be read side by side."""
    _check_version(call, _PARALLEL_VERSION)
    job = _job(call)
    found = _results(call, job)
    start = _start(call, found)
    base = f"{call.base}/jobs/query/{job.id}"
    settings = call.org.settings
    urls: list[dict[str, str]] = []
    while len(urls) < PAGES and (start < found.rows or not urls):
        urls.append({"resultUrl": f"{base}/results?locator={places.locator(start)}"})
        start = found.stop(start, settings.bulk_page_rows, settings.bulk_page_bytes)
    body: dict[str, Any] = {"resultPages": urls, "done": start >= found.rows}
    if start < found.rows:
        body["nextRecordsUrl"] = f"{base}/resultPages?locator={places.locator(start)}"
    return Response(200, body)


def _job(call: Call) -> Job:
    _check_version(call, _FIRST_VERSION)
    return call.org.bulk.find(call.parts[0], call.now)


def _results(call: Call, job: Job) -> Results:
    if call.version != job.spec.version:
        message = f"The job was created with API version {job.spec.version}, not {call.version}"
        raise OrgError(409, "INVALIDVERSION", message)
    return job.results(call.now)


def _check_version(call: Call, first: float) -> None:
    if float(call.version) < first:
        raise not_found()


def _start(call: Call, found: Results) -> int:
    text = call.request.params.get("locator", "")
    return places.line_at(text, found.rows) if text else 0


def _most(asked: str | None, usual: int) -> int:
    if not asked:
        return usual
    if not asked.isascii() or not asked.isdigit() or int(asked) < 1:
        raise OrgError(400, "INVALIDREQUEST", f"maxRecords is {asked}; it must be a number above 0")
    return int(asked)
