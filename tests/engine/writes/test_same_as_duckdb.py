"""A statement does to the org what DuckDB does with it to a copy of the table.

The copy has the columns that the statements touch. Keys that the org gives to new records are left
out of the comparison.
"""

from __future__ import annotations

import duckdb
import pytest

from isthmus.engine.connection import Connection
from isthmus.errors import WriteFailed

COLUMNS = "External_Id__c, Name, Site, Industry, NumberOfEmployees, AnnualRevenue"
SOURCE = "(VALUES ('$-b', 'B', 2), ('$-c', 'C', NULL), ('$-x', 'X', 7)) s(key, name, n)"

STATEMENTS = [
    "UPDATE t SET Name = upper(Name), NumberOfEmployees = NumberOfEmployees + 1 WHERE {mine}",
    "UPDATE t AS a SET Site = s.name, Industry = NULL FROM {source} "
    "WHERE s.key = a.External_Id__c AND {mine}",
    "UPDATE t SET NumberOfEmployees = (SELECT max(n) FROM {source}) WHERE Site IS NULL AND {mine}",
    "UPDATE t SET Name = CASE WHEN Name > 'b' THEN Name || '!' ELSE Site END "
    "WHERE Name IS NOT NULL AND Site IS NOT NULL AND {mine}",
    "UPDATE t SET AnnualRevenue = NumberOfEmployees / 3 WHERE {mine}",
    "WITH w AS (SELECT key FROM {source} WHERE n IS NOT NULL) "
    "DELETE FROM t WHERE External_Id__c IN (FROM w) AND {mine}",
    "DELETE FROM t USING {source} WHERE s.key <> External_Id__c AND AnnualRevenue = 10 AND {mine}",
    "INSERT INTO t (External_Id__c, Name, NumberOfEmployees) "
    "SELECT key || '2', name, n FROM {source} ORDER BY n DESC",
    "INSERT INTO t BY NAME SELECT n AS NumberOfEmployees, key || '3' AS External_Id__c, name "
    "FROM {source} WHERE n > 1",
    "INSERT INTO t (External_Id__c, Name) SELECT key, name FROM {source} "
    "ON CONFLICT (External_Id__c) DO NOTHING",
    "INSERT INTO t (External_Id__c, Name, NumberOfEmployees) SELECT key, name, n FROM {source} "
    "ON CONFLICT (External_Id__c) DO UPDATE SET Name = EXCLUDED.Name, "
    "NumberOfEmployees = EXCLUDED.NumberOfEmployees",
    "INSERT INTO t AS a (External_Id__c, Name) SELECT key, name FROM {source} "
    "ON CONFLICT (External_Id__c) DO UPDATE SET Site = EXCLUDED.Name || a.Name "
    "WHERE a.NumberOfEmployees IS NULL",
    "MERGE INTO t USING {source} ON t.External_Id__c = s.key "
    "WHEN MATCHED THEN UPDATE SET Name = s.name, NumberOfEmployees = s.n "
    "WHEN NOT MATCHED THEN INSERT (External_Id__c, Name, NumberOfEmployees) "
    "VALUES (s.key, s.name, s.n)",
    "MERGE INTO t AS a USING {source} ON a.External_Id__c = s.key "
    "WHEN MATCHED AND s.n IS NULL THEN DELETE "
    "WHEN MATCHED AND a.Name <> s.name THEN UPDATE SET Name = s.name || a.Name "
    "WHEN NOT MATCHED AND s.n > 5 THEN INSERT (External_Id__c, Name) VALUES (s.key, s.name)",
    "MERGE INTO t AS a USING {source} ON a.External_Id__c = s.key AND a.Name IS NOT NULL "
    "WHEN MATCHED THEN DO NOTHING "
    "WHEN NOT MATCHED THEN INSERT (External_Id__c, Name) VALUES (s.key || 'new', s.name)",
    "UPDATE t SET Site = s.name FROM {source} WHERE false",
]


@pytest.mark.parametrize("statement", STATEMENTS, ids=range(len(STATEMENTS)))
def test_the_org_ends_as_a_copy_does(statement: str, con: Connection, mark: str) -> None:
    con.sql(
        f"INSERT INTO crm.Account ({COLUMNS}) VALUES "
        "($m || '-a', 'a', NULL, 'Energy', 1, 10), ($m || '-b', 'b', 'sb', 'Energy', 2, NULL), "
        "($m || '-c', 'c', 'sc', 'Banking', NULL, 30), ($m || '-d', 'Ä''d', NULL, NULL, 4, 40)",
        {"m": mark},
    )
    mine = f"starts_with(External_Id__c, '{mark}-')"
    read = f"SELECT {COLUMNS} FROM crm.Account WHERE {mine} ORDER BY ALL"
    before = con.sql(read).arrow()
    text = statement.format(mine=mine, source=SOURCE.replace("$", mark))
    copy = duckdb.connect()
    copy.execute(
        "CREATE TABLE t (Id VARCHAR, External_Id__c VARCHAR PRIMARY KEY, Name VARCHAR, "
        "Site VARCHAR, Industry VARCHAR, NumberOfEmployees BIGINT, "
        "AnnualRevenue DECIMAL(18,0))"
    )
    copy.register("before_", before)
    copy.execute("INSERT INTO t BY NAME SELECT * FROM before_")
    copy.execute(text)
    wanted = copy.sql(f"SELECT {COLUMNS} FROM t ORDER BY ALL").fetchall()
    there = text.replace("INTO t ", "INTO crm.Account ").replace("UPDATE t ", "UPDATE crm.Account ")
    there = there.replace("DELETE FROM t ", "DELETE FROM crm.Account ")
    there = there.replace("ON t.", "ON Account.")
    try:
        con.sql(there)
    except WriteFailed as error:
        raise AssertionError(there) from error
    assert con.sql(read).fetchall() == wanted
