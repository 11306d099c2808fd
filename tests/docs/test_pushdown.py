"""docs/pushdown.md is what the rules say of themselves, and every rule is in it, both ways."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from isthmus.connectors.predicates import HasItem, Like, Not, PartIn, Predicate
from isthmus.connectors.salesforce import rules_number, rules_patterns, rules_text, rules_time
from isthmus.connectors.salesforce.judge import RULES as JUDGED
from isthmus.connectors.salesforce.judge import translate
from isthmus.engine import rules
from isthmus.engine.planner import RULES
from tests.docs.predicates import SAMPLES, TABLE
from tests.docs.pushdown import PAGE, ROWS, described, golden, made, misplaced


def modules() -> list[ModuleType]:
    return [
        import_module(f"{rules.__name__}.{m.name}") for m in pkgutil.iter_modules(rules.__path__)
    ]


def rule_functions() -> Iterator[Callable[..., Any]]:
    """What the rooms of rules export that takes a draft and nothing else."""
    for module in modules():
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) and list(inspect.signature(value).parameters) == ["draft"]:
                yield value


def names_fired(module: ModuleType) -> Iterator[str]:
    """The names in ``Firing("name", ...)``, also by way of a variable."""
    tree = ast.parse(inspect.getsource(module))
    set_to = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Firing":
            name = node.args[0]
            given = set_to[name.id] if isinstance(name, ast.Name) else name
            parts = (given.body, given.orelse) if isinstance(given, ast.IfExp) else (given,)
            for part in parts:
                assert isinstance(part, ast.Constant), ast.unparse(given)
                yield str(part.value)


def test_the_page_is_what_the_rules_say() -> None:
    text = PAGE.read_text("utf-8")
    assert made(text) == text, "stale: run python -m tests.docs.pushdown"


def test_every_rule_has_a_line() -> None:
    assert set(RULES) <= set(rule_functions()) == {row.rule for row in ROWS}
    assert list(dict.fromkeys(r.rule for r in ROWS if r.rule in RULES)) == list(RULES)
    fired = {name for module in modules() for name in names_fired(module)}
    assert fired == {row.fires_as for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.mark)
def test_every_rule_has_golden_plans_both_ways(row: Any) -> None:
    plans = [g for g in golden() if g.row == row]
    assert {g.fires for g in plans} == {True, False}
    assert misplaced(plans) == []


def test_a_plan_under_a_wrong_mark_is_told() -> None:
    one = golden()[0]
    assert misplaced([one, replace(one, fires=not one.fires)]) == [f"{one.row.mark}: {one.title}"]


def test_a_rule_that_does_not_say_what_it_sends_has_no_line() -> None:
    def rule() -> None:
        """``SELECT 1``: because."""

    with pytest.raises(ValueError, match=r"of rule must be .* 'Sent: ...'"):
        described(rule)


def test_every_rule_on_predicates_has_a_line() -> None:
    exported = {
        getattr(module, name)
        for module in (rules_number, rules_patterns, rules_text, rules_time)
        for name in module.__all__
    }
    assert set(SAMPLES) == exported | {translate}
    assert set(JUDGED.values()) <= exported
    for rule, predicates in SAMPLES.items():
        assert rule is translate or {_judges(p) for p in predicates} == {rule}, rule.__name__


def _judges(predicate: Predicate) -> Any:
    """The rule for a predicate that is not joined of others."""
    part: Any = predicate.part if isinstance(predicate, Not) else predicate
    if isinstance(part, (Like, HasItem)):
        return rules_patterns.like if isinstance(part, Like) else rules_patterns.has_item
    if isinstance(part, PartIn):
        return rules_time.part_of_day
    column = TABLE.column(part.column)
    if column.source_type == "double" and str(column.type) == "double":
        return rules_number.double
    return JUDGED[column.source_type]
