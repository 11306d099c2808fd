"""The connector for files on any fsspec filesystem."""

from __future__ import annotations

from isthmus.connectors.files.connector import Files
from isthmus.connectors.files.settings import KIND

__all__ = ["KIND", "Files"]
