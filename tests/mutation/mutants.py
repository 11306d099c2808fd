"""Each promise of the Salesforce connector, flipped: where it is made, and what it becomes.

A mutant is one call in the connector's source, replaced. What a source says wrongly of itself shows
in an answer; what it says too cautiously shows in a plan.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

__all__ = ["FLIPS", "MODULES", "Mutant", "all_mutants", "mutated"]

_PACKAGE = "isthmus.connectors.salesforce"
#: Where promises are made.
MODULES = tuple(
    f"{_PACKAGE}.{name}"
    for name in (
        *("judge", "rules_number", "rules_patterns", "rules_text", "rules_time", "translation"),
        *("aggregates", "children", "order", "planning"),
    )
)
_MAKER = f"__import__('{_PACKAGE}.translation', fromlist=['exact'])"
#: What each call becomes; `{0}`, `{1}` are its arguments.
FLIPS: dict[str, dict[str, str]] = {
    "exact": {"EXACT to SUPERSET": f"{_MAKER}.superset({{0}}, {{1}})"},
    "superset": {"SUPERSET to EXACT": f"{_MAKER}.exact({{0}}, {{1}})"},
    "local": {"LOCAL to EXACT": f"{_MAKER}.exact('Id != null', {{0}})"},
    "not_null_only": {
        "SUPERSET to EXACT": f"{_MAKER}.exact(f'{{{{({{0}}).name}}}} != null', {{1}})",
    },
    "guarded": {"null not ruled out": "{1}"},
    "Verdict": {"able or not": "Verdict(not {0}, {1})"},
}


@dataclass(frozen=True)
class Mutant:
    """One promise, flipped.

    Attributes:
        module: the module's full name.
        line: of the call, from 1.
        column: of the call, from 0.
        flip: what is changed, a key of `FLIPS`.
        source: the call as it is written.
    """

    module: str
    line: int
    column: int
    flip: str
    source: str

    @property
    def name(self) -> str:
        """Where it is, and what is changed: unique."""
        return f"{self.module.rsplit('.', 1)[1]}:{self.line}:{self.column} {self.flip}"


def all_mutants() -> tuple[Mutant, ...]:
    """Every promise that can be flipped, in the order of the source."""
    return tuple(m for module in MODULES for m in sorted(_of(module), key=_place))


def _place(mutant: Mutant) -> tuple[int, int]:
    return mutant.line, mutant.column


def mutated(mutant: Mutant) -> ast.Module:
    """The module's syntax tree with the one call replaced."""
    tree = ast.parse(_file(mutant.module).read_text(encoding="utf-8"))
    replaced = _Replace(mutant)
    changed = ast.fix_missing_locations(replaced.visit(tree))
    assert replaced.done, f"{mutant.name} is not there"
    assert isinstance(changed, ast.Module)
    return changed


def _of(module: str) -> Iterator[Mutant]:
    text = _file(module).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for flip in FLIPS.get(node.func.id, {}):
                source = " ".join((ast.get_source_segment(text, node) or "").split())
                yield Mutant(module, node.lineno, node.col_offset, flip, source)


def _file(module: str) -> Path:
    """The module's file, found without importing its package: the flip must come first."""
    top, *inner = module.split(".")
    spec = find_spec(top)
    assert spec is not None and spec.origin is not None, module
    return Path(spec.origin).parent.joinpath(*inner).with_suffix(".py")


class _Replace(ast.NodeTransformer):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self.done = False

    def visit_Call(self, node: ast.Call) -> ast.AST:
        m = self._mutant
        if (node.lineno, node.col_offset) == (m.line, m.column) and isinstance(node.func, ast.Name):
            self.done = True
            template = FLIPS[node.func.id][m.flip]
            arguments = [ast.unparse(a) for a in node.args]
            made = ast.parse(template.format(*arguments), mode="eval").body
            return ast.copy_location(made, node)
        return self.generic_visit(node)
