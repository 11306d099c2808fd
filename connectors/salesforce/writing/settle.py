"""What became of rows whose answer was lost: the org is asked, nothing is guessed.

* **update, delete, upsert**: the records are read back. Where one holds all that was sent (or is
  deleted), it is done; where not, sending it again does no harm.
* **insert with a unique key**: a record with the key that this user made since the chunk was
  begun is ours. Where there is none the row is sent again, which the key makes safe.
* **insert without a key**: the records that this user made since then are compared with the rows,
  as a multiset. What is found is ours; what is not is sent again, except where that might double a
  record: after a request that the org was still at work on (a timeout), or where a record
  resembles the row without being equal to it (a trigger may have changed it). Then the outcome is
  ``UNKNOWN_OUTCOME``.

Limits. Times have whole seconds: a record that this user made elsewhere in the second in which the
chunk was begun counts as the chunk's. For inserts without a key: the org must begin a request
within the seconds that are waited before the last look; equal rows written by this user at the same
time from elsewhere can't be told apart; where a process dies while it tries locked rows of one call
again and another call is lost, the other call's equal rows may be taken for the first one's. With a
unique key no row can be doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Lookup, Promise
from isthmus.connectors.predicates import Compare, Predicate
from isthmus.connectors.salesforce.planning import judged
from isthmus.connectors.salesforce.writing.batch import Batch
from isthmus.connectors.salesforce.writing.claims import Claimant
from isthmus.connectors.salesforce.writing.columns import Target
from isthmus.connectors.salesforce.writing.looking import Looking, Record, folded, path_of
from isthmus.connectors.salesforce.writing.outcomes import UNKNOWN, Outcome, failed
from isthmus.connectors.salesforce.writing.sameness import kept_as
from isthmus.connectors.writing import WriteKind

__all__ = ["Witness", "settle"]

_CREATED: Final = "CreatedDate"
_CREATOR: Final = "CreatedById"
#: Looks for records that have no key, one after the other.
_LOOKS: Final = 3


@dataclass(frozen=True)
class Witness:
    """What is known of the time before the rows were sent.

    Attributes:
        since: the org's time when they were about to be sent for the first time.
        me: gives the id of the user that writes.
        claimant: whose rows they are.
        known: gives the ids of records of which it is known already which rows they are.
        wait: waits a while before another look, which counts from 0.
    """

    looking: Looking
    since: datetime
    me: Callable[[], str]
    claimant: Claimant
    known: Callable[[], Collection[str]]
    wait: Callable[[int], None]

    def taken(self) -> set[str]:
        """Ids of records that are other rows'."""
        return {*self.claimant.taken(), *self.known()}


def settle(
    batch: Batch, rows: Iterable[int], witness: Witness, *, slow: bool = False
) -> dict[int, Outcome]:
    """The outcomes of the rows that are done, or of which nobody can tell; the rest is not done.

    Args:
        batch: what was sent.
        rows: those of it in doubt.
        witness: who looks, and since when.
        slow: the org was still at work when it was last heard of.
    """
    doubtful = list(rows)
    kind, key = batch.request.kind, batch.key_target
    if kind is WriteKind.DELETE:
        return _deleted(batch, doubtful, witness)
    if kind is WriteKind.UPDATE:
        return _compared(batch, doubtful, witness)
    if key is None:
        return _resembling(batch, doubtful, witness, slow)
    keyed = [row for row in doubtful if batch.keys[row] is not None]
    if kind is WriteKind.INSERT:
        done = _made(batch, keyed, witness)
    else:
        done = _compared(batch, keyed, witness)
    keyless = [row for row in doubtful if batch.keys[row] is None]
    return done | _resembling(batch, keyless, witness, slow) if keyless else done


def _deleted(batch: Batch, rows: list[int], witness: Witness) -> dict[int, Outcome]:
    table = batch.request.table
    has_bin = any(column.name == "IsDeleted" for column in table.columns)
    ids = [batch.keys[row] for row in rows]
    columns = ("IsDeleted",) if has_bin else ()
    found = witness.looking.by_keys(table, "Id", ids, columns, deleted=has_bin)
    there = {record["Id"]: record for record in found}
    done = {}
    for row in rows:
        record = there.get(batch.keys[row])
        if record is not None and record.get("IsDeleted"):
            done[row] = Outcome(True, record["Id"], created=False)
    return done


def _made(batch: Batch, rows: list[int], witness: Witness) -> dict[int, Outcome]:
    """Inserts with a key: records that we made are ours, whatever a trigger did to them."""
    found = _by_key(batch, rows, witness, _stamps(batch.request.table), ())
    taken = witness.taken()
    return {
        row: Outcome(True, record["Id"], created=True)
        for row, record in found.items()
        if _is_new(record, witness, taken)
    }


def _compared(batch: Batch, rows: list[int], witness: Witness) -> dict[int, Outcome]:
    """Updates and upserts: records that hold all that was sent."""
    table = batch.request.table
    comparing = _Comparing.of(batch)
    columns = [*comparing.columns, *_stamps(table)]
    found = _by_key(batch, rows, witness, columns, comparing.lookups)
    upserts = batch.request.kind is WriteKind.UPSERT and batch.request.key != "Id"
    taken = witness.taken()
    done = {}
    for row, record in found.items():
        new = upserts and _is_new(record, witness, taken)
        if new or comparing.holds(row, record):
            told = new if not upserts or _stamps(table) else None
            done[row] = Outcome(True, record["Id"], created=told)
    return done


def _by_key(
    batch: Batch,
    rows: list[int],
    witness: Witness,
    columns: Iterable[str],
    lookups: tuple[Lookup, ...],
) -> dict[int, Record]:
    """The one record that each row's key names."""
    table, key = batch.request.table, batch.request.key
    assert key is not None
    values = {row: batch.keys[row] for row in rows}
    asked = witness.looking.by_keys(
        table, key, dict.fromkeys(values.values()), ("Id", *columns), lookups=lookups
    )
    by_key: dict[Hashable, list[Record]] = {}
    for record in asked:
        by_key.setdefault(folded(table, key, record[key]), []).append(record)
    found = {}
    for row, value in values.items():
        matching = by_key.get(folded(table, key, value), [])
        if len(matching) == 1:  # a key that is not unique names none of several
            found[row] = matching[0]
    return found


def _stamps(table: Table) -> tuple[str, ...]:
    names = {column.name for column in table.columns}
    return (_CREATED, _CREATOR) if {_CREATED, _CREATOR} <= names else ()


def _is_new(record: Record, witness: Witness, taken: Collection[str]) -> bool:
    created = record.get(_CREATED)
    return (
        created is not None
        and record["Id"] not in taken
        and created >= witness.since.replace(microsecond=0)
        and record[_CREATOR] == witness.me()
    )


@dataclass(frozen=True)
class _Comparing:
    """Compares a batch's rows with records.

    Attributes:
        lookups: read along, for references that are given by a key.
        blind: some field can't be read back.
        forms: for each target its values in the form in which they are compared.
        given: for each target, which rows set it; none set the key anew.
    """

    batch: Batch
    lookups: tuple[Lookup, ...]
    blind: bool
    forms: tuple[list[Hashable], ...]
    given: tuple[list[bool], ...]

    @classmethod
    def of(cls, batch: Batch) -> _Comparing:
        lookups, blind = [], False
        for target in batch.targets:
            lookup = path_of(batch.request.table, target)
            if lookup is not None:
                lookups.append(lookup)
            elif target.parent is not None:
                blind = True
        return cls(
            batch,
            tuple(lookups),
            blind,
            tuple([_form(t, value) for value in batch.values(t)] for t in batch.targets),
            tuple(
                [False] * len(batch) if t is batch.key_target else batch.is_given(t)
                for t in batch.targets
            ),
        )

    @property
    def columns(self) -> list[str]:
        return [target.field.name for target in self.batch.targets]

    def read(self, number: int, record: Record) -> Hashable:
        """What a record holds in a target's field, in the form in which it is compared."""
        target = self.batch.targets[number]
        name = target.field.name
        return _form(target, record[name if target.parent is None else f"{name}.{target.key}"])

    def holds(self, row: int, record: Record) -> bool:
        """Whether a record holds all that the row sets."""
        return not self.blind and all(
            self._same(number, row, record) for number, given in enumerate(self.given) if given[row]
        )

    def filled(self, row: int) -> tuple[int, ...]:
        """The targets for which the row has a value; what is null may have got a default."""
        return tuple(
            number
            for number, forms in enumerate(self.forms)
            if forms[row] is not None and self.given[number][row]
        )

    def _same(self, number: int, row: int, record: Record) -> bool:
        target, form = self.batch.targets[number], self.forms[number][row]
        if form is None and target.parent is not None:
            return record[target.field.name] is None
        return form == self.read(number, record)


def _form(target: Target, value: Any) -> Hashable:
    if target.parent is None:
        return kept_as(target, value)
    form: Hashable = folded(target.parent, target.column.name, value)
    return form


def _resembling(batch: Batch, rows: list[int], witness: Witness, slow: bool) -> dict[int, Outcome]:
    """Inserts without a key, found among what this user has made since."""
    comparing = _Comparing.of(batch)
    table = batch.request.table
    if comparing.blind or not _can_look(table, witness):
        return {row: _unknown("its records can't be read back") for row in rows}
    with witness.claimant.looking():
        done, strangers = _looked_up(comparing, rows, witness)
        witness.claimant.claim(outcome.id for outcome in done.values() if outcome.id)
    for row in rows:
        if row in done:
            continue
        if slow:
            done[row] = _unknown("the org was still at work on it and may yet make the record")
        elif any(_alike(comparing, row, record) for record in strangers):
            done[row] = _unknown("a record like it was made, but not equal to it")
    return done


def _looked_up(
    comparing: _Comparing, rows: list[int], witness: Witness
) -> tuple[dict[int, Outcome], list[Record]]:
    """The rows that are found, as often as it takes; and the records that are none of them."""
    look = 0
    while True:
        done, strangers = _matched(comparing, rows, _made_since(comparing, witness))
        look += 1
        if len(done) == len(rows) or look == _LOOKS:
            return done, strangers
        witness.wait(look - 1)


def _can_look(table: Table, witness: Witness) -> bool:
    return bool(_stamps(table)) and all(
        judged(table, one).promise is not Promise.LOCAL for one in _since(witness)
    )


def _since(witness: Witness) -> tuple[Predicate, ...]:
    since = witness.since.replace(microsecond=0)
    return Compare(_CREATED, ">=", since), Compare(_CREATOR, "=", witness.me())


def _made_since(comparing: _Comparing, witness: Witness) -> list[Record]:
    table = comparing.batch.request.table
    columns = ["Id", *comparing.columns, _CREATED, _CREATOR]
    taken = witness.taken()
    found = witness.looking.records(table, columns, _since(witness), lookups=comparing.lookups)
    return [record for record in found if _is_new(record, witness, taken)]


def _matched(
    comparing: _Comparing, rows: list[int], records: list[Record]
) -> tuple[dict[int, Outcome], list[Record]]:
    """Each row with a record of its own, those with the most values first; and the rest."""
    left = dict(enumerate(records))
    done: dict[int, Outcome] = {}
    for pattern, those in _by_pattern(comparing, rows):
        shelf: dict[Hashable, list[int]] = {}
        for number, record in left.items():
            shelf.setdefault(tuple(comparing.read(n, record) for n in pattern), []).append(number)
        for row in those:
            equal = shelf.get(tuple(comparing.forms[n][row] for n in pattern))
            if equal:
                record = left.pop(equal.pop(0))
                done[row] = Outcome(True, record["Id"], created=True)
    return done, list(left.values())


def _by_pattern(comparing: _Comparing, rows: list[int]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Rows by the fields that they fill; those that fill none resemble everything."""
    found: dict[tuple[int, ...], list[int]] = {}
    for row in rows:
        if pattern := comparing.filled(row):
            found.setdefault(pattern, []).append(row)
    return sorted(found.items(), key=lambda item: -len(item[0]))


def _alike(comparing: _Comparing, row: int, record: Record) -> bool:
    """Whether at least half of what the row fills is there."""
    filled = comparing.filled(row)
    same = sum(comparing.forms[n][row] == comparing.read(n, record) for n in filled)
    return 2 * same >= len(filled)


def _unknown(why: str) -> Outcome:
    return failed(
        UNKNOWN,
        f"the answer was lost, and whether the record was made can't be told: {why}. "
        "Look it up; with a unique key this can't happen.",
    )
