"""Budgets in a project file: read, checked, and refused with the place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isthmus.catalog.budget import Budget, Reserve, SourceBudget
from isthmus.catalog.kinds import Key, SourceKind
from isthmus.catalog.project import Project, load_project
from isthmus.errors import ConfigError

KINDS = {"files": SourceKind("files", (), {"root": Key("where", path=True)})}


def project(text: str, folder: Path) -> Project:
    (folder / "isthmus.toml").write_text(text)
    return load_project(folder, kinds=KINDS, environ={})


def test_budgets_of_queries_and_sources(tmp_path: Path) -> None:
    found = project(
        """[budget]
max_calls = 200
max_seconds = 2.5

[sources.lake]
kind = "files"
root = "."

[sources.lake.budget]
calls_per_day = 10_000
reserve = "12.5%"
""",
        tmp_path,
    )
    assert found.budget == Budget(max_calls=200, max_seconds=2.5)
    assert found.sources[0].budget == SourceBudget(10_000, Reserve(share=0.125))
    assert "budget" not in found.sources[0].options


def test_without_a_budget_nothing_is_bounded(tmp_path: Path) -> None:
    found = project('[sources.lake]\nkind = "files"\n', tmp_path)
    assert not found.budget
    assert found.sources[0].budget == SourceBudget()


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("[budget]\nmax_call = 3", "max_call"),
        ("[budget]\nmax_calls = -1", "-1"),
        ('[budget]\nmax_calls = "ten"', "whole number"),
        ("[budget]\nmax_seconds = nan", "nan"),
        ("budget = 3", "must be a table"),
        ("[sources.lake]\nkind='files'\n[sources.lake.budget]\ncalls_a_day = 3", "calls_a_day"),
        ("[sources.lake]\nkind='files'\n[sources.lake.budget]\ncalls_per_day = -3", "-3"),
        ("[sources.lake]\nkind='files'\n[sources.lake.budget]\nreserve = '120%'", "120%"),
        ("[sources.lake]\nkind='files'\n[sources.lake.budget]\nreserve = 'much'", "much"),
        ("[sources.lake]\nkind='files'\n[sources.lake.budget]\nreserve = -1", "-1"),
    ],
)
def test_a_wrong_budget_is_refused_with_its_place(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        project(lines, tmp_path)
    assert caught.value.place is not None
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("reserve", "allowed", "kept"),
    [
        (Reserve(share=0.2), 100, 20),
        (Reserve(share=0.333), 10, 4),  # rounded up: it is for others
        (Reserve(calls=7), 5, 7),
        (Reserve(), 5, 0),
    ],
)
def test_a_reserve_in_calls(reserve: Reserve, allowed: int, kept: int) -> None:
    assert reserve.of(allowed) == kept


def test_the_lower_bound_of_each_holds() -> None:
    both: Any = Budget(max_calls=5, max_rows=7).within(Budget(max_calls=9, max_bytes=1))
    assert both == Budget(max_calls=5, max_rows=7, max_bytes=1)
