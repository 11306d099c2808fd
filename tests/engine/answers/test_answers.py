"""SQL logic tests: each file beside this one is a script of queries and what they answer.

A script is made of blocks with an empty line between them; ``#`` begins a comment. A block is

    query                      or   error
    with [1, None]                  SELECT ...
    SELECT ...                      ----
    ----                            words of the message
    value<TAB>value

where ``with`` gives parameters as Python writes them, and ``zone Europe/Berlin`` sets the session's
zone for the blocks that follow. An empty text is shown as ``(empty)``; rows are sorted unless the
query ends in an ORDER BY or describes. ``UPDATE_ANSWERS=1`` rewrites the expected rows: read the
difference.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import isthmus
from isthmus.localorg import LocalOrg

HERE = Path(__file__).parent
SCRIPTS = sorted(HERE.glob("*.test"))
_ORDERED = re.compile(r"\)?\s*order by [^()]*\Z|\A\s*(desc|summarize|show)", re.IGNORECASE)
NAMES: dict[str, Any] = {
    "Decimal": Decimal, "date": date, "datetime": datetime, "time": time, "UTC": UTC,
    "timezone": timezone, "timedelta": timedelta,
}  # fmt: skip
VIEWS = {
    "energy": "-- Accounts of one industry\nSELECT Id, Name FROM Account WHERE Industry = 'Energy'",
    "energy_deals": "SELECT e.Name, o.Name AS deal FROM energy e"
    " JOIN Opportunity o ON o.AccountId = e.Id",
    "snake": "SELECT * FROM tail",
    "tail": "SELECT * FROM main.snake",
    "pipeline": "SELECT StageName, Amount FROM crm.Opportunity;",
}


@dataclass
class Block:
    kind: str
    sql: str
    params: Any
    expected: list[str]
    line: int


@pytest.fixture(scope="module")
def connection() -> Iterator[isthmus.Connection]:
    with LocalOrg(data=HERE / "org") as org:
        project = {
            "sources": {
                "crm": {
                    "kind": "salesforce",
                    "instance_url": org.http,
                    "access_token": org.ready["access_token"],
                },
                "lake": {
                    "kind": "files",
                    "root": str(HERE / "lake"),
                    "tables": {
                        "orders": {"columns": {"id": "bigint", "total": "decimal(10,2)"}},
                        "rates": {"columns": {"day": "date", "rate": "decimal(10,4)"}},
                    },
                },
            },
            "views": {"sql": VIEWS},
        }
        with isthmus.connect(project, time_zone="UTC") as con:
            yield con


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_script(connection: isthmus.Connection, script: Path) -> None:
    connection.time_zone = "UTC"
    blocks = list(read(script))
    answers = [(block, answer(connection, block)) for block in blocks]
    if os.environ.get("UPDATE_ANSWERS"):
        rewrite(script, answers)
    wrong = [
        f"{script.name}:{block.line}\n{block.sql}\nexpected:\n" + "\n".join(block.expected)
        + "\ngot:\n" + "\n".join(got)
        for block, got in answers
        if not right(block, got)
    ]  # fmt: skip
    assert not wrong, "\n\n".join(wrong)


def right(block: Block, got: list[str]) -> bool:
    if block.kind == "error":
        return got[:1] == ["error"] and all(w in "\n".join(got[1:]) for w in block.expected)
    return got == block.expected


def read(script: Path) -> Iterator[Block]:
    line = 1
    for part in script.read_text(encoding="utf-8").split("\n\n"):
        here, line = line, line + part.count("\n") + 2
        lines = [x for x in part.strip("\n").split("\n") if not x.startswith("#")]
        if not lines or not lines[0].strip():
            continue
        kind, _, argument = lines[0].partition(" ")
        if kind == "zone":
            yield Block("zone", argument, None, [], here)
            continue
        assert kind in ("query", "error"), f"{script.name}:{here}: {lines[0]}"
        params = None
        if lines[1].startswith("with "):
            params = eval(lines.pop(1)[5:], NAMES)
        cut = lines.index("----") if "----" in lines else len(lines)
        yield Block(kind, "\n".join(lines[1:cut]), params, lines[cut + 1 :], here)


def answer(connection: isthmus.Connection, block: Block) -> list[str]:
    if block.kind == "zone":
        connection.time_zone = block.sql
        return []
    try:
        with connection.sql(block.sql, block.params, timeout=30) as result:
            rows = ["\t".join(map(shown, row)) for row in result.fetchall()]
    except isthmus.IsthmusError as error:
        return ["error", type(error).__name__ + ": " + str(error)]
    return rows if _ORDERED.search(block.sql) else sorted(rows)


def shown(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if value == "":
        return "(empty)"
    return str(value).replace("\t", "\\t").replace("\n", "\\n")


def rewrite(script: Path, answers: list[tuple[Block, list[str]]]) -> None:
    """Put what was answered under the queries that expected something else."""
    text = script.read_text(encoding="utf-8")
    for block, got in answers:
        if block.kind == "query" and got != block.expected:
            old = block.sql + "\n----" + "".join(f"\n{r}" for r in block.expected)
            assert old in text or block.sql in text
            text = text.replace(
                old if old in text else block.sql,
                block.sql + "\n----" + "".join(f"\n{r}" for r in got),
                1,
            )
    script.write_text(text, encoding="utf-8")


def test_show_tables_names_every_table_and_view(connection: isthmus.Connection) -> None:
    found = set(connection.sql("SHOW TABLES").fetchall())
    assert {("crm", "Account"), ("crm", "Case"), ("lake", "order"), ("main", "energy")} <= found


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT (SELECT max(Id) FROM crm.Account)", "(SELECT max(Id) FROM crm.Account)"),
        ("SELECT 'x' IN (FROM energy e SELECT e.Id)", "('x' = ANY(SELECT e.Id FROM energy AS e))"),
        ("SELECT EXISTS (FROM energy_deals)", "EXISTS(SELECT * FROM energy_deals)"),
        ("SELECT upper(a.Name) FROM Account a", 'upper(a."Name")'),
        ("SELECT count(*) FROM Account", "count_star()"),
        ("SELECT max(crm.Account.Id) FROM crm.Account", "max(crm.Account.Id)"),
    ],
)  # fmt: skip
def test_a_column_without_an_alias_is_named_as_duckdb_names_it(
    connection: isthmus.Connection, sql: str, name: str
) -> None:
    result = connection.sql(sql)
    assert result.arrow().schema.names == [name]
    assert result.columns == [name]
