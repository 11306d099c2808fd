"""Values as the text of a CSV field, written by DuckDB itself: SQL expressions that give VARCHAR.

Each expression gives null for a null, which becomes an empty field. The encodings are those of
Bulk results: `2018-12-10T17:50:19.000Z`, decimals always with a point, times `17:30:00.000Z`.
"""

from __future__ import annotations

from isthmus.localorg.soql import jsontext
from isthmus.localorg.soql.ast import Call, Selected
from isthmus.localorg.soql.formats import formatted_text
from isthmus.localorg.soql.operands import DECIMALS, IDS, INTEGERS, Operand, label_sql, operand
from isthmus.localorg.soql.scope import Scope
from isthmus.localorg.switches import Switches

#: The columnDelimiter of a job (Bulk API 2.0 guide, "Create a Query Job").
DELIMITERS = {
    "BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t",
}  # fmt: skip
#: The lineEnding of a job.
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


def field(item: Selected, scope: Scope) -> str:
    """Give the text of a selected expression, its quotes doubled; SQL null where it is null."""
    match item.expression:
        case Call(name="FORMAT"):
            return _quotable(formatted_text(operand(item.expression, scope), scope.context))
        case Call(name="TOLABEL"):
            return _quotable(label_sql(operand(item.expression.args[0], scope)))
    return _value(operand(item.expression, scope), scope.context.switches)


def line(fields: list[str], delimiter: str, ending: str) -> str:
    """Give the SQL of a whole line: every field in quotes, as Salesforce's own samples have it."""
    parts = ["'\"'"]
    for at, one in enumerate(fields):
        parts += ([f"'\"{delimiter}\"'"] if at else []) + [one]
    # concat takes a null for an empty text
    return jsontext.concat([*parts, f"'\"{ending}'"])


def header(names: tuple[str, ...], delimiter: str, ending: str) -> bytes:
    """Give the first line of every page."""
    return (delimiter.join(f'"{name}"' for name in names) + ending).encode()


def _value(made: Operand, switches: Switches) -> str:
    sql = made.sql
    if made.type in IDS:
        return sql
    if made.type == "boolean":
        return f"coalesce({sql}::VARCHAR, 'false')"
    if made.type in INTEGERS:
        point = " || '.0'" if switches.bulk_integers == "point" else ""
        return f"({sql}::VARCHAR{point})"
    if made.type in DECIMALS:
        return jsontext.decimal_text(sql, made.scale)
    if made.type == "date":
        return f"{sql}::VARCHAR"
    if made.type == "datetime":
        zone = "+0000" if switches.bulk_datetime == "offset" else "Z"
        return f"strftime({sql}, '%Y-%m-%dT%H:%M:%S.000{zone}')"
    if made.type == "time":
        return f"strftime(DATE '2000-01-01' + {sql}, '%H:%M:%S.%gZ')"
    return _quotable(sql)


def _quotable(sql: str) -> str:
    return f"replace({sql}, '\"', '\"\"')"
