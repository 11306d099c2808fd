"""What a run found so far, in a file: a run of hours may be broken off and gone on with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from threading import Lock

from tests.mutation.mutants import Mutant

__all__ = ["Record"]

_ROOT = Path(__file__).parents[2]
_SOUND = "nothing flipped"


class Record:
    """Verdicts by the flip's name, one line each.

    Lines are those of the sources as they are: a verdict found before something under `src` or
    `tests` changed is not taken over.

    Args:
        file: where lines are added; None keeps them in memory only.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._sources = _digest()
        self._lock = Lock()
        self.verdicts: dict[str, str | None] = {}
        lines = file.read_text(encoding="utf-8").splitlines() if file and file.exists() else []
        for line in map(json.loads, lines):
            if line["sources"] == self._sources:
                self.verdicts[line["flip"]] = line["caught_by"]

    @property
    def sound(self) -> bool:
        """Whether the tests were seen to pass with nothing flipped."""
        return _SOUND in self.verdicts

    def note_sound(self) -> None:
        """Remember that they do."""
        self._add(_SOUND, None)

    def note(self, mutant: Mutant, caught_by: str | None) -> None:
        """Remember one verdict."""
        self._add(mutant.name, caught_by)

    def _add(self, flip: str, caught_by: str | None) -> None:
        with self._lock:
            self.verdicts[flip] = caught_by
            if self._file is not None:
                line = {"sources": self._sources, "flip": flip, "caught_by": caught_by}
                with self._file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(line) + "\n")


def _digest() -> str:
    """One short word for every source and test file as it stands."""
    whole = hashlib.sha256()
    for folder in ("src", "tests"):
        for file in sorted((_ROOT / folder).rglob("*.py")):
            whole.update(str(file.relative_to(_ROOT)).encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()[:16]
