"""`[syncs.NAME]`: every key is read, and what is wrong is told with its place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from isthmus.catalog.durations import duration
from isthmus.catalog.project import Project, load_project
from isthmus.catalog.secrets import Secret
from isthmus.catalog.syncs import Drift, SyncSpec
from isthmus.connectors.kinds import KINDS
from isthmus.errors import ConfigError


def project(folder: Path, text: str) -> Project:
    (folder / "isthmus.toml").write_text(text)
    return load_project(folder, kinds=KINDS)


def wrong(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        project(folder, text)
    return str(caught.value)


def test_every_key_is_read(tmp_path: Path) -> None:
    [spec] = project(
        tmp_path,
        """
[syncs.accounts]
direction = "out"
table = "crm.Account"
to = {kind = "duckdb", path = "copy.duckdb", table = "account"}
mode = "incremental"
key = "Id"
cursor = "LastModifiedDate"
overlap = "1 hour"
lag = 30
deletes = "mark"
reconcile = "1 day"
refresh = {Score__c = "12h"}
drift = {new = "ignore", removed = "evolve", widened = "fail", renamed = "evolve"}
rows_per_part = 1000
""",
    ).syncs
    assert isinstance(spec, SyncSpec)
    assert (spec.name, spec.table, spec.query) == ("accounts", "crm.Account", None)
    assert spec.to.kind == "duckdb" and spec.to.options["path"] == str(tmp_path / "copy.duckdb")
    assert (spec.mode, spec.key, spec.cursor) == ("incremental", ("Id",), "LastModifiedDate")
    assert (spec.overlap, spec.lag) == (timedelta(hours=1), timedelta(seconds=30))
    assert (spec.deletes, spec.reconcile) == ("mark", timedelta(days=1))
    assert spec.refresh == {"Score__c": timedelta(hours=12)}
    assert spec.drift == Drift("ignore", "evolve", "fail", "evolve")
    assert spec.rows_per_part == 1000
    assert spec.place is not None and spec.place.line == 2


@pytest.mark.parametrize(
    ("text", "kind", "options"),
    [
        ("sqlite:/x/a.sqlite#t", "sqlite", {"path": "/x/a.sqlite", "table": "t"}),
        ("parquet:s3://bucket/a", "parquet", {"path": "s3://bucket/a"}),
        ("delta:/x/a", "delta", {"path": "/x/a"}),
        (
            "postgresql://me@h/db#s.t",
            "postgres",
            {"url": Secret("postgresql://me@h/db"), "table": "s.t"},
        ),
    ],
)
def test_a_target_may_be_one_text(
    tmp_path: Path, text: str, kind: str, options: dict[str, Any]
) -> None:
    [spec] = project(tmp_path, f'[syncs.a]\ntable = "crm.A"\nto = "{text}"\n').syncs
    assert isinstance(spec, SyncSpec)
    assert (spec.to.kind, spec.to.options) == (kind, options)


def test_a_target_never_shows_its_password(tmp_path: Path) -> None:
    text = '[syncs.a]\ntable = "c.A"\nto = "postgresql://me:hunter2@h/db#t"\n'
    [spec] = project(tmp_path, text).syncs
    assert isinstance(spec, SyncSpec)
    assert "hunter2" not in repr(spec) and "hunter2" not in spec.to.identity
    assert spec.to.identity == "postgres:h/db?#t"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('table = "c.A"', "does not say where to"),
        ('to = "sqlite:a#t"', "either its table or its query"),
        ('table = "c.A"\nquery = "SELECT 1"\nto = "sqlite:a#t"', "either its table or its query"),
        ('table = "c.A"\nto = "sqlite:a#t"\nmod = "full"', "Did you mean mode?"),
        ('table = "c.A"\nto = "sqlite:a#t"\nmode = "some"', "full or incremental"),
        ('table = "c.A"\nto = "sqlite:a"', "A sqlite target needs path and table"),
        ('table = "c.A"\nto = "sqlit:a#t"', "which is no target"),
        ('table = "c.A"\nto = {kind = "sqlit"}', "sqlite"),
        ('table = "c.A"\nto = {kind = "sqlite", pth = "x", table = "t"}', "pth"),
        ('table = "c.A"\nto = "sqlite:a#t"\ncursor = "X"', "full sync and says cursor"),
        ('query = "SELECT 1"\nto = "sqlite:a#t"\nmode = "incremental"', "does not say its key"),
        ('table = "c.A"\nto = "sqlite:a#t"\noverlap = "soon"', '"10 minutes"'),
        ('table = "c.A"\nto = "sqlite:a#t"\nkey = ["a", "a"]', "each once"),
        ('table = "c.A"\nto = "sqlite:a#t"\nrows_per_part = 0', "from 1 up"),
        ('table = "c.A"\nto = "sqlite:a#t"\ndirection = "up"', "direction"),
        ('table = "c.A"\nto = "sqlite:a#t"\ndrift = {new = "x"}', "evolve"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, lines: str, said: str) -> None:
    message = wrong(tmp_path, f"[syncs.one]\n{lines}\n")
    assert said in message and "isthmus.toml, line" in message and "syncs.one" in message


def test_names_of_syncs_are_unique_in_any_case(tmp_path: Path) -> None:
    one = 'table = "c.A"\nto = "sqlite:a#t"\n'
    assert "two syncs" in wrong(tmp_path, f"[syncs.a]\n{one}[syncs.A]\n{one}")
    assert "can't be the name" in wrong(tmp_path, f'[syncs."a b"]\n{one}')


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5 h", 5400), ("2 weeks", 1_209_600), (5, 5), ("3min", 180)],
)
def test_lengths_of_time(text: str | int, seconds: float) -> None:
    assert duration(text, "lag").total_seconds() == seconds
