"""How a write is done, whatever it writes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from isthmus.engine.writes.outcome_file import check_ending
from isthmus.engine.writes.run import WriteProgress
from isthmus.errors import ParameterError

__all__ = ["ON_ERROR", "How", "how_of"]

_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)
ON_ERROR: Final = ("stop", "continue", "all_or_none")


@dataclass(frozen=True)
class How:
    """How a write is done.

    Attributes:
        on_error: ``stop``: a failed row keeps what was not begun from being sent, and raises;
            ``continue``: every row is tried, and nothing is raised; ``all_or_none``: no row is
            written unless all are.
        outcomes: a file to which outcomes are written as they come.
        progress: called after each chunk.
        timeout: seconds for reading and writing.
        write_id: the write's name in the journal; if it is there already, that write goes on.
        if_unmodified: rows that were changed since they were read are not written.

    Raises:
        ParameterError: one of them is none that there is.
    """

    on_error: str = "stop"
    outcomes: str | None = None
    progress: Callable[[WriteProgress], None] | None = None
    timeout: float | None = None
    write_id: str | None = None
    if_unmodified: bool = False

    def __post_init__(self) -> None:
        if self.on_error not in ON_ERROR:
            raise ParameterError(
                f"on_error is {self.on_error!r}", remedy=f"It may be {', '.join(ON_ERROR)}."
            )
        if self.outcomes is not None:
            check_ending(self.outcomes)
        if self.write_id is not None and not _ID.fullmatch(self.write_id):
            raise ParameterError(
                f"write_id is {self.write_id!r}",
                remedy="Use up to 100 letters, digits, -, _ and dots, and begin with a letter or "
                "digit: it names a folder.",
            )

    @property
    def all_or_none(self) -> bool:
        """Whether a write is whole or not at all."""
        return self.on_error == "all_or_none"


def how_of(
    on_error: str,
    outcomes: str | os.PathLike[str] | None = None,
    progress: Callable[[WriteProgress], None] | None = None,
    timeout: float | None = None,
    write_id: str | None = None,
    if_unmodified: bool = False,
) -> How:
    """How a write is done, of what `Connection.write` was given.

    Raises:
        ParameterError: one of the arguments is none that there is.
    """
    file = None if outcomes is None else os.fspath(outcomes)
    return How(on_error, file, progress, timeout, write_id, if_unmodified)
