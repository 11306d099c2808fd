"""FORMAT and toLabel: values as people read them, as JSON text. Only `en_US` is known."""

from __future__ import annotations

from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.operands import DECIMALS, INTEGERS, Operand, label_sql, text_literal


def formatted(made: Operand, context: Context) -> str:
    """Give the JSON text of FORMAT."""
    return f"coalesce(to_json({formatted_text(made, context)})::VARCHAR, 'null')"


def formatted_text(made: Operand, context: Context) -> str:
    """Give the text of FORMAT, or SQL null."""
    sql = made.sql
    if made.type == "datetime":
        zone = text_literal(context.user.time_zone)
        sql = f"strftime(timezone({zone}, timezone('UTC', {sql})), '%-m/%-d/%Y, %-I:%M %p')"
    elif made.type == "date":
        sql = f"strftime({sql}, '%-m/%-d/%Y')"
    elif made.type in INTEGERS:
        sql = f"format('{{:,}}', {sql}::BIGINT)"
    elif made.type in DECIMALS:
        digits = made.scale if made.scale is not None else 2
        number = f"format('{{:,.{min(digits, 2)}f}}', {sql}::DOUBLE)"
        sql = f"({made.money} || ' ' || {number})" if made.money else number
    else:
        sql = f"{sql}::VARCHAR"
    return sql


def labelled(made: Operand) -> str:
    """Give the JSON text of toLabel: a picklist value's label."""
    return f"coalesce(to_json({label_sql(made)})::VARCHAR, 'null')"
