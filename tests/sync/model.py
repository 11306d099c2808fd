"""Anything may happen in the org between two runs; after each the copy is what the org holds.

CI does so a few times, ``python -m tests.sync.model --examples 1000 --steps 40`` often.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.sync.org import Crm, accounts, copied, running_crm

__all__ = ["DONE", "SHARED", "Copying", "often"]

#: The org that the machine changes; it is begun once.
SHARED: list[Crm] = []
#: How often each thing was done.
DONE: Counter[str] = Counter()
_TEXTS = ("", "a", "É\U0001f600", "it's", "NULL", "a\nb")
_HOW = ("update", "update", "late", "late", "delete", "erase")


class Copying(RuleBasedStateMachine):
    """Two copies of the same table in different stores; both must be right."""

    def __init__(self) -> None:
        super().__init__()
        self.crm = SHARED[0]
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.con = self.stack.enter_context(self.crm.connected(self.folder))
        self.fields: list[str] = []
        self.erased = False
        self.last: Any = None
        self.began = False

    @initialize(rows=st.integers(1, 5), field=st.booleans())
    def begin(self, rows: int, field: bool) -> None:
        """All that happens happens to rows that were copied before."""
        self.crm.sql(f"DELETE FROM {self.crm.table()}")
        self.crm.pass_time(86_400)
        for _ in range(rows):
            self.crm.create()
        self.crm.pass_time(3_600)  # beyond the overlap: what nothing tells of is not read again
        self.run(1000, full=False)
        self.began = True
        if field:
            self.add_field(filled=True)

    def ids(self) -> list[str]:
        return sorted(self.crm.live())

    def deleted(self) -> list[str]:
        rows = self.crm.sql(f"SELECT Id FROM {self.crm.table()} WHERE IsDeleted ORDER BY Id")
        return [row[0] for row in rows]

    @rule(name=st.sampled_from(_TEXTS))
    def create(self, name: str) -> None:
        DONE["create"] += 1
        self.crm.create(Name=name or "x")

    @precondition(lambda self: self.ids())
    @rule(how=st.sampled_from(_HOW), pick=st.integers(0, 99), seconds=st.integers(1, 599))
    def touch(self, how: str, pick: int, seconds: int) -> None:
        """One rule for all, since Hypothesis leaves some rules out of each example."""
        ids = self.ids()
        id = ids[pick % len(ids)]
        DONE[how] += 1
        if how == "delete":
            self.crm.delete(id)
        elif how == "erase":
            # nothing tells of it: the next run has to compare all keys
            self.crm.org.erase("Account", [id])
            self.erased = True
        else:
            fields: dict[str, Any] = {"Description": f"{how} {pick}" if pick % 3 else None}
            if self.fields:
                fields[self.fields[pick % len(self.fields)]] = _TEXTS[pick % len(_TEXTS)] or None
            self.crm.update(id, **fields)
        if how == "late":
            # written before the last run's end, within the overlap, and committed only now
            self.crm.stamp(id, self.last - timedelta(seconds=seconds))

    @precondition(lambda self: self.deleted())
    @rule(pick=st.integers(0, 99))
    def undelete(self, pick: int) -> None:
        DONE["undelete"] += 1
        ids = self.deleted()
        self.crm.undelete(ids[pick % len(ids)])

    @precondition(lambda self: len(self.fields) < 3)
    @rule(filled=st.booleans())
    def add_field(self, filled: bool) -> None:
        DONE["add a field"] += 1
        name = f"F{len(self.fields)}__c"
        self.crm.org.add_field("Account", name, "string", length=50)
        self.fields.append(name)
        if filled:  # its default moves no stamp
            self.crm.sql(f"UPDATE {self.crm.table()} SET {name} = 'default'")

    @rule(seconds=st.sampled_from([1, 59, 60, 3_600, 86_400, 86_400 * 16]))
    def pass_time(self, seconds: int) -> None:
        self.crm.pass_time(seconds)

    @rule(part=st.sampled_from([1, 2, 1000]), full=st.sampled_from([False, False, False, True]))
    def run(self, part: int, full: bool) -> None:
        self.crm.pass_time(1)  # the second that is not over yet belongs to the next run
        for kind in ("sqlite:copy.sqlite#a", "parquet:copy"):
            where, _, place = kind.partition(":")
            to = f"{where}:{self.folder}/{place}"
            done = self.con.sync(
                "crm.Account",
                to=to,
                mode="incremental",
                rows_per_part=part,
                full=full,
                reconcile=0 if self.erased else None,
            )
            DONE["runs"] += 1
            assert done.until == self.crm.now
            assert accounts(self.con, to) == self.crm.live()
            if self.fields:
                self.check_fields(to)
        self.erased = False
        self.last = self.crm.now

    def check_fields(self, to: str) -> None:
        listed = ", ".join(self.fields)
        rows = self.crm.sql(f"SELECT Id, {listed} FROM {self.crm.table()} WHERE NOT IsDeleted")
        found = {tuple(r.values()) for r in copied(self.con, to, ["Id", *self.fields])}
        assert found == set(rows)

    def teardown(self) -> None:
        try:
            if self.began:
                self.run(1000, full=False)
        finally:
            self.stack.close()
            for name in self.fields:
                self.crm.org.remove_field("Account", name)


def often(examples: int, steps: int) -> settings:
    """So many ways through, of so many steps each."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def main() -> None:
    """Go many ways, and print how many things were done on them."""
    parser = argparse.ArgumentParser(prog="python -m tests.sync.model", description=main.__doc__)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    began = time.monotonic()
    with running_crm() as crm:
        SHARED.append(crm)
        machine = seed(given.seed)(Copying)
        run_state_machine_as_test(machine, settings=often(given.examples, given.steps))
    counts = ", ".join(f"{name} {count}" for name, count in DONE.most_common())
    print(f"{counts}; all copies right, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
