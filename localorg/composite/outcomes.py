"""One outcome per record: what each write of a call came to, alone or all or none.

Source: REST API Developer Guide, "sObject Collections": an error here has a `statusCode`, where an
error of a whole call has an `errorCode`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from isthmus.localorg.errors import OrgError
from isthmus.localorg.records import Records

Outcome = dict[str, Any]

_ROLLED_BACK = OrgError(
    400,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone"
    " header",
)


class Undone(Exception):
    """Leaves a block of writes in order to undo it."""


def outcomes(
    records: Records, write: Callable[[], list[Outcome]], *, all_or_none: bool
) -> list[Outcome]:
    """Write several records and give an outcome for each.

    With `all_or_none`, one that fails undoes the others, which say so.
    """
    if not all_or_none:
        return write()
    made: list[Outcome] = []
    try:
        with records.together():
            made = write()
            if not all(one["success"] for one in made):
                raise Undone
    except Undone:
        made = [failure(_ROLLED_BACK) if one["success"] else one for one in made]
    return made


def success(record_id: str, **more: Any) -> Outcome:
    """Give the outcome of a write that was done."""
    return {"id": record_id, **more, "success": True, "errors": []}


def failure(error: OrgError) -> Outcome:
    """Give the outcome of a write that failed."""
    return {"success": False, "errors": [told(error)]}


def told(error: OrgError) -> dict[str, Any]:
    """Give an error as outcomes show it."""
    return {"statusCode": error.code, "message": error.message, "fields": list(error.fields)}
