"""The tokens of a statement, with how deep in brackets and CASEs each one stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from isthmus.engine.syntax import tokens as raw_tokens
from isthmus.errors import Place, Refused

__all__ = ["Reader", "Span", "Token", "read_tokens"]

_NAME = re.compile(r"[^\W\d][\w$]*\Z")


@dataclass(frozen=True)
class Span:
    """Characters of the text."""

    start: int
    end: int


@dataclass(frozen=True)
class Token:
    """One token.

    Attributes:
        text: as it is written.
        start: its first character in the text.
        depth: 0 outside of all brackets and CASEs; a bracket has the depth of what is outside.
        after_dot: it is a further part of a dotted name, and no keyword.
    """

    text: str
    start: int
    depth: int
    after_dot: bool

    @property
    def end(self) -> int:
        """The character after it."""
        return self.start + len(self.text)

    @cached_property
    def word(self) -> str:
        """The keyword that it may be, in upper case; else empty."""
        return self.text.upper() if not self.after_dot and _NAME.match(self.text) else ""

    @property
    def is_name(self) -> bool:
        """Whether it can be a part of a name."""
        return self.text.startswith('"') or _NAME.match(self.text) is not None

    @property
    def name(self) -> str:
        """The name that it spells, unquoted."""
        if self.text.startswith('"'):
            return self.text[1:-1].replace('""', '"')
        return self.text


def read_tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a text that DuckDB's parser has found right.

    >>> [(t.text, t.depth) for t in read_tokens("a (b) CASE c END")]
    [('a', 0), ('(', 0), ('b', 1), (')', 0), ('CASE', 0), ('c', 1), ('END', 0)]
    """
    found: list[Token] = []
    depth = 0
    for match in raw_tokens(text):
        after_dot = bool(found) and found[-1].text == "."
        word = match[0].upper() if match["word"] and not after_dot else match[0]
        if word in (")", "]", "}", "END"):
            depth -= 1
        found.append(Token(match[0], match.start(), depth, after_dot))
        if word in ("(", "[", "{", "CASE"):
            depth += 1
    return tuple(found)


class Reader:
    """Walks over tokens. What it does not expect is refused, with its place.

    Args:
        text: the whole statement.
        tokens: of the text, or of a part of it.
    """

    def __init__(self, text: str, tokens: tuple[Token, ...]) -> None:
        self.text = text
        self.tokens = tokens
        self.at = 0

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self.tokens)

    @property
    def here(self) -> int:
        """The character at which the next token starts."""
        return len(self.text.rstrip()) if self.ended else self.tokens[self.at].start

    def sees(self, *words: str) -> bool:
        """Whether the next tokens are these words, or signs."""
        ahead = self.tokens[self.at : self.at + len(words)]
        return len(ahead) == len(words) and all(
            (t.word or t.text) == w for t, w in zip(ahead, words, strict=True)
        )

    def accept(self, *words: str) -> bool:
        """Step over these words, if they come next."""
        if not self.sees(*words):
            return False
        self.at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Step over these words; refuses anything else."""
        if not self.accept(*words):
            raise self.refused(f"{' '.join(words)} is expected here")

    def path(self) -> tuple[tuple[str, ...], Span]:
        """A dotted name."""
        start = self.here
        parts = [self._part()]
        while self.accept("."):
            parts.append(self._part())
        return tuple(parts), Span(start, self.tokens[self.at - 1].end)

    def name(self) -> tuple[str, int]:
        """A name of one part, and where it stands."""
        start = self.here
        return self._part(), start

    def _part(self) -> str:
        if self.ended or not self.tokens[self.at].is_name:
            raise self.refused("a name is expected here")
        self.at += 1
        return self.tokens[self.at - 1].name

    def until(self, *stops: tuple[str, ...]) -> Span:
        """All tokens up to one of these sequences outside of brackets, or up to the end."""
        first = self.at
        depth = self.tokens[first].depth if first < len(self.tokens) else 0
        while not self.ended:
            if self.tokens[self.at].depth == depth and any(self.sees(*s) for s in stops):
                break
            self.at += 1
        if self.at == first:
            raise self.refused("something is missing here")
        return Span(self.tokens[first].start, self.tokens[self.at - 1].end)

    def bracket(self) -> Reader:
        """What stands in the bracket that comes next, to be read on its own."""
        depth = self.tokens[self.at].depth if not self.ended else 0
        self.expect("(")
        first = self.at
        while not self.ended and self.tokens[self.at].depth > depth:
            self.at += 1
        inside = Reader(self.text, self.tokens[first : self.at])
        self.expect(")")
        return inside

    def listed(self) -> list[Span]:
        """The rest, cut at the commas outside of brackets."""
        spans = [self.until((",",))]
        while self.accept(","):
            spans.append(self.until((",",)))
        return spans

    def bracket_name(self, span: Span) -> tuple[str, int]:
        """The name that stands alone in a span, and where."""
        inside = [t for t in self.tokens if span.start <= t.start < span.end]
        if len(inside) != 1 or not inside[0].is_name:
            raise Refused(
                f"{self.text[span.start : span.end]!r} is not the name of a column",
                place=Place.at(self.text, span.start),
                remedy='A parent\'s key is written in quotes: "Account.External_Id__c".',
            )
        return inside[0].name, span.start

    def refused(self, message: str, remedy: str | None = None) -> Refused:
        """The error for what stands here."""
        place = Place.at(self.text, self.here)
        return Refused(message, place=place, remedy=remedy)
