"""What became of one row, and the table that the engine gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import pyarrow as pa

from isthmus.connectors.writing import OUTCOMES

__all__ = ["CHANGED", "UNKNOWN", "UNPROCESSED", "Outcome", "Told", "Written", "failed", "table_of"]

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


@dataclass(frozen=True)
class Written:
    """Rows that were written, in columns: an object for each would weigh more than the row.

    Attributes:
        rows: their numbers.
        ids: of their records.
        created: whether these are new.
    """

    rows: pa.Array
    ids: pa.Array
    created: pa.Array

    def among(self, rows: Sequence[int]) -> Written:
        """The same where `rows` has their numbers; here they are counted within those."""
        return replace(self, rows=pa.array(rows, pa.int64()).take(self.rows))

    def new(self) -> list[str]:
        """The ids of new records."""
        ids: list[str] = self.ids.filter(self.created).to_pylist()
        return ids


@dataclass(frozen=True)
class Told:
    """What became of rows: of each either by itself, or in columns with others."""

    each: dict[int, Outcome]
    written: tuple[Written, ...] = ()


def table_of(
    positions: pa.Array, outcomes: Mapping[int, Outcome], written: Sequence[Written] = ()
) -> pa.Table:
    """The outcomes of some rows.

    Args:
        positions: of each row in the input.
        outcomes: by the row's number among those, from 0.
        written: of further rows.
    """
    parts = [_each(positions, outcomes), *(_together(positions, one) for one in written)]
    return pa.concat_tables(parts).sort_by("position") if written else parts[0]


def _together(positions: pa.Array, written: Written) -> pa.Table:
    told = {
        "position": positions.take(written.rows),
        "success": pa.repeat(True, len(written.rows)),
        "id": written.ids,
        "created": written.created,
    }
    nothing = pa.nulls(len(written.rows))
    columns = [told.get(f.name, nothing.cast(f.type)) for f in OUTCOMES]
    return pa.Table.from_arrays(columns, schema=OUTCOMES)


def _each(positions: pa.Array, outcomes: Mapping[int, Outcome]) -> pa.Table:
    chosen = positions.take(pa.array(outcomes, pa.int64()))
    each = tuple(outcomes.values())
    columns: list[pa.Array] = [chosen]
    for field in OUTCOMES:
        if field.name != "position":
            columns.append(pa.array(_values(each, field.name), field.type))
    return pa.Table.from_arrays(columns, schema=OUTCOMES)


def _values(outcomes: Iterable[Outcome], name: str) -> list[Any]:
    return [getattr(one, name) for one in outcomes]
