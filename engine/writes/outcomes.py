"""Outcomes: those that the engine gives itself, and the check of those that a writer gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.writing import OUTCOMES
from isthmus.errors import DataError

__all__ = ["MISFIT", "NOT_SENT", "NO_KEY", "demand_all", "failures", "none", "not_sent", "table_of"]

#: The code of a row that has a value which its column can't hold.
MISFIT: Final = "VALUE_DOES_NOT_FIT"
#: The code of a row that does not say which row of the table it means.
NO_KEY: Final = "KEY_MISSING"
#: The code of a row that was not sent because the write stopped before.
NOT_SENT: Final = "NOT_SENT"


def none() -> pa.Table:
    """No outcome."""
    return OUTCOMES.empty_table()


def table_of(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Outcomes from plain values; what is missing is null."""
    return pa.Table.from_pylist(list(rows), OUTCOMES)


def failures(rows: Iterable[tuple[int, str, str, str]]) -> pa.Table:
    """Failed outcomes: position, code, field, message."""
    return table_of(
        [
            {
                "position": position,
                "success": False,
                "error_code": code,
                "error_field": column,
                "error_message": message,
            }
            for position, code, column, message in rows
        ]
    )


def not_sent(positions: pa.Array | pa.ChunkedArray, why: str) -> pa.Table:
    """The outcomes of rows that were not sent."""
    count = len(positions)
    columns = {
        "position": positions,
        "success": pa.array([False] * count, pa.bool_()),
        "error_code": pa.array([NOT_SENT] * count, pa.string()),
        "error_message": pa.array([why] * count, pa.string()),
    }
    return pa.table(
        [columns.get(f.name, pa.nulls(count, f.type)) for f in OUTCOMES], schema=OUTCOMES
    )


def demand_all(outcomes: pa.Table, positions: pa.Array, source: str) -> pa.Table:
    """The outcomes in the contract's own schema, if each row has one.

    Raises:
        DataError: a row has none, or several.
    """
    given = outcomes["position"].combine_chunks()
    same = pc.array_sort_indices(given)
    if not given.take(same).equals(positions.take(pc.array_sort_indices(positions))):
        raise DataError(
            f"source {source} gave {len(given)} outcomes that are not one for each of "
            f"{len(positions)} rows",
            remedy="This is a defect of its connector; nothing is known of these rows.",
        )
    return outcomes.select(OUTCOMES.names).cast(OUTCOMES)
