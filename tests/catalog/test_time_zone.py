"""The session's zone: TZ, then the machine, then UTC."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from isthmus.catalog.project import load_project
from isthmus.catalog.timezone import check_time_zone, session_time_zone
from isthmus.errors import ConfigError


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    return tmp_path


def link(etc: Path, target: str) -> None:
    os.symlink(target, etc / "localtime")


@pytest.mark.parametrize(
    ("said", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        (":Asia/Kolkata", "Asia/Kolkata"),
        ("/usr/share/zoneinfo/America/New_York", "America/New_York"),
        (":/usr/share/zoneinfo/posix/Asia/Tokyo", "Asia/Tokyo"),
        ("UTC", "UTC"),
        ("", "UTC"),
        ("EST5EDT", "EST5EDT"),
    ],
)
def test_TZ_comes_first(etc: Path, said: str, zone: str) -> None:
    link(etc, "/usr/share/zoneinfo/Pacific/Auckland")
    assert session_time_zone({"TZ": said}, etc=etc) == zone


@pytest.mark.parametrize("said", ["Europe/Berlinn", "CET-1CEST,M3.5.0,M10.5.0/3", "localtime"])
def test_a_TZ_that_is_no_zone_is_an_error(etc: Path, said: str) -> None:
    with pytest.raises(ConfigError, match="environment variable TZ"):
        session_time_zone({"TZ": said}, etc=etc)


@pytest.mark.parametrize(
    ("target", "zone"),
    [
        ("/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"),
        ("../usr/share/zoneinfo/Asia/Kolkata", "Asia/Kolkata"),
        ("/usr/share/zoneinfo/right/America/Argentina/Ushuaia", "America/Argentina/Ushuaia"),
        ("/var/db/timezone/zoneinfo/Europe/Paris", "Europe/Paris"),
    ],
)
def test_the_machine_says_by_a_link(etc: Path, target: str, zone: str) -> None:
    link(etc, target)
    assert session_time_zone({}, etc=etc) == zone


def test_the_machine_says_in_words(etc: Path) -> None:
    (etc / "localtime").write_bytes(b"TZif")
    (etc / "timezone").write_text("Europe/Vienna\n")
    assert session_time_zone({}, etc=etc) == "Europe/Vienna"


def test_TZ_may_point_at_the_machine(etc: Path) -> None:
    link(etc, "/usr/share/zoneinfo/Europe/Oslo")
    assert session_time_zone({"TZ": f":{etc}/localtime"}, etc=etc) == "Europe/Oslo"


def test_neither_says(etc: Path) -> None:
    assert session_time_zone({}, etc=etc) == "UTC"


def test_the_project_wins_over_TZ() -> None:
    settings = {"settings": {"time_zone": "Asia/Tokyo"}}
    for said in ("Europe/Berlin", "nonsense"):
        project = load_project(settings, kinds={}, environ={"TZ": said})
        assert project.settings.time_zone == "Asia/Tokyo"
    assert load_project({}, kinds={}, environ={"TZ": "Europe/Berlin"}).settings.time_zone == (
        "Europe/Berlin"
    )


def test_a_wrong_name_gets_the_nearest() -> None:
    assert check_time_zone("UTC") == "UTC"
    with pytest.raises(ConfigError, match=r"Did you mean America/New_York\?"):
        check_time_zone("america/newyork")
