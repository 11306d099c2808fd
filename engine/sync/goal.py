"""What a run sets out to do. Pure: from what is wanted, what the copy is, and what time it is."""

from __future__ import annotations

from datetime import datetime, timedelta

from isthmus.catalog.syncs import SyncSpec
from isthmus.connectors.targets.contract import Layout
from isthmus.engine.sync.asking import Ask, Window
from isthmus.engine.sync.copystate import CopyState
from isthmus.engine.sync.drift import Drifted
from isthmus.engine.sync.journal import Journal, Unfinished
from isthmus.engine.sync.shape import Shape
from isthmus.engine.sync.subject import Subject

__all__ = [
    "ask_all",
    "ask_patch",
    "ask_window",
    "compares",
    "finished",
    "present",
    "replacement",
    "same_aim",
    "window",
]


def replacement(
    spec: SyncSpec, subject: Subject, shape: Shape, base: CopyState | None, now: datetime | None
) -> Unfinished:
    """Make the copy anew."""
    return Unfinished(
        run=Journal.new_run(),
        replaces=True,
        aim=_aim(spec, subject, shape),
        base="" if base is None else base.run,
        layout=Layout(subject.schema, shape.key),
        since=None,
        until=None if now is None or shape.cursor is None else now - spec.lag,
    )


def window(
    spec: SyncSpec,
    subject: Subject,
    shape: Shape,
    base: CopyState,
    drift: Drifted,
    now: datetime,
) -> Unfinished:
    """Bring the copy from where it is up to now."""
    assert base.until is not None
    until = max(now - spec.lag, base.until)  # a clock that went back takes nothing back
    due = tuple(
        name
        for name, every in spec.refresh.items()
        if name in drift.layout.columns
        and name not in drift.gone
        and _due(base.refreshed.get(name), every, until)
    )
    added = tuple(c.column for c in drift.changes if c.change.name == "ADD")
    return Unfinished(
        run=Journal.new_run(),
        replaces=False,
        aim=_aim(spec, subject, shape),
        base=base.run,
        layout=drift.layout,
        since=base.until - spec.overlap,
        until=until,
        fill=tuple(dict.fromkeys((*base.fill, *added))),
        refresh=due,
        compare=base.compare,
    )


def same_aim(found: Unfinished, wanted: Unfinished, base: CopyState | None) -> bool:
    """Whether a run that was broken off sets out for what is wanted now."""
    came_from = {"" if base is None else base.run}
    return (
        found.replaces == wanted.replaces
        and found.aim == wanted.aim
        and (found.base in came_from or found.run in came_from)
        and found.layout.key == wanted.layout.key
        and found.layout.schema.equals(wanted.layout.schema)
        and (found.until is None) == (wanted.until is None)
    )


def finished(found: Unfinished, base: CopyState | None) -> bool:
    """Whether it had done all but to say so."""
    return base is not None and base.run == found.run and base.step == 0


def compares(spec: SyncSpec, base: CopyState, goal: Unfinished) -> bool:
    """Whether all keys are to be compared after the goal is reached."""
    if spec.deletes == "ignore" or goal.replaces or goal.until is None:
        return False
    due = spec.reconcile is not None and _due(base.compared, spec.reconcile, goal.until)
    return due or goal.compare


def ask_all(goal: Unfinished, *, with_deleted: bool) -> Ask:
    """Every row."""
    return Ask(goal.layout.columns, with_deleted=with_deleted)


def ask_window(goal: Unfinished, subject: Subject, shape: Shape) -> Ask:
    """What has changed in the window."""
    assert shape.cursor is not None and goal.since is not None and goal.until is not None
    return Ask(
        present(goal, subject),
        window=Window(shape.cursor, goal.since, goal.until, shape.nulls),
        with_deleted=shape.reads_deleted,
    )


def ask_patch(goal: Unfinished, shape: Shape, columns: tuple[str, ...], *, filled: bool) -> Ask:
    """The key and some columns of every row, or of those where one is not null."""
    names = tuple(dict.fromkeys((*shape.key, *columns)))
    return Ask(names, filled=columns if filled else ())


def present(goal: Unfinished, subject: Subject) -> tuple[str, ...]:
    """The columns of the copy that the subject still has."""
    return tuple(name for name in goal.layout.columns if name in subject.schema.names)


def _aim(spec: SyncSpec, subject: Subject, shape: Shape) -> str:
    return f"{subject.fingerprint} by {shape.cursor} and {', '.join(shape.key)}, {spec.deletes}"


def _due(last: datetime | None, every: timedelta, now: datetime) -> bool:
    return last is None or now - last >= every
