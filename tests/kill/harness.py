"""Kill a process at each of its moments, let another go on, and look at what came of it."""

from __future__ import annotations

import itertools
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

from tests.kill.moments import Moment

__all__ = ["Choice", "Findings", "Killer", "Scenario", "kill_everywhere", "spread"]

Choice = Callable[[Sequence[Moment]], Sequence[Moment]]

_SECONDS = 60.0


@dataclass(frozen=True)
class Scenario:
    """Something that must come out the same however often its process is killed.

    Attributes:
        name: of the scenario.
        act: ``module:function`` of what the process does with the arguments: it begins, or goes on
            with what an earlier process has left.
        prepare: makes a trial's own arguments; given its number and an empty folder.
        check: raises AssertionError if what came of it is wrong.
        places: the modules whose places are moments, by parts of their files' names.
        among: part of the name of each moment at which it is worth while to kill.
        meanwhile: what happens after the process was killed and before another goes on.
    """

    name: str
    act: str
    prepare: Callable[[int, Path], Mapping[str, Any]]
    check: Callable[[Mapping[str, Any]], None]
    places: Sequence[str] = ()
    among: str = ""
    meanwhile: Callable[[Mapping[str, Any]], None] | None = None


@dataclass
class Findings:
    """What came of killing a scenario's process.

    Attributes:
        moments: of an unbroken run, in their order.
        killed: how many runs were killed at a moment.
        wrong: the trials that came out wrong: the moment, and how.
    """

    moments: list[Moment] = field(default_factory=list)
    killed: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)


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

    def run(
        self,
        act: str,
        arguments: Mapping[str, Any],
        places: Sequence[str] = (),
        kill_at: Moment | None = None,
    ) -> list[Moment] | None:
        """Run an act; its moments, or None where it was killed.

        Raises:
            AssertionError: it raised an error, or took longer than a minute.
        """
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            asked = {
                "act": act,
                "arguments": dict(arguments),
                "places": list(places),
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
        return [Moment(*moment) for moment in told["moments"]]

    def _answer(self) -> str:
        assert self._zygote.stdout is not None
        return self._zygote.stdout.readline()


def kill_everywhere(killer: Killer, scenario: Scenario, choose: Choice, folder: Path) -> Findings:
    """Kill a scenario at moments that `choose` picks; every trial goes on to its end.

    The first trial is not killed, and tells which moments there are. Threads come in another order
    each time, so a run may end before it comes to its moment: it is checked all the same.
    """
    findings = Findings()
    trials: Iterator[int] = iter(range(1, 1_000_000))
    arguments = _prepared(scenario, next(trials), folder)
    found = killer.run(scenario.act, arguments, scenario.places) or []
    findings.moments = [moment for moment in found if scenario.among in moment.what]
    scenario.check(arguments)
    for moment in choose(findings.moments):
        try:
            arguments = _prepared(scenario, next(trials), folder)
            killed = killer.run(scenario.act, arguments, scenario.places, moment) is None
            findings.killed += killed
            if killed:
                _go_on(killer, scenario, arguments)
            scenario.check(arguments)
        except AssertionError as error:
            findings.wrong.append((str(moment), str(error)))
    return findings


def spread(count: int, seed: int) -> Choice:
    """A choice of so many moments, half of them doors and half places where there are enough.

    One at a random place of each equal stretch.
    """

    def choose(moments: Sequence[Moment]) -> Sequence[Moment]:
        dice = random.Random(seed)
        places = [moment for moment in moments if moment.is_place]
        doors = [moment for moment in moments if not moment.is_place]
        of_places = min(len(places), max(count // 2, count - len(doors)))
        return [*_some(doors, count - of_places, dice), *_some(places, of_places, dice)]

    return choose


def _some(moments: Sequence[Moment], count: int, dice: random.Random) -> list[Moment]:
    most, total = min(count, len(moments)), len(moments)
    edges = [total * n // max(most, 1) for n in range(most + 1)]
    return [moments[dice.randrange(a, b)] for a, b in itertools.pairwise(edges)]


def _prepared(scenario: Scenario, trial: int, folder: Path) -> Mapping[str, Any]:
    own = folder / scenario.name.replace(" ", "-").replace(",", "") / str(trial)
    own.mkdir(parents=True)
    return scenario.prepare(trial, own)


def _go_on(killer: Killer, scenario: Scenario, arguments: Mapping[str, Any]) -> None:
    if scenario.meanwhile is not None:
        scenario.meanwhile(arguments)
    ended = killer.run(scenario.act, arguments)
    assert ended is not None, "it was killed though nobody killed it"
