"""Flip every promise, one by one, and see that the tests notice: ``python -m tests.mutation``.

Prints a table: the promise, what it became, and the first tests that failed. Returns 1 if a flip
was noticed by no test. With ``--record FILE`` each verdict is written down as it is found, and a
run that was broken off goes on from there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.mutation.mutants import Mutant, all_mutants
from tests.mutation.record import Record
from tests.mutation.run import caught_by, failing

#: What is asked of the tests, the quickest first.
STEPS = (
    (
        "tests/connectors/salesforce/test_salesforce_judge.py",
        "tests/mutation/test_survivors.py",
    ),
    tuple(
        f"tests/connectors/salesforce/test_salesforce_{name}.py"
        for name in ("aggregates", "children", "lookups", "order", "wide")
    ),
    (
        "tests/connectors/salesforce",
        "--ignore=tests/connectors/salesforce/test_salesforce_faults.py",
    ),
    ("tests/engine/test_plans.py",),
    ("tests/differential/test_differential.py",),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them all, or those whose name contains a word."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose name has one of these")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--record", type=Path, help="keep the verdicts here, and go on from them")
    given = parser.parse_args(arguments)
    chosen = [m for m in all_mutants() if not given.words or any(w in m.name for w in given.words)]
    record = Record(given.record)
    if not record.sound:
        if broken := failing(STEPS):
            print("these fail without a flip, so they prove nothing:", *broken, sep="\n")
            return 2
        record.note_sound()
    began, survived = time.monotonic(), []
    print("| promise | flip | source | caught by |\n|---|---|---|---|")
    with ThreadPoolExecutor(given.processes) as pool:
        for mutant, caught in pool.map(partial(_judged, record), chosen):
            print(_line(mutant, caught), flush=True)
            if caught is None:
                survived.append(mutant.name)
    print(
        f"\n{len(chosen)} flips, {len(chosen) - len(survived)} caught, "
        f"{time.monotonic() - began:.0f} s" + "".join(f"\nsurvived: {n}" for n in survived)
    )
    return 1 if survived else 0


def _judged(record: Record, mutant: Mutant) -> tuple[Mutant, str | None]:
    if mutant.name not in record.verdicts:
        record.note(mutant, caught_by(mutant, STEPS))
    return mutant, record.verdicts[mutant.name]


def _line(mutant: Mutant, caught: str | None) -> str:
    place, flip = mutant.name.split(" ", 1)
    source = mutant.source.replace("|", "\\|")
    source = source if len(source) <= 60 else source[:57] + "..."
    return f"| {place} | {flip} | `{source}` | {caught or '**nothing**'} |"


if __name__ == "__main__":
    sys.exit(main())
