"""How a write is carried out: by its size, its demands, what the user asks for, and budgets."""

from __future__ import annotations

from typing import Final

from isthmus.connectors.contract import Bill
from isthmus.connectors.salesforce.writing import collections, conditional, ingest
from isthmus.connectors.salesforce.writing.batch import STAMP
from isthmus.connectors.salesforce.writing.columns import Target
from isthmus.connectors.salesforce.writing.ingestjob import HARD
from isthmus.connectors.salesforce.writing.locks import parent_of
from isthmus.connectors.writing import WriteFragment, WriteKind, WriteRequest
from isthmus.errors import Refused

__all__ = ["BULK", "COLLECTIONS", "JOBS", "OPTIONS", "PATHS", "SINGLE", "fragment_of"]

SINGLE: Final = "single"
COLLECTIONS: Final = "collections"
BULK: Final = "bulk"
OPTIONS: Final = frozenset({SINGLE, COLLECTIONS, BULK, HARD})
#: Ways that are jobs.
JOBS: Final = frozenset({BULK, HARD})

#: What the access paths are called.
PATHS: Final = {
    SINGLE: "REST, one record a call",
    COLLECTIONS: "sObject Collections",
    BULK: "Bulk 2.0 ingest",
    HARD: "Bulk 2.0 ingest, past the recycle bin",
    "conditional": "Composite, if unmodified",
}
#: From how many rows on a job is worth its wait (Salesforce's own advice: more than 2,000).
BULK_ROWS: Final = 2_001
#: Jobs under way at once: each works on many rows at a time by itself.
_SIDE_BY_SIDE: Final = 2
_CALL_SECONDS: Final = 0.3
_ROW_SECONDS: Final = 0.005


def fragment_of(
    request: WriteRequest, targets: tuple[Target, ...], *, concurrency: int
) -> WriteFragment:
    """The way to write.

    Args:
        request: what is written.
        targets: the fields that it sets.
        concurrency: the most calls side by side.

    Raises:
        Refused: the org, or the way that was asked for, can't do it.
    """
    _demand_able(request, targets)
    way, why = _chosen(request)
    size = _SIZES[way]
    chunks = _chunks(request, way)
    most = _SIDE_BY_SIDE if way in JOBS else concurrency
    calls = chunks * _CALLS[way]
    high = chunks * ingest.MOST_CALLS if way in JOBS else calls
    seconds = request.rows * _ROW_SECONDS + calls * _CALL_SECONDS
    return WriteFragment(
        request=request,
        access_path=PATHS[way],
        chunk_rows=size,
        parallel=max(1, min(most, chunks)),
        together_by=None if request.kind is WriteKind.DELETE else parent_of(targets),
        stamp=STAMP if request.if_unmodified else None,
        repeatable=_repeatable(request, way),
        estimate=Bill(
            calls=calls,
            seconds=round(seconds / max(1, min(most, chunks)), 1),
            basis=f"{request.rows:,} rows, {size:,} a chunk",
        ),
        high=Bill(calls=high, seconds=round(seconds * 10, 1)),
        why=why,
    )


_SIZES: Final = {
    SINGLE: 1,
    COLLECTIONS: collections.ROWS,
    BULK: ingest.ROWS,
    HARD: ingest.ROWS,
    "conditional": conditional.ROWS,
}
#: Calls of a chunk, as a rule.
_CALLS: Final = {
    SINGLE: 1,
    COLLECTIONS: 1,
    BULK: ingest.CALLS,
    HARD: ingest.CALLS,
    "conditional": 2,
}


def _chunks(request: WriteRequest, way: str) -> int:
    return -(-request.rows // _SIZES[way])


def _chosen(request: WriteRequest) -> tuple[str, str | None]:
    """The way, and why it is another than the usual one, if it is."""
    for way, name in PATHS.items():
        if name == request.begun_by:
            return way, None
    usual, left = _way(request), request.calls_left
    calls = {way: _chunks(request, way) * _CALLS[way] for way in (usual, *_others(request))}
    fewest = min(calls, key=lambda way: calls[way])  # the usual one, if none has fewer
    if left is None or calls[usual] <= left or fewest == usual:
        return usual, None
    return fewest, f"{PATHS[usual]} would be {calls[usual]:,} calls, and budgets leave {left:,}"


def _others(request: WriteRequest) -> tuple[str, ...]:
    """The ways that are as good, if nobody has asked for one."""
    if request.options or request.if_unmodified or request.all_or_none:
        return ()
    return COLLECTIONS, BULK


def _way(request: WriteRequest) -> str:
    asked = request.options - {BULK} if HARD in request.options else request.options
    if len(asked) > 1:
        raise Refused(
            f"{request.table.name} can't be written by {' and '.join(sorted(asked))} at once",
            remedy="Give one of them.",
        )
    wish = next(iter(asked), None)
    if wish == HARD and request.kind is not WriteKind.DELETE:
        raise Refused(
            f"{request.table.name}: {HARD} is for deletes, and this is an {request.kind.value}",
            remedy=f'Leave out the option "{HARD}".',
        )
    if wish in JOBS:
        _demand_job(request, wish)
    if request.if_unmodified:
        return "conditional"
    if wish is not None:
        return wish
    if request.rows == 1:
        return SINGLE
    return BULK if request.rows >= BULK_ROWS and not request.all_or_none else COLLECTIONS


def _demand_job(request: WriteRequest, wish: str) -> None:
    """Refuse what a Bulk job can't do."""
    for asked, what in (
        (request.all_or_none, "has no all or none: each of its rows is written on its own"),
        (request.if_unmodified, "can't look at a row's stamp"),
    ):
        if asked:
            raise Refused(
                f"{request.table.name}: a Bulk job {what}",
                remedy=f'Leave out the option "{wish}".',
            )


def _demand_able(request: WriteRequest, targets: tuple[Target, ...]) -> None:
    table, kind = request.table, request.kind
    needed = {
        WriteKind.INSERT: ("createable",),
        WriteKind.UPDATE: ("updateable",),
        WriteKind.UPSERT: ("createable", "updateable"),
        WriteKind.DELETE: ("deletable",),
    }[kind]
    for ability in needed:
        if not table.properties.get(ability):
            raise Refused(
                f"{table.name} is not {ability}, by its describe",
                remedy="The object does not allow it, or the user's profile does not.",
            )
    unknown = request.options - OPTIONS
    if unknown:
        raise Refused(
            f"{table.name}: there is no write option {min(unknown)!r}",
            remedy=f"The options are {', '.join(sorted(OPTIONS))}.",
        )
    _demand_key(request, targets)
    if request.if_unmodified and kind is WriteKind.INSERT:
        raise Refused(
            f"{table.name}: new rows have no stamp to compare", remedy="Leave out if_unmodified."
        )


def _demand_key(request: WriteRequest, targets: tuple[Target, ...]) -> None:
    table, key = request.table, request.key
    own = {t.field.name for t in targets if t.parent is None}
    if request.kind is WriteKind.INSERT:
        if "Id" in own:
            raise Refused(
                f"{table.name}: a new record's Id is the org's to give",
                remedy="Leave Id out, or update or upsert.",
            )
        return
    if key is None or key not in own:
        raise Refused(
            f"{table.name}: no column says which records are meant",
            remedy="Give the key's column: Id, or for an upsert an external id.",
        )
    if request.kind is not WriteKind.UPSERT:
        if key != "Id":
            raise Refused(
                f"{table.name}: records are updated and deleted by Id, not by {key}",
                remedy="Look the Ids up, or upsert by the external id.",
            )
        return
    properties = table.column(key).properties
    if key != "Id" and not (properties.get("external_id") or properties.get("id_lookup")):
        raise Refused(
            f"{table.name}.{key} is no external id, so no record is found by it",
            remedy="Upsert by Id or by a field that is marked as external id.",
        )


def _repeatable(request: WriteRequest, way: str) -> str:
    if way in JOBS:
        return "the job's id is noted before its rows are sent, and its results are read again"
    if request.kind is WriteKind.INSERT and request.key is None:
        return (
            "looked for among the records that this user made since; where that can't tell, the "
            "outcome is UNKNOWN_OUTCOME"
        )
    if request.kind is WriteKind.INSERT:
        return f"looked up by {request.key}: a record made since the chunk was begun is ours"
    return "read back and compared; what is not there yet is sent again"
