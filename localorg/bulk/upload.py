"""An uploaded CSV: its header, and its rows one after another, those that are no CSV marked so.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Prepare CSV Files". What the guide gives no
text for is worded from memory.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

#: Characters of a field, of a record and of the header line ("Bulk API Limits").
FIELD_CHARS, RECORD_CHARS, HEADER_CHARS = 131_072, 400_000, 32_000
#: Fields of a record.
FIELDS = 5_000


class BadUpload(Exception):
    """The whole upload is no good; the job fails with this as its errorMessage."""


@dataclass(frozen=True)
class Row:
    """One record: a value for each column, and what is wrong with it as CSV, if anything."""

    values: list[str]
    problem: str | None = None


@dataclass(frozen=True)
class Upload:
    """The text of an upload, its byte order mark cut off, and how it is written."""

    text: str
    delimiter: str
    ending: str
    header: tuple[str, ...] = field(default=())

    def rows(self) -> Iterator[Row]:
        """Read the records in order, from the first one, each time anew."""
        lines = _Lines(self.text)
        next(csv.reader(lines, delimiter=self.delimiter, strict=True))
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        width = len(self.header)
        # the one thing that the reader takes for a value and Salesforce does not
        spaced = ' "' in self.text
        while True:
            lines.taken.clear()
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raw = "".join(lines.taken).rstrip("\r\n")
                yield Row(_fitted(raw.split(self.delimiter), width), f"{error}")
                continue
            if values:
                yield Row(_fitted(values, width), _problem(values, width, spaced))


def read(body: bytes, *, delimiter: str, ending: str) -> Upload:
    """Read an upload's header; BadUpload tells why nothing of it can be read.

    `delimiter` and `ending` are the signs themselves, as the job names them.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadUpload(f"InvalidBatch : The data is not UTF-8: {error}") from error
    first = text.partition("\n")[0]
    if not first.strip():
        raise BadUpload("InvalidBatch : Unable to find any data or a header row")
    if first.endswith("\r") != (ending == "\r\n"):
        setting = "CRLF" if ending == "\r\n" else "LF"
        raise BadUpload(
            "ClientInputError : LineEnding is invalid on user data. "
            f"Current LineEnding setting is {setting}"
        )
    if len(first) > HEADER_CHARS:
        raise BadUpload(f"InvalidBatch : The header row has more than {HEADER_CHARS} characters")
    try:
        header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadUpload(f"InvalidBatch : Failed to parse the header row: {error}") from error
    if len(header) > FIELDS:
        raise BadUpload(f"InvalidBatch : A record has at most {FIELDS} fields")
    return Upload(text, delimiter, ending, tuple(header))


class _Lines:
    """The lines of a text; those handed out since the last look are in `taken`."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        return line


def _fitted(values: list[str], width: int) -> list[str]:
    return (values + [""] * (width - len(values)))[:width]


def _problem(values: list[str], width: int, spaced: bool) -> str | None:
    if len(values) != width:
        return f"the row has {len(values)} fields, the header {width}"
    if spaced and any(value.startswith(" ") and value.lstrip(" ")[:1] == '"' for value in values):
        return "a space stands before a quote"
    longest = max(map(len, values))
    if longest > FIELD_CHARS:
        return f"a field has {longest} characters; at most {FIELD_CHARS} are allowed"
    if width * longest > RECORD_CHARS and sum(map(len, values)) > RECORD_CHARS:
        return f"the record has more than {RECORD_CHARS} characters"
    return None
