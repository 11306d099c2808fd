"""Which orders Salesforce shares with SQL, and how they are written.

Numbers, dates and instants have one order everywhere, and the place of nulls is always written
out (SOQL and SOSL Reference v65.0, p. 46; where they go unsaid under DESC is documented nowhere).
Not sent:

- Text, by whatever name: it is ordered by the user's language and picklists by their definition
  (p. 47). Ids and lookups: what order Ids have is documented nowhere, and a lookup ignores where
  nulls are wanted (p. 47).
- Checkboxes and times: their order is documented nowhere.
- Amounts where an org has several currencies: they are ordered by their corporate value (p. 47).
- Formulas: they may be ordered by places, or parts of a second, that are not shown.
- Doubles: two decimals that differ may be one double, and then the next key decides, but not
  there.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Order, ScanRequest, Verdict
from isthmus.connectors.salesforce.types import NUMBERS, WHOLE

__all__ = ["order_verdict", "ordering"]

_ORDERED: Final = WHOLE | NUMBERS | {"date", "datetime"}


def order_verdict(request: ScanRequest) -> Verdict:
    """Whether the order of a request means the same there."""
    if request.limit is None:
        return Verdict(False, "an order without a LIMIT saves nothing")
    for key in request.order:
        reason = _refusal(request.table, request.table.column(key.column))
        if reason is not None:
            return Verdict(False, reason)
    return Verdict(True, "numbers, dates and instants are ordered as in SQL, nulls as written")


def _refusal(table: Table, column: Column) -> str | None:
    if not column.properties.get("sortable"):
        return f"Salesforce does not order by {column.name} (not sortable)"
    if column.source_type not in _ORDERED:
        return f"the order of {column.source_type} values is not SQL's, or not documented"
    if pa.types.is_floating(column.type):
        return f"{column.name} is rounded to a double here"
    if column.properties.get("calculated"):
        return f"{column.name} is a formula, which may be ordered by places it does not show"
    if column.source_type == "currency" and table.properties.get("multi_currency"):
        return "amounts are ordered by their corporate value"
    return None


def ordering(order: tuple[Order, ...]) -> tuple[str, ...]:
    """The keys, written.

    >>> ordering((Order("Amount", descending=True), Order("CloseDate", nulls_first=True)))
    ('Amount DESC NULLS LAST', 'CloseDate ASC NULLS FIRST')
    """
    return tuple(
        f"{key.column} {'DESC' if key.descending else 'ASC'} "
        f"NULLS {'FIRST' if key.nulls_first else 'LAST'}"
        for key in order
    )
