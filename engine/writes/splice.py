"""A SELECT made of pieces of the user's text, which remembers where each piece came from."""

from __future__ import annotations

from dataclasses import dataclass, field

from isthmus.engine.syntax import parameter_spans
from isthmus.engine.writes.tokens import Span
from isthmus.errors import IsthmusError, Place

__all__ = ["Splice"]


@dataclass
class Splice:
    """Text that is put together; `source` is the user's.

    Parameters keep their numbers: a ``?`` becomes ``$1``, ``$2`` and so on by its place in the
    user's text, because pieces change their order.
    """

    source: str
    text: str = ""
    _taken: list[tuple[int, int, int]] = field(default_factory=list)

    def add(self, text: str) -> Splice:
        """Add words of our own."""
        self.text += text
        return self

    def take(self, span: Span) -> Splice:
        """Add a piece of the user's text; a comment at its end stays one."""
        last = span.start
        for start, end, name in parameter_spans(self.source):
            if span.start <= start and end <= span.end and self.source[start] == "?":
                self._piece(last, start)
                self.text += f"${name}"
                last = end
        self._piece(last, span.end)
        self.text += "\n"
        return self

    def _piece(self, start: int, end: int) -> None:
        self._taken.append((len(self.text), start, end - start))
        self.text += self.source[start:end]

    def placed(self, error: IsthmusError) -> IsthmusError:
        """The error with its place in this text turned into the place in the user's."""
        if error.place is not None and error.place.file is None:
            error.place = self._original(error.place)
        return error

    def _original(self, place: Place) -> Place | None:
        lines = self.text.split("\n")
        offset = sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1
        for at, start, length in self._taken:
            if at <= offset < at + length:
                return Place.at(self.source, start + offset - at)
        return None
