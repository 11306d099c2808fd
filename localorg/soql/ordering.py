"""ORDER BY as DuckDB sort keys.

English locales sort texts by their upper-cased form, picklists by the order of their definition,
amounts by their corporate value; Ids and references by their text, where the NULLS clause has no
effect (SOQL Reference v65, "ORDER BY").
"""

from __future__ import annotations

from isthmus.localorg.soql.ast import Order
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.operands import IDS, Operand, corporate, text_literal


def sort_value(made: Operand, context: Context) -> str:
    """Give the SQL that an operand sorts by."""
    if made.picklist:
        listed = ", ".join(text_literal(value.lower()) for value in made.picklist)
        place = f"list_position([{listed}], lower({made.sql}))"
        # values that the definition does not have come last, null stays null
        return f"CASE WHEN {made.sql} IS NOT NULL THEN coalesce({place}, 100000) END"
    if made.is_text and context.switches.string_sort == "upper":
        return f"upper({made.sql})"
    return corporate(made, context).sql


def order_key(order: Order, made: Operand, context: Context) -> str:
    """Give a sort key with its direction and the place of its nulls."""
    direction = "DESC" if order.descending else "ASC"
    return f"{sort_value(made, context)} {direction} NULLS {_nulls(order, made, context)}"


def _nulls(order: Order, made: Operand, context: Context) -> str:
    if made.column and (made.column.steps or made.type in IDS):
        return "FIRST"
    if order.nulls:
        return order.nulls
    if order.descending and context.switches.desc_nulls == "last":
        return "LAST"
    return "FIRST"
