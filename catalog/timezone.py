"""The session's time zone: what the project says, else `TZ`, else the machine, else UTC."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from isthmus.catalog.suggest import did_you_mean
from isthmus.errors import ConfigError, Place

__all__ = ["check_time_zone", "session_time_zone"]

_FOLDER = "/zoneinfo/"


def check_time_zone(name: str, place: Place | None = None, *, what: str = "time_zone") -> str:
    """Return the name if it is an IANA time zone.

    Raises:
        ConfigError: it is none; the remedy suggests the nearest.
    """
    if _exists(name):
        return name
    raise ConfigError(
        f"{what} is {name!r}, which is not an IANA time zone",
        place=place,
        remedy=did_you_mean(name, available_timezones()) or "Write one such as Europe/Berlin.",
    )


def session_time_zone(environ: Mapping[str, str] | None = None, *, etc: Path = Path("/etc")) -> str:
    """The zone of `TZ` or of the machine; UTC where neither says.

    `TZ` is read as POSIX says (XBD 8.3): a leading colon is dropped, and empty means UTC. A
    file below a ``zoneinfo`` folder stands for the zone it holds.

    Raises:
        ConfigError: `TZ` is set to something that is not an IANA zone, such as a POSIX rule.
    """
    said = (os.environ if environ is None else environ).get("TZ")
    if said is None:
        return _of_machine(etc) or "UTC"
    name = _below_zoneinfo(said.removeprefix(":"))
    if name == str(etc / "localtime"):
        return _of_machine(etc) or "UTC"
    return check_time_zone(name or "UTC", what="the environment variable TZ")


def _of_machine(etc: Path) -> str | None:
    link, text = etc / "localtime", etc / "timezone"
    if link.is_symlink():
        name = _below_zoneinfo(os.path.realpath(link), os.readlink(link))
        if _exists(name):
            return name
    if text.is_file():
        lines = text.read_text("utf-8", errors="replace").split()
        if lines and _exists(lines[0]):
            return lines[0]
    return None


def _below_zoneinfo(*paths: str) -> str:
    """``/usr/share/zoneinfo/Europe/Berlin`` is Europe/Berlin; any other text is itself."""
    # The link's own target first: it has the name that was chosen, not the one it is an alias of.
    for path in reversed(paths):
        if _FOLDER in path:
            name = path.rpartition(_FOLDER)[2]
            return name.removeprefix("posix/").removeprefix("right/")
    return paths[0]


def _exists(name: str) -> bool:
    if name in ("UTC", "localtime"):
        return name == "UTC"  # always there; "localtime" is a file, not a zone
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
