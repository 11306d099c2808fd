"""Outcomes in a file that grows as chunks are done: CSV, or JSON lines."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa

from isthmus.connectors.writing import OUTCOMES
from isthmus.errors import ConfigError, ParameterError

__all__ = ["OutcomeFile", "check_ending"]

_LINES: Final = frozenset({".jsonl", ".ndjson"})
_ENDINGS: Final = frozenset({".csv", *_LINES})


def check_ending(path: str) -> None:
    """Return if outcomes can be written to a file of that name.

    Raises:
        ParameterError: they can't.
    """
    if Path(path).suffix.lower() not in _ENDINGS:
        raise ParameterError(
            f"outcomes can't be written to {path}",
            remedy="Name a file that ends in .csv or .jsonl.",
        )


class OutcomeFile:
    """A file of outcomes. Safe to use from threads.

    It begins with the outcomes that are known already, so that a write that goes on leaves the
    same file as one that was never broken off. Lines stand in the order in which chunks were done.

    Args:
        path: its name tells the format.
        known: outcomes so far.

    Raises:
        ConfigError: it can't be written.
    """

    def __init__(self, path: str, known: Iterable[pa.Table]) -> None:
        check_ending(path)
        self._path = path
        self._json = Path(path).suffix.lower() in _LINES
        self._lock = threading.Lock()
        try:
            self._file = Path(path).open("w", encoding="utf-8", newline="")  # noqa: SIM115
        except OSError as error:
            raise self._unwritable(error) from error
        if not self._json:
            self._put(_csv([OUTCOMES.names]))
        for outcomes in known:
            self.append(outcomes)

    def append(self, outcomes: pa.Table) -> None:
        """Add the outcomes of a chunk; they are in the file when this returns."""
        rows = outcomes.to_pylist()
        if self._json:
            self._put("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
        else:
            self._put(_csv([[_cell(v) for v in row.values()] for row in rows]))

    def close(self) -> None:
        """No more come."""
        with self._lock:
            self._file.close()

    def _put(self, text: str) -> None:
        try:
            with self._lock:
                self._file.write(text)
                self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"the outcomes can't be written to {self._path}: {error.strerror}",
            remedy="Check the folder and its rights; the journal has the outcomes all the same.",
        )


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _cell(value: object) -> object:
    return ("true" if value else "false") if isinstance(value, bool) else value
