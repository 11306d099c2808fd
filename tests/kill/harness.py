"""Kill a process at each of its moments, let another go on, and look at what came of it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Findings", "Killer", "Scenario", "kill_everywhere", "spread"]

_SECONDS = 60.0
_MOST_RUNS = 4


@dataclass(frozen=True)
class Scenario:
    """Something that must come out the same however often its process is killed.

    Attributes:
        name: of the scenario.
        act: ``module:function`` of what the process does with the arguments: it begins, or goes on
            with what an earlier process has left.
        prepare: makes a trial's own arguments; given its number and an empty folder.
        check: raises AssertionError if what came of it is wrong.
    """

    name: str
    act: str
    prepare: Callable[[int, Path], Mapping[str, Any]]
    check: Callable[[Mapping[str, Any]], None]


@dataclass
class Findings:
    """What came of killing a scenario's process.

    Attributes:
        moments: of an unbroken run, in their order.
        killed: how many runs were killed at a moment.
        wrong: the trials that came out wrong: the number of the moment, its name, and how.
    """

    moments: list[str] = field(default_factory=list)
    killed: int = 0
    wrong: list[tuple[int, str, str]] = field(default_factory=list)


class Killer:
    """Runs acts in processes of their own, and kills them."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.kill.zygote"]
        self._zygote = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._answer() == "ready\n"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._zygote.stdin is not None and self._zygote.stdout is not None
        self._zygote.stdin.close()
        self._zygote.wait(10)
        self._zygote.stdout.close()

    def run(self, act: str, arguments: Mapping[str, Any], kill_at: int = 0) -> list[str] | None:
        """Run an act; its moments, or None where it was killed.

        Raises:
            AssertionError: it raised an error, or took longer than a minute.
        """
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            asked = {
                "act": act,
                "arguments": dict(arguments),
                "kill_at": kill_at,
                "report": str(report),
                "seconds": _SECONDS,
            }
            assert self._zygote.stdin is not None
            self._zygote.stdin.write(json.dumps(asked) + "\n")
            self._zygote.stdin.flush()
            ended = json.loads(self._answer())
            assert not ended["late"], f"{act} has not ended in {_SECONDS} s"
            if ended["killed"]:
                return None
            told = json.loads(report.read_text())
        assert told["error"] is None, told["error"]
        moments: list[str] = told["moments"]
        return moments

    def _answer(self) -> str:
        assert self._zygote.stdout is not None
        return self._zygote.stdout.readline()


def kill_everywhere(
    killer: Killer, scenario: Scenario, choose: Callable[[int], Sequence[int]], folder: Path
) -> Findings:
    """Kill a scenario at moments that `choose` picks of so many; every trial goes on to its end.

    The first trial is not killed, and tells which moments there are. Threads come in another order
    each time, so that a number does not always mean the same moment.
    """
    findings = Findings()
    trials: Iterator[int] = iter(range(1, 1_000_000))
    arguments = _prepared(scenario, next(trials), folder)
    findings.moments = killer.run(scenario.act, arguments) or []
    scenario.check(arguments)
    for moment in choose(len(findings.moments)):
        arguments = _prepared(scenario, next(trials), folder)
        try:
            killed = killer.run(scenario.act, arguments, kill_at=moment) is None
            findings.killed += killed
            if killed:
                _go_on(killer, scenario, arguments)
            scenario.check(arguments)
        except AssertionError as error:
            findings.wrong.append((moment, findings.moments[moment - 1], str(error)))
    return findings


def spread(count: int, seed: int) -> Callable[[int], Sequence[int]]:
    """A choice of so many moments, one at a random place of each equal stretch."""

    def choose(moments: int) -> Sequence[int]:
        dice, most = random.Random(seed), min(count, moments)
        return [
            dice.randint(1 + moments * n // most, moments * (n + 1) // most) for n in range(most)
        ]

    return choose


def _prepared(scenario: Scenario, trial: int, folder: Path) -> Mapping[str, Any]:
    own = folder / scenario.name.replace(" ", "-") / str(trial)
    own.mkdir(parents=True)
    return scenario.prepare(trial, own)


def _go_on(killer: Killer, scenario: Scenario, arguments: Mapping[str, Any]) -> None:
    for _ in range(_MOST_RUNS):
        if killer.run(scenario.act, arguments) is not None:
            return
    raise AssertionError("it was killed though nobody killed it")
