"""A logical plan as a tree of plain values, each output column with where its values come from.

Read from what DuckDB writes (`json_serialize_plan`). Positions are DuckDB's own: a reference is
an index into the columns of the node below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from isthmus.catalog.model import Table

__all__ = [
    "MANY_ROWS",
    "Constant",
    "Node",
    "Origin",
    "Origins",
    "Unreadable",
    "origin_of",
    "read_node",
    "reference",
]


#: A stand-in's row count less its occurrence's number: with few rows, DuckDB drops a LIMIT.
MANY_ROWS = 1_000_000_000


class Unreadable(Exception):
    """The plan has an operator that is not known here: then it gives no hints."""


@dataclass(frozen=True)
class Origin:
    """A column of one table occurrence."""

    occurrence: int
    column: str


@dataclass(frozen=True)
class Constant:
    """A value that stands in the text, as DuckDB writes it out: ``{"type": ..., "value": ...}``."""

    type: str
    value: Any


#: Where a column's values come from: each is null or a copy of a value of one of these. None
#: where it is computed.
Origins = frozenset[Origin | Constant] | None


@dataclass(frozen=True)
class Node:
    """One operator.

    Attributes:
        kind: DuckDB's name without ``LOGICAL_``.
        children: what it reads.
        outputs: one entry for each column it gives.
        raw: as DuckDB wrote it.
        occurrence: the table occurrence that a GET reads; 0 for other nodes.
    """

    kind: str
    children: tuple[Node, ...]
    outputs: tuple[Origins, ...]
    raw: Mapping[str, Any] = field(compare=False, repr=False)
    occurrence: int = 0

    def walk(self) -> list[Node]:
        """The node and all below it, from the top."""
        return [self, *(n for child in self.children for n in child.walk())]


def read_node(
    raw: Mapping[str, Any],
    tables: Mapping[int, Table],
    ctes: Mapping[int, tuple[Origins, ...]] | None = None,
) -> Node:
    """Read a node and all below it."""
    ctes = dict(ctes or {})
    kind = str(raw["type"]).removeprefix("LOGICAL_")
    children: list[Node] = []
    for number, child in enumerate(raw.get("children", ())):
        if number == 1 and kind == "MATERIALIZED_CTE":
            ctes[raw["table_index"]] = children[0].outputs
        children.append(read_node(child, tables, ctes))
    below = tuple(children)
    if kind == "GET":
        return _get(raw, tables, below)
    if kind == "CTE_REF":
        unknown: tuple[Origins, ...] = (None,) * len(raw.get("chunk_types", ()))
        return Node(kind, below, ctes.get(raw["cte_index"], unknown), raw)
    return Node(kind, below, _outputs(kind, raw, below), raw)


def _get(raw: Mapping[str, Any], tables: Mapping[int, Table], below: tuple[Node, ...]) -> Node:
    indexes = [c["index"] for c in raw.get("column_indexes", ())]
    if raw.get("projection_ids"):
        indexes = [indexes[i] for i in raw["projection_ids"]]
    number = _occurrence(raw)
    if number not in tables:
        width = (len(indexes) or len(raw["names"])) + len(raw.get("projected_input", ()))
        return Node("FUNCTION", below, (None,) * width, raw)
    columns = tables[number].columns
    outputs = tuple(
        frozenset({Origin(number, columns[i].name)}) if i < len(columns) else None for i in indexes
    )
    return Node("GET", (), outputs, raw, number)


def _occurrence(raw: Mapping[str, Any]) -> int:
    if raw.get("qname", {}).get("path", [""])[-1] != "repeat_row":
        return 0
    for parameter in raw.get("named_parameters", ()):
        if parameter.get("key") == "num_rows":
            return max(int(parameter["value"]["value"]) - MANY_ROWS, 0)
    return 0


def _outputs(kind: str, raw: Mapping[str, Any], below: Sequence[Node]) -> tuple[Origins, ...]:
    match kind:
        case "PROJECTION":
            return tuple(origin_of(e, below[0].outputs) for e in raw["expressions"])
        case "FILTER" | "ORDER_BY":
            return _mapped(below[0].outputs, raw.get("projection_map"))
        case "COMPARISON_JOIN" | "DELIM_JOIN" | "ANY_JOIN" | "ASOF_JOIN":
            return _joined(raw, below)
        case "CROSS_PRODUCT" | "POSITIONAL_JOIN":
            return below[0].outputs + below[1].outputs
        case "AGGREGATE_AND_GROUP_BY":
            groups = tuple(origin_of(g, below[0].outputs) for g in raw.get("groups", ()))
            rest = len(raw.get("expressions", ())) + len(raw.get("grouping_functions", ()))
            return groups + (None,) * rest
        case "UNION":
            columns = zip(*(b.outputs for b in below), strict=True)
            return tuple(_any_of(column) for column in columns)
        case "EXCEPT" | "INTERSECT":
            return below[0].outputs
        case "WINDOW" | "UNNEST":
            extra = [_unnested(e) for e in raw.get("expressions", ())]
            return below[0].outputs + tuple(extra)
        case "EXPRESSION_GET":
            return _values(raw)
        case "CHUNK_GET":
            held = raw.get("collection", {}).get("values", ())
            return tuple(_constants(values) for values in held)
        case "MATERIALIZED_CTE":
            return below[1].outputs
        case "DUMMY_SCAN" | "DELIM_GET":
            return (None,) * max(len(raw.get("chunk_types", ())), 1)
        case "RECURSIVE_CTE":
            return (None,) * len(below[0].outputs)
        case "LIMIT" | "TOP_N" | "DISTINCT" | "SAMPLE":
            return below[0].outputs
        case "EMPTY_RESULT":
            return (None,) * len(raw.get("return_types", ()) or raw.get("bindings", ()))
    raise Unreadable(kind)


def _joined(raw: Mapping[str, Any], below: Sequence[Node]) -> tuple[Origins, ...]:
    left = _mapped(below[0].outputs, raw.get("left_projection_map"))
    right = _mapped(below[1].outputs, raw.get("right_projection_map"))
    match raw["join_type"]:
        case "SEMI" | "ANTI":
            return left
        case "RIGHT_SEMI" | "RIGHT_ANTI":
            return right
        case "MARK":
            return (*left, None)
    return left + right


def _mapped(outputs: tuple[Origins, ...], positions: Sequence[int] | None) -> tuple[Origins, ...]:
    return tuple(outputs[i] for i in positions) if positions else outputs


def _any_of(parts: Sequence[Origins]) -> Origins:
    return None if None in parts else _united(parts)


def _values(raw: Mapping[str, Any]) -> tuple[Origins, ...]:
    rows = raw.get("expressions", ())
    width = len(raw.get("expr_types", ()))
    constants = [[_constant(row[i]) for row in rows] for i in range(width)]
    return tuple(_any_of(column) for column in constants)


def _constant(expression: Mapping[str, Any] | None) -> Origins:
    if expression is None or expression.get("expression_class") != "BOUND_CONSTANT":
        return None
    return _constants([expression["value"]])


def _united(parts: Sequence[Origins]) -> Origins:
    return frozenset(o for part in parts if part is not None for o in part)


def _constants(values: Sequence[Mapping[str, Any]]) -> Origins:
    found = [Constant(v["type"]["id"], v.get("value")) for v in values if not v.get("is_null")]
    if any(isinstance(c.value, (dict, list)) for c in found):
        return None
    return frozenset(found)


def _unnested(expression: Mapping[str, Any]) -> Origins:
    """The elements of a list that stands in the text."""
    if expression.get("expression_class") != "BOUND_UNNEST":
        return None
    value = expression["child"].get("value") or {}
    kind = value.get("type", {}).get("type_info") or {}
    element = (kind.get("child_type") or {}).get("id")
    if value.get("type", {}).get("id") != "LIST" or element is None or value.get("is_null"):
        return None
    children = value["value"].get("children", ())
    return _constants([{**c, "type": {"id": element}} for c in children if c is not None])


def reference(expression: Mapping[str, Any] | None) -> int | None:
    """The position that a bare reference points to; None for any other expression."""
    if expression is None or expression.get("expression_class") != "BOUND_REF":
        return None
    return int(expression["index"])


def origin_of(expression: Mapping[str, Any] | None, below: Sequence[Origins]) -> Origins:
    """Where an expression's values come from."""
    position = reference(expression)
    if position is not None:
        return below[position] if position < len(below) else None
    return _constant(expression)
