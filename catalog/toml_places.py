"""Where the keys of a TOML text stand. The standard parser tells values only, not places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from isthmus.errors import Place

__all__ = ["Places", "find_places"]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_PATH = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*\[\[?\s*(?P<path>{_PATH})\s*\]\]?")
_KEY = re.compile(rf"\s*(?P<path>{_PATH})\s*=(?P<value>.*)")
_LONG_TEXT = re.compile(r'"""|' + r"'''")


@dataclass(frozen=True)
class Places:
    """The places of keys by their path; of nothing, for a project that is a dict."""

    file: str | None = None
    known: dict[tuple[str, ...], Place] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    def of(self, path: tuple[str, ...]) -> Place | None:
        """The place of a key, or the nearest that is known around it."""
        for length in range(len(path), 0, -1):
            place = self.known.get(path[:length])
            if place is not None:
                return place if length == len(path) else self._inside(place, path[length])
        return None

    def _inside(self, place: Place, key: str) -> Place:
        """A key of an inline table: on the same line, after the table's own name."""
        line = self.lines[place.line - 1]
        found = re.compile(rf"""(?<![\w-])["']?{re.escape(key)}["']?\s*[=.]""").search(
            line, place.column - 1
        )
        return Place(place.line, found.start() + 1, place.file) if found else place


def find_places(text: str, file: str | None = None) -> Places:
    r"""Find the keys of a text that the TOML parser has accepted.

    >>> find_places('[sources.crm]\nkind = "x"').of(("sources", "crm", "kind"))
    Place(line=2, column=1, file=None)
    """
    lines = tuple(text.split("\n"))
    known: dict[tuple[str, ...], Place] = {}
    for path, place in _keys(lines, file):
        for length in range(1, len(path) + 1):
            known.setdefault(path[:length], place)
    return Places(file, known, lines)


def _keys(lines: tuple[str, ...], file: str | None) -> Iterator[tuple[tuple[str, ...], Place]]:
    table: tuple[str, ...] = ()
    inside: str | None = None  # the quotes of a text that goes on over several lines
    for number, line in enumerate(lines, 1):
        if inside is not None:
            inside = None if line.count(inside) % 2 else inside
            continue
        if header := _HEADER.match(line):
            table = _parts(header["path"])
            yield table, Place(number, header.start("path") + 1, file)
        elif key := _KEY.match(line):
            yield (*table, *_parts(key["path"])), Place(number, key.start("path") + 1, file)
            quotes = _LONG_TEXT.search(key["value"])
            if quotes and key["value"].count(quotes[0]) % 2:
                inside = quotes[0]


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in re.findall(_PART, path))
