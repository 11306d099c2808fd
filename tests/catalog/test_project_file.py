"""What a project file may say, and how each mistake in it is told: thing, place, remedy."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from isthmus.catalog.kinds import Key, SourceKind
from isthmus.catalog.project import Project, load_project
from isthmus.catalog.secrets import Secret
from isthmus.errors import ConfigError

KINDS = {
    "salesforce": SourceKind(
        "salesforce",
        required=(("ready_file",), ("instance_url", "auth")),
        keys={
            "ready_file": Key("the ready file", path=True),
            "instance_url": Key("the address"),
            "auth": Key("how to log in", choices=("password", "jwt")),
            "username": Key("who"),
            "password": Key("the password", secret=True),
            "timeout": Key("seconds", (float,)),
            "concurrency": Key("requests at once", (int,)),
        },
    ),
    "files": SourceKind(
        "files",
        required=(("root",), ("tables",)),
        keys={
            "root": Key("the folder", path=True),
            "storage_options": Key("of the filesystem", (dict,)),
            "tables": Key("more tables", each={"url": Key("where", path=True)}),
        },
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "isthmus.toml"
    file.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return file


def load(project: Any = None, **environ: str) -> Project:
    return load_project(project, kinds=KINDS, environ=environ)


GOOD = """
    [sources.crm]
    kind = "salesforce"
    ready_file = "org.json"
    password = "env:SF_PASSWORD"

    [sources.lake]
    kind = "files"
    root = "data"

    [views]
    folder = "views"

    [settings]
    threads = 2
    time_zone = "Europe/Berlin"
"""


class TestWhereItIsFound:
    @pytest.fixture(autouse=True)
    def project(self, folder: Path) -> None:
        (folder / "views").mkdir()
        write(folder, GOOD)

    def test_by_its_path(self, folder: Path) -> None:
        assert load(folder / "isthmus.toml").file == folder / "isthmus.toml"
        assert load("isthmus.toml").file == folder / "isthmus.toml"

    def test_by_its_folder(self, folder: Path) -> None:
        assert load(folder).file == load(str(folder)).file == folder / "isthmus.toml"

    def test_in_the_current_folder_or_above(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        deep = folder / "a" / "b"
        deep.mkdir(parents=True)
        monkeypatch.chdir(deep)
        assert load().file == folder / "isthmus.toml"

    def test_a_folder_is_not_searched_upward(self, folder: Path) -> None:
        (folder / "a").mkdir()
        with pytest.raises(ConfigError, match=r"holds no isthmus\.toml") as error:
            load("a")
        assert "isthmus init" in str(error.value)

    def test_a_file_that_is_not_there(self) -> None:
        with pytest.raises(ConfigError, match=r"no project file .*nowhere\.toml"):
            load("nowhere.toml")


def test_nothing_above_is_an_error_that_names_init(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="isthmus init"):
        load()


def test_values(folder: Path) -> None:
    (folder / "views").mkdir()
    (folder / "views" / "big.sql").write_text("SELECT 1")
    write(folder, GOOD)
    project = load()
    crm, lake = project.sources
    assert (crm.name, crm.kind) == ("crm", "salesforce")
    assert crm.options["ready_file"] == str(folder / "org.json")
    assert crm.options["password"] == Secret("env:SF_PASSWORD")
    assert crm.place is not None and crm.place.line == 1
    assert lake.options["root"] == str(folder / "data")
    assert [v.name for v in project.views] == ["big"]
    assert (project.settings.threads, project.settings.time_zone) == (2, "Europe/Berlin")


def test_relative_paths_start_at_the_project_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = folder / "home"
    (home / "v").mkdir(parents=True)
    (home / "v" / "x.sql").write_text("SELECT 1")
    write(
        home,
        """
        [sources.lake]
        kind = "files"
        root = "../data"
        [sources.lake.tables.rates]
        url = "rates.csv"
        [sources.cloud]
        kind = "files"
        root = "s3://bucket/lake"
        [views]
        folder = "v"
        [settings]
        temp_directory = "spill"
        """,
    )
    project = load(home)
    assert project.sources[0].options["root"] == str(folder / "data")
    assert project.sources[0].options["tables"] == {"rates": {"url": str(home / "rates.csv")}}
    assert project.sources[1].options["root"] == "s3://bucket/lake"
    assert project.settings.temp_directory == str(home / "spill")
    assert project.views[0].file == "home/v/x.sql"


def test_a_dict_is_a_project_too(folder: Path) -> None:
    project = load(
        {
            "sources": {"lake": {"kind": "files", "root": Path("data")}},
            "views": {"sql": {"x": "SELECT 1;"}},
        }
    )
    assert project.file is None
    assert project.sources[0].options["root"] == str(folder / "data")
    assert [(v.name, v.text) for v in project.views] == [("x", "SELECT 1")]
    assert load({}).sources == ()


def test_mistakes_in_a_dict_have_no_place() -> None:
    with pytest.raises(ConfigError) as error:
        load({"sources": {"lake": {"kind": "files", "rot": "x"}}})
    assert error.value.place is None
    assert "sources.lake" in error.value.message
    assert error.value.remedy == "Did you mean root?"


MISTAKES = {
    "an unknown table": (
        '\n[source.crm]\nkind = "files"',
        (2, 2),
        "'source'",
        "Did you mean sources?",
    ),
    "a source outside of the sources": (
        '[crm]\nkind = "salesforce"',
        (1, 2),
        "crm looks like a source",
        "Write [sources.crm].",
    ),
    "a table written twice": (
        '[sources.a]\nkind = "files"\n[sources.a]',
        (3, 11),
        "twice",
        "Remove one of the two.",
    ),
    "an unknown key of a source": (
        '[sources.lake]\nkind = "files"\n  rooot = "x"',
        (3, 3),
        "sources.lake has a key 'rooot'",
        "Did you mean root?",
    ),
    "an unknown key, with nothing near": (
        '[sources.lake]\nkind = "files"\nzzz = "x"',
        (3, 1),
        "'zzz', which means nothing in a files source",
        "The keys are root, storage_options, tables.",
    ),
    "an unknown key of a table of a source": (
        '[sources.lake]\nkind = "files"\n[sources.lake.tables.rates]\nurll = "x"',
        (4, 1),
        "sources.lake.tables.rates has a key 'urll'",
        "Did you mean url?",
    ),
    "an unknown key of an inline table": (
        '[sources]\nlake = { kind = "files", rooot = "x" }',
        (2, 26),
        "'rooot'",
        "Did you mean root?",
    ),
    "an unknown dotted key": (
        'sources.lake.kind = "files"\nsources.lake.rooot = "x"',
        (2, 1),
        "'rooot'",
        "Did you mean root?",
    ),
    "an unknown setting": (
        '[settings]\ntimezone = "UTC"',
        (2, 1),
        "settings has a key 'timezone'",
        "Did you mean time_zone?",
    ),
    "an unknown key of views": (
        '[views]\nfoldr = "views"',
        (2, 1),
        "views has a key 'foldr'",
        "Did you mean folder? A view as text goes below [views.sql].",
    ),
    "no kind": (
        '[sources.crm]\nroot = "x"',
        (1, 2),
        "sources.crm does not say its kind",
        'kind = "',
    ),
    "an unknown kind": (
        '[sources.crm]\nkind = "salesfroce"',
        (2, 1),
        "'salesfroce', which no connector reads",
        "Did you mean salesforce?",
    ),
    "too little": (
        '[sources.crm]\nkind = "salesforce"\nauth = "jwt"',
        (1, 2),
        "sources.crm says too little",
        "needs ready_file; or instance_url and auth.",
    ),
    "a value that is no choice": (
        '[sources.crm]\nkind = "salesforce"\ninstance_url = "https://x"\nauth = "pasword"',
        (4, 1),
        "sources.crm.auth is 'pasword'",
        "Did you mean password?",
    ),
    "a number as text": (
        '[sources.crm]\nkind = "salesforce"\nready_file = "x"\ntimeout = "9"',
        (4, 1),
        "sources.crm.timeout must be a number, not text",
        "seconds",
    ),
    "a truth value for a number": (
        '[sources.crm]\nkind = "salesforce"\nready_file = "x"\nconcurrency = true',
        (4, 1),
        "sources.crm.concurrency must be a whole number, not true or false",
        "",
    ),
    "a source that is no table": (
        '[sources]\ncrm = "x"',
        (2, 1),
        "sources.crm must be a table",
        "",
    ),
    "twins in another case": (
        '[sources.crm]\nkind = "files"\nroot = "x"\n[sources.CRM]\nkind = "files"\nroot = "x"',
        (4, 2),
        "two sources crm and CRM",
        "Rename",
    ),
    "a reserved name": (
        '[sources.main]\nkind = "files"\nroot = "x"',
        (1, 2),
        "no source can be called main",
        "another name",
    ),
    "a name that is no identifier": (
        '[sources."my lake"]\nkind = "files"\nroot = "x"',
        (1, 2),
        "'my lake' can't be the name of a source",
        "letters",
    ),
    "a source and a view of one name": (
        '[sources.x]\nkind = "files"\nroot = "x"\n[views.sql]\nX = "SELECT 1"',
        (1, 2),
        "a source and a view are both called x",
        "Rename",
    ),
    "views that differ in case": (
        '[views.sql]\na = "SELECT 1"\nA = "SELECT 1"',
        (3, 1),
        "two views a and A",
        "Rename",
    ),
    "an empty view": ('[views.sql]\na = "-- nothing"', (2, 1), "the view a holds no query", ""),
    "a view that is no text": ("[views.sql]\na = 1", (2, 1), "views.sql.a must be text", ""),
    "a folder that is not there": (
        '[views]\nfolder = "veiws"',
        (2, 1),
        "the folder of views veiws does not exist",
        "Make it",
    ),
    "a time zone that is none": (
        '[settings]\ntime_zone = "Europe/Berlinn"',
        (2, 1),
        "settings.time_zone is 'Europe/Berlinn'",
        "Did you mean Europe/Berlin?",
    ),
    "no threads": ("[settings]\nthreads = 0", (2, 1), "at least 1", ""),
    "text without quotes": (
        "[sources.crm]\nkind = salesforce",
        (2, 8),
        "the project file is not TOML: Invalid value",
        "quotes",
    ),
    "a text without its end": ('[a]\nx = """\nabc', (3, 4), "Unterminated string", ""),
    "a missing variable in a plain key": (
        '[sources.crm]\nkind = "salesforce"\nready_file = "x"\nusername = "env:NOT_SET_ANYWHERE"',
        (4, 1),
        "the environment variable NOT_SET_ANYWHERE is not set",
        "export NOT_SET_ANYWHERE=",
    ),
}


@pytest.mark.parametrize(
    ("text", "at", "message", "remedy"), MISTAKES.values(), ids=MISTAKES.keys()
)
def test_a_mistake_is_told_with_its_place_and_the_remedy(
    folder: Path, text: str, at: tuple[int, int], message: str, remedy: str
) -> None:
    (folder / "isthmus.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load()
    assert message in error.value.message
    assert error.value.place is not None
    assert (error.value.place.line, error.value.place.column) == at
    assert error.value.place.file == "isthmus.toml"
    assert f"(isthmus.toml, line {at[0]}, column {at[1]})" in str(error.value)
    assert remedy in (error.value.remedy or "")


def test_keys_inside_a_long_text_are_not_taken_for_keys(folder: Path) -> None:
    write(
        folder,
        '''
        [views.sql]
        a = """
        threadz = 1
        [settings]
        SELECT 1"""
        [settings]
        threadz = 1
        ''',
    )
    with pytest.raises(ConfigError, match=r"threadz.*line 7, column 1") as error:
        load()
    assert error.value.remedy == "Did you mean threads?"


def test_a_file_that_is_not_utf8(folder: Path) -> None:
    (folder / "isthmus.toml").write_bytes(b"# fine\n# M\xfcller")
    with pytest.raises(ConfigError, match=r"not UTF-8.*line 2, column 4"):
        load()


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(folder: Path) -> None:
    (folder / "isthmus.toml").write_bytes(b"\xef\xbb\xbf[settings]\r\nthreads = 3\r\n")
    assert load().settings.threads == 3


def test_plain_texts_may_come_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SF_USER", "me@example.com")
    crm = {"kind": "salesforce", "ready_file": "x", "username": "env:SF_USER"}
    assert load({"sources": {"crm": crm}}).sources[0].options["username"] == "me@example.com"


def test_the_whole_project_can_be_shown_without_its_secrets(folder: Path) -> None:
    crm = {"kind": "salesforce", "ready_file": "x", "password": "hunter2"}
    project = load({"sources": {"crm": crm}})
    assert "hunter2" not in repr(project)
    assert project.sources[0].plain_secrets == ("password",)
