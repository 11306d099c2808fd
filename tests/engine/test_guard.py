"""Every way out of the catalog that was found in DuckDB 2.0 is closed."""

from __future__ import annotations

import pyarrow as pa
import pytest

from isthmus.errors import QueryError, Refused, SyntaxFault, UnknownName

REFUSED = [
    "INSERT INTO m.t VALUES (1)",
    "UPDATE m.t SET id = 1",
    "DELETE FROM m.t",
    "CREATE TABLE x AS SELECT 1",
    "CREATE OR REPLACE VIEW t AS SELECT 1",
    "CREATE MACRO f(a) AS a",
    "CREATE SECRET s (TYPE s3)",
    "DROP VIEW t",
    "COPY m.t TO 'out.csv'",
    "EXPORT DATABASE 'x'",
    "IMPORT DATABASE 'x'",
    "ATTACH ':memory:' AS x",
    "DETACH x",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET threads = 1",
    "SET VARIABLE x = 1",
    "RESET threads",
    "USE memory",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "CHECKPOINT",
    "FORCE CHECKPOINT",
    "VACUUM",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "BEGIN",
    "COMMIT",
    "WITH x AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM x",
    "WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM x",
    "WITH x AS (COPY (SELECT 1) TO 'f') SELECT * FROM x",
    "SELECT 1; SELECT 2",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_parquet('x')",
    "SELECT * FROM read_json('x')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM sniff_csv('x')",
    "SELECT * FROM parquet_metadata('x')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('t')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM pragma_table_info('t')",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT current_setting('temp_directory')",
    "SELECT getenv('HOME')",
    "SELECT pg_sleep(1)",
    "SELECT nextval('s')",
    "SELECT (SELECT x FROM (SELECT * FROM read_text('/etc/passwd')) t(x))",
    "EXPLAIN DELETE FROM m.t",
    "DESCRIBE (DELETE FROM m.t)",
]


@pytest.mark.parametrize("text", REFUSED)
def test_is_refused(text: str, memory) -> None:  # type: ignore[no-untyped-def]
    con = memory({"m": {"t": pa.table({"id": [1, 2]})}})
    with pytest.raises(QueryError):
        con.sql(text).arrow()
    assert con.sql("SELECT count(*) FROM m.t").fetchall() == [(2,)]


@pytest.mark.parametrize(
    "text",
    [
        "FROM '/etc/passwd'",
        "SELECT * FROM 'x.csv'",
        "SELECT * FROM duckdb_tables",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM pg_catalog.pg_class",
        "SELECT * FROM __isthmus_scan_1",
        "SELECT * FROM memory.main.t",
    ],
)
def test_only_the_catalog_has_tables(text: str, memory) -> None:  # type: ignore[no-untyped-def]
    con = memory({"m": {"t": pa.table({"id": [1, 2]})}})
    with pytest.raises(UnknownName):
        con.sql(text)


def test_a_python_variable_is_no_table(memory) -> None:  # type: ignore[no-untyped-def]
    secret = pa.table({"x": [1]})  # noqa: F841
    con = memory({"m": {"t": pa.table({"id": [1]})}})
    with pytest.raises(UnknownName):
        con.sql("SELECT * FROM secret")


def test_errors_name_the_place(memory) -> None:  # type: ignore[no-untyped-def]
    con = memory({"m": {"t": pa.table({"id": [1]})}})
    with pytest.raises(SyntaxFault, match=r"line 2, column 6"):
        con.sql("SELECT id\nFROM WHERE").arrow()
    with pytest.raises(Refused, match=r"read_csv.*line 2, column 6"):
        con.sql("SELECT *\nFROM read_csv('x')")
    with pytest.raises(UnknownName, match=r"line 1, column 11"):
        con.sql("SELECT 1, idd FROM m.t")
