"""Validation rules: what makes a record wrong, as an administrator would have set it up.

A rules file is TOML, a list of rules for each object; a rule's `when` is a SOQL condition that
holds for the records that it refuses:

    [[Account]]
    name = "Energy_needs_a_site"
    when = "Industry = 'Energy' AND Site = null"
    message = "An energy account needs a site"
    field = "Site"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Rule:
    """One rule: which records of `object` it refuses, with which message, at which field.

    Without a field the error is the record's own.
    """

    object: str
    name: str
    when: str
    message: str
    field: str | None = None


def load(path: str | Path) -> tuple[Rule, ...]:
    """Read a rules file; ValueError says what is wrong with it, OSError that it can't be read."""
    try:
        tables = tomllib.loads(Path(path).read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
    return tuple(
        _rule(path, name, at, given)
        for name, listed in tables.items()
        for at, given in enumerate(_list(path, name, listed), 1)
    )


def _list(path: str | Path, name: str, listed: Any) -> list[Any]:
    if not isinstance(listed, list):
        raise ValueError(f"{path}: write the rules of {name} as [[{name}]]")
    return listed


def _rule(path: str | Path, name: str, at: int, given: Mapping[str, Any]) -> Rule:
    needed, known = {"name", "when", "message"}, {"name", "when", "message", "field"}
    wrong = sorted(needed - set(given)) or sorted(set(given) - known)
    if wrong or not all(isinstance(value, str) for value in given.values()):
        raise ValueError(
            f"{path}: rule {at} of {name} needs the texts name, when and message, may have field,"
            f" and nothing else (look at {', '.join(wrong) or 'its values'})"
        )
    return Rule(name, **given)
