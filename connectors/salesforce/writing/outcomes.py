"""What became of one row, and the table that the engine gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import pyarrow as pa

from isthmus.connectors.writing import OUTCOMES

__all__ = ["CHANGED", "UNKNOWN", "UNPROCESSED", "Outcome", "failed", "table_of"]

#: Nobody can tell whether the row was written.
UNKNOWN: Final = "UNKNOWN_OUTCOME"
#: The record has another stamp than the row.
CHANGED: Final = "ROW_CHANGED"
#: The org never came to the row.
UNPROCESSED: Final = "UNPROCESSED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row: the columns of `OUTCOMES` without its position."""

    success: bool
    id: str | None = None
    created: bool | None = None
    error_code: str | None = None
    error_field: str | None = None
    error_message: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As it is noted."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def failed(code: str, message: str, field: str | None = None, *, id: str | None = None) -> Outcome:
    """The outcome of a row that was not written."""
    return Outcome(False, id, None, code, field, message)


def table_of(positions: pa.Array, outcomes: Mapping[int, Outcome]) -> pa.Table:
    """The outcomes of some rows.

    Args:
        positions: of each row in the input.
        outcomes: by the row's number among those, from 0.
    """
    chosen = positions.take(pa.array(outcomes, pa.int64()))
    each = tuple(outcomes.values())
    columns: list[pa.Array] = [chosen]
    for field in OUTCOMES:
        if field.name != "position":
            columns.append(pa.array(_values(each, field.name), field.type))
    return pa.Table.from_arrays(columns, schema=OUTCOMES)


def _values(outcomes: Iterable[Outcome], name: str) -> list[Any]:
    return [getattr(one, name) for one in outcomes]
