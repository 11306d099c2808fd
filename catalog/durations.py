"""Lengths of time as a project file writes them: ``10 minutes``, ``1 day``, ``90``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from isthmus.errors import ConfigError, Place

__all__ = ["duration"]

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WORDS: Final = {
    **{word: _SECONDS[word[0]] for word in ("second", "minute", "hour", "day", "week")},
    **{"sec": 1, "min": 60},
    **_SECONDS,
}
_FORM: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*")


def duration(value: str | float, name: str, place: Place | None = None) -> timedelta:
    """A length of time.

    Args:
        value: seconds, or a number with a unit.
        name: what is read, for the error.
        place: where it stands.

    >>> str(duration("10 minutes", "overlap")), str(duration(90, "overlap"))
    ('0:10:00', '0:01:30')

    Raises:
        ConfigError: it is no length of time.
    """
    found = _FORM.fullmatch(str(value).lower())
    unit = found[2] if found else ""
    seconds = 1 if not unit else _WORDS.get(unit) or _WORDS.get(unit.removesuffix("s"))
    if found is None or seconds is None:
        raise ConfigError(
            f"{name} is {value!r}",
            place=place,
            remedy='Write a number of seconds, or a text such as "10 minutes" or "1 day".',
        )
    return timedelta(seconds=float(found[1]) * seconds)
