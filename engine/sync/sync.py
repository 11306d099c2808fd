"""One sync: what its next run would do, and the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.syncs import SyncSpec
from isthmus.connectors.places import PlaceLost
from isthmus.connectors.targets.contract import Layout, Part, PartKind, Target, demand_held
from isthmus.engine.ledger import Terms
from isthmus.engine.sync import goal as goals
from isthmus.engine.sync.asking import Ask
from isthmus.engine.sync.book import RunRecord, SyncBook
from isthmus.engine.sync.compare import compared
from isthmus.engine.sync.copystate import CopyState
from isthmus.engine.sync.drift import Drifted, drifted
from isthmus.engine.sync.hold import held
from isthmus.engine.sync.journal import Journal, Unfinished
from isthmus.engine.sync.result import SyncPlan, SyncProgress, SyncRun
from isthmus.engine.sync.shape import shape_of, warnings
from isthmus.engine.sync.stage import Stage
from isthmus.engine.sync.steps import deletions, flagged, read_keys, removals, write_keys
from isthmus.engine.sync.subject import Priced, Reading, Subject
from isthmus.errors import ConfigError, DataError

__all__ = ["OnProgress", "Sync"]

OnProgress = Callable[[SyncProgress], None]

#: How many rows that a comparison found missing are asked for at once.
_KEYS_AT_ONCE: Final = 200


@dataclass
class _Counts:
    rows_in: int = 0
    rows_out: int = 0
    deleted: int = 0

    def add(self, part: Part, *, removes: bool) -> None:
        if removes or part.kind is PartKind.DELETE:
            self.deleted += part.rows.num_rows
        else:
            self.rows_out += part.rows.num_rows


class Sync:
    """One sync of a project, over one subject and one target.

    Args:
        spec: what is wanted.
        subject: what is copied.
        target: where to; closed by whoever made it.
        folder: of this sync, in the state folder.
        book: the history.
        terms: what the run may spend.
        on_progress: told how far a run is.

    Raises:
        ConfigError: the subject can't be copied as the sync wants it.
    """

    def __init__(
        self,
        spec: SyncSpec,
        subject: Subject,
        target: Target,
        folder: Path,
        book: SyncBook,
        terms: Terms,
        on_progress: OnProgress | None = None,
    ) -> None:
        self.spec = spec
        self._subject = subject
        self._target = target
        self._folder = folder
        self._book = book
        self._terms = terms
        self._on_progress = on_progress
        self._shape = shape_of(spec, subject)
        self._marks = spec.deletes == "mark"
        self._reading = Reading(terms, {}, [])
        self._journal = Journal(folder)
        self._counts = _Counts()
        self._expected: int | None = None
        self._clock: tuple[datetime, float] | None = None

    # --- before

    def plan(self, *, full: bool = False) -> SyncPlan:
        """What the next run would do, with its bill.

        Nothing is read but the target's state, and no data call is made.
        """
        return self._plan(self._state(), full)

    def _plan(self, state: CopyState | None, full: bool) -> SyncPlan:
        now = datetime.now(UTC)
        if self._replaces(state, full):
            goal = goals.replacement(self.spec, self._subject, self._shape, state, now)
            asks = [self._ask_all(goal)]
            said: tuple[str, ...] = ("the copy is made anew",)
        else:
            assert state is not None
            drift = self._drifted(state)
            goal = goals.window(self.spec, self._subject, self._shape, state, drift, now)
            asks = [goals.ask_window(goal, self._subject, self._shape)]
            asks += [ask for _, ask, _ in self._patches(goal)]
            asks += [Ask(self._shape.key)] if goals.compares(self.spec, state, goal) else []
            said = drift.said
        questions = tuple(priced for ask in asks for priced in self._priced(ask))
        asked = self._shape.asks_deletions and not goal.replaces
        return SyncPlan(
            sync=self.spec.name,
            mode="full" if goal.replaces else "incremental",
            target=self._target.name,
            questions=questions,
            other_calls={questions[0].source: 1} if asked and questions else {},
            since=goal.since,
            changes=said,
            warnings=self._warnings(),
        )

    def _priced(self, ask: Ask) -> list[Priced]:
        """What a question would cost.

        Rows come after they were counted, so that no count bounds those of a window; nor those
        that a comparison of all keys finds missing.
        """
        priced = self._subject.price(ask)
        unbound = ask.window is not None or ask == Ask(self._shape.key)
        return [replace(one, high=None) for one in priced] if unbound else priced

    # --- the run

    def run(self, *, full: bool = False) -> SyncRun:
        """Bring the copy up to now.

        A run that was broken off is taken up: what it had fetched is not fetched again, but for
        one part at the most.

        Args:
            full: make the copy anew.

        Raises:
            SyncRunning: another run of it has not ended.
            BudgetExceeded: it is predicted to cost too much, or did.
            ConfigError, DataError: columns, key or cursor do not fit.
            IsthmusError: of a source or of the target; running it again goes on.
        """
        began = time.monotonic()
        with held(self.spec.name, self._folder):
            self._book.break_off(self.spec.name)
            record = RunRecord(
                run=Journal.new_run(),
                sync=self.spec.name,
                subject=self._subject.name,
                target=self._target.name,
                mode=self.spec.mode,
                state="running",
                started=datetime.now(UTC),
            )
            self._book.write(record)
            try:
                done = self._run(full, record, began)
            except BaseException as error:
                self._reading.stop()
                self._book.write(self._ended(record, error))
                raise
            self._book.write(self._ended(record, None, done))
        return done

    def _run(self, full: bool, record: RunRecord, began: float) -> SyncRun:
        state = self._state()
        replaces = self._replaces(state, full)
        plan = self._plan(state, full)
        self._terms.demand(plan)
        self._expected = plan.estimate.rows
        if replaces:
            drift = None
            goal, resumed = self._taken_up(self._new_replacement(state), state)
            after = self._replace(goal)
        else:
            assert state is not None
            drift = self._drifted(state)
            state = self._evolve(state, drift)
            now = self._source_now()
            wanted = goals.window(self.spec, self._subject, self._shape, state, drift, now)
            goal, resumed = self._taken_up(wanted, state)
            goal = self._deletions_staged(goal)
            after = self._apply_window(goal, state)
            after = self._compare(goal, state, after)
        return SyncRun(
            sync=self.spec.name,
            run=record.run,
            mode="full" if replaces else "incremental",
            rows_in=self._counts.rows_in,
            rows_out=self._counts.rows_out,
            deleted=self._counts.deleted,
            bill=self._reading.bill,
            since=goal.since,
            until=after.until,
            resumed=resumed,
            changes=() if drift is None else drift.said,
            warnings=self._warnings(),
            seconds=time.monotonic() - began,
        )

    def _source_now(self) -> datetime:
        now = self._subject.now(self._reading)
        self._clock = (now, time.monotonic())
        return now

    def _lag(self, until: datetime) -> float:
        """Seconds from a moment until now by the source's clock, whatever this machine's shows."""
        assert self._clock is not None  # a window has been opened
        now, since = self._clock
        return (now - until).total_seconds() + time.monotonic() - since

    def _new_replacement(self, state: CopyState | None) -> Unfinished:
        now = None if self._shape.cursor is None else self._source_now()
        return goals.replacement(self.spec, self._subject, self._shape, state, now)

    def _taken_up(self, wanted: Unfinished, state: CopyState | None) -> tuple[Unfinished, bool]:
        """The run that was broken off, where it sets out for the same; else a new one."""
        found = self._journal.read()
        if (
            found is not None
            and not goals.finished(found, state)
            and goals.same_aim(found, wanted, state)
        ):
            return found, True
        self._journal.begin(wanted)
        return wanted, False

    # --- everything anew

    def _replace(self, goal: Unfinished) -> CopyState:
        demand_held(self._target, goal.layout.schema)
        stage = self._fetched("all", self._ask_all(goal), goal.layout.schema)
        state = CopyState(
            subject=self._subject.fingerprint,
            layout=goal.layout,
            until=goal.until,
            run=goal.run,
            compared=goal.until,
            refreshed={} if goal.until is None else dict.fromkeys(self.spec.refresh, goal.until),
        )
        self._target.replace(goal.layout, stage.batches(), state.to_text())
        self._counts.rows_out += stage.progress.rows
        self._journal.end()
        return state

    def _ask_all(self, goal: Unfinished) -> Ask:
        return goals.ask_all(goal, with_deleted=self._marks and self._shape.reads_deleted)

    # --- what has changed

    def _evolve(self, state: CopyState, drift: Drifted) -> CopyState:
        """Change the target's columns first: the new ones are known to lack values from then on."""
        if not drift.changes:
            return state
        demand_held(self._target, drift.layout.schema)
        added = [c.column for c in drift.changes if c.change.name == "ADD"]
        fill = tuple(n for n in (*state.fill, *added) if n in drift.layout.columns)
        evolved = replace(state, layout=drift.layout, fill=fill)
        self._target.evolve(drift.changes, state.layout, drift.layout, evolved.to_text())
        return evolved

    def _apply_window(self, goal: Unfinished, state: CopyState) -> CopyState:
        ask = goals.ask_window(goal, self._subject, self._shape)
        changed = self._fetched("changed", ask, goal.layout.schema)
        patches = [self._fetched(n, a, s) for n, a, s in self._patches(goal)]
        done = state.step if state.run == goal.run else 0
        for number, (part, removes) in enumerate(self._parts(goal, changed, patches), 1):
            if number > done:
                now = replace(state, run=goal.run, step=number)
                self._target.apply(part, goal.layout, now.to_text())
            self._counts.add(part, removes=removes)
            self._tell("writing")
        after = replace(
            state,
            until=goal.until,
            run=goal.run,
            step=0,
            fill=(),
            compare=goal.compare,
            refreshed={**state.refreshed, **dict.fromkeys(goal.refresh, _known(goal.until))},
        )
        self._target.save_state(after.to_text())
        self._journal.end()
        return after

    def _deletions_staged(self, goal: Unfinished) -> Unfinished:
        """Ask for deletions before changes are read: what is back by then is seen to be back."""
        path = self._journal.staged / "deleted.arrow"
        if not self._shape.asks_deletions or path.exists():
            return goal
        assert goal.since is not None and goal.until is not None
        told = self._subject.deleted(goal.since, goal.until, self._reading)
        if told.since is not None:
            goal = replace(goal, compare=True)
            self._journal.begin(goal)
        write_keys(path, told.keys)
        return goal

    def _parts(
        self, goal: Unfinished, changed: Stage, patches: list[Stage]
    ) -> Iterator[tuple[Part, bool]]:
        """Every step of the run, the same ones each time, and whether it takes rows out."""
        keys = read_keys(self._journal.staged / "deleted.arrow")
        lost = deletions(keys, changed, self._shape, self.spec.rows_per_part)
        for part in removals(lost, goal.layout, self._shape, marks=self._marks):
            yield part, True
        for rows in changed.parts():
            for part in flagged(rows, self._shape, marks=self._marks):
                yield part, False
        for patch in patches:
            for rows in patch.parts():
                yield Part(PartKind.PATCH, rows), False

    def _patches(self, goal: Unfinished) -> list[tuple[str, Ask, pa.Schema]]:
        """Columns that are read beside the window: new ones, and those that move no cursor."""
        found = []
        names = goals.present(goal, self._subject)
        fill = tuple(n for n in goal.fill if n in names)
        refresh = tuple(n for n in goal.refresh if n not in fill)
        for name, columns, filled in (("fill", fill, True), ("refresh", refresh, False)):
            if columns:
                ask = goals.ask_patch(goal, self._shape, columns, filled=filled)
                schema = pa.schema([goal.layout.schema.field(n) for n in ask.columns])
                found.append((name, ask, schema))
        return found

    # --- all keys

    def _compare(self, goal: Unfinished, before: CopyState, state: CopyState) -> CopyState:
        """Remove what the source has lost, fetch what the copy lacks."""
        if not goals.compares(self.spec, before, goal):
            return state
        self._tell("comparing keys")
        layout, key = goal.layout, self._shape.key
        schema = pa.schema([layout.schema.field(n) for n in key])
        theirs = self._subject.read(Ask(key), self._reading)
        with compared(
            self._copied_keys(layout), theirs, schema, rows=self.spec.rows_per_part
        ) as found:
            for part in removals(found.gone, layout, self._shape, marks=self._marks):
                self._target.apply(part, layout, state.to_text())
                self._counts.deleted += part.rows.num_rows
            for keys in found.missing:
                for at in range(0, keys.num_rows, _KEYS_AT_ONCE):
                    self._fetch_missing(keys.slice(at, _KEYS_AT_ONCE), goal, state)
        after = replace(state, compare=False, compared=goal.until)
        self._target.save_state(after.to_text())
        return after

    def _copied_keys(self, layout: Layout) -> Iterator[pa.RecordBatch]:
        """The keys of the copy, without the rows that are marked as deleted."""
        key, flag = list(self._shape.key), self._shape.flag
        if not self._marks or flag is None:
            yield from self._target.rows(layout, key)
            return
        for batch in self._target.rows(layout, [*key, flag]):
            live = pc.invert(pc.fill_null(batch.column(flag), False))
            yield batch.filter(live).select(key)

    def _fetch_missing(self, keys: pa.Table, goal: Unfinished, state: CopyState) -> None:
        values = tuple(zip(*(c.to_pylist() for c in keys.columns), strict=True))
        ask = Ask(goals.present(goal, self._subject), keys=values)
        schema = goal.layout.schema
        read = self._subject.read(ask, self._reading)
        rows = pa.Table.from_batches([self._fitted(batch, schema) for batch in read], schema)
        if rows.num_rows:
            self._target.apply(Part(PartKind.UPSERT, rows), goal.layout, state.to_text())
            self._counts.rows_in += rows.num_rows
            self._counts.rows_out += rows.num_rows

    # --- reading

    def _fetched(self, name: str, ask: Ask, schema: pa.Schema) -> Stage:
        """The rows of a question, staged; what is staged already is not asked for."""
        stage = Stage(
            self._journal.staged / name,
            schema,
            self._shape.key,
            self.spec.rows_per_part,
            goes_on=self._subject.goes_on and self._shape.own_key,
        )
        try:
            self._fill(stage, ask)
        except PlaceLost:
            stage.lose_place()
            self._fill(stage, ask)
        self._counts.rows_in += stage.progress.rows
        return stage

    def _fill(self, stage: Stage, ask: Ask) -> None:
        done = stage.progress
        if done.whole:
            return
        # the place says more: whoever goes on behind a key asks for the rest anew
        behind = ask if done.place is not None else replace(ask, after=done.after)
        come = self._subject.read_from(behind, done.place, self._reading)
        fitted = (replace(c, rows=self._fitted(c.rows, stage.schema)) for c in come)
        for _ in stage.fill(fitted, self._target.name):
            self._tell("reading", stage.progress.rows)

    def _fitted(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        """The rows under the copy's columns and types; what the source has lost is null."""
        names = set(batch.schema.names)
        arrays = [
            _cast(batch.column(f.name), f, self.spec.name)
            if f.name in names
            else pa.nulls(batch.num_rows, f.type)
            for f in schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    # --- what is known

    def _state(self) -> CopyState | None:
        text = self._target.read_state()
        return None if text is None else CopyState.from_text(text, self._target.name)

    def _replaces(self, state: CopyState | None, full: bool) -> bool:
        """Whether the copy is made anew.

        Raises:
            ConfigError: it would have to be, and nobody has said so.
        """
        if full or state is None or self.spec.mode == "full":
            if state is not None and not full:
                self._demand_same(state)
            return True
        self._demand_same(state)
        return state.until is None

    def _demand_same(self, state: CopyState) -> None:
        if state.subject != self._subject.fingerprint:
            raise ConfigError(
                f"sync {self.spec.name}: {self._target.name} holds the copy of something else",
                place=self.spec.place,
                remedy="Choose another target, or make the copy anew: isthmus sync run "
                f"{self.spec.name} --full.",
            )
        if self.spec.mode == "incremental" and state.layout.key != self._shape.key:
            raise ConfigError(
                f"sync {self.spec.name}: the copy's key is {', '.join(state.layout.key) or 'none'}",
                place=self.spec.place,
                remedy=f"Make the copy anew: isthmus sync run {self.spec.name} --full.",
            )

    def _drifted(self, state: CopyState) -> Drifted:
        return drifted(state.layout, self._subject.schema, self.spec.drift, self.spec.name)

    def _warnings(self) -> tuple[str, ...]:
        return warnings(self.spec, self._subject, self._shape)

    def _tell(self, doing: str, rows: int | None = None) -> None:
        if self._on_progress is not None:
            reading = self._reading
            fetched = self._counts.rows_in + (rows or 0)
            self._on_progress(
                SyncProgress(doing, fetched, self._expected, reading.pages, reading.bill.calls)
            )

    def _ended(
        self, record: RunRecord, error: BaseException | None, done: SyncRun | None = None
    ) -> RunRecord:
        ended, bill = datetime.now(UTC), self._reading.bill
        until = None if done is None else done.until
        return replace(
            record,
            mode=record.mode if done is None else done.mode,
            state="done" if error is None else "failed",
            ended=ended,
            rows_in=self._counts.rows_in,
            rows_out=self._counts.rows_out,
            deleted=self._counts.deleted,
            calls=bill.calls,
            bytes=bill.bytes,
            until=until,
            lag_seconds=None if until is None else self._lag(until),
            resumed=done is not None and done.resumed,
            error=None if error is None else str(error) or type(error).__name__,
            warnings="\n".join(self._warnings()) or None,
        )


def _cast(array: pa.Array, field: pa.Field, name: str) -> pa.Array:
    if array.type == field.type:
        return array
    try:
        return pc.cast(array, field.type)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"sync {name}: a value of {field.name} does not fit {field.type}, the copy's type: "
            f"{error}",
            remedy='Say drift = {widened = "evolve"}, or make the copy anew: --full.',
        ) from error


def _known(until: datetime | None) -> datetime:
    assert until is not None  # a window has an end
    return until
