"""The nearest right word for a wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["did_you_mean", "suggest"]


def suggest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to a word, in any case; None when none is near.

    >>> suggest("acount", ["Account", "Contact"])
    'Account'
    >>> suggest("zebra", ["Account", "Contact"]) is None
    True
    """
    spelt: dict[str, str] = {}
    for candidate in sorted(candidates):
        spelt.setdefault(candidate.lower(), candidate)
    nearest = get_close_matches(word.lower(), spelt, n=1, cutoff=0.6)
    return spelt[nearest[0]] if nearest else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """A remedy that names the nearest candidate; None when none is near."""
    nearest = suggest(word, candidates)
    return None if nearest is None else f"Did you mean {nearest}?"
