"""Sending the rows of one call until each has an outcome.

A request that certainly did not arrive, or was refused unseen, is sent again after a wait. One that
may have been done is settled first (`settle`). Rows that met a lock are sent again, they alone.
A row that makes the org refuse the whole call is found by halving.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from isthmus.connectors.salesforce.client import Missed
from isthmus.connectors.salesforce.writing import noted
from isthmus.connectors.salesforce.writing.batch import Batch
from isthmus.connectors.salesforce.writing.calls import Calls, may_repeat
from isthmus.connectors.salesforce.writing.claims import Claimant
from isthmus.connectors.salesforce.writing.locks import TRIES, locked_rows
from isthmus.connectors.salesforce.writing.looking import Looking
from isthmus.connectors.salesforce.writing.outcomes import UNKNOWN, UNPROCESSED, Outcome, failed
from isthmus.connectors.salesforce.writing.paths import Path, refused
from isthmus.connectors.salesforce.writing.settle import Witness, settle
from isthmus.connectors.writing import Notes, WriteKind

__all__ = ["Around", "Sending"]

Outcomes = dict[int, Outcome]
#: Rows of one call that are refused in calls of their own before the others are given up.
_REFUSED: Final = 16


@dataclass(frozen=True)
class Around:
    """What a write has around it.

    Attributes:
        notes: of the chunk.
        now: the org's time, as it last told it.
        me: gives the id of the user that writes.
        claimant: a part of the chunk among all others.
    """

    calls: Calls
    looking: Looking
    notes: Notes
    now: datetime
    me: Callable[[], str]
    claimant: Callable[[str], Claimant]


class Sending:
    """Sends what one call holds.

    Args:
        batch: the rows.
        path: the way to send them.
        part: their name in the notes.
    """

    def __init__(self, batch: Batch, path: Path, around: Around, part: str) -> None:
        self.batch = batch
        self._path = path
        self._calls = around.calls
        self._notes = around.notes
        self._part = part
        self._done = noted.known(around.notes, part)
        self._claimant = around.claimant(part)
        begun = noted.since(around.notes, part)
        self._doubted = begun is not None
        if begun is None:
            noted.note_since(around.notes, part, around.now)
        self.witness = Witness(
            looking=around.looking,
            since=begun or around.now,
            me=around.me,
            claimant=self._claimant,
            known=lambda: {o.id for o in self._done.values() if o.id},
            wait=lambda look: self._calls.context.wait(self._calls.policy.wait(look)),
        )
        self._refusals = 0

    def run(self) -> Outcomes:
        """An outcome for each row.

        Raises:
            SourceUnavailable: it is not known what became of the rows; running again goes on.
        """
        if self._doubted:
            self._done |= self._settled(self._left(), slow=False)
        for tried in range(TRIES + 1):
            self._done |= self._exchanged(self._left())
            locked = locked_rows(self._done)
            if not locked or tried == TRIES:
                break
            self._forget(locked)
            self._calls.context.wait(self._calls.policy.wait(tried))
        return self._done

    def _left(self) -> list[int]:
        return [row for row in range(len(self.batch)) if row not in self._done]

    def _forget(self, locked: list[int]) -> None:
        """Let locked rows be sent again; in a chunk that is written whole, all."""
        whole = self.batch.request.all_or_none
        for row in list(self._done) if whole else locked:
            del self._done[row]
        noted.note_known(self._notes, self._part, self._done)

    def _exchanged(self, rows: list[int]) -> Outcomes:
        """Send rows until the org answers, or it is known what became of them."""
        done: Outcomes = {}
        left, misses = rows, 0
        while left:
            try:
                told = self._sent(self.batch.take(left))
                return done | self._reviewed(dict(zip(left, told, strict=True)))
            except Missed as missed:
                fault = refused(missed)
                if fault is not None:
                    return done | self._halved(left, fault)
                self._pause(missed, misses)
                misses += 1
                if missed.applied:
                    self._doubted = True
                    slow = missed.refusal.code == "TIMEOUT"
                    done |= self._settled(left, slow=slow)
                    left = [row for row in left if row not in done]
        return done

    def _sent(self, batch: Batch) -> list[Outcome]:
        """What the org tells of rows.

        Raises:
            Missed: no good answer came.
        """
        if batch.request.kind is not WriteKind.INSERT or batch.key_target is not None:
            return self._path.send(batch, self._calls)
        with self._claimant.sending():
            told = self._path.send(batch, self._calls)
            self._claimant.claim(one.id for one in told if one.success and one.id)
            return told

    def _pause(self, missed: Missed, misses: int) -> None:
        """Wait before another try.

        Raises:
            IsthmusError: there is no point in one.
        """
        policy, asked = self._calls.policy, missed.refusal.retry_after
        patient = (asked or 0.0) <= policy.patience
        if not may_repeat(missed) or misses >= policy.repeats or not patient:
            raise self._calls.error(missed, misses + 1) from missed
        self._calls.context.wait(policy.wait(misses, asked))

    def _halved(self, rows: list[int], fault: Outcome) -> Outcomes:
        """The call was refused for some row's sake: find it, so that the others are written."""
        if len(rows) == 1 or self.batch.request.all_or_none:
            self._refusals += 1
            return dict.fromkeys(rows, fault)
        middle = len(rows) // 2
        done: Outcomes = {}
        for half in (rows[:middle], rows[middle:]):
            if self._refusals >= _REFUSED:
                message = f"not sent: its call was refused for {_REFUSED} other rows: "
                why = f"{message}{fault.error_code}: {fault.error_message}"
                done |= dict.fromkeys(half, failed(UNPROCESSED, why))
            else:
                done |= self._exchanged(half)
        return done

    def _settled(self, rows: list[int], *, slow: bool) -> Outcomes:
        if not rows:
            return {}
        done = settle(self.batch, rows, self.witness, slow=slow)
        if not self.batch.request.all_or_none or len(done) == len(rows):
            return done
        if self.batch.request.kind is WriteKind.INSERT and self.batch.key_target is None and done:
            lost = failed(
                UNKNOWN, "the chunk was written whole or not at all, and not all is found"
            )
            return {row: done.get(row, lost) for row in rows}
        return {}  # what is there was there before: the chunk is sent whole

    def _reviewed(self, outcomes: Outcomes) -> Outcomes:
        """What the org says of rows that were sent again after a doubt, seen in that light."""
        if not self._doubted:
            return outcomes
        kind, keyed = self.batch.request.kind, self.batch.key_target is not None
        if kind is WriteKind.DELETE:
            return {row: _gone(o, self.batch.keys[row]) for row, o in outcomes.items()}
        if kind is WriteKind.INSERT and keyed:
            odd = [row for row, o in outcomes.items() if o.error_code == "DUPLICATE_VALUE"]
        elif kind is WriteKind.UPSERT:
            odd = [row for row, o in outcomes.items() if o.success and o.created is False]
        else:
            odd = []
        if not odd:
            return outcomes
        return outcomes | settle(self.batch, odd, self.witness)


def _gone(outcome: Outcome, id: str) -> Outcome:
    """A record that is deleted already: by the call whose answer was lost."""
    if outcome.error_code != "ENTITY_IS_DELETED":
        return outcome
    return Outcome(True, id, created=False)
