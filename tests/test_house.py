"""The house itself: rooms, links, public names, start-up time, notebooks without outputs."""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import isthmus

ROOT = Path(__file__).parents[1]
ROOMS = ("engine", "connectors", "catalog", "interfaces", "localorg")

#: What a query or a help text must never wait for.
HEAVY = ("pandas", "polars", "sqlglot", "IPython", "zeep", "simple_salesforce", "requests")


def loaded_by(code: str) -> set[str]:
    """The modules that are loaded after running the code in a new process."""
    script = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split("\n"))


def test_each_room_is_linked_into_the_package() -> None:
    for room in ROOMS:
        link = ROOT / "src" / "isthmus" / room
        assert os.path.samefile(link, ROOT / room), f"{link}: run make links"


def test_each_module_is_imported_once() -> None:
    assert not set(ROOMS) & set(sys.modules)


def test_every_public_name_is_there() -> None:
    for name in isthmus.__all__:
        assert getattr(isthmus, name) is not None
    assert set(isthmus.__all__) <= set(dir(isthmus))


def test_every_module_says_which_names_are_public() -> None:
    wrong = []
    for module in pkgutil.walk_packages(isthmus.__path__, "isthmus."):
        if module.name.rpartition(".")[2].startswith("_") or ".localorg" in module.name:
            continue
        loaded = __import__(module.name, fromlist=["__all__"])
        wrong += [
            f"{module.name}.{name}"
            for name in getattr(loaded, "__all__", ())
            if not hasattr(loaded, name)
        ]
    assert wrong == []


def test_the_version_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == isthmus.__version__


def test_the_package_alone_loads_nothing_heavy() -> None:
    loaded = loaded_by("import isthmus")
    assert not loaded & {"duckdb", "pyarrow", "click", *HEAVY}


def test_help_loads_neither_duckdb_nor_a_server() -> None:
    loaded = loaded_by("from isthmus.interfaces.cli.app import main\nassert main(['--help']) == 0")
    assert not loaded & {"duckdb", "pyarrow", "uvicorn", "prompt_toolkit", *HEAVY}


def test_a_query_waits_for_nothing_that_it_does_not_need() -> None:
    loaded = loaded_by(
        "import isthmus\nwith isthmus.connect({}) as con:\n    con.sql('SELECT 1').arrow()"
    )
    assert "duckdb" in loaded
    assert not loaded & {*HEAVY, "pyarrow.dataset"}


def test_rooms_do_not_load_the_local_org() -> None:
    assert "isthmus.localorg" not in loaded_by("import isthmus; isthmus.connect")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.name)
def test_notebooks_are_kept_without_outputs(path: Path) -> None:
    cells = json.loads(path.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)


def test_pins_are_plain_and_carry_no_address() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert line.startswith("#") or ("==" in line and "://" not in line and "@" not in line)


def test_the_readme_says_how_to_run_the_tests() -> None:
    assert "\n$ make test\n" in (ROOT / "README.md").read_text()
