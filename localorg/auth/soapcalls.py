"""SOAP calls for what REST has no resource for: undelete, merge, emptyRecycleBin.

Source: SOAP API Developer Guide, "undelete()", "merge()" and "emptyRecycleBin()".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

from isthmus.localorg import ids
from isthmus.localorg.auth.envelope import elements, name_of
from isthmus.localorg.errors import OrgError
from isthmus.localorg.org import Org
from isthmus.localorg.settings import User

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_MOST = 200  # records of a call

Call = Callable[[Org, ElementTree.Element, datetime, User], str]


def undelete(org: Org, call: ElementTree.Element, now: datetime, user: User) -> str:
    """Take records out of the recycle bin: a result for each id."""

    def one(name: str, record_id: str) -> None:
        org.records.undelete(name, record_id, now=now, user_id=user.id)

    return _each(org, call, one)


def empty_bin(org: Org, call: ElementTree.Element, now: datetime, user: User) -> str:
    """Remove records from the recycle bin for good: a result for each id."""
    return _each(org, call, org.records.empty_bin)


def merge(org: Org, call: ElementTree.Element, now: datetime, user: User) -> str:
    """Make records part of a master: a result for each request."""
    told = "".join(
        _merged(org, request, now, user) for request in call if name_of(request) == "request"
    )
    return f"<mergeResponse>{told}</mergeResponse>"


CALLS: dict[str, Call] = {"undelete": undelete, "merge": merge, "emptyRecycleBin": empty_bin}


def _each(org: Org, call: ElementTree.Element, does: Callable[[str, str], None]) -> str:
    given = [(child.text or "").strip() for child in call if name_of(child) == "ids"]
    if len(given) > _MOST:
        raise OrgError(400, "EXCEEDED_ID_LIMIT", f"a call takes at most {_MOST} ids")
    told = "".join(_result(org, record_id, does) for record_id in given)
    name = f"{name_of(call)}Response"
    return f"<{name}>{told}</{name}>"


def _result(org: Org, record_id: str, does: Callable[[str, str], None]) -> str:
    try:
        full = ids.normalise(record_id)
        sobject = org.schema.by_prefix(full[:3]) if full else None
        if full is None or sobject is None:
            raise OrgError(400, "MALFORMED_ID", f"malformed id {record_id}")
        does(sobject.name, full)
    except OrgError as error:
        return f"<result>{_errors(error)}<id>{record_id}</id><success>false</success></result>"
    return f"<result><id>{full}</id><success>true</success></result>"


def _merged(org: Org, request: ElementTree.Element, now: datetime, user: User) -> str:
    master = next(
        (one for one in request if name_of(one) == "masterRecord"), ElementTree.Element("x")
    )
    fields: dict[str, Any] = {name_of(one): _value(one) for one in master}
    name, master_id = str(fields.pop("type", "")), str(fields.pop("Id", ""))
    merged = [(one.text or "").strip() for one in request if name_of(one) == "recordToMergeIds"]
    try:
        moved = org.records.merge(name, master_id, merged, fields, now=now, user_id=user.id)
    except OrgError as error:
        return f"<result>{_errors(error)}<id>{master_id}</id><success>false</success></result>"
    told = elements({"id": ids.normalise(master_id)})
    told += "".join(elements({"mergedRecordIds": ids.normalise(one)}) for one in merged)
    told += "<success>true</success>"
    told += "".join(elements({"updatedRelatedIds": one}) for one in moved)
    return f"<result>{told}</result>"


def _value(element: ElementTree.Element) -> str | None:
    return None if element.get(_NIL, "").lower() == "true" else element.text


def _errors(error: OrgError) -> str:
    told = elements({"message": error.message, "statusCode": error.code})
    return (
        "<errors>" + "".join(elements({"fields": one}) for one in error.fields) + told + "</errors>"
    )
