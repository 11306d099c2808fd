"""Records as JSON text: the SELECT list of a query level as one DuckDB expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from isthmus.localorg.soql import jsontext
from isthmus.localorg.soql.ast import (
    Call,
    Children,
    Distance,
    Expression,
    Path,
    Query,
    Selected,
    TypeOf,
)
from isthmus.localorg.soql.children import Child, Paging, name_of
from isthmus.localorg.soql.formats import formatted, labelled
from isthmus.localorg.soql.operands import Operand, field_operand, operand, text_literal
from isthmus.localorg.soql.refusals import no_relationship
from isthmus.localorg.soql.scope import Column, Join, Scope


@dataclass
class _Node:
    """An object of the output: its entries in the order of their first mention."""

    entries: dict[str, str | _Node] = field(default_factory=dict)
    join: Join | None = None


@dataclass
class Rendering:
    """The JSON text of a level's records, a comma at its end, and the joins its children need.

    `extra` stands after the level's own joins.
    """

    scope: Scope
    json: str = ""
    extra: list[str] = field(default_factory=list)


def render(query: Query, scope: Scope, parents: str, paging: Paging) -> Rendering:
    """Translate the SELECT list. `parents` is SQL that gives the Ids of the level's rows."""
    made = Rendering(scope)
    root = _Node()
    exprs: Iterator[int] = iter(range(1_000_000))
    for item in query.items:
        if isinstance(item, Selected):
            _place(item, root, scope, exprs)
        elif isinstance(item, Children):
            root.entries[name_of(item, scope)] = _children(item, made, parents, paging)
        elif isinstance(item, TypeOf):
            name, text = _type_of(item, scope)
            root.entries[name] = text
    made.json = _object(root, scope, _own_attributes(scope), end="'},'")
    return made


def _place(item: Selected, root: _Node, scope: Scope, exprs: Iterator[int]) -> None:
    node = root
    for join in _steps(item.expression, scope):
        child = node.entries.setdefault(join.name, _Node(join=join))
        assert isinstance(child, _Node)
        node = child
    name, text = entry(item, scope, exprs)
    node.entries[name] = text


def _steps(expression: Expression, scope: Scope) -> tuple[Join, ...]:
    path = path_of(expression)
    return scope.column(path).steps if path else ()


def path_of(expression: Expression) -> Path | None:
    """Give the field that an expression shows under that field's own name, if it does."""
    while isinstance(expression, Call) and expression.name in (
        "TOLABEL",
        "FORMAT",
        "CONVERTCURRENCY",
    ):
        expression = expression.args[0]
    return expression if isinstance(expression, Path) else None


def entry(item: Selected, scope: Scope, exprs: Iterator[int]) -> tuple[str, str]:
    """Give the key and the JSON text of a selected expression that is no aggregate."""
    made = operand(item.expression, scope)
    path = path_of(item.expression)
    name = item.alias or (made.label if path else f"expr{next(exprs)}")
    base = scope.context.base_path
    match item.expression:
        case Call(name="FORMAT"):
            return name, formatted(made, scope.context)
        case Call(name="TOLABEL"):
            return name, labelled(operand(item.expression.args[0], scope))
        case Path() | Call() | Distance():
            return name, jsontext.value(made, base)


def _object(node: _Node, scope: Scope, attributes: list[str], end: str = "'}'") -> str:
    parts = list(attributes)
    for name, found in node.entries.items():
        text = found if isinstance(found, str) else _parent(found, scope)
        parts += [text_literal(f',"{name}":'), text]
    return jsontext.concat([*parts, end])


def _parent(node: _Node, scope: Scope) -> str:
    assert node.join is not None
    text = _object(node, scope, _attributes(node.join, scope))
    return f"CASE WHEN {node.join.alias}.\"Id\" IS NULL THEN 'null' ELSE {text} END"


def _own_attributes(scope: Scope) -> list[str]:
    return _typed_attributes(scope.object.name, scope.alias, scope)


def _attributes(join: Join, scope: Scope) -> list[str]:
    if join.object:
        return _typed_attributes(join.object.name, join.alias, scope)
    kind = f'{join.alias}."Type"'
    return [
        "'{\"attributes\":{\"type\":\"'", kind,
        text_literal(f'","url":"{scope.context.base_path}/sobjects/'), kind, "'/'",
        f'{join.alias}."Id"', "'\"}'",
    ]  # fmt: skip


def _typed_attributes(name: str, alias: str, scope: Scope) -> list[str]:
    url = f"{scope.context.base_path}/sobjects/{name}/"
    head = f'{{"attributes":{{"type":"{name}","url":"{url}'
    return [text_literal(head), f'{alias}."Id"', "'\"}'"]


# -- TYPEOF


def _type_of(item: TypeOf, scope: Scope) -> tuple[str, str]:
    base = scope.steps(item.relationship.parts, item.at)[-1]
    cases = []
    for when in item.whens:
        target = scope.context.schema.get(when.type)
        if target is None or target.name not in base.lookup.reference_to:
            no_relationship(scope.context.text, item.at, when.type, "field path")
        join = scope.branch(base, target)
        node = _Node(join=join)
        for path in when.fields:
            made = scope.field_at((join,), path.parts[-1], path.at)
            text = jsontext.value(operand_of(made, scope), scope.context.base_path)
            node.entries[made.field.name] = text
        cases.append(
            f'WHEN {join.alias}."Id" IS NOT NULL '
            f"THEN {_object(node, scope, _attributes(join, scope))}"
        )
    other = _Node(join=base)
    for path in item.otherwise:
        made = scope.field_at((base,), path.parts[-1], path.at)
        text = jsontext.value(operand_of(made, scope), scope.context.base_path)
        other.entries[made.field.name] = text
    return base.name, f"CASE {' '.join(cases)} ELSE {_parent(other, scope)} END"


def operand_of(column: Column, scope: Scope) -> Operand:
    """Translate a resolved field."""
    return field_operand(column, scope.context)


def _children(item: Children, made: Rendering, parents: str, paging: Paging) -> str:
    """Join a child subquery to its parents and give the JSON text of its result."""
    child = Child.of(item, made.scope)
    below = render(item.query, child.scope, child.ids(parents), paging)
    joined = f"t{next(made.scope.aliases)}"
    made.extra.append(child.join(joined, parents, below.json, below.extra, paging.size))
    return child.json(joined, paging)
