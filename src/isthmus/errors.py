"""The one tree of errors. Each names the thing, the place and the remedy.

    IsthmusError
    ├── Final                   asking again gives the same answer
    │   ├── ConfigError         the project file or a source's settings are wrong
    │   ├── QueryError          the text of a query is wrong
    │   │   ├── SyntaxFault     it does not parse
    │   │   ├── Refused         it parses, but is not allowed (writes, files, several statements)
    │   │   ├── UnknownName     a table, column, function or view that does not exist
    │   │   └── ParameterError  a parameter is missing, unused or of no usable type
    │   ├── DataError           a row does not fit its declared type, or a source contradicts itself
    │   ├── AuthError           a source does not let us in
    │   ├── SourceError         a source refused or failed, and trying again does not help
    │   ├── TargetError         the store of a copy refused or failed
    │   ├── BudgetExceeded      a query would cost more than a budget allows
    │   ├── JobFailed           a job whose result is wanted has failed
    │   ├── WriteFailed         rows of a write were not written
    │   └── MissingExtra        an optional package is not installed
    ├── Retryable               the same call may work later
    │   ├── SourceUnavailable   a source was out of reach, or over a limit, after our own retries
    │   ├── TargetUnavailable   the store of a copy is out of reach, or another writes to it
    │   ├── SyncRunning         another run of the same sync has not ended
    │   └── WriteRunning        another process is at work on the same write
    ├── Cancelled               the caller stopped the query
    └── DeadlineExceeded        the query's timeout passed

Catching code asks for the type, never for words in the message.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "AuthError",
    "BudgetExceeded",
    "Cancelled",
    "ConfigError",
    "DataError",
    "DeadlineExceeded",
    "Final",
    "IsthmusError",
    "JobFailed",
    "MissingExtra",
    "ParameterError",
    "Place",
    "QueryError",
    "Refused",
    "Retryable",
    "SourceError",
    "SourceUnavailable",
    "SyncRunning",
    "SyntaxFault",
    "TargetError",
    "TargetUnavailable",
    "UnknownName",
    "WriteFailed",
    "WriteRunning",
]


@dataclass(frozen=True)
class Place:
    """Where in a text something is; line and column count from 1."""

    line: int
    column: int
    file: str | None = None

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}"
        return f"{self.file}, {where}" if self.file else where

    @classmethod
    def at(cls, text: str, offset: int, file: str | None = None) -> Place:
        r"""Turn a character offset into a line and a column.

        >>> str(Place.at("select a\nfrom b", 14))
        'line 2, column 6'
        """
        before = text[:offset]
        return cls(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1, file)


class IsthmusError(Exception):
    """The root of every error that Isthmus raises on purpose.

    Args:
        message: what is wrong, naming the thing.
        place: where in the query or file it is wrong.
        remedy: what to do about it.
    """

    def __init__(
        self, message: str, *, place: Place | None = None, remedy: str | None = None
    ) -> None:
        self.message = message
        self.place = place
        self.remedy = remedy
        super().__init__(message)

    def __str__(self) -> str:
        text = self.message
        if self.place is not None:
            text = f"{text} ({self.place})"
        if self.remedy is not None:
            text = f"{text}\n  {self.remedy}"
        return text


class Final(IsthmusError):
    """Asking again gives the same answer."""


class Retryable(IsthmusError):
    """The same call may work later."""


class ConfigError(Final):
    """The project file or a source's settings are wrong."""


class QueryError(Final):
    """The text of a query is wrong."""


class SyntaxFault(QueryError):
    """The text does not parse."""


class Refused(QueryError):
    """The text parses, but what it asks is not allowed here."""


class UnknownName(QueryError):
    """A table, column, function or view does not exist; the remedy may carry a suggestion."""


class ParameterError(QueryError):
    """A parameter is missing, unused or of no usable type."""


class DataError(Final):
    """A row does not fit its declared type, or a source contradicts itself."""


class AuthError(Final):
    """A source does not let us in."""


class SourceError(Final):
    """A source refused or failed, and trying again does not help.

    Args:
        code: the source's own code, such as Salesforce's ``INVALID_FIELD``, where it gave one.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        place: Place | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, place=place, remedy=remedy)
        self.code = code


class TargetError(Final):
    """The store of a copy refused or failed, and trying again does not help."""


class BudgetExceeded(Final):
    """A query was predicted to cost more than a budget allows, or was stopped before it did.

    Args:
        plan: the query's plan, with its predicted bill, where there is one; an `isthmus` `Plan`.
    """

    def __init__(
        self,
        message: str,
        *,
        plan: object | None = None,
        place: Place | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, place=place, remedy=remedy)
        self.plan = plan


class JobFailed(Final):
    """A job whose result is wanted has failed; the message says why."""


class WriteFailed(Final):
    """Rows of a write were not written; the message has the first one's error.

    Args:
        result: the write's `WriteResult`, with the outcome of each row.
    """

    def __init__(self, message: str, *, result: object, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.result = result


class MissingExtra(Final):
    """An optional package is not installed; the remedy names the extra."""


class SourceUnavailable(Retryable):
    """A source was out of reach, or over a limit, after our own retries."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        place: Place | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, place=place, remedy=remedy)
        self.code = code


class TargetUnavailable(Retryable):
    """The store of a copy is out of reach, or another writes to it."""


class SyncRunning(Retryable):
    """Another run of the same sync has not ended; the message names its process and host."""


class WriteRunning(Retryable):
    """Another process is at work on the same write; the message names it."""


class Cancelled(IsthmusError):
    """The caller stopped the query."""


class DeadlineExceeded(IsthmusError):
    """The query's timeout passed before its last row."""
