"""Write the DuckDB expressions that make demo columns out of a row number.

Every expression speaks of `n`, the row's number from 0. What looks random is a hash of `n` and a
salt, so that a seed always gives the same rows and no row depends on another.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

DELETED_EVERY = 50


@dataclass(frozen=True)
class Dice:
    """Draw values for one object under one seed; `use` names what a draw is for."""

    salt: int

    @classmethod
    def of(cls, name: str, seed: int) -> Dice:
        """Make the dice of an object."""
        return cls(zlib.crc32(f"{seed}/{name}".encode()))

    def below(self, use: str, limit: int) -> str:
        """Give a whole number from 0 to limit - 1."""
        return f"(hash(n, {zlib.crc32(use.encode()) ^ self.salt}) % {limit})::BIGINT"

    def pick(self, use: str, values: Sequence[str], cast: str = "VARCHAR") -> str:
        """Give one of the values; repeat a value to make it likelier."""
        return choose(self.below(use, len(values)), values, cast)

    def chance(self, use: str, percent: int) -> str:
        """Be true for so many rows in a hundred."""
        return f"({self.below('chance ' + use, 100)} < {percent})"

    def sometimes(self, use: str, percent: int, value: str) -> str:
        """Give the value for so many rows in a hundred, else null."""
        return f"CASE WHEN {self.chance(use, percent)} THEN {value} END"

    def row_of(self, use: str, count: int, skew: int = 1) -> str:
        """Give the number of a live row among `count`; a higher skew crowds the first ones."""
        share = f"({self.below(use, 1 << 30)} / {float(1 << 30)})"
        index = f"({count} * pow({share}, {skew}))::BIGINT"
        return f"least({count - 1}, {index}) - {deleted(f'least({count - 1}, {index})')}::BIGINT"


def deleted(number: str = "n") -> str:
    """Tell whether a row is deleted; rows that others point to never are."""
    return f"(({number}) % {DELETED_EVERY} = {DELETED_EVERY - 1})"


def text(value: str) -> str:
    """Quote a text as a literal."""
    return "'" + value.replace("'", "''") + "'"


def listed(values: Sequence[str], cast: str = "VARCHAR") -> str:
    """Write values as a list literal."""
    items = ", ".join(text(value) for value in values)
    return f"[{items}]::{cast}[]"


def choose(index: str, values: Sequence[str], cast: str = "VARCHAR") -> str:
    """Take the value at an index from 0."""
    return f"({listed(values, cast)})[1 + {index}]"


def first_rows(values: Sequence[str], otherwise: str, cast: str = "VARCHAR") -> str:
    """Give row n the nth value, and rows after the last one something else."""
    return f"CASE WHEN n < {len(values)} THEN {choose('n', values, cast)} ELSE {otherwise} END"


def mapped(key: str, pairs: dict[str, str]) -> str:
    """Look a text up; the results are SQL literals."""
    whens = " ".join(f"WHEN {text(name)} THEN {value}" for name, value in pairs.items())
    return f"CASE {key} {whens} END"
