"""The lists of Bulk jobs: `jobs/query` and `jobs/ingest` both show the jobs of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Response
from isthmus.localorg.resources.bulk_classic import listing
from isthmus.localorg.resources.call import Call

#: Jobs on a page.
LISTED = 1_000


def listed(call: Call) -> Response:
    """`GET jobs/query` and `GET jobs/ingest`: the jobs, a thousand at a time."""
    params = call.request.params
    org, now = call.org, call.now
    infos = [job.info(now, full=True) for job in org.bulk.listed(now)]
    infos += [job.info(now, full=True) for job in org.ingest.listed(now)]
    infos += [listing(job) for job in org.classic.listed(now)]
    chosen = [info for info in sorted(infos, key=_created) if _wanted(info, params)]
    start = _offset(params.get("queryLocator"))
    page = chosen[start : start + LISTED]
    done = start + len(page) >= len(chosen)
    following = None
    if not done:
        kind = "ingest" if call.request.path.rstrip("/").endswith("ingest") else "query"
        name = f"01g{'0' * 15}-{start + LISTED}"
        following = f"{call.base}/jobs/{kind}?queryLocator={name}"
    return Response(200, {"done": done, "records": page, "nextRecordsUrl": following})


def _created(info: Mapping[str, Any]) -> str:
    return str(info["id"])  # they count up


def _offset(text: str | None) -> int:
    digits = (text or "").rpartition("-")[2]
    if text and not digits.isdigit():
        raise OrgError(400, "INVALID_QUERY_LOCATOR", f"invalid query locator: {text}")
    return int(digits or 0)


def _wanted(info: Mapping[str, Any], params: Mapping[str, str]) -> bool:
    chunking = params.get("isPkChunkingEnabled", "")
    if chunking and (chunking.lower() == "true") != info.get("isPkChunkingSupported", False):
        return False
    kinds = {"jobType": "jobType", "concurrencyMode": "concurrencyMode"}
    asked = {key: params[name].lower() for name, key in kinds.items() if params.get(name)}
    return all(str(info[key]).lower() == value for key, value in asked.items())
