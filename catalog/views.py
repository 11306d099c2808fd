"""Views from files and from the project file: a name, a text, and its header as description."""

from __future__ import annotations

import re
from pathlib import Path

from isthmus.catalog.model import View
from isthmus.errors import ConfigError, Place

__all__ = ["make_view", "read_views"]

# What a semicolon may hide in: texts, names, dollar-quoted texts, comments.
_LEXEME = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))
      | [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
      | (?P<end>;) | .""",
    re.DOTALL | re.VERBOSE,
)
_RULE = re.compile(r"[-=*]{2,}\Z")
_HEADER = re.compile(
    r"\s*(?:(?P<lines>(?:--[^\n]*(?:\n[ \t]*|\Z))+)|/\*(?P<block>.*?)\*/)", re.DOTALL
)


def read_views(folder: Path, shown: str) -> list[View]:
    """The views of a folder: each ``*.sql`` file is one, named after the file.

    Args:
        folder: where they are.
        shown: how the folder is named in errors.

    Raises:
        ConfigError: a file can't be read, is not UTF-8, or holds no query.
    """
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".sql" and p.is_file())
    return [
        make_view(path.stem, _text(path, f"{shown}/{path.name}"), f"{shown}/{path.name}")
        for path in files
        if not path.name.startswith(".")
    ]


def make_view(name: str, text: str, file: str | None = None, place: Place | None = None) -> View:
    """A view from its text.

    Raises:
        ConfigError: the text holds no query.
    """
    body = _without_semicolon(text)
    if body is None:
        raise ConfigError(
            f"the view {name} holds no query",
            place=place or (Place(1, 1, file) if file else None),
            remedy="Write a SELECT, or remove it.",
        )
    return View(name, body, _description(text), file)


def _text(path: Path, shown: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = path.read_bytes()[: error.start]
        raise ConfigError(
            f"{shown} is not UTF-8",
            place=Place(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"), shown),
            remedy="Save the file in UTF-8.",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{shown} can't be read: {error.strerror}", remedy="Check the file and its rights."
        ) from error


def _without_semicolon(text: str) -> str | None:
    """The text up to its closing semicolon; None where it is comments alone."""
    lexemes = [match for match in _LEXEME.finditer(text) if match["space"] is None]
    while lexemes and lexemes[-1]["end"]:
        lexemes.pop()
    return text[: lexemes[-1].end()] if lexemes else None


def _description(text: str) -> str | None:
    header = _HEADER.match(text)
    if header is None:
        return None
    marks = "--" if header["block"] is None else "*"
    lines = (header["lines"] or header["block"]).split("\n")
    words = [line.strip().removeprefix(marks).strip() for line in lines]
    return "\n".join("" if _RULE.match(line) else line for line in words).strip() or None
