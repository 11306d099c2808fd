"""One mutant, in a process of its own: the changed module is imported in place of the real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from tests.mutation.mutants import Mutant, all_mutants, mutated

__all__ = ["caught_by", "failing", "main"]

#: pytest's own words: tests failed, and nothing else went wrong.
FAILED = 1
#: For one step; a flip that makes a query go on for ever is broken off.
_SECONDS = 3_600
#: Characters of what a failing step has printed.
_TOLD = 4_000


class _Mutating(MetaPathFinder, Loader):
    """Finds the one module, and makes it from the changed tree."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._code = compile(mutated(mutant), f"<{mutant.name}>", "exec")
        self.used = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname == self._mutant.module else None

    def exec_module(self, module: ModuleType) -> None:
        self.used = True
        exec(self._code, module.__dict__)

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        """Go before pytest's own finder, which would take the modules of an installed plugin."""
        sys.meta_path.insert(0, self)


def caught_by(mutant: Mutant, steps: Sequence[Sequence[str]]) -> str | None:
    """The first of the steps that fails under the mutant; None if it survives them all.

    Args:
        mutant: what is changed.
        steps: arguments of pytest, the quickest first.

    Raises:
        RuntimeError: a step broke down instead of failing, or did not load the changed module.
    """
    for step in steps:
        done = _run(mutant.name, step)
        if done.returncode == FAILED:
            return " ".join(step)
        if done.returncode != 0:
            raise RuntimeError(f"{mutant.name}: {step} broke down:\n{done.stdout}{done.stderr}")
    return None


def failing(steps: Sequence[Sequence[str]]) -> list[str]:
    """The steps that fail with nothing flipped, each with the end of what pytest says of it.

    They would seem to catch everything.
    """
    runs = [(step, _run("-", step)) for step in steps]
    return [
        f"{' '.join(step)}\n{done.stdout[-_TOLD:]}{done.stderr[-_TOLD:]}"
        for step, done in runs
        if done.returncode != 0
    ]


def _run(name: str, step: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.mutation.run", name, *step]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=_SECONDS, env=environment
    )


def main(arguments: Sequence[str]) -> int:
    """Run pytest with the arguments under the mutant of that name; ``-`` is none."""
    name, *rest = arguments
    finder = None
    if name != "-":
        finder = _Mutating({m.name: m for m in all_mutants()}[name])
    options = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-seed=1"]
    code = int(pytest.main([*options, *rest], plugins=[finder] if finder else []))
    if finder is not None and not finder.used:
        print(f"{name} was never imported")
        return 9
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
