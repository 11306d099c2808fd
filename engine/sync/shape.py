"""How a subject is copied as a sync wants it: by which key and cursor, with which deletes."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from isthmus.catalog.suggest import did_you_mean
from isthmus.catalog.syncs import SyncSpec
from isthmus.engine.sync.subject import Subject
from isthmus.errors import ConfigError

__all__ = ["Shape", "shape_of", "warnings"]


@dataclass(frozen=True)
class Shape:
    """How a subject is copied.

    Attributes:
        key: what tells rows apart; empty for a full sync of what has no key.
        cursor: what moves with a change; None for a full sync.
        nulls: whether a row may have no cursor.
        flag: the column that is true in deleted rows.
        reads_deleted: whether changes are asked for with the deleted rows.
        asks_deletions: whether the source is asked which keys were deleted.
        own_key: whether the key is the subject's own, in whose order a source can go on.
    """

    key: tuple[str, ...]
    cursor: str | None
    nulls: bool = False
    flag: str | None = None
    reads_deleted: bool = False
    asks_deletions: bool = False
    own_key: bool = False


def shape_of(spec: SyncSpec, subject: Subject) -> Shape:
    """How a sync copies its subject.

    Raises:
        ConfigError: it can't: a column that does not exist, no key, no cursor.
    """
    key = tuple(_found(name, "key", spec, subject) for name in spec.key) or subject.key
    if spec.mode == "full":
        return Shape(key, None, own_key=key == subject.key)
    if not key:
        raise _error(
            spec,
            f"{subject.name} has no primary key",
            'Name the columns that tell its rows apart: key = "...".',
        )
    for name in spec.refresh:
        _found(name, "refresh", spec, subject)
    told = subject.replication
    flag = None if told is None else told.deleted
    if spec.deletes == "mark" and flag is None:
        raise _error(
            spec,
            f"{subject.name} has no column that marks deleted rows",
            'Say deletes = "apply" or deletes = "ignore".',
        )
    cursor, nulls = _cursor(spec, subject)
    if told is None or spec.deletes == "ignore":
        return Shape(key, cursor, nulls, own_key=key == subject.key)
    return Shape(
        key=key,
        cursor=cursor,
        nulls=nulls,
        flag=flag,
        reads_deleted=flag is not None,
        # deletions are told by the subject's own key
        asks_deletions=told.tells_deletions and key == subject.key,
        own_key=key == subject.key,
    )


def warnings(spec: SyncSpec, subject: Subject, shape: Shape) -> tuple[str, ...]:
    """What a sync will not notice."""
    said = []
    if shape.cursor is None:
        return ()
    told = subject.replication
    untracked = [] if told is None else [c for c in told.untracked if c not in spec.refresh]
    if untracked:
        said.append(
            f"{', '.join(untracked)} move no {shape.cursor}: name them in refresh to have them "
            "read whole from time to time"
        )
    if spec.deletes != "ignore" and not shape.asks_deletions and spec.reconcile is None:
        said.append(
            f"nothing tells which rows {subject.name} has lost: say reconcile to have all keys "
            "compared from time to time"
        )
    return tuple(said)


def _cursor(spec: SyncSpec, subject: Subject) -> tuple[str, bool]:
    told = subject.replication
    if spec.cursor is None and told is not None:
        return told.cursor, False
    if spec.cursor is None:
        times = [f.name for f in subject.schema if _is_time(f.type)]
        raise _error(
            spec,
            f"nothing tells what changes in {subject.name}",
            f"Name the column that moves with each change as its cursor: {', '.join(times)}."
            if times
            else 'It has no column of times; say mode = "full".',
        )
    cursor = _found(spec.cursor, "cursor", spec, subject)
    type = subject.schema.field(cursor).type
    if not _is_time(type):
        raise _error(
            spec,
            f"the cursor {cursor} is of type {type}",
            "Name a column that holds the time of a row's last change.",
        )
    return cursor, told is None or cursor != told.cursor


def _is_time(type: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(type) or pa.types.is_date(type))


def _found(name: str, what: str, spec: SyncSpec, subject: Subject) -> str:
    """A column as the subject spells it."""
    names = subject.schema.names
    if name in names:
        return name
    same = [n for n in names if n.lower() == name.lower()]
    if len(same) == 1:
        return str(same[0])
    raise _error(
        spec,
        f"its {what} names {name}, which is no column of {subject.name}",
        did_you_mean(name, names) or f"The columns are {', '.join(names[:30])}.",
    )


def _error(spec: SyncSpec, said: str, remedy: str) -> ConfigError:
    return ConfigError(f"sync {spec.name}: {said}", place=spec.place, remedy=remedy)
