"""What a Bulk query job refuses that REST allows.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Create a Query Job". The messages about child
subqueries and compound fields are recorded (OpenFn/adaptors issue 395, xjsender/haoide issue 137);
for the other clauses no text is, and these name the clause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from isthmus.localorg.errors import OrgError
from isthmus.localorg.soql.analyse import is_count, is_grouped
from isthmus.localorg.soql.ast import Children, Fields, Query, Selected, TypeOf
from isthmus.localorg.soql.operands import COMPOUNDS, operand

if TYPE_CHECKING:
    from isthmus.localorg.schema import SObject
    from isthmus.localorg.soql.scope import Scope

#: Objects that Bulk cannot query at all (read in tap-salesforce).
UNSUPPORTED = frozenset(
    [
        "AcceptedEventRelation",
        "CaseStatus",
        "ContractStatus",
        "DeclinedEventRelation",
        "FieldSecurityClassification",
        "OrderStatus",
        "PartnerRole",
        "RecentlyViewed",
        "ServiceAppointmentStatus",
        "ShiftStatus",
        "SolutionStatus",
        "TaskPriority",
        "TaskStatus",
        "UndecidedEventRelation",
        "WorkOrderLineItemStatus",
        "WorkOrderStatus",
        "WorkStepStatus",
    ]
)
#: Standard objects whose jobs Salesforce cuts into ranges of Ids; custom ones all are.
CHUNKED = frozenset(
    [
        "Account",
        "Asset",
        "Campaign",
        "CampaignMember",
        "Case",
        "CaseComment",
        "Contact",
        "Contract",
        "EmailMessage",
        "Event",
        "Lead",
        "Opportunity",
        "Product2",
        "Task",
        "User",
    ]
)


def chunked(target: SObject) -> bool:
    """Say whether the jobs of an object are cut into ranges: `isPkChunkingSupported`."""
    return target.custom or target.name in CHUNKED


def check_object(name: str) -> None:
    """Refuse an object that Bulk does not know; OrgError INVALIDENTITY."""
    if name.lower() in {one.lower() for one in UNSUPPORTED}:
        raise OrgError(400, "INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")


def check_clauses(query: Query) -> None:
    """Refuse what no Bulk job may hold; OrgError API_ERROR."""
    if is_count(query) or is_grouped(query):
        _refuse("Aggregate functions and GROUP BY are not supported in Bulk V2 Query")
    if query.offset is not None:
        _refuse("OFFSET is not supported in Bulk V2 Query")
    for item in query.items:
        if isinstance(item, Children):
            _refuse("Aggregate Relationships not supported in Bulk V2 Query with CSV content type")
        if isinstance(item, TypeOf):
            _refuse("TYPEOF is not supported in Bulk V2 Query")


def selected(query: Query, written: Query, scope: Scope) -> list[Selected]:
    """Give the columns of a job; OrgError API_ERROR for one that has no place in a CSV.

    `written` is the statement before FIELDS() was expanded: what only FIELDS() brought in is left
    out where Bulk cannot give it.
    """
    lenient = any(isinstance(item, Fields) for item in written.items)
    kept = []
    for item in query.items:
        assert isinstance(item, Selected)
        kind = operand(item.expression, scope).type
        if kind not in COMPOUNDS and kind != "base64":
            kept.append(item)
        elif not lenient:
            what = "compound" if kind in COMPOUNDS else "binary"
            raise OrgError(
                400,
                "API_ERROR",
                f"FUNCTIONALITY_NOT_ENABLED: Selecting {what} data not supported in Bulk Query",
            )
    return kept


def _refuse(message: str) -> NoReturn:
    raise OrgError(400, "API_ERROR", message)
