"""Views as files and as texts: names, headers, ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.catalog.project import load_project
from isthmus.catalog.views import make_view
from isthmus.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("-- Open pipeline.\nSELECT 1", "Open pipeline."),
        ("\n\n  -- One\n  --\n  -- Two\nSELECT 1", "One\n\nTwo"),
        ("-- First block\n\n-- licence\nSELECT 1", "First block"),
        ("----------\n-- Ruled\n----------\nSELECT 1", "Ruled"),
        ("-- - a bullet\nSELECT 1", "- a bullet"),
        ("/* Open pipeline. */ SELECT 1", "Open pipeline."),
        ("/*\n * One\n * Two\n */\nSELECT 1", "One\nTwo"),
        ("SELECT 1 -- not a header", None),
        ("SELECT 1\n-- not a header", None),
        ("--\nSELECT 1", None),
        ("-- ü “emoji” 🚀\nSELECT 1", "ü “emoji” 🚀"),
    ],
)
def test_the_header_is_the_description(text: str, description: str | None) -> None:
    assert make_view("x", text).description == description


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("SELECT 1;", "SELECT 1"),
        ("SELECT 1 ; ;\n", "SELECT 1"),
        ("SELECT 1; -- done", "SELECT 1"),
        ("SELECT 1; /* ; */", "SELECT 1"),
        ("SELECT ';'", "SELECT ';'"),
        ("SELECT ''';'", "SELECT ''';'"),
        (r"SELECT E'\';';", r"SELECT E'\';'"),
        ('SELECT 1 AS ";"', 'SELECT 1 AS ";"'),
        ("SELECT $$;$$;", "SELECT $$;$$"),
        ("SELECT $a$;$$;$a$;", "SELECT $a$;$$;$a$"),
        ("SELECT 1 -- why;", "SELECT 1"),
        ("-- head\nSELECT 1;", "-- head\nSELECT 1"),
    ],
)
def test_the_text_ends_before_its_semicolon(text: str, kept: str) -> None:
    assert make_view("x", text).text == kept


@pytest.mark.parametrize("text", ["", " \n", ";", "-- only words", "/* only */ ;"])
def test_no_query(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"the view x holds no query \(x\.sql, line 1, column 1\)"
    ):
        make_view("x", text, "x.sql")


class TestFolder:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "views").mkdir()
        return tmp_path / "views"

    def load(self, **sql: str) -> list[tuple[str, str, str | None]]:
        project = load_project({"views": {"folder": "views", "sql": sql}}, kinds={})
        return [(v.name, v.text, v.file) for v in project.views]

    def test_each_sql_file_is_a_view(self, folder: Path) -> None:
        (folder / "b.sql").write_bytes(b"\xef\xbb\xbfSELECT 2;\r\n")
        (folder / "a.SQL").write_text("SELECT 1")
        (folder / "notes.txt").write_text("no view")
        (folder / ".b.sql").write_text("an editor's")
        (folder / "deep.sql").mkdir()
        assert self.load(c="SELECT 3") == [
            ("a", "SELECT 1", "views/a.SQL"),
            ("b", "SELECT 2", "views/b.sql"),
            ("c", "SELECT 3", None),
        ]

    def test_names_that_differ_in_case_only(self, folder: Path) -> None:
        (folder / "a.sql").write_text("SELECT 1")
        with pytest.raises(ConfigError, match="two views a and A"):
            self.load(A="SELECT 1")

    def test_not_utf8(self, folder: Path) -> None:
        (folder / "a.sql").write_bytes(b"SELECT\n 'M\xfcller'")
        with pytest.raises(ConfigError, match=r"views/a\.sql is not UTF-8 .*line 2, column 4"):
            self.load()

    def test_a_file_whose_name_is_no_name(self, folder: Path) -> None:
        (folder / "my-view.sql").write_text("SELECT 1")
        with pytest.raises(ConfigError, match=r"'my-view' can't be the name of a view") as error:
            self.load()
        assert error.value.place is not None
        assert error.value.place.file == "views/my-view.sql"
