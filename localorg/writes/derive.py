"""What the org works out itself when a record is written: names, stages, closed flags, numbers."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from isthmus.localorg.schema import SObject
from isthmus.localorg.stages import STAGES, UNKNOWN

Row = dict[str, Any]

_PERSON = ("FirstName", "MiddleName", "LastName", "Suffix")
_READ = {
    "Opportunity": ("StageName", "Probability", "Amount", "CloseDate"),
    "Case": ("Status", "ClosedDate"),
    "Task": ("Status", "CompletedDateTime", "Priority", "WhatId"),
}


def read_by(sobject: SObject) -> tuple[str, ...]:
    """Name the columns of an object from which others follow."""
    names = (*_PERSON, *_READ.get(sobject.name, ()))
    return tuple(name for name in names if sobject.field(name))


def derive(sobject: SObject, row: Row, given: frozenset[str], stamp: datetime) -> Row:
    """Give the columns that follow from `row`; `given` are the fields that the writer set."""
    made: Row = {}
    if sobject.field("Name") and row.get("LastName"):
        made["Name"] = person_name(row)
    rule = _RULES.get(sobject.name)
    if rule is not None:
        made |= rule(row, given, stamp)
    return {name: value for name, value in made.items() if sobject.field(name)}


def person_name(row: Row) -> str:
    """Join a person's names as the compound Name shows them.

    >>> person_name({"FirstName": "Ada", "LastName": "Lovelace"})
    'Ada Lovelace'
    """
    parts = (row.get(name) for name in _PERSON)
    return " ".join(part for part in parts if part)[:121]


def _opportunity(row: Row, given: frozenset[str], stamp: datetime) -> Row:
    stage = STAGES.get(row.get("StageName") or "", UNKNOWN)
    made: Row = {"IsClosed": stage.closed, "IsWon": stage.won, "ForecastCategory": stage.category}
    if "ForecastCategoryName" not in given and "StageName" in given:
        made["ForecastCategoryName"] = stage.category_name
    if "StageName" in given:
        made["LastStageChangeDate"] = stamp
        if row.get("Probability") is None or "Probability" not in given:
            made["Probability"] = Decimal(stage.probability)
    probability = made.get("Probability", row.get("Probability"))
    amount = row.get("Amount")
    if amount is not None and probability is not None:
        expected = Decimal(amount) * probability / 100
        made["ExpectedRevenue"] = expected.quantize(Decimal("0.01"), ROUND_HALF_UP)
    else:
        made["ExpectedRevenue"] = None
    closing = row.get("CloseDate")
    if closing is not None:
        quarter = (closing.month - 1) // 3 + 1
        made |= {"FiscalQuarter": quarter, "FiscalYear": closing.year}
        made["Fiscal"] = f"{closing.year} {quarter}"
    return made


def _case(row: Row, given: frozenset[str], stamp: datetime) -> Row:
    closed = row.get("Status") == "Closed"
    return {"IsClosed": closed, "ClosedDate": (row.get("ClosedDate") or stamp) if closed else None}


def _task(row: Row, given: frozenset[str], stamp: datetime) -> Row:
    closed = row.get("Status") == "Completed"
    done = (row.get("CompletedDateTime") or stamp) if closed else None
    what = row.get("WhatId") or ""
    return {
        "IsClosed": closed,
        "CompletedDateTime": done,
        "IsHighPriority": row.get("Priority") == "High",
        "AccountId": what if what.startswith("001") else None,
    }


_RULES = {"Opportunity": _opportunity, "Case": _case, "Task": _task}
