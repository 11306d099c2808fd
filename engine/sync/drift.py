"""What has happened to the columns since the last run, and what the sync's policy makes of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from isthmus.catalog.syncs import Drift
from isthmus.connectors.targets.contract import Change, ColumnChange, Layout
from isthmus.engine.sync.layout import LABEL
from isthmus.errors import DataError

__all__ = ["Drifted", "drifted", "widens"]


@dataclass(frozen=True)
class Drifted:
    """What becomes of a copy's columns.

    Attributes:
        changes: what is done to the target.
        layout: the copy's columns afterwards.
        gone: columns of it that the source no longer has.
        said: what happened, in words.
    """

    changes: tuple[ColumnChange, ...]
    layout: Layout
    gone: tuple[str, ...]
    said: tuple[str, ...]


def drifted(before: Layout, now: pa.Schema, policy: Drift, name: str) -> Drifted:
    """Compare a copy's columns with the source's.

    Args:
        before: the copy's.
        now: the source's.
        policy: what is done.
        name: the sync, for errors.

    Raises:
        DataError: the policy is to fail, or a type has changed into one that does not hold its
            values.
    """
    old = {field.name: field for field in before.schema}
    new = {field.name: field for field in now}
    renamed = {} if policy.renamed == "ignore" else dict(_renamed(old, new))
    if renamed:
        _demand(policy.renamed, "was renamed", renamed, name)
    came = [n for n in new if n not in old and n not in renamed.values()]
    went = [n for n in old if n not in new and n not in renamed]
    _demand(policy.new, "is new", came, name)
    _demand(policy.removed, "is gone", went, name)
    wider = [n for n, f in new.items() if n in old and not f.type.equals(old[n].type)]
    for column in wider:
        if not widens(old[column].type, new[column].type):
            raise DataError(
                f"sync {name}: the column {column} was {old[column].type} and is "
                f"{new[column].type} now, which does not hold its values",
                remedy="Make the copy anew: isthmus sync run NAME --full.",
            )
    _demand(policy.widened, "has a wider type", wider, name)
    changes = [ColumnChange(Change.RENAME, a, b) for a, b in renamed.items()]
    if policy.widened == "evolve":
        changes += [ColumnChange(Change.WIDEN, n) for n in wider]
    if policy.removed == "evolve":
        changes += [ColumnChange(Change.DROP, n) for n in went]
    if policy.new == "evolve":
        changes += [ColumnChange(Change.ADD, n) for n in came]
    layout = _after(before, changes, new)
    gone = tuple(n for n in layout.columns if n not in new)
    said = tuple(f"column {c.name or c.column} {c.change.value}" for c in changes)
    return Drifted(tuple(changes), layout, gone, said)


def widens(old: pa.DataType, new: pa.DataType) -> bool:
    """Whether a type holds every value of another.

    >>> widens(pa.decimal128(10, 2), pa.decimal128(12, 3)), widens(pa.int64(), pa.int32())
    (True, False)
    """
    if pa.types.is_decimal(old) and pa.types.is_decimal(new):
        more = new.precision - new.scale >= old.precision - old.scale
        return bool(more and new.scale >= old.scale)
    if pa.types.is_integer(old) and pa.types.is_decimal(new):
        return bool(new.precision - new.scale >= _digits(old))
    if pa.types.is_signed_integer(old) and pa.types.is_signed_integer(new):
        return bool(new.bit_width >= old.bit_width)
    if pa.types.is_floating(old) and pa.types.is_floating(new):
        return bool(new.bit_width >= old.bit_width)
    return bool(pa.types.is_null(old))


def _digits(type: pa.DataType) -> int:
    return {8: 3, 16: 5, 32: 10, 64: 20}[type.bit_width]


def _renamed(old: dict[str, pa.Field], new: dict[str, pa.Field]) -> Iterable[tuple[str, str]]:
    """Pairs of a column that is gone and the one new column of the same type and label."""
    for name, field in old.items():
        label = (field.metadata or {}).get(LABEL)
        if name in new or not label:
            continue
        like = [
            other
            for other, f in new.items()
            if other not in old and f.type.equals(field.type) and _label(f) == label
        ]
        if len(like) == 1:
            yield name, like[0]


def _label(field: pa.Field) -> bytes | None:
    label: bytes | None = (field.metadata or {}).get(LABEL)
    return label


def _demand(policy: str, what: str, columns: Iterable[str], name: str) -> None:
    for column in columns:
        if policy == "fail":
            raise DataError(
                f"sync {name}: the column {column} {what}, and its drift policy is to fail",
                remedy="Look at the change; then say evolve or ignore, or make the copy anew: "
                "isthmus sync run NAME --full.",
            )


def _after(before: Layout, changes: list[ColumnChange], new: dict[str, pa.Field]) -> Layout:
    fields = {field.name: field for field in before.schema}
    key = list(before.key)
    for change in changes:
        if change.change is Change.DROP:
            del fields[change.column]
        elif change.change is Change.RENAME:
            fields = {
                (change.name if n == change.column else n): (
                    new[change.name] if n == change.column else f
                )
                for n, f in fields.items()
            }
            key = [change.name if n == change.column else n for n in key]
        else:
            fields[change.column] = new[change.column]
    return Layout(pa.schema(list(fields.values())), tuple(key))
