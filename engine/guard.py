"""What a query may use: reads of the catalog, and functions that touch nothing else.

`syntax.parse` has let only one query through; this closes what a query itself could reach
(the list of leaks was measured on DuckDB 2.0, and each has a test).
"""

from __future__ import annotations

from isthmus.engine.syntax import Statement
from isthmus.errors import Refused

__all__ = ["check"]

# Table functions are allowed by name: a new one of DuckDB's is closed until it is looked at.
TABLE_FUNCTIONS = frozenset(
    {"generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"}
)

# Scalar functions are pure but for these, which read settings, sleep, log or change state.
REFUSED_FUNCTIONS = frozenset(
    {
        "add_parquet_key",
        "checkpoint",
        "current_connection_id",
        "current_query",
        "current_query_id",
        "current_setting",
        "currval",
        "force_checkpoint",
        "get_config",
        "getenv",
        "getvariable",
        "json_execute_serialized_sql",
        "json_serialize_plan",
        "nextval",
        "parse_duckdb_log_message",
        "pg_sleep",
        "pg_terminate_backend",
        "query",
        "query_table",
        "read_blob",
        "read_text",
        "set_config",
        "sleep_ms",
        "txid_current",
        "write_log",
    }
)


def check(statement: Statement) -> None:
    """Return if the statement only reads the catalog.

    Raises:
        Refused: it would write, or reach beyond the catalog.
    """
    for node in statement.strange_nodes:
        what = node.replace("_QUERY_NODE", "").replace("_", " ")
        raise Refused(
            f"{what} inside a query is not allowed: queries only read",
            remedy="Write a plain SELECT.",
        )
    for function in statement.table_functions:
        name = function.path[0].lower()
        if name not in TABLE_FUNCTIONS:
            raise Refused(
                f"the table function {name} is not allowed",
                place=statement.place(function.start) if function.start >= 0 else None,
                remedy="Queries read the catalog's tables and views; to read a file, make its "
                "folder a source in isthmus.toml.",
            )
    for function in statement.functions:
        name = function.path[0].lower()
        if name in REFUSED_FUNCTIONS or name.startswith(("duckdb_", "pragma_")):
            raise Refused(
                f"the function {name} is not allowed",
                place=statement.place(function.start) if function.start >= 0 else None,
                remedy="It reaches beyond the catalog or changes the session.",
            )
