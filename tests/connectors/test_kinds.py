"""Kinds of source: ours, and those that other packages bring."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus.catalog.project import SourceConfig, load_project
from isthmus.connectors import kinds
from isthmus.connectors.kinds import KINDS, make
from isthmus.errors import ConfigError

PLUGIN = """
    from isthmus.catalog.kinds import Key, SourceKind
    from isthmus.connectors.contract import Connector
    from isthmus.connectors.kinds import Registration


    class Erp(Connector):
        kind = "erp"
        tables = describe = row_count = judge = plan = open = check = lambda *_: None


    ERP = Registration(
        SourceKind("erp", (("host",),), {"host": Key("its address")}), lambda c: Erp(c.name)
    )
    NOTHING = 1
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "isthmus_erp.py").write_text(textwrap.dedent(PLUGIN))
    info = tmp_path / "isthmus_erp-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: isthmus-erp\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[isthmus.connectors]\n"
        "erp = isthmus_erp:ERP\nwrong = isthmus_erp:NOTHING\nbroken = isthmus_nowhere:X\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield
    forget()
    sys.modules.pop("isthmus_erp", None)


def forget() -> None:
    kinds._others.cache_clear()
    kinds._registration.cache_clear()


def test_our_own_kinds() -> None:
    assert set(KINDS) >= {"salesforce", "files"}
    for kind, options in (("salesforce", {"ready_file": "org.json"}), ("files", {"root": "/x"})):
        assert KINDS[kind].name == kind
        connector = make(SourceConfig("x", kind, options))
        assert (connector.name, connector.kind) == ("x", kind)


@pytest.mark.usefixtures("plugin")
def test_a_kind_of_another_package() -> None:
    project = load_project({"sources": {"sap": {"kind": "erp", "host": "h"}}}, kinds=KINDS)
    connector = make(project.sources[0])
    assert (connector.name, connector.kind) == ("sap", "erp")
    assert "erp" in KINDS and list(KINDS)[:2] == ["salesforce", "files"]


@pytest.mark.usefixtures("plugin")
def test_its_keys_are_checked_like_ours() -> None:
    with pytest.raises(ConfigError, match="Did you mean host"):
        load_project({"sources": {"sap": {"kind": "erp", "hots": "h"}}}, kinds=KINDS)


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("name", "message"),
    [("wrong", "is not a Registration"), ("broken", "can't be loaded from isthmus_nowhere:X")],
)
def test_a_package_that_is_broken_is_named(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_project({"sources": {"sap": {"kind": name}}}, kinds=KINDS)


def test_a_kind_that_nobody_reads() -> None:
    with pytest.raises(ConfigError, match="no connector reads the kind 'erp'"):
        make(SourceConfig("sap", "erp"))
