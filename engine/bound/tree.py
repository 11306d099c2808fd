"""A bound expression as a small tree: DuckDB's many spellings of one thing become one.

Comparisons, IN and the operators of logic are calls like functions, whether DuckDB has them as
operators, as functions or (a long list) as a join; BETWEEN is an AND of two comparisons, which is
what it means with nulls as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from isthmus.engine.bound.constants import Literal, Untold, read_constant

__all__ = ["Call", "Choice", "Computed", "Constant", "Kind", "Marked", "Node", "Output", "Ref"]
__all__ += ["Unknown", "read_expression"]


@dataclass(frozen=True)
class Kind:
    """A type: DuckDB's name for it, and a decimal's digits."""

    name: str
    width: int = 0
    scale: int = 0


@dataclass(frozen=True)
class Ref:
    """A column of the table."""

    column: str
    kind: Kind


@dataclass(frozen=True)
class Constant:
    """A value that is known."""

    value: Literal
    kind: Kind


@dataclass(frozen=True)
class Call:
    """A function or operator, by DuckDB's name of it in lower case."""

    name: str
    arguments: tuple[Node, ...]
    kind: Kind


@dataclass(frozen=True)
class Choice:
    """CASE: the value of the first condition that is true, or else the last value."""

    whens: tuple[tuple[Node, Node], ...]
    otherwise: Node
    kind: Kind


@dataclass(frozen=True)
class Unknown:
    """What is not understood."""

    kind: Kind = Kind("")


Node = Ref | Constant | Call | Choice | Unknown


@dataclass(frozen=True)
class Computed:
    """An output column that is an expression over the outputs of the node below."""

    expression: Mapping[str, Any]
    columns: Sequence[Output]


@dataclass(frozen=True)
class Marked:
    """The mark of a MARK join: whether an expression is among constants (a long IN list).

    Attributes:
        expression: the left side, over `columns`.
        values: the constants, as DuckDB writes them.
    """

    expression: Mapping[str, Any]
    columns: Sequence[Output]
    values: Sequence[Mapping[str, Any]]


#: What a position refers to: a table's column, something made of such, or None for not known.
Output = str | Computed | Marked | None

_BOOLEAN: Final = Kind("BOOLEAN")

_COMPARISONS: Final = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "!=",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "is distinct from",
    "COMPARE_NOT_DISTINCT_FROM": "is not distinct from",
}

_OPERATORS: Final = {
    **_COMPARISONS,
    "CONJUNCTION_AND": "and",
    "CONJUNCTION_OR": "or",
    "OPERATOR_NOT": "not",
    "OPERATOR_IS_NULL": "is null",
    "OPERATOR_IS_NOT_NULL": "is not null",
    "OPERATOR_COALESCE": "coalesce",
}


def read_expression(written: Mapping[str, Any], columns: Sequence[Output]) -> Node:
    """Read an expression of a plan.

    Args:
        written: as ``json_serialize_plan`` gives it.
        columns: what the positions in it refer to.
    """
    kind = _kind(written.get("return_type") or {})
    match written.get("expression_class"):
        case "BOUND_REF":
            return _reference(int(written["index"]), kind, columns)
        case "BOUND_CONSTANT":
            return _constant(written["value"])
        case "BOUND_CASE":
            whens = tuple(
                (
                    read_expression(check["when_expr"], columns),
                    read_expression(check["then_expr"], columns),
                )
                for check in written["case_checks"]
            )
            return Choice(whens, read_expression(written["else_expr"], columns), kind)
        case "BOUND_FUNCTION" | "BOUND_OPERATOR" | "BOUND_CONJUNCTION":
            arguments = [read_expression(c, columns) for c in written["children"]]
            return _call(written, arguments, kind)
    return Unknown(kind)


def _reference(index: int, kind: Kind, columns: Sequence[Output]) -> Node:
    match columns[index] if index < len(columns) else None:
        case str(column):
            return Ref(column, kind)
        case Computed(expression, below):
            return read_expression(expression, below)
        case Marked(expression, below, values):
            return _among(read_expression(expression, below), [_constant(v) for v in values])
    return Unknown(kind)


def _constant(written: Mapping[str, Any]) -> Node:
    kind = _kind(written["type"])
    try:
        return Constant(read_constant(written), kind)
    except Untold:
        return Unknown(kind)


def _call(written: Mapping[str, Any], arguments: Sequence[Node], kind: Kind) -> Node:
    data = written.get("function_data") or {}
    match written["type"]:
        case "COMPARE_IN":
            return _among(arguments[0], arguments[1:])
        case "COMPARE_NOT_IN":
            return Call("not", (_among(arguments[0], arguments[1:]),), _BOOLEAN)
        case "COMPARE_BETWEEN":
            return _between(arguments, data)
        case "OPERATOR_CAST":
            name = "try_cast" if data.get("try_cast") else "cast"
            return Call(name, tuple(arguments), kind)
        case str(known) if known in _OPERATORS:
            return Call(_OPERATORS[known], tuple(arguments), kind)
        case "BOUND_FUNCTION":
            path = (written.get("qname") or {}).get("path") or [""]
            if len(path) == 1 or path[0] == "system":  # not one that somebody made
                return Call(str(path[-1]).lower(), tuple(arguments), kind)
    return Unknown(kind)


def _among(left: Node, options: Sequence[Node]) -> Node:
    return Call("in", (left, *options), _BOOLEAN)


def _between(arguments: Sequence[Node], data: Mapping[str, Any]) -> Node:
    value, low, high = arguments
    above = ">=" if data.get("lower_inclusive") else ">"
    below = "<=" if data.get("upper_inclusive") else "<"
    bounds = (Call(above, (value, low), _BOOLEAN), Call(below, (value, high), _BOOLEAN))
    return Call("and", bounds, _BOOLEAN)


def _kind(written: Mapping[str, Any]) -> Kind:
    """The type; text with a collation is a type of its own, whose comparisons are not known."""
    name = str(written.get("id", ""))
    more = written.get("type_info") or {}
    if name == "VARCHAR" and more.get("collation"):
        return Kind(f"VARCHAR COLLATE {more['collation']}")
    return Kind(name, int(more.get("width") or 0), int(more.get("scale") or 0))
