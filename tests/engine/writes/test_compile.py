"""Which SELECT a statement becomes, and where its rows go; places and refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pytest

from isthmus.catalog.model import Column, Reference, Table
from isthmus.engine.database import Database
from isthmus.engine.writes.compile import Scene, reading_of
from isthmus.engine.writes.parts import Reading
from isthmus.engine.writes.splice import Splice
from isthmus.engine.writes.statement import write_in
from isthmus.errors import IsthmusError, Place, QueryError, Refused, UnknownName

COLUMNS = ("Id", "Name", "Industry", "ParentId", "Ext__c", "SystemModstamp")
PARENT = Reference(("Account",), "Id", "Parent")
TABLE = Table(
    "crm",
    "Account",
    tuple(Column(n, pa.string(), reference=PARENT if n == "ParentId" else None) for n in COLUMNS),
    ("Id",),
    (("Ext__c",),),
)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    database = Database(time_zone="UTC")
    yield database
    database.close()


def compiled(
    text: str,
    database: Database,
    *,
    stamp: str | None = None,
    names: tuple[str, ...] = (),
    keys: tuple[str, ...] = ("Ext__c",),
) -> tuple[Reading, Splice]:
    statement = write_in(text, database)
    assert statement is not None
    scene = Scene(statement, TABLE, stamp, frozenset(), lambda _: names, lambda k: k in keys)
    return reading_of(scene)


def told(reading: Reading) -> list[str]:
    """Each part in a line."""
    return [
        f"{p.kind.value} {','.join(p.columns)} by {p.key} from {p.outputs}"
        + ("" if p.action is None else f" where {p.action}")
        for p in reading.parts
    ]


CASES = [
    (
        "INSERT INTO crm.Account (name, Industry) SELECT a, b FROM s",
        "SELECT a, b FROM s",
        ["insert Name,Industry by None from (0, 1)"],
    ),
    (
        'INSERT INTO crm.Account (Ext__c, "parent.Ext__c") FROM s',
        "FROM s",
        ["insert Ext__c,Parent.Ext__c by Ext__c from (0, 1)"],
    ),
    (
        "WITH x AS (SELECT 1), update AS (SELECT 2) INSERT INTO crm.Account (Name) "
        "WITH y AS (FROM x) FROM y",
        "WITH x AS (SELECT 1), update AS (SELECT 2) SELECT * FROM (WITH y AS (FROM x) FROM y )",
        ["insert Name by None from (0,)"],
    ),
    (
        "UPDATE crm.Account SET Name = upper(Account.Name), Industry = DEFAULT WHERE Name = 'x'",
        "SELECT crm.Account.\"Id\", (upper(Account.Name) ) FROM crm.Account WHERE Name = 'x'",
        ["update Id,Name by Id from (0, 1)"],
    ),
    (
        "UPDATE crm.Account a SET Name = CASE WHEN b THEN 'WHERE' END FROM s JOIN u ON u.a = s.a "
        "WHERE s.id = a.Id",
        'SELECT "a"."Id", (CASE WHEN b THEN \'WHERE\' END ) FROM crm.Account AS "a", '
        "s JOIN u ON u.a = s.a WHERE s.id = a.Id",
        ["update Id,Name by Id from (0, 1)"],
    ),
    (
        "DELETE FROM crm.Account WHERE Name = 'x'",
        "SELECT crm.Account.\"Id\" FROM crm.Account WHERE Name = 'x'",
        ["delete Id by Id from (0,)"],
    ),
    (
        "DELETE FROM crm.Account a USING d WHERE d.id = a.Id",
        'SELECT DISTINCT "a"."Id" FROM crm.Account AS "a", d WHERE d.id = a.Id',
        ["delete Id by Id from (0,)"],
    ),
    (
        "MERGE INTO crm.Account t USING s ON s.k = t.ext__c "
        "WHEN MATCHED THEN UPDATE SET Name = s.n "
        "WHEN NOT MATCHED THEN INSERT (Ext__c, Name) VALUES (s.k, s.n)",
        "SELECT (s.k ), (s.n ) FROM s",
        ["upsert Ext__c,Name by Ext__c from (0, 1)"],
    ),
    (
        "INSERT INTO crm.Account (Ext__c, Name) FROM s "
        "ON CONFLICT (ext__c) DO UPDATE SET Name = excluded.name",
        "FROM s",
        ["upsert Ext__c,Name by Ext__c from (0, 1)"],
    ),
]


@pytest.mark.parametrize(("text", "query", "parts"), CASES, ids=[c[0][:40] for c in CASES])
def test_a_statement_becomes_a_select(
    text: str, query: str, parts: list[str], database: Database
) -> None:
    reading, _ = compiled(text, database)
    assert re.sub(r"\s+", " ", reading.query).strip() == query
    assert told(reading) == parts


SPLIT = "MERGE INTO crm.Account t USING s ON t.Ext__c = s.k "
NOT_AN_UPSERT = [
    SPLIT + "WHEN MATCHED AND s.b THEN UPDATE SET Name = s.n "
    "WHEN NOT MATCHED THEN INSERT (Ext__c, Name) VALUES (s.k, s.n)",
    SPLIT + "WHEN MATCHED THEN UPDATE SET Name = s.m "
    "WHEN NOT MATCHED THEN INSERT (Ext__c, Name) VALUES (s.k, s.n)",
    SPLIT + "WHEN MATCHED THEN UPDATE SET Name = s.n "
    "WHEN NOT MATCHED THEN INSERT (Ext__c, Name, Industry) VALUES (s.k, s.n, s.i)",
    SPLIT + "WHEN MATCHED THEN UPDATE SET Name = s.n "
    "WHEN NOT MATCHED THEN INSERT (Name) VALUES (s.n)",
    SPLIT + "WHEN MATCHED THEN UPDATE SET Name = s.n "
    "WHEN NOT MATCHED THEN INSERT (Ext__c, Name) VALUES (upper(s.k), s.n)",
    SPLIT + "WHEN MATCHED THEN UPDATE SET Name = ? "
    "WHEN NOT MATCHED THEN INSERT (Ext__c, Name) VALUES (s.k, ?)",
    SPLIT.replace("t.Ext__c = s.k", "t.Ext__c = s.k AND t.Name = s.n")
    + "WHEN MATCHED THEN UPDATE SET Name = s.n "
    "WHEN NOT MATCHED THEN INSERT (Ext__c, Name) VALUES (s.k, s.n)",
    SPLIT.replace("t.Ext__c = s.k", "t.Name = s.k") + "WHEN MATCHED THEN UPDATE SET Industry = s.n "
    "WHEN NOT MATCHED THEN INSERT (Name, Industry) VALUES (s.k, s.n)",
]


@pytest.mark.parametrize("text", NOT_AN_UPSERT)
def test_a_merge_that_is_no_upsert_reads_its_target(text: str, database: Database) -> None:
    reading, _ = compiled(text, database)
    assert [p.kind.value for p in reading.parts] == ["update", "insert"]
    assert "LEFT JOIN crm.Account" in reading.query


def test_each_clause_of_a_merge_is_a_part(database: Database) -> None:
    reading, _ = compiled(
        "MERGE INTO crm.Account t USING s ON t.Id = s.id WHEN MATCHED AND s.gone THEN DELETE "
        "WHEN MATCHED AND s.same THEN DO NOTHING WHEN MATCHED THEN UPDATE SET Name = s.n "
        "WHEN NOT MATCHED THEN INSERT (Ext__c, Name) VALUES (s.k, s.n)",
        database,
    )
    assert told(reading) == [
        "delete Id by Id from (1,) where 0",
        "update Id,Name by Id from (1, 2) where 2",
        "insert Ext__c,Name by Ext__c from (3, 4) where 3",
    ]
    assert (reading.width, reading.matched) == (5, 1)


def test_a_stamp_is_read_with_the_key(database: Database) -> None:
    for text, at in (
        ("UPDATE crm.Account SET Name = 'x'", 1),
        ("DELETE FROM crm.Account WHERE true", 1),
        (SPLIT + "WHEN MATCHED THEN DELETE", 2),
    ):
        reading, _ = compiled(text, database, stamp="SystemModstamp")
        assert reading.parts[0].stamp == at
        assert '"SystemModstamp"' in reading.query


def test_default_leaves_a_cell_alone_and_null_does_not(database: Database) -> None:
    reading, _ = compiled(
        "INSERT INTO crm.Account (Name, Industry) VALUES ('a', DEFAULT), ('b', NULL)", database
    )
    assert "DEFAULT" not in reading.query
    assert (reading.rows, reading.left_alone) == (2, {0: frozenset({1}), 1: frozenset()})


def test_by_name_takes_the_names_of_the_query(database: Database) -> None:
    reading, _ = compiled(
        "INSERT INTO crm.Account BY NAME FROM s", database, names=("industry", "NAME")
    )
    assert told(reading) == ["insert Industry,Name by None from (0, 1)"]


def test_parameters_keep_their_numbers_when_pieces_change_places(database: Database) -> None:
    reading, _ = compiled(
        "MERGE INTO crm.Account t USING (SELECT ? AS k) s ON t.Name = s.k "
        "WHEN MATCHED AND s.k = ? THEN UPDATE SET Industry = ?",
        database,
    )
    assert re.findall(r"\$\d", reading.query) == ["$2", "$3", "$1"]


def test_on_conflict_do_nothing_inserts_what_is_not_there(database: Database) -> None:
    reading, _ = compiled(
        "INSERT INTO crm.Account (Ext__c, Name) FROM s ON CONFLICT (Ext__c) DO NOTHING", database
    )
    assert told(reading) == ["insert Ext__c,Name by Ext__c from (2, 3) where 0"]


def test_on_conflict_with_values_of_its_own_reads_the_target(database: Database) -> None:
    reading, _ = compiled(
        "INSERT INTO crm.Account (Ext__c, Name) FROM s ON CONFLICT (Ext__c) "
        "DO UPDATE SET Industry = EXCLUDED.Name || ? WHERE Account.Name IS NULL",
        database,
    )
    assert [p.kind.value for p in reading.parts] == ["update", "insert"]


REFUSED = [
    ("DELETE FROM crm.Account", "WHERE true", Place(1, 24)),
    ("TRUNCATE crm.Account", "WHERE true", Place(1, 1)),
    ("INSERT INTO crm.Account SELECT 1", "BY NAME", Place(1, 25)),
    ("INSERT INTO crm.Account (SELECT 1)", "BY NAME", Place(1, 25)),
    ("INSERT OR REPLACE INTO crm.Account (Name) SELECT 1", "ON CONFLICT", Place(1, 11)),
    ("INSERT INTO crm.Account (Nmae) SELECT 1", "Name", Place(1, 26)),
    ("INSERT INTO crm.Account (Name, NAME) SELECT 1, 2", "once", Place(1, 32)),
    ("UPDATE crm.Account SET Id = 'x'", "key", Place(1, 24)),
    ("UPDATE crm.Account SET (Name, Industry) = ('a', 'b')", "SET a = 1", Place(1, 24)),
    ("UPDATE crm.Account SET Name = DEFAULT", "at least one", None),
    ('INSERT INTO crm.Account ("Owner.Ext__c") SELECT 1', "Owner", Place(1, 26)),
    ("INSERT INTO crm.Account (Name) SELECT 1 ON CONFLICT DO NOTHING", "External", Place(1, 53)),
    ("INSERT INTO crm.Account (Name) SELECT 1 ON CONFLICT (Ext__c) DO NOTHING", "Ext__c", None),
    (
        "INSERT INTO crm.Account (Name, Industry) SELECT 1, 2 ON CONFLICT (Name) DO NOTHING",
        "external id",
        None,
    ),
    (SPLIT + "WHEN NOT MATCHED BY SOURCE THEN DELETE", "NOT EXISTS", None),
    (SPLIT + "WHEN MATCHED THEN UPDATE SET *", "SET a = 1", None),
    (SPLIT + "WHEN NOT MATCHED THEN INSERT *", "INSERT (Name", None),
    (SPLIT + "WHEN NOT MATCHED THEN INSERT (Name) VALUES (1, 2)", "2 values", None),
    (SPLIT + "WHEN NOT MATCHED THEN DELETE", "WHEN MATCHED", None),
    ("EXPLAIN ANALYZE DELETE FROM crm.Account WHERE true", "dry_run", Place(1, 9)),
]


@pytest.mark.parametrize(("text", "words", "place"), REFUSED, ids=[r[0][:60] for r in REFUSED])
def test_what_can_not_be_done_is_refused_with_its_place_and_remedy(
    text: str, words: str, place: Place | None, database: Database
) -> None:
    with pytest.raises((Refused, UnknownName)) as caught:
        compiled(text, database)
    assert words in str(caught.value)
    if place is not None:
        assert caught.value.place == place


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 'insert into x'",
        "EXPLAIN SELECT 1 AS update",
        "SELECT 1; DELETE FROM crm.Account WHERE true",
        "COPY crm.Account FROM 'delete.csv'",
        "INSERT INTO",
    ],
)
def test_other_texts_are_left_to_the_reader_of_queries(text: str, database: Database) -> None:
    assert write_in(text, database) is None


def test_an_error_in_a_piece_has_its_place_in_the_users_text(database: Database) -> None:
    text = "UPDATE crm.Account a\nSET Name = nonsense\nWHERE Name = 'x'"
    _, splice = compiled(text, database)
    offset = splice.text.index("nonsense")
    error = QueryError("no", place=Place.at(splice.text, offset))
    assert splice.placed(error).place == Place(2, 12)
    ours: IsthmusError = QueryError("no", place=Place.at(splice.text, 0))
    assert splice.placed(ours).place is None
