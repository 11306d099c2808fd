"""Compare answers as bags of rows, with exact types; sums of doubles to nine digits."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

__all__ = ["Answer", "difference", "short_of"]

_CLOSE = 1e-9


@dataclass(frozen=True)
class Answer:
    """A table, or the error that came instead: its kind and its message."""

    table: pa.Table | None = None
    error: str | None = None
    message: str = ""


def difference(one: Answer, other: Answer) -> str | None:
    """How two answers differ, in a line or two; None if they do not."""
    if one.table is None or other.table is None:
        if one.error == other.error:
            return None
        return f"{_outcome(one)} against {_outcome(other)}"
    if one.table.schema.names != other.table.schema.names:
        return f"columns {one.table.schema.names} against {other.table.schema.names}"
    types = [str(t) for t in one.table.schema.types], [str(t) for t in other.table.schema.types]
    if types[0] != types[1]:
        return f"types {types[0]} against {types[1]}"
    if one.table.num_rows != other.table.num_rows:
        return f"{one.table.num_rows} rows against {other.table.num_rows}" + _sample(one, other)
    if one.table.equals(other.table):
        return None
    return _rows_differ(one, other)


def _outcome(answer: Answer) -> str:
    if answer.table is not None:
        return f"{answer.table.num_rows} rows"
    return f"{answer.error}: {answer.message[:300]}"


def _rows_differ(one: Answer, other: Answer) -> str | None:
    left, right = Counter(rows(one.table)), Counter(rows(other.table))
    if left == right:
        return None
    only_left, only_right = sorted((left - right).elements()), sorted((right - left).elements())
    if all(map(_near, only_left, only_right)):
        return None
    return f"rows only in one {only_left[:2]}, only in the other {only_right[:2]}"


def _sample(one: Answer, other: Answer) -> str:
    left, right = Counter(rows(one.table)), Counter(rows(other.table))
    return f": only in one {list(left - right)[:2]}, only in the other {list(right - left)[:2]}"


def short_of(
    limited: Answer,
    whole: Answer,
    limit: int | None,
    offset: int,
    reference: Answer | None = None,
    ordered: int = 0,
) -> str | None:
    """Why an answer with a LIMIT is no choice of the whole answer's rows; None if it is one.

    Args:
        limited: the answer to be judged.
        whole: the answer without the LIMIT.
        limit: None where there is only an order.
        offset: of the LIMIT.
        reference: another answer with the LIMIT: in an order, both have the same keys.
        ordered: how many of the first columns are the order's keys.
    """
    if limited.table is None or whole.table is None:
        return difference(limited, whole)
    wanted = max(whole.table.num_rows - offset, 0)
    wanted = wanted if limit is None else min(limit, wanted)
    if limited.table.num_rows != wanted:
        return f"{limited.table.num_rows} rows where the limit leaves {wanted}"
    if ordered and reference is not None and reference.table is not None:
        ours, theirs = _keys(limited.table, ordered), _keys(reference.table, ordered)
        if ours != theirs:
            at = next(
                n for n, pair in enumerate(zip(ours, theirs, strict=True)) if len({*pair}) > 1
            )
            return f"the order differs from row {at} on: {ours[at]} against {theirs[at]}"
    extra = Counter(rows(limited.table)) - Counter(rows(whole.table))
    return f"rows that the whole answer lacks: {list(extra)[:2]}" if extra else None


def _keys(table: pa.Table, ordered: int) -> list[tuple[str, ...]]:
    return rows(table.select(range(ordered)))


def rows(table: pa.Table | None) -> list[tuple[str, ...]]:
    """Rows whose values can be counted and sorted; 1, 1.0 and Decimal(1) differ."""
    assert table is not None
    columns = [[_value(v) for v in column.to_pylist()] for column in table.columns]
    return list(zip(*columns, strict=True)) if columns else []


def _value(value: Any) -> str:
    if isinstance(value, float):
        return "float " + ("nan" if math.isnan(value) else f"{value + 0.0:.17g}")
    return repr(value)


def _near(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return all(map(_near_values, one, other))


def _near_values(one: str, other: str) -> bool:
    if one == other:
        return True
    if not (one.startswith("float ") and other.startswith("float ")):
        return False
    return math.isclose(float(one[6:]), float(other[6:]), rel_tol=_CLOSE, abs_tol=1e-9)
