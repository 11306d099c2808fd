"""The CSV of an ingest job: the rows that go out, and the results that come back in any order.

Source: *Bulk API 2.0 and Bulk API Developer Guide*, "Prepare CSV Files" and "Get Job Successful
Record Results".
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from isthmus.connectors.salesforce.writing.outcomes import Outcome, failed

__all__ = ["MAX_BYTES", "Matching", "Result", "documents", "results_of"]

#: Bytes of one job's rows: 100 MB are allowed.
MAX_BYTES: Final = 95_000_000
_ID: Final = "sf__Id"
_CREATED: Final = "sf__Created"
_ERROR: Final = "sf__Error"

Line = tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """One line of results: the row as it was sent, and what became of it.

    Attributes:
        outcome: None for a row that the job never came to.
    """

    line: Line
    outcome: Outcome | None


def documents(
    header: Line, lines: Sequence[Line], *, most: int = MAX_BYTES
) -> Iterator[tuple[range, bytes]]:
    """The rows as CSV files of at most so many bytes, each with the numbers of its rows."""
    start, text = 0, _begun(header)
    for number, line in enumerate(lines):
        one = _written(line)
        if len(text) + len(one) > most and number > start:
            yield range(start, number), bytes(text)
            start, text = number, _begun(header)
        text += one
    yield range(start, len(lines)), bytes(text)


def _begun(header: Line) -> bytearray:
    return bytearray(_written(header))


def _written(line: Line) -> bytes:
    return (",".join(f'"{cell.replace(_QUOTE, _TWO)}"' for cell in line) + "\n").encode()


_QUOTE: Final = '"'
_TWO: Final = '""'


def results_of(body: bytes, header: Line) -> list[Result]:
    """The lines of a file of results.

    Raises:
        ValueError: it is no such file, or not whole.
    """
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
    try:
        columns = {name.lower(): at for at, name in enumerate(next(lines, []))}
        places = [columns[name.lower()] for name in header]
        return [
            Result(tuple(line[at] for at in places), _outcome(line, columns))
            for line in lines
            if line
        ]
    except (csv.Error, IndexError, KeyError) as error:
        raise ValueError(f"the results are broken: {error}") from error


def _outcome(line: list[str], columns: dict[str, int]) -> Outcome | None:
    id_at, error_at = columns.get(_ID.lower()), columns.get(_ERROR.lower())
    id = line[id_at] or None if id_at is not None else None
    if error_at is not None:
        return _failure(line[error_at], id)
    created_at = columns.get(_CREATED.lower())
    if id_at is None or created_at is None:
        return None
    return Outcome(True, id, created=line[created_at].lower() == "true")


def _failure(told: str, id: str | None) -> Outcome:
    """``CODE:message:FIELDS --`` in its parts; a message may have colons of its own.

    >>> _failure("STRING_TOO_LONG:Name: too large (max length=80):Name --", None).error_field
    'Name'
    """
    code, _, rest = told.partition(":")
    message, colon, fields = rest.removesuffix("--").rstrip().rpartition(":")
    if not rest.rstrip().endswith("--") or not colon:
        message, fields = rest, ""
    return failed(code.strip(), message.strip(), fields.split(",")[0].strip() or None, id=id)


class Matching:
    """Finds the rows that results are of: by all of their cells or, failing that, by their key.

    Equal rows are a multiset: which of them is which does not matter.

    Args:
        lines: the rows that were sent.
        key: the place of a column that tells them apart; None: there is none.
    """

    def __init__(self, lines: Iterable[Line], key: int | None) -> None:
        self._key = key
        self._whole: dict[Line, list[int]] = {}
        self._by_key: dict[str, int] = {}
        for row, line in enumerate(lines):
            self._whole.setdefault(line, []).append(row)
            if key is not None:
                self._by_key[line[key].lower()] = row
        self._taken: set[int] = set()

    def row(self, line: Line) -> int | None:
        """The row that a result is of; None: none that is left."""
        equal = self._whole.get(line)
        while equal:
            row = equal.pop()
            if row not in self._taken:
                self._taken.add(row)
                return row
        found = None if self._key is None else self._by_key.get(line[self._key].lower())
        if found is None or found in self._taken:
            return None
        self._taken.add(found)
        return found
