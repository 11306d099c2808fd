"""The locked DuckDB that joins what the sources send. It reaches no file and no network itself."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from typing import Any

import duckdb

__all__ = ["Database"]


class Database:
    """One in-memory DuckDB of a connection, locked before the first user text reaches it.

    Args:
        time_zone: the IANA zone of casts and of ``current_date``.
        memory_limit: DuckDB's own limit, such as ``2GB``; more spills to `temp_directory`.
        threads: DuckDB's worker threads; None lets it choose.
        temp_directory: where it spills; a private folder, removed by `close`, when None.
    """

    def __init__(
        self,
        *,
        time_zone: str,
        memory_limit: str | None = None,
        threads: int | None = None,
        temp_directory: str | None = None,
    ) -> None:
        self._own_directory = temp_directory is None
        self._temp_directory = temp_directory or tempfile.mkdtemp(prefix="isthmus-spill-")
        self.time_zone = time_zone
        self._root = duckdb.connect(":memory:")
        self._parser_lock = threading.Lock()
        self._lock_down(memory_limit, threads)
        self._parser = self._root.cursor()

    def _lock_down(self, memory_limit: str | None, threads: int | None) -> None:
        settings: dict[str, object] = {"temp_directory": self._temp_directory}
        if memory_limit is not None:
            settings["memory_limit"] = memory_limit
        if threads is not None:
            settings["threads"] = threads
        # The order matters: most settings are refused once external access is off.
        settings |= {
            "enable_external_access": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            "allow_persistent_secrets": False,
        }
        for name, value in settings.items():
            self._root.execute(f"SET {name} = {_constant(value)}")
        # The zone alone stays settable, by us: the guard lets no SET of a user through.
        self._root.execute("SET allowed_configs = ['TimeZone']")
        self._root.execute("SET lock_configuration = true")

    @property
    def spill_folder(self) -> str:
        """Where rows go that memory can't hold."""
        return self._temp_directory

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor of its own for one query, in the session's time zone."""
        cursor = self._root.cursor()
        cursor.execute(f"SET TimeZone = {_constant(self.time_zone)}")
        return cursor

    def parse(self, text: str) -> dict[str, Any]:
        """DuckDB's own syntax tree of a SELECT, as `json_serialize_sql` gives it."""
        with self._parser_lock:
            rows = self._parser.execute("SELECT json_serialize_sql(?)", [text]).fetchall()
        tree: dict[str, Any] = json.loads(rows[0][0])
        return tree

    def statements(self, text: str) -> list[duckdb.Statement]:
        """The statements that DuckDB finds in the text."""
        with self._parser_lock:
            return list(self._parser.extract_statements(text))

    def close(self) -> None:
        """Give back memory and the spill folder."""
        self._parser.close()
        self._root.close()
        if self._own_directory:
            shutil.rmtree(self._temp_directory, ignore_errors=True)


def _constant(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"
