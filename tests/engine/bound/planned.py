"""The filters of a query as DuckDB's plan has them, over stand-ins for a table."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import duckdb

from isthmus.engine.bound.implied import NOTHING, Implied, all_of
from isthmus.engine.expressions import Computed, Marked, Output, predicate_of

_TEXT_OR_NAN = re.compile(r'("(?:[^"\\]|\\.)*")|\bNAN\b')


def implied(
    con: duckdb.DuckDBPyConnection, table: Mapping[str, str], condition: str, zone: str
) -> Implied | None:
    """What ``SELECT * FROM table WHERE condition`` implies for the rows of the table.

    Args:
        con: its time zone is `zone`.
        table: DuckDB's types by column.
    """
    nulls = ", ".join(f"NULL::{kind}" for kind in table.values())
    names = ", ".join(f'"{name}"' for name in table)
    query = f"SELECT * FROM (FROM repeat_row({nulls}, num_rows=9) AS _({names})) WHERE {condition}"
    text = con.execute("SELECT json_serialize_plan(?, optimize := true)", [query]).fetchall()[0][0]
    plan = json.loads(_TEXT_OR_NAN.sub(lambda m: m[1] or "NaN", text))
    assert not plan["error"], plan
    found: list[Implied | None] = []
    _outputs(plan["plans"][0], list(table), zone, found)
    return all_of(found)


def _outputs(
    node: Mapping[str, Any], names: list[str], zone: str, found: list[Implied | None]
) -> list[Output]:
    below = [_outputs(child, names, zone, found) for child in node.get("children", ())]
    match node["type"]:
        case "LOGICAL_GET":
            columns: list[Output] = [names[c["index"]] for c in node["column_indexes"]]
            wanted = node.get("projection_ids") or range(len(columns))
            return [columns[i] for i in wanted]
        case "LOGICAL_PROJECTION":
            return [Computed(e, below[0]) for e in node["expressions"]]
        case "LOGICAL_FILTER":
            found += [predicate_of(e, below[0], zone=zone) for e in node["expressions"]]
            return [below[0][i] for i in node.get("projection_map") or range(len(below[0]))]
        case "LOGICAL_COMPARISON_JOIN" if node["join_type"] == "MARK":
            values = node["children"][1]["collection"]["values"][0]
            mark = Marked(node["conditions"][0]["left"], below[0], values)
            kept = node["left_projection_map"] or range(len(below[0]))
            return [*(below[0][i] for i in kept), mark]
        case "LOGICAL_CHUNK_GET":
            return [None]
        case "LOGICAL_EMPTY_RESULT":
            found.append(NOTHING)
            return [None] * len(names)
    raise AssertionError(f"a plan of {node['type']} is not a filter over one table")
