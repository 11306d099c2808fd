"""Values as JSON text, written by DuckDB itself: SQL expressions that give VARCHAR.

The encodings are those of the REST API: datetimes `2011-07-07T00:37:00.000+0000`, decimals always
with a point and never with an exponent, times `17:30:00.000Z`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from isthmus.localorg.soql.operands import (
    COMPOUNDS,
    DECIMALS,
    IDS,
    INTEGERS,
    Operand,
    field_of,
    text_literal,
)
from isthmus.localorg.soql.scope import Column, quoted

_LITERAL = re.compile(r"'(?:[^']|'')*'")
_ADDRESS_ORDER = (
    "city", "country", "countryCode", "geocodeAccuracy", "latitude", "longitude", "postalCode",
    "state", "stateCode", "street",
)  # fmt: skip


def concat(parts: Iterable[str]) -> str:
    """Join SQL texts. Neighbouring literals become one, since each part costs time on each row."""
    joined: list[str] = []
    for part in parts:
        if joined and _LITERAL.fullmatch(part) and _LITERAL.fullmatch(joined[-1]):
            joined[-1] = joined[-1][:-1] + part[1:]
        else:
            joined.append(part)
    return f"concat({', '.join(joined)})"


def _quoted(sql: str) -> str:
    """Give a value's text in quotes, or `null`. `||` instead of CASE costs twice as much."""
    return f"CASE WHEN {sql} IS NULL THEN 'null' ELSE concat('\"', {sql}, '\"') END"


def value(made: Operand, base_path: str) -> str:
    """Give the JSON text of an operand, `null` included."""
    if made.type in COMPOUNDS:
        return _compound(made.column) if made.column else "'null'"
    if made.type == "boolean":
        return f"coalesce({made.sql}::VARCHAR, 'false')"
    if made.type in IDS or made.type == "date":
        return _quoted(made.sql)
    return f"coalesce({_present(made, base_path)}, 'null')"


def _present(made: Operand, base_path: str) -> str:
    """Give the JSON text of a value that is there, or SQL null."""
    sql = made.sql
    if made.type in INTEGERS:
        return f"{sql}::VARCHAR"
    if made.type in DECIMALS:
        return decimal_text(sql, made.scale)
    if made.type == "datetime":
        return f"strftime({sql}, '\"%Y-%m-%dT%H:%M:%S.000+0000\"')"
    if made.type == "time":
        return f"strftime(DATE '2000-01-01' + {sql}, '\"%H:%M:%S.%gZ\"')"
    if made.type == "base64" and made.column and made.column.object:
        place = f'"{base_path}/sobjects/{made.column.object.name}/'
        url = (text_literal(place), f'{made.column.alias}."Id"', f"'/{made.column.field.name}\"'")
        return f"CASE WHEN {sql} IS NOT NULL THEN {concat(url)} END"
    return f"to_json({sql})::VARCHAR"


def decimal_text(sql: str, scale: int | None) -> str:
    """Give a number's text with one decimal at least and no needless zeros.

    `scale` is that of its DECIMAL type, or None for a DOUBLE.
    """
    if scale == 0:
        return f"({sql}::VARCHAR || '.0')"
    if scale == 1:
        return f"{sql}::VARCHAR"
    if scale is None:
        # DuckDB writes an exponent outside of this range
        usual = f"abs({sql}) BETWEEN 0.0001 AND 1e15 OR {sql} = 0"
        wide = f"rtrim(({sql}::DECIMAL(38,12))::VARCHAR, '0')"
        return (
            f"CASE WHEN {usual} THEN ({sql}::DOUBLE)::VARCHAR WHEN {sql} IS NULL THEN NULL "
            f"WHEN abs({sql}) > 1e25 THEN format('{{:.1f}}', {sql}::DOUBLE) "
            f"ELSE {wide} || CASE WHEN {wide} LIKE '%.' THEN '0' ELSE '' END END"
        )
    text = f"({sql}::VARCHAR)"
    if scale == 2:  # most amounts: one zero at most is needless, and rtrim costs twice as much
        return f"CASE WHEN suffix({text}, '0') THEN {text}[:-2] ELSE {text} END"
    # NULL in, NULL out: `||`, since concat would make an empty text of it
    return f"({text}[:-{scale}] || rtrim({text}[-{scale - 1}:], '0'))"


def _compound(column: Column) -> str:
    assert column.object is not None
    parts = {
        _part_key(column.field.name, part.name, column.field.type): part
        for part in column.object.parts(column.field.name)
    }
    keys = [key for key in _ADDRESS_ORDER if key in parts]
    if not keys:
        return "'null'"
    texts: list[str] = []
    for at, key in enumerate(keys):
        made = field_of(column, parts[key])
        texts += [f"'{',' if at else '{'}\"{key}\":'", value(made, "")]
    empty = " AND ".join(f"{column.alias}.{quoted(parts[key].name)} IS NULL" for key in keys)
    return f"CASE WHEN {empty} THEN 'null' ELSE {concat([*texts, chr(39) + '}' + chr(39)])} END"


def _part_key(compound: str, part: str, kind: str) -> str:
    if kind == "location":
        return "latitude" if "latitude" in part.lower() else "longitude"
    prefix = compound.removesuffix("Address")
    bare = part.removeprefix(prefix)
    return bare[:1].lower() + bare[1:]
