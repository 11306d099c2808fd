"""What a query's logical plan says about each table occurrence in it.

Three questions are answered here, once for all rules: which columns and filters an occurrence has,
which of its rows a join can do without, and what stands above it. An occurrence that DuckDB reads
in several places (an inlined CTE) gets no answers: one scan object can't tell which place asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isthmus.engine.logical import Constant, Node, Origin, Origins, reference
from isthmus.engine.used_columns import used_columns

__all__ = ["Filter", "Meaning", "Reduction", "Use", "read_meaning"]


@dataclass(frozen=True)
class Filter:
    """An expression that every row must pass, over the columns of the node below it.

    Attributes:
        expression: as DuckDB writes it.
        columns: the names that its positions refer to; None for what is no column of the table.
    """

    expression: Mapping[str, Any]
    columns: tuple[str | None, ...]


@dataclass(frozen=True)
class Use:
    """How one occurrence is used.

    Attributes:
        occurrence: its number.
        base: its GET, or the topmost of the filters right above that.
        filters: those right above it; every row meets them first.
        columns: the columns that are used above those filters.
        above: the operators from the one above the filters up to the root.
    """

    occurrence: int
    base: Node
    filters: tuple[Filter, ...]
    columns: frozenset[str]
    above: tuple[Node, ...]


@dataclass(frozen=True)
class Reduction:
    """Rows of an occurrence whose column holds none of the keys can be left out.

    Attributes:
        occurrence: the occurrence that may be reduced.
        column: its column.
        keys: where the other side's values come from; they are a subset of these.
        join: the kind of join, in words.
    """

    occurrence: int
    column: str
    keys: frozenset[Origin | Constant]
    join: str


@dataclass(frozen=True)
class Meaning:
    """The answers for one query."""

    root: Node
    uses: Mapping[int, Use]
    reductions: tuple[Reduction, ...]


def read_meaning(root: Node, not_null: frozenset[Origin] = frozenset()) -> Meaning:
    """Read a logical plan.

    Args:
        root: the plan.
        not_null: columns that hold no null, whatever is filtered.
    """
    seen = Counter(n.occurrence for n in root.walk() if n.kind == "GET")
    uses = {u.occurrence: u for u in _uses(root) if seen[u.occurrence] == 1 and u.occurrence}
    reductions = tuple(
        r
        for r in _reductions(root, not_null)
        if r.occurrence in uses
        and all(isinstance(k, Constant) or k.occurrence in uses for k in r.keys)
        and not any(isinstance(k, Origin) and k.occurrence == r.occurrence for k in r.keys)
    )
    return Meaning(root, uses, tuple(dict.fromkeys(reductions)))


def _uses(root: Node) -> Iterator[Use]:
    used = used_columns(root)
    for path in _paths(root, ()):
        get, rest = path[0], list(path[1:])
        filters: list[Filter] = []
        while rest and rest[0].kind == "FILTER":
            node = rest.pop(0)
            names = tuple(_name(o) for o in node.children[0].outputs)
            filters += [Filter(e, names) for e in node.raw["expressions"]]
        below = path[len(path) - len(rest) - 1]
        columns = frozenset(
            name for o in (below.outputs[i] for i in used.get(id(below), ())) if (name := _name(o))
        )
        yield Use(get.occurrence, below, tuple(filters), columns, tuple(rest))


def _paths(node: Node, above: tuple[Node, ...]) -> Iterator[tuple[Node, ...]]:
    """From each GET up to the root."""
    if node.kind == "GET":
        yield (node, *above)
    for child in node.children:
        yield from _paths(child, (node, *above))


def _name(origins: Origins) -> str | None:
    """The column's name, where the values come from one place."""
    if origins is None or len(origins) != 1:
        return None
    (origin,) = origins
    return origin.column if isinstance(origin, Origin) else None


#: Which sides of a join can do without the rows that the other side has no key for.
_REDUCIBLE = {
    "INNER": (0, 1),
    "LEFT": (1,),
    "RIGHT": (0,),
    "SEMI": (0, 1),
    "RIGHT_SEMI": (0, 1),
    "ANTI": (1,),
    "RIGHT_ANTI": (0,),
    "SINGLE": (1,),
}


def _reductions(root: Node, not_null: frozenset[Origin]) -> Iterator[Reduction]:
    for node in root.walk():
        if node.kind not in ("COMPARISON_JOIN", "DELIM_JOIN"):
            continue
        kind = str(node.raw["join_type"])
        for condition in node.raw.get("conditions", ()):
            positions = reference(condition["left"]), reference(condition["right"])
            comparison = condition.get("comparison")
            if None in positions or comparison not in _EQUAL:
                continue
            for side in _REDUCIBLE.get(kind, ()):
                key = node.children[1 - side].outputs[positions[1 - side]]  # type: ignore[index]
                if key is None:
                    continue
                start = positions[side]
                assert start is not None
                for origin, null_free in _targets(node.children[side], start, False):
                    if comparison == "COMPARE_EQUAL" or null_free or origin in not_null:
                        words = f"{kind.replace('_', ' ').lower()} join"
                        yield Reduction(origin.occurrence, origin.column, key, words)


_EQUAL = ("COMPARE_EQUAL", "COMPARE_NOT_DISTINCT_FROM")


def _targets(node: Node, position: int, null_free: bool) -> Iterator[tuple[Origin, bool]]:
    """The scans below in which rows can be left out by the value of this output column.

    Leaving out a row there must do no more than leave out rows here that hold its value. So the
    way down ends at whatever counts, numbers or chooses rows.
    """
    if node.kind == "GET":
        for origin in node.outputs[position] or ():
            if isinstance(origin, Origin):
                yield origin, null_free
    elif node.kind == "FILTER":
        inner = _below(node.raw.get("projection_map"), position)
        tested = any(_tests_null(e, inner) for e in node.raw["expressions"])
        yield from _targets(node.children[0], inner, null_free or tested)
    elif node.kind == "ORDER_BY":
        yield from _targets(
            node.children[0], _below(node.raw.get("projection_map"), position), null_free
        )
    elif node.kind == "PROJECTION":
        copied = reference(node.raw["expressions"][position])
        if copied is not None:
            yield from _targets(node.children[0], copied, null_free)
    elif node.kind in ("COMPARISON_JOIN", "DELIM_JOIN", "CROSS_PRODUCT", "ANY_JOIN"):
        yield from _through_join(node, position, null_free)
    elif node.kind == "AGGREGATE_AND_GROUP_BY":
        yield from _through_groups(node, position, null_free)
    elif _passes_rows(node, position):
        yield from _targets(node.children[0], position, null_free)
    elif node.kind == "UNION":
        for child in node.children:
            yield from _targets(child, position, null_free)


def _passes_rows(node: Node, position: int) -> bool:
    """Whether it treats each row by itself, or only drops copies of whole rows."""
    if node.kind == "DISTINCT":
        return node.raw.get("distinct_type") == "DISTINCT"
    return node.kind == "UNNEST" and position < len(node.children[0].outputs)


def _through_join(node: Node, position: int, null_free: bool) -> Iterator[tuple[Origin, bool]]:
    kind = node.raw.get("join_type", "INNER")
    left, right = node.children
    maps = node.raw.get("left_projection_map"), node.raw.get("right_projection_map")
    if kind in ("RIGHT_SEMI", "RIGHT_ANTI"):
        yield from _targets(right, _below(maps[1], position), null_free)
        return
    width = len(maps[0]) if maps[0] else len(left.outputs)
    if position < width:
        if kind in ("INNER", "LEFT", "SEMI", "ANTI", "MARK", "SINGLE"):
            yield from _targets(left, _below(maps[0], position), null_free)
    elif kind in ("INNER", "RIGHT"):
        yield from _targets(right, _below(maps[1], position - width), null_free)


def _through_groups(node: Node, position: int, null_free: bool) -> Iterator[tuple[Origin, bool]]:
    groups = node.raw.get("groups", ())
    if position >= len(groups) or len(node.raw.get("grouping_sets") or [0]) > 1:
        return
    inner = reference(groups[position])
    if inner is not None:
        yield from _targets(node.children[0], inner, null_free)


def _below(positions: Sequence[int] | None, position: int) -> int:
    return positions[position] if positions else position


def _tests_null(expression: Mapping[str, Any], position: int) -> bool:
    """Whether it is ``column IS NOT NULL``."""
    return (
        expression.get("type") == "OPERATOR_IS_NOT_NULL"
        and reference(expression["children"][0]) == position
    )
