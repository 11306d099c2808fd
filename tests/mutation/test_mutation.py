"""A sample of the flips: `python -m tests.mutation` tries every one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutation import record
from tests.mutation.mutants import FLIPS, all_mutants
from tests.mutation.record import Record
from tests.mutation.run import caught_by, failing

JUDGE = ("tests/connectors/salesforce/test_salesforce_judge.py",)
MUTANTS = all_mutants()


def test_every_promise_is_found_once() -> None:
    assert len({m.name for m in MUTANTS}) == len(MUTANTS) > 50
    assert {m.flip for m in MUTANTS} == {flip for flips in FLIPS.values() for flip in flips}


@pytest.mark.parametrize("flip", ["EXACT to SUPERSET", "SUPERSET to EXACT", "LOCAL to EXACT"])
def test_a_flip_is_caught(flip: str) -> None:
    mutant = next(m for m in MUTANTS if m.flip == flip and m.module.endswith("rules_number"))
    assert caught_by(mutant, [JUDGE]) == JUDGE[0]


def test_what_can_not_be_caught_is_told() -> None:
    mutant = next(m for m in MUTANTS if m.module.endswith("rules_number"))
    assert caught_by(mutant, [(*JUDGE, "-k", "an_external_objects_text")]) is None
    with pytest.raises(RuntimeError, match="broke down"):
        caught_by(mutant, [("tests/no_such_file.py",)])


def test_tests_that_fail_anyway_catch_nothing() -> None:
    assert failing([JUDGE]) == []
    (told,) = failing([("tests/no_such_file.py",)])
    assert told.startswith("tests/no_such_file.py\n")
    assert "file or directory not found" in told, "it says why"


def test_a_run_goes_on_where_it_was_broken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "verdicts"
    first = Record(file)
    assert not first.sound
    first.note_sound()
    first.note(MUTANTS[0], None)
    first.note(MUTANTS[1], "a test")
    again = Record(file)
    assert again.sound
    assert again.verdicts[MUTANTS[0].name] is None
    assert again.verdicts[MUTANTS[1].name] == "a test"
    monkeypatch.setattr(record, "_digest", lambda: "other sources")
    assert not Record(file).sound
    assert not Record(file).verdicts
