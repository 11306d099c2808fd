"""Which output columns of each operator are used by those above it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isthmus.engine.logical import Node, reference

__all__ = ["used_columns"]


def used_columns(root: Node) -> dict[int, frozenset[int]]:
    """For each node, by ``id``: the positions of its outputs that are used.

    Too many is right, too few is not: what is not known uses everything.
    """
    found: dict[int, frozenset[int]] = {}
    _visit(root, frozenset(range(len(root.outputs))), found)
    return found


def _visit(node: Node, used: frozenset[int], found: dict[int, frozenset[int]]) -> None:
    found[id(node)] = used
    for child, positions in zip(node.children, _below(node, used), strict=True):
        _visit(child, positions, found)


def _below(node: Node, used: frozenset[int]) -> list[frozenset[int]]:
    whole = [frozenset(range(len(child.outputs))) for child in node.children]
    match node.kind:
        case "PROJECTION" | "AGGREGATE_AND_GROUP_BY":
            return [frozenset(_references(node.raw))]
        case "FILTER" | "ORDER_BY":
            kept = _mapped(node.raw.get("projection_map"), used)
            return [kept | frozenset(_references(node.raw))]
        case "LIMIT":
            return [used]
        case "TOP_N":
            return [used | frozenset(_references(node.raw))]
        case "COMPARISON_JOIN" | "DELIM_JOIN":
            return _join(node, used, whole)
        case "CROSS_PRODUCT":
            width = len(node.children[0].outputs)
            return [_under(used, width), _over(used, width)]
    return whole


def _join(node: Node, used: frozenset[int], whole: list[frozenset[int]]) -> list[frozenset[int]]:
    conditions = node.raw.get("conditions", ())
    if node.kind == "DELIM_JOIN" or any(c.get("comparison") == "INVALID" for c in conditions):
        return whole
    maps = node.raw.get("left_projection_map"), node.raw.get("right_projection_map")
    width = len(maps[0]) if maps[0] else len(node.children[0].outputs)
    kind = node.raw["join_type"]
    left = frozenset[int]() if kind in ("RIGHT_SEMI", "RIGHT_ANTI") else _under(used, width)
    right = used if kind in ("RIGHT_SEMI", "RIGHT_ANTI") else _over(used, width)
    if kind in ("SEMI", "ANTI", "MARK"):
        right = frozenset()
    keys = [
        frozenset(p for c in conditions for p in _references({"e": c[side]}))
        for side in ("left", "right")
    ]
    return [_mapped(maps[0], left) | keys[0], _mapped(maps[1], right) | keys[1]]


def _under(used: frozenset[int], width: int) -> frozenset[int]:
    return frozenset(p for p in used if p < width)


def _over(used: frozenset[int], width: int) -> frozenset[int]:
    return frozenset(p - width for p in used if p >= width)


def _mapped(positions: Sequence[int] | None, used: frozenset[int]) -> frozenset[int]:
    return frozenset(positions[p] for p in used) if positions else used


def _references(raw: Mapping[str, Any]) -> Iterator[int]:
    """Every reference in the expressions of a node, at any depth."""
    for key, value in raw.items():
        if key != "children" or "expression_class" in raw:
            yield from _references_in(value)


def _references_in(value: Any) -> Iterator[int]:
    if isinstance(value, list):
        for item in value:
            yield from _references_in(item)
    elif isinstance(value, dict):
        position = reference(value)
        if position is not None:
            yield position
        else:
            yield from _references(value)
