"""What CumulusCI's data tasks do against a local org, by its command line `cci`."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path

from checks import ORG, Check, asked, count, forget, main, rows

HERE = Path.cwd()

PROJECT = """
minimum_cumulusci_version: '4.0.0'
project:
  name: Local
  package:
    name: Local
    api_version: '60.0'
  git:
    default_branch: main
"""

MAPPING = """
Accounts:
  sf_object: Account
  api: {api}
  fields: [Name, Industry, NumberOfEmployees]
{filter}
Contacts:
  sf_object: Contact
  api: {api}
  fields: [LastName, FirstName, Email]
{filter}
  lookups:
    AccountId:
      table: Account
"""

UPSERT = """
Traps:
  sf_object: Trap__c
  api: {api}
  action: upsert
  update_key: External_Id__c
  fields: [Name, External_Id__c, Text__c]
"""

RECIPE = """
- object: Account
  count: 7
  fields:
    Name: Recipe ${{id}}
  friends:
    - object: Contact
      fields:
        LastName: Friend ${{id}}
        AccountId:
          reference: Account
"""


def prepare() -> None:
    """A project in a git repository, as cci demands, and the org as its environment gives one."""
    for command in (
        ["init", "-q", "-b", "main"],
        ["config", "user.email", "a@example.com"],
        ["config", "user.name", "a"],
        ["commit", "-q", "--allow-empty", "-m", "a"],
        ["remote", "add", "origin", "https://github.com/example/local.git"],
    ):
        subprocess.run(["git", *command], check=True, cwd=HERE)
    (HERE / "cumulusci.yml").write_text(PROJECT, "utf-8")
    (HERE / ".cumulusci").mkdir()
    # it looks for a newer version of itself once an hour
    (HERE / ".cumulusci" / "cumulus_timestamp").write_text(str(time.time()), "utf-8")
    app = {"client_id": ORG["client_id"], "client_secret": ORG["client_secret"]}
    user = rows("SELECT Id FROM User WHERE Username = '" + ORG["username"] + "'")[0]["Id"]
    org = rows("SELECT Id FROM Organization")[0]["Id"]
    told = {
        **app,
        "instance_url": ORG["https"],
        "refresh_token": ORG["refresh_token"],
        "id": f"{ORG['https']}/id/{org}/{user}",
        "username": ORG["username"],
    }
    app |= {"callback_url": "http://localhost:8080/callback", "login_url": ORG["https"]}
    os.environ.update(
        {
            "CUMULUSCI_ORG_local": json.dumps(told),
            "CUMULUSCI_SERVICE_connected_app": json.dumps(app),
        }
    )


def cci(*arguments: str) -> str:
    """Run a command and give what it prints; it fails when the command does."""
    done = subprocess.run(
        ["cci", *arguments], capture_output=True, text=True, timeout=300, check=False, cwd=HERE
    )
    if done.returncode:
        told = (done.stdout + done.stderr)[-3000:]
        raise AssertionError(f"{' '.join(arguments)} ended with {done.returncode}: {told}")
    return done.stdout


def task(name: str, **options: object) -> str:
    given = [part for key, value in options.items() for part in (f"--{key}", str(value))]
    return cci("task", "run", name, "--org", "local", "--no-prompt", *given)


def org_info() -> None:
    text = cci("org", "info", "local", "--json")
    told = json.loads(text[text.index("{") :])  # what it logs stands before that
    assert told["username"] == ORG["username"]


def _mapping(text: str, api: str, name: str, where: str = "") -> str:
    filtered = f'  soql_filter: "{where}"' if where else ""
    (HERE / name).write_text(text.format(api=api, filter=filtered), "utf-8")
    return name


def _data(path: str, accounts: int) -> str:
    """A dataset as CumulusCI writes one: SQL of SQLite."""
    with sqlite3.connect(":memory:") as made:
        made.execute(
            'CREATE TABLE "Account" (id INTEGER PRIMARY KEY, "Name" TEXT, "Industry" TEXT,'
            ' "NumberOfEmployees" TEXT)'
        )
        made.execute(
            'CREATE TABLE "Contact" (id INTEGER PRIMARY KEY, "LastName" TEXT, "FirstName" TEXT,'
            ' "Email" TEXT, "AccountId" TEXT)'
        )
        for at in range(1, accounts + 1):
            made.execute(
                'INSERT INTO "Account" VALUES (?, ?, ?, ?)', (at, f"{path} {at}", "Energy", at)
            )
            made.execute(
                'INSERT INTO "Contact" VALUES (?, ?, ?, ?, ?)',
                (at, f"Löwe {at}", "'A'", None, str(at)),
            )
        (HERE / path).write_text("\n".join(made.iterdump()), "utf-8")
    return path


def _load(api: str) -> None:
    name = f"{api}.sql"
    task("load_dataset", mapping=_mapping(MAPPING, api, "load.yml"), sql_path=_data(name, 250))
    assert count("Account", f"Name LIKE '{name} %' AND Industry = 'Energy'") == 250
    assert count("Contact", f"Account.Name LIKE '{name} %'") == 250


def load_by_rest() -> None:
    forget()
    _load("rest")
    assert asked("POST", "/composite/sobjects") >= 4


def load_by_bulk() -> None:
    forget()
    _load("bulk")
    assert asked("POST", "/services/async/") > 0


def _upsert(api: str) -> None:
    for name in ("one", "two"):
        with sqlite3.connect(":memory:") as made:
            made.execute(
                'CREATE TABLE "Trap__c" (id INTEGER PRIMARY KEY, "Name" TEXT,'
                ' "External_Id__c" TEXT, "Text__c" TEXT)'
            )
            for at in range(1, 4):
                made.execute(
                    'INSERT INTO "Trap__c" VALUES (?, ?, ?, ?)', (at, "t", f"cci-{api}-{at}", name)
                )
            (HERE / "upsert.sql").write_text("\n".join(made.iterdump()), "utf-8")
        task("load_dataset", mapping=_mapping(UPSERT, api, "upsert.yml"), sql_path="upsert.sql")
    found = rows(f"SELECT Text__c FROM Trap__c WHERE External_Id__c LIKE 'cci-{api}-%'")
    assert [row["Text__c"] for row in found] == ["two"] * 3


def upsert_by_rest() -> None:
    _upsert("rest")


def upsert_by_bulk() -> None:
    _upsert("bulk")


def _extract(api: str) -> None:
    mapping = _mapping(MAPPING, api, "extract.yml", "Name != null")
    task("extract_dataset", mapping=mapping, database_url=f"sqlite:///{api}.db")
    with sqlite3.connect(HERE / f"{api}.db") as made:
        (accounts,) = made.execute('SELECT count(*) FROM "Account"').fetchone()
        (contacts,) = made.execute('SELECT count(*) FROM "Contact"').fetchone()
    assert accounts == count("Account", "Name != null") > 0
    assert contacts == count("Contact", "Name != null") > 0


def extract_by_rest() -> None:
    _extract("rest")


def extract_by_bulk() -> None:
    _extract("bulk")


def recipe() -> None:
    (HERE / "recipe.yml").write_text(RECIPE.replace("{{", "{").replace("}}", "}"), "utf-8")
    task("snowfakery", recipe="recipe.yml", run_until_recipe_repeated=2)
    assert count("Account", "Name LIKE 'Recipe %'") == 14
    assert count("Contact", "LastName LIKE 'Friend %' AND Account.Name LIKE 'Recipe %'") == 14


def _update(api: str) -> None:
    told = f"    Industry: {api}\n    Description: of ${{{{input.Name}}}}\n"
    (HERE / "update.recipe.yml").write_text(f"- object: Account\n  fields:\n{told}", "utf-8")
    task(
        "update_data", object="Account", where="Name LIKE 'rest.sql %'", fields="Name",
        recipe="update.recipe.yml", api=api,
    )  # fmt: skip
    assert count("Account", f"Name LIKE 'rest.sql %' AND Industry = '{api}'") == 250


def update_by_rest() -> None:
    _update("rest")


def update_by_bulk() -> None:
    _update("bulk")


def _delete(api: str, name: str) -> None:
    assert count("Account", f"Name LIKE '{name} %'") == 250
    task("delete_data", objects="Account", where=f"Name LIKE '{name} %'", api=api)
    assert count("Account", f"Name LIKE '{name} %'") == 0


def delete_by_rest() -> None:
    _delete("rest", "rest.sql")


def delete_by_bulk() -> None:
    _delete("bulk", "bulk.sql")


def refused() -> None:
    before = count("Account")
    (HERE / "bad.sql").write_text(
        'CREATE TABLE "Account" (id INTEGER PRIMARY KEY, "Name" TEXT);\n'
        "INSERT INTO \"Account\" VALUES (1, NULL);\n", "utf-8",
    )  # fmt: skip
    (HERE / "bad.yml").write_text(
        "A:\n  sf_object: Account\n  api: rest\n  fields: [Name]\n", "utf-8"
    )
    try:
        task("load_dataset", mapping="bad.yml", sql_path="bad.sql")
    except AssertionError as error:
        told = " ".join(str(error).split())
        assert "REQUIRED_FIELD_MISSING: Required fields are missing: [Name]" in told, told
    else:
        raise AssertionError("an account without a name was taken")
    assert count("Account") == before


prepare()
main(
    [
        Check("org info by refresh token", org_info),
        Check("load_dataset by REST", load_by_rest),
        Check("load_dataset upsert by REST", upsert_by_rest),
        Check("load_dataset refused", refused),
        Check("extract_dataset by REST", extract_by_rest),
        Check("update_data by REST", update_by_rest),
        Check("load_dataset by Bulk 1.0", load_by_bulk),
        Check("load_dataset upsert by Bulk 1.0", upsert_by_bulk),
        Check("extract_dataset by Bulk 1.0", extract_by_bulk),
        Check("update_data by Bulk 1.0", update_by_bulk),
        Check("snowfakery", recipe),
        Check("delete_data by REST", delete_by_rest),
        Check("delete_data by Bulk 1.0", delete_by_bulk),
    ]
)
